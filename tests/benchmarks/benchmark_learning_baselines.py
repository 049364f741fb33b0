"""Learning with sequential and with staggered inference: the baselines side by side, on the cartridge.

``python -m tests.benchmarks.benchmark_learning_baselines [SEEDS]`` plays on the virtual clock (emulated inference of
2.5 frames and learning steps of 4), so that the result does not depend on the machine's load. It prints and writes
``tests/benchmarks/results/learning_baselines.csv``: a row a baseline and seed.

* blocking: one worker infers, acts, learns, and only then looks again;
* parallel: the same worker with a learner beside it;
* blocking-repeat and parallel-repeat: the same two, where frames without an action repeat the last one;
* staggered: three workers under maximum-time staggering with learners that keep up.
"""

import csv
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.stats import t

from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from tests.benchmarks.benchmark_learning import SETTINGS

RESULTS = Path(__file__).with_name("results") / "learning_baselines.csv"
FRAME = 1 / 59.7275
FRAMES = 6000
BASELINES = {
    "blocking": {"rule": "sequential", "workers": 1, "learners": 0, "blocking_learning": True},
    "parallel": {"rule": "sequential", "workers": 1, "learners": 2},
    "blocking-repeat": {"rule": "sequential", "workers": 1, "blocking_learning": True, "default_behaviour": "repeat"},
    "parallel-repeat": {"rule": "sequential", "workers": 1, "learners": 2, "default_behaviour": "repeat"},
    "staggered": {"rule": "max-time", "workers": 3, "learners": 4},
}


def one_run(baseline: str, seed: int) -> dict[str, object]:
    """Learn for a while; return what it earned meanwhile and what it cost."""
    configuration = RunConfiguration(
        environment_options={"symbols": 4, "mode_probability": 0.95},
        policy="nature",
        clock="virtual",
        emulate_latency=f"constant({2.5 * FRAME:.9f})",
        emulate_learning=f"constant({4 * FRAME:.9f})",
        learning=SETTINGS,
        frames=FRAMES,
        seed=seed,
        **BASELINES[baseline],
    )
    with tempfile.TemporaryDirectory() as folder:
        learning = run(configuration, Path(folder) / "learn")
        resumed = {"resume": str(Path(folder) / "learn"), "learners": 0, "blocking_learning": False}
        greedy = {**resumed, "emulate_learning": None, "seed": 1000 + seed}
        played = run(configuration.model_copy(update=greedy), Path(folder) / "play")
    return {
        "baseline": baseline,
        "seed": seed,
        "inaction_while_learning": round(learning.inaction_fraction, 4),
        "updates": learning.learning["updates"],
        "share": round(learning.learning["share"], 4),
        "reward_while_learning": round(learning.reward_per_frame, 4),
        "reward_learned": round(played.reward_per_frame, 4),
        "emulated_core_seconds": round(learning.core_seconds["emulated"], 2),
        "reward_per_emulated_core_second": round(learning.reward_per_core_second["emulated"], 3),
    }


def main(seeds: int) -> None:
    """Play all baselines with all seeds, print and write the table."""
    rows = []
    for baseline in BASELINES:
        mine = [one_run(baseline, seed) for seed in range(seeds)]
        for name in ("reward_while_learning", "reward_learned", "reward_per_emulated_core_second"):
            values = np.array([row[name] for row in mine], float)
            half = t.ppf(0.975, seeds - 1) * values.std(ddof=1) / np.sqrt(seeds)
            print(f"{baseline:15s} {name:32s} {values.mean():.4f} +- {half:.4f} (95 % over {seeds} seeds)", flush=True)
        rows += mine
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
