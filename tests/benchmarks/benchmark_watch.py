"""What the live views cost: ``python -m tests.benchmarks.benchmark_watch [--seconds 30] [--rounds 4] [--explore]``.

The same run as a command, in turns: with nothing to draw on, with the progress bar on a terminal, with ``--watch`` on a
terminal. The terminal is a pseudo-terminal that is read as it is written. Two settings: three workers whose inferences
are padded to 40 ms, and three that infer as fast as they can.

``--explore``: with nothing to draw on, in turns with and without ``regretlab explore`` on the record while it is
written, its page open in Chromium. The claim is about the explorer, so the browser and its window are opened once,
before all runs; starting one next to a run costs frames of its own. Counted is the second half of each run, or what
follows the opening of the page if that is shorter. The browser draws on the same cores. One setting, the padded one:
``--seconds 60 --rounds 3`` takes seven minutes.
"""

import argparse
import json
import os
import pty
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from regretlab.records import Record

ROOT = Path(__file__).parents[2]
FRAME_RATE = 59.7275
SETTINGS = {
    "max-time, padded to 40 ms": ["--rule", "max-time", "--emulate-latency", "constant(0.04)"],
    "frame-pool, measured": ["--rule", "frame-pool"],
}
MODES = ("nothing drawn", "progress bar", "--watch")
EXPLORED = "explorer open"
COUNTED = 0.5
"""Share of a run, at its end, in which frames are counted; before that the explorer starts and its page opens."""
FEWEST = 300


def _drain(leader: int, drawn: list[int]) -> None:
    try:
        while chunk := os.read(leader, 65536):
            drawn.append(len(chunk))
    except OSError:  # the other end is closed
        pass


def _run_explored(
    words: list[str], folder: Path, here: dict[str, str], drawn: list[int], page: Any
) -> tuple[bytes, int]:
    """Play the run with its page open until the last frame; return what it printed, and when the page was open."""
    from tests.explore.test_browser import explored

    frames = int(words[words.index("--frames") + 1])
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=here) as process:
        while not (folder / "meta.json").exists():
            time.sleep(0.1)
        with explored(folder) as address:
            page.on("websocket", lambda socket: socket.on("framereceived", lambda data: drawn.append(len(data))))
            page.goto(address)
            page.get_by_text("frames, still written").or_(page.get_by_text("frames, complete")).wait_for(timeout=90_000)
            opened = len(Record(folder).frames)
            assert opened < frames - FEWEST, (
                f"the page opened at frame {opened:,} of {frames:,}: ask for more --seconds"
            )
            while process.poll() is None:
                page.wait_for_timeout(500)
            page.goto("about:blank")
        assert process.returncode == 0
        return process.stdout.read(), opened


def one_run(mode: str, settings: list[str], seconds: float, page: Any = None) -> dict[str, float]:
    """Play the run in that mode; return its figures."""
    with tempfile.TemporaryDirectory(prefix="regretlab-benchmark-") as folder:
        words = [sys.executable, "-m", "regretlab", "run", "--policy", "impala-k1", "--workers", "3", *settings]
        words += ["--frames", str(round(seconds * FRAME_RATE)), "--json", "--out", str(Path(folder) / "run")]
        here = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
        drawn: list[int] = []
        opened = 0
        if mode == EXPLORED:
            said, opened = _run_explored(words, Path(folder) / "run", here, drawn, page)
        elif mode == "nothing drawn":
            said = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=here, check=True).stdout
        else:
            leader, follower = pty.openpty()
            reader = threading.Thread(target=_drain, args=(leader, drawn), daemon=True)
            reader.start()
            words += ["--watch"] if mode == "--watch" else []
            said = subprocess.run(words, stdout=subprocess.PIPE, stderr=follower, env=here, check=True).stdout
            os.close(follower)
            reader.join(5)
            os.close(leader)
        assert json.loads(said)["frames"] > 0
        record = Record.open(Path(folder) / "run")
        frames = record.frames.iloc[max(opened, round((1 - COUNTED) * len(record.frames))) if page else 0 :]
        used = record.meta["processor_seconds"]["supervisor"]
        took = record.inferences.eval("completion - dispatch").dropna()
    return {
        "counted": len(frames),
        "inference": 1e3 * took.median(),
        "p50": 1e3 * frames["lateness"].quantile(0.5),
        "p99": 1e3 * frames["lateness"].quantile(0.99),
        "served": 100 * (frames["delay_frames"] >= 0).mean(),
        "supervisor": 100 * used / seconds,
        "drawn": sum(drawn) / 1e3 / seconds,
    }


def main() -> None:
    """Play all modes in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--explore", action="store_true")
    asked = parser.parse_args()
    if not asked.explore:
        for name, settings in SETTINGS.items():
            _compare(name, settings, MODES, asked)
        return
    from tests.oracles.chromium import launched

    name, settings = next(iter(SETTINGS.items()))
    with launched() as browser:
        _compare(name, settings, (MODES[0], EXPLORED), asked, browser.new_page(viewport={"width": 1280, "height": 900}))


COLUMNS = (
    ("counted", "frames counted", 0),
    ("served", "frames served, %", 2),
    ("p50", "lateness p50, ms", 3),
    ("p99", "lateness p99, ms", 3),
    ("inference", "inference, ms", 2),
    ("supervisor", "supervisor, % of a core", 2),
    ("drawn", "drawn, kB/s", 1),
)


def _compare(name: str, settings: list[str], modes: tuple[str, ...], asked: Any, page: Any = None) -> None:
    """Play the modes in turns and print a table: a row for each figure, a column for each mode."""
    found: dict[str, list[dict[str, float]]] = {mode: [] for mode in modes}
    loads = []
    for turn in range(asked.rounds):
        for shift in range(len(modes)):
            mode = modes[(turn + shift) % len(modes)]
            loads.append(os.getloadavg()[0])
            found[mode].append(one_run(mode, settings, asked.seconds, page))
    print(f"{name}: {asked.rounds} runs of {asked.seconds:g} s each, in turns; median (least to most)")
    print(f"load before the runs {min(loads):.1f} to {max(loads):.1f}, this benchmark's own runs included")
    print("".join(f"{words:28s}" for words in ("", *modes)))
    for key, title, digits in COLUMNS:
        row = f"{title:28s}"
        for mode in modes:
            values = [each[key] for each in found[mode]]
            words = f"{np.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
            row += f"{words:28s}"
        print(row.rstrip(), flush=True)


if __name__ == "__main__":
    main()
