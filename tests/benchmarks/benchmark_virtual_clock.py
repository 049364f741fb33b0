"""How fast is the virtual clock? ``python -m tests.benchmarks.benchmark_virtual_clock [POLICY ...] [--frames 3000]``.

Everything is processor time of this process, so that other programs change little. For each network: a run on the
virtual clock (three workers, 40 ms), less one of 60 frames for what only the start costs, against its forward passes
alone, as many as the run recorded, timed in turns with it (goal: at most 1.2 times as long), and how many times real
time it plays (goal: 20 times with ``nature``). For a policy that is given the symbol: frames a second (goal: 30,000)
next to the emulator alone, which draws nothing either.
"""

import argparse
import tempfile
import time

import numpy as np
import torch

from regretlab.games import make_game
from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.policies.policy import build_policy
from regretlab.policies.spec import PolicySpec
from regretlab.records import Record

FRAME_RATE = 59.7275
BEACON = {"symbols": 8, "mode_probability": 0.95}
ROUNDS = 3


def seconds_of_run(policy: str, frames: int) -> tuple[float, int]:
    """Return the processor seconds of a run on the virtual clock and its number of inferences."""
    configuration = RunConfiguration(
        environment_options=BEACON,
        policy=policy,
        workers=3,
        rule="frame-pool",
        clock="virtual",
        emulate_latency="0.04",
        frames=frames,
    )
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        run(configuration, f"{folder}/record")
        return time.process_time() - began, len(Record.open(f"{folder}/record").inferences)


def seconds_of_passes(policy: str, number: int) -> float:
    """Return the processor seconds of so many forward passes of the network, and nothing else."""
    built = build_policy(PolicySpec(policy, actions=9, channels_last=True))
    screens = np.random.default_rng(0).integers(0, 255, (16, 84, 84)).astype(np.uint8)
    for screen in screens:
        built.act(screen)
    began = time.process_time()
    for i in range(number):
        built.act(screens[i % len(screens)])
    return time.process_time() - began


def seconds_of_emulator(frames: int) -> float:
    """Return the processor seconds of so many frames of the emulator that draw nothing."""
    game = make_game("regretlab/Beacon-v0", **BEACON).unwrapped
    game.reset(seed=0)
    began = time.process_time()
    for _ in range(frames):
        game._emulator.tick(render=False)
    return time.process_time() - began


def main() -> None:
    """Print a line for each policy."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("policies", nargs="*", default=["nature", "impala-k1", "oracle"])
    options.add_argument("--frames", type=int, default=3000)
    asked = options.parse_args()
    torch.set_num_threads(1)
    for policy in asked.policies:
        frames = 10 * asked.frames if policy == "oracle" else asked.frames
        played, alone = [], []
        for _ in range(ROUNDS):
            start, _ = seconds_of_run(policy, 60)
            whole, inferences = seconds_of_run(policy, frames)
            played.append((whole - start) * frames / (frames - 60))
            alone.append(seconds_of_emulator(frames) if policy == "oracle" else seconds_of_passes(policy, inferences))
        seconds, bare = float(np.median(played)), float(np.median(alone))
        print(
            f"{policy}: {frames / seconds:,.0f} frames a second, {frames / seconds / FRAME_RATE:.1f} times real time; "
            + (
                f"the emulator alone {frames / bare:,.0f} frames a second"
                if policy == "oracle"
                else f"{seconds / bare:.2f} times its {inferences} forward passes of {1e3 * bare / inferences:.3f} ms"
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
