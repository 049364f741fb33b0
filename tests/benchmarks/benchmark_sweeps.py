"""A million points of ``bound`` as a sweep, beside a plain loop over the same function: ``python -m
tests.benchmarks.benchmark_sweeps``.

The loop is timed on a part of the grid; rates are points a second.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from regretlab.laws import parse_frame_time, parse_law
from regretlab.scenario import Scenario
from regretlab.sweeps import read_configuration, run_sweep
from regretlab.theory.realtime import bound

GRID = {
    "sweep": {"command": "bound"},
    "fixed": {"rule": "frame-pool", "workers": float("inf")},
    "grid": {
        "inference_time": {"template": "expon(scale={})", "start": 0.005, "stop": 0.2, "num": 1000, "spacing": "log"},
        "mode_probability": {"start": 0.8, "stop": 0.9999, "num": 1000},
    },
}
LOOPED = 400


def main() -> None:
    """Print the rates and their ratio."""
    sweep = read_configuration(GRID)
    times, probabilities = sweep.axes
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        for cores in (1, os.cpu_count() or 1):
            began = time.perf_counter()
            run_sweep(sweep, Path(folder) / f"{cores}.nc", cores=cores)
            seconds = time.perf_counter() - began
            rates[f"sweep, {cores} core(s), to the finished file"] = sweep.points / seconds
            print(f"{sweep.points:,} points on {cores} core(s): {seconds:.2f} s", file=sys.stderr)
    frame_time = parse_frame_time("gameboy")
    began = time.perf_counter()
    for index in range(LOOPED):
        law = parse_law(times.values[(37 * index) % 1000])
        bound(
            Scenario(
                law,
                frame_time=frame_time,
                mode_probability=probabilities.values[index],
                rule="frame-pool",
                workers=float("inf"),
            )
        )
    rates["loop over bound"] = LOOPED / (time.perf_counter() - began)
    loop = rates["loop over bound"]
    for name, rate in rates.items():
        print(f"{name:40} {rate:12,.0f} points/s {rate / loop:8.0f} x")


if __name__ == "__main__":
    main()
