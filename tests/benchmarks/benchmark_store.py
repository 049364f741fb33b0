"""What keeping unused outputs costs: the environment's process, the virtual clock, and the simulator next to C.

    python -m tests.benchmarks.benchmark_store

Everything in turns, in processor time; medians of the ratios (or differences) with their ranges.
"""

import resource
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

import regretlab as rl
from regretlab.play.configuration import BEACON, RunConfiguration
from regretlab.play.loop import FrameService
from regretlab.play.run import run
from regretlab.records.schema import InferenceRow
from regretlab.rules.store import MOST_KEPT
from tests.benchmarks.yardsticks import KEPT, compile_c, run_c

TURNS = 7
FRAME = 1 / 59.7275
WORKERS = 4
GAMMA = f"gamma(4, scale={0.8 * FRAME!r})"
MEAN, P, SYMBOLS = 2.5, 0.9, 16


def outputs(frames):
    """Return for each frame the outputs of free-running workers that complete by its boundary."""
    rng, rows = np.random.default_rng(1), [[] for _ in range(frames)]
    for worker in range(WORKERS):
        now = rng.random()
        while True:
            done = now + rng.gamma(4.0, 0.8)
            if (frame := int(np.ceil(done))) >= frames:
                break
            rows[frame].append(
                InferenceRow(worker=worker, scheduled=now, observation_frame=int(now), completion=done, release=done)
            )
            now = done
    return rows


def microseconds_a_frame(rows, kept, age_limit=float("inf")):
    """Processor time of choosing each frame's output."""
    service = FrameService(1.0, kept=kept, age_limit=age_limit)
    begin = time.process_time()
    for index, due in enumerate(rows):
        for row in due:
            service.add(row)
        service.choose(index)
        service.finished()
    return 1e6 * (time.process_time() - begin) / len(rows)


def seconds_of_virtual_run(frames=6_000, **fields):
    """Processor time of a run on the virtual clock, without the prediction that ``rl.run`` adds to its summary."""
    asked = rl.Scenario(GAMMA, mode_probability=P, symbols=8, workers=WORKERS, **fields)
    configuration = RunConfiguration.of(asked, environment=BEACON, policy="oracle", clock="virtual", frames=frames)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.process_time()
        run(configuration, folder, overwrite=True)
        return time.process_time() - begin


MODELS = (
    ({"unused": "keep"}, (0,)),
    ({"chunk": "inf"}, (1,)),
    ({"default_behaviour": "repeat"}, (2,)),
    ({"unused": "keep:1"}, (0, 1)),
    ({"unused": "keep:4"}, (0, 4)),
)
"""What becomes of outputs, and what the C program is given for it."""


def simulated(workers, served):
    """Million frames a second of the simulator."""
    asked = rl.Scenario(
        f"expon(scale={MEAN})", frame_time=1, mode_probability=P, symbols=SYMBOLS, workers=workers, **served
    )  # fmt: skip
    rl.simulate(asked, frames=1_000, replications=1, threads=1)
    begin = time.process_time()
    rl.simulate(asked, frames=3_000_000, replications=1, threads=1, seed=1)
    return 3.0 / (time.process_time() - begin)


def in_c(program, workers, given):
    """Million frames a second of the C program."""
    begin = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run_c(program, 10_000_000, 1, MEAN, P, SYMBOLS, workers, *given)
    return 10.0 / (resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - begin)


def report(name, values):
    """Print the median and the range."""
    print(f"{name:58} {median(values):8.3f}  ({min(values):.3f} to {max(values):.3f})", flush=True)


def main():
    """Measure in turns and print."""
    rows = outputs(100_000)
    costs = [
        (
            microseconds_a_frame(rows, 0),
            microseconds_a_frame(rows, 1),
            microseconds_a_frame(rows, MOST_KEPT, 24.0),
            microseconds_a_frame(rows, MOST_KEPT),
        )
        for _ in range(TURNS)
    ]
    for place, name in enumerate(("dropped", "one kept", "kept below an age of 24 frames", "all kept")):
        report(f"environment, us a frame: {name}", [turn[place] for turn in costs])
        if place:
            report("  more than dropped", [turn[place] - turn[0] for turn in costs])
    seconds_of_virtual_run()
    clock = [(seconds_of_virtual_run(), seconds_of_virtual_run(unused="keep")) for _ in range(TURNS)]
    report("virtual clock, time with a store / without", [kept / dropped for dropped, kept in clock])
    with tempfile.TemporaryDirectory() as folder:
        program = compile_c(Path(folder), KEPT)
        for workers in (2, 4):
            for served, given in MODELS:
                turns = [(in_c(program, workers, given), simulated(workers, served)) for _ in range(TURNS)]
                report(f"C program, {served}, {workers} workers, million frames/s", [c for c, _ in turns])
                report("  simulator / C program", [ours / c for c, ours in turns])


if __name__ == "__main__":
    main()
