"""What the live view costs: ``python -m tests.benchmarks.benchmark_watch [--seconds 30] [--rounds 4]``.

The same run as a command, in turns: with nothing to draw on, with the progress bar on a terminal, with ``--watch`` on a
terminal. The terminal is a pseudo-terminal that is read as it is written. Two settings: three workers whose inferences
are padded to 40 ms, and three that infer as fast as they can.
"""

import argparse
import json
import os
import pty
import subprocess
import sys
import tempfile
import threading
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


def _drain(leader: int, drawn: list[int]) -> None:
    try:
        while chunk := os.read(leader, 65536):
            drawn.append(len(chunk))
    except OSError:  # the other end is closed
        pass


def one_run(mode: str, settings: list[str], seconds: float) -> dict[str, float]:
    """Play the run in that mode; return its figures."""
    with tempfile.TemporaryDirectory(prefix="regretlab-benchmark-") as folder:
        words = [sys.executable, "-m", "regretlab", "run", "--policy", "impala-k1", "--workers", "3", *settings]
        words += ["--frames", str(round(seconds * FRAME_RATE)), "--json", "--out", str(Path(folder) / "run")]
        here = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
        drawn: list[int] = []
        if mode == "nothing drawn":
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
        used = Record.open(Path(folder) / "run").meta["processor_seconds"]["supervisor"]
    return {
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
    asked = parser.parse_args()
    for name, settings in SETTINGS.items():
        found: dict[str, list[dict[str, float]]] = {mode: [] for mode in MODES}
        for turn in range(asked.rounds):
            for shift in range(len(MODES)):
                mode = MODES[(turn + shift) % len(MODES)]
                found[mode].append(one_run(mode, settings, asked.seconds))
        played = f"{asked.rounds} rounds of {asked.seconds:g} s, median (least to most)"
        print(f"{name}: {played}; load {os.getloadavg()[0]:.1f}")
        for mode in MODES:
            columns = []
            for key, unit, digits in (
                ("p50", "ms p50", 4),
                ("p99", "ms p99", 4),
                ("served", "% served", 3),
                ("supervisor", "% of a core in the supervisor", 2),
                ("drawn", "kB a second drawn", 2),
            ):
                values = [each[key] for each in found[mode]]
                low, high = min(values), max(values)
                columns.append(f"{np.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f}) {unit}")
            print(f"  {mode:14s} " + "; ".join(columns), flush=True)


if __name__ == "__main__":
    main()
