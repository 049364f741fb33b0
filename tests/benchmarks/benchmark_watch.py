"""What the live views cost: ``python -m tests.benchmarks.benchmark_watch [--seconds 30] [--rounds 4] [--explore]``.

The same run as a command, in turns: with nothing to draw on, with the progress bar on a terminal, with ``--watch`` on a
terminal. The terminal is a pseudo-terminal that is read as it is written. Two settings: three workers whose inferences
are padded to 40 ms, and three that infer as fast as they can.

``--explore``: with nothing to draw on, in turns with and without ``regretlab explore`` on the record while it is
written, its page open in Chromium. The browser runs on the same cores.
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


def _drain(leader: int, drawn: list[int]) -> None:
    try:
        while chunk := os.read(leader, 65536):
            drawn.append(len(chunk))
    except OSError:  # the other end is closed
        pass


def _run_explored(words: list[str], folder: Path, here: dict[str, str], drawn: list[int]) -> bytes:
    """Play the run with its page open from the first frames to the last; return what it printed."""
    from tests.explore.test_browser import explored
    from tests.oracles.chromium import launched

    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=here) as process:
        while not (folder / "meta.json").exists():
            time.sleep(0.1)
        with launched() as browser, explored(folder) as address:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.on("websocket", lambda socket: socket.on("framereceived", lambda data: drawn.append(len(data))))
            page.goto(address)
            page.locator("img[alt='screen of the frame']").wait_for(timeout=90_000)
            assert process.poll() is None, "the run was over before the page was open: ask for more --seconds"
            while process.poll() is None:
                page.wait_for_timeout(500)
        assert process.returncode == 0
        return process.stdout.read()


def one_run(mode: str, settings: list[str], seconds: float) -> dict[str, float]:
    """Play the run in that mode; return its figures."""
    with tempfile.TemporaryDirectory(prefix="regretlab-benchmark-") as folder:
        words = [sys.executable, "-m", "regretlab", "run", "--policy", "impala-k1", "--workers", "3", *settings]
        words += ["--frames", str(round(seconds * FRAME_RATE)), "--json", "--out", str(Path(folder) / "run")]
        here = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
        drawn: list[int] = []
        if mode == EXPLORED:
            said = _run_explored(words, Path(folder) / "run", here, drawn)
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
        summary = json.loads(said)
        record = Record.open(Path(folder) / "run")
        used = record.meta["processor_seconds"]["supervisor"]
        took = record.inferences.eval("completion - dispatch").dropna()
    return {
        "inference": 1e3 * took.median(),
        "p50": 1e3 * summary["deadline_lateness"]["p50"],
        "p99": 1e3 * summary["deadline_lateness"]["p99"],
        "served": 100 * (1 - summary["inaction_fraction"]),
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
    modes = (MODES[0], EXPLORED) if asked.explore else MODES
    for name, settings in SETTINGS.items():
        found: dict[str, list[dict[str, float]]] = {mode: [] for mode in modes}
        for turn in range(asked.rounds):
            for shift in range(len(modes)):
                mode = modes[(turn + shift) % len(modes)]
                found[mode].append(one_run(mode, settings, asked.seconds))
        played = f"{asked.rounds} rounds of {asked.seconds:g} s, median (least to most)"
        print(f"{name}: {played}; load {os.getloadavg()[0]:.1f}")
        for mode in modes:
            columns = []
            for key, unit, digits in (
                ("p50", "ms p50", 4),
                ("p99", "ms p99", 4),
                ("served", "% served", 3),
                ("supervisor", "% of a core in the supervisor", 2),
                ("drawn", "kB a second drawn", 2),
                ("inference", "ms per inference", 2),
            ):
                values = [each[key] for each in found[mode]]
                low, high = min(values), max(values)
                columns.append(f"{np.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f}) {unit}")
            print(f"  {mode:14s} " + "; ".join(columns), flush=True)


if __name__ == "__main__":
    main()
