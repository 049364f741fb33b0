"""What a late action costs policies with continuous actions: SAC, TD3 and PPO, trained here, on their delay curves.

``python -m tests.benchmarks.benchmark_continuous`` (about five minutes of a processor; PPO needs gymnasium[mujoco]).
"""

import tempfile
import time
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium
import stable_baselines3
import torch

import regretlab as rl

SMALL = {"policy_kwargs": {"net_arch": [64, 64]}, "learning_rate": 2e-3, "learning_starts": 500}
TRAINED: dict[str, tuple[str, int, dict[str, Any]]] = {
    "SAC": ("Pendulum-v1", 6_000, SMALL),
    "TD3": ("Pendulum-v1", 6_000, SMALL),
    "PPO": ("InvertedPendulum-v5", 40_000, {"n_steps": 1024, "learning_rate": 1e-3}),
}


def main() -> None:
    """Train each policy, measure its curve and print it."""
    torch.set_num_threads(1)
    for name, (environment, steps, settings) in TRAINED.items():
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
        print(f"{name} on {environment}, {steps} steps, {time.process_time() - began:.0f} s")
        for column, age in enumerate(curve.ages):
            earned = curve.return_per_episode(column)
            assert earned is not None
            print(f"  {age} frames late: {earned.value:.1f} an episode (standard error {earned.standard_error:.1f})")


if __name__ == "__main__":
    main()
