"""Updates per second against the number of learners, on the wall clock.

``python -m tests.benchmarks.benchmark_learners [emulated] [measured]`` prints a table for each: with learning steps
emulated to 60 ms, where many learners can be exercised on few cores and u = min(1, N_L B tau_I / (rho tau_L)) is at
hand to compare; and as fast as this machine learns, where the cores are the limit. The rows of a table are played in
turns, round after round, so that what else the machine does falls on all of them; updates a second of the learners' own
processor time are told besides, which other work changes little.
"""

import argparse
import os
import tempfile
import time

import numpy as np
import torch

from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.play.system.processes import process_pool
from regretlab.policies.learning.updates import Batch, GradientComputer
from regretlab.policies.spec import PolicySpec
from regretlab.records import Record, student_quantile

FRAME = 1 / 59.7275
STEP = 0.060
POLICY, BATCH = "nature", 32
ROUNDS = 4
FRAMES = 600


def one_run(learners: int, step: str | None, batch: int, ratio: float | None) -> dict[str, float]:
    """Play ten seconds with that many learners."""
    configuration = RunConfiguration(
        environment_options={"symbols": 4, "mode_probability": 0.9},
        policy=POLICY,
        workers=2,
        rule="frame-pool",
        emulate_latency=f"constant({1.5 * FRAME:.9f})",
        learners=learners,
        emulate_learning=step,
        learning={"batch": batch, "replay": 5000, "replay_ratio": ratio},
        frames=FRAMES,
    )
    with tempfile.TemporaryDirectory() as folder:
        summary = run(configuration, folder, overwrite=True)
        used = Record.open(folder).meta["processor_seconds"]["learners"]
    late = summary.deadline_lateness["p99"]
    cores = used / (FRAMES * FRAME)
    updates = summary.learning["updates"]
    return {
        **summary.learning,
        "late": late,
        "inaction": summary.inaction_fraction,
        "cores": cores,
        "per_core_second": updates / used if used else 0.0,
    }


def alone(seconds: float = 3.0) -> float:
    """Return the gradients a second of one process that does nothing else."""
    torch.set_num_threads(1)
    spec, zeros = PolicySpec(POLICY, actions=5, channels_last=True), np.zeros(BATCH, np.float32)
    frames = np.random.default_rng(0).integers(0, 256, (BATCH, *spec.frame_shape), np.uint8)
    actions = np.zeros(BATCH, np.int64)
    computer = GradientComputer(spec, 10.0)
    computer.compute(Batch(frames, actions, zeros, zeros, frames, actions))
    steps, began = 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < seconds:
        computer.compute(Batch(frames, actions, zeros, zeros, frames, actions))
        steps += 1
    return steps / taken


def emulated() -> None:
    """Print the table of emulated steps."""
    print(f"emulated: {STEP} s a step, one update asked for in each frame; N_L* = {STEP / FRAME:.2f} rounded up")
    print(f"{ROUNDS} rounds, mean and 95 % interval; load {os.getloadavg()[0]:.1f}")
    print("learners | updates/s | share | predicted | measured minus predicted | frames without action | late p99, ms")
    numbers = (1, 2, 3, 4, 5, 8, 16)
    rounds: dict[int, list[dict[str, float]]] = {learners: [] for learners in numbers}
    for _ in range(ROUNDS):
        for learners in numbers:
            told = one_run(learners, f"constant({STEP})", 2, None)
            told["predicted"] = min(1.0, learners * FRAME / (1 - told["inaction"]) / STEP)
            rounds[learners].append(told)
    for learners in numbers:
        told = {name: np.array([each[name] for each in rounds[learners]]) for name in rounds[learners][0]}
        print(
            f"{learners} | {_interval(told['updates_per_second'], 2)} | {_interval(told['share'], 4)} | "
            f"{told['predicted'].mean():.4f} | {_interval(told['share'] - told['predicted'], 4)} | "
            f"{_interval(told['inaction'], 4)} | {1e3 * np.median(told['late']):.3f}",
            flush=True,
        )


def measured() -> None:
    """Print the table of this machine's own speed."""
    numbers = (1, 2, 3, 4, 8)
    rounds: dict[int, list[dict[str, float]]] = {learners: [] for learners in numbers}
    lone = []
    for _ in range(ROUNDS):
        lone.append(alone())
        for learners in numbers:
            rounds[learners].append(one_run(learners, None, BATCH, 1e6))
    print(
        f"measured: as fast as this machine learns ({POLICY}, batch {BATCH}, {os.cpu_count()} cores), no limit by the "
        f"replay ratio; {ROUNDS} rounds, median (least to most); load {os.getloadavg()[0]:.1f}"
    )
    print(f"gradients a second of one process that does nothing else: {_spread(lone)}")
    print(
        "learners | updates/s | against one | of their core-seconds | cores used | frames without action | late p99, ms"
    )
    for learners in numbers:
        told = rounds[learners]
        rates = [each["updates_per_second"] for each in told]
        ratio = np.median([rate / one["updates_per_second"] for rate, one in zip(rates, rounds[1], strict=True)])
        names = ("cores", "inaction", "late")
        cores, inaction, late = (np.median([each[name] for each in told]) for name in names)
        efficiency = _spread([each["per_core_second"] for each in told])
        print(
            f"{learners} | {_spread(rates)} | {ratio:.2f} | {efficiency} | {cores:.2f} | {inaction:.4f} | "
            f"{1e3 * late:.3f}",
            flush=True,
        )


def _interval(values: np.ndarray, digits: int) -> str:
    half = student_quantile(0.95, len(values)) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.{digits}f} ± {half:.{digits}f}"


def _spread(values: list[float]) -> str:
    return f"{np.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def main() -> None:
    """Print the tables asked for, or both."""
    tables = {"emulated": emulated, "measured": measured}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", choices=[*tables, []], default=[])
    with process_pool():
        for name in parser.parse_args().tables or tables:
            tables[name]()


if __name__ == "__main__":
    main()
