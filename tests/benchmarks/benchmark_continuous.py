"""What a late action costs policies with continuous actions: SAC, TD3 and PPO, trained here, on their delay curves.

``python -m tests.benchmarks.benchmark_continuous [SAC TD3 PPO]`` (about a minute and a half of a processor each; PPO
needs gymnasium[mujoco]).
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.noise import NormalActionNoise

import regretlab as rl

NOISE = NormalActionNoise(np.zeros(1), np.full(1, 0.3))  # without it TD3 does not explore
SMALL = {"policy_kwargs": {"net_arch": [64, 64]}, "learning_rate": 2e-3, "learning_starts": 500}
TRAINED: dict[str, tuple[str, int, dict[str, Any]]] = {
    "SAC": ("Pendulum-v1", 6_000, SMALL),
    "TD3": ("Pendulum-v1", 6_000, {**SMALL, "learning_rate": 1e-3, "action_noise": NOISE}),
    "PPO": ("InvertedPendulum-v5", 40_000, {"n_steps": 1024, "learning_rate": 1e-3}),
}


def main(names: Sequence[str]) -> None:
    """Train each policy, measure its curve and print it."""
    torch.set_num_threads(1)
    for name in names or TRAINED:
        environment, steps, settings = TRAINED[name]
        if environment.startswith("Inverted") and find_spec("mujoco") is None:
            print(f"{name} on {environment}: gymnasium[mujoco] is not installed")
            continue
        began = time.process_time()
        kind, chosen = getattr(stable_baselines3, name), deepcopy(settings)  # it writes into them
        model = kind("MlpPolicy", gymnasium.make(environment), seed=0, **chosen)
        model.learn(steps)
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder) / "policy.zip")
            curve = rl.delay_curve(
                environment,
                policy=f"sb3:{folder}/policy.zip",
                delays=[1, 2, 3, 4],
                frames=10_000,
                episodes=10,
                replications=8,
            )
        print(f"{name} on {environment}, {steps} steps, {time.process_time() - began:.0f} s", flush=True)
        for column, age in enumerate(curve.ages):
            earned = curve.return_per_episode(column)
            assert earned is not None
            print(f"  {age} frames late: {earned.value:.1f} an episode (standard error {earned.standard_error:.1f})")


if __name__ == "__main__":
    main(sys.argv[1:])
