"""Does learning while playing learn? DQN on the cartridge against the oracle under the same delays, several seeds.

``python -m tests.benchmarks.benchmark_learning [SEEDS]`` plays on the virtual clock (the result does not depend on the
machine's load), prints a line a seed and writes ``tests/benchmarks/results/learning_on_beacon.csv``. Each seed learns
with one learner beside two staggered workers, then plays what it learned without exploration; the oracle plays the same
screens under the same rule and latencies, so the quotient of the two rewards is that of the actions alone.
"""

import csv
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.stats import t

from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run

RESULTS = Path(__file__).with_name("results") / "learning_on_beacon.csv"
SETTINGS = {
    "preset": "paper",
    "batch": 32,
    "discount": 0.5,
    "learning_rate": 5e-4,
    "target_every": 200,
    "exploration_frames": 4000,
    "replay": 20_000,
}
LEARNING_FRAMES, PLAYING_FRAMES = 6000, 10_000


def one_seed(seed: int, folder: Path) -> dict[str, float]:
    """Learn, play and let the oracle play; return the rewards per frame."""
    learn = RunConfiguration(
        environment_options={"symbols": 4, "mode_probability": 0.9},
        policy="nature",
        rule="max-time",
        workers=2,
        clock="virtual",
        emulate_latency="constant(0.02)",
        learners=1,
        emulate_learning="constant(0.015)",
        learning=SETTINGS,
        frames=LEARNING_FRAMES,
        seed=seed,
    )
    began = time.perf_counter()
    learning = run(learn, folder / "learn")
    seconds = time.perf_counter() - began
    without = {"learners": 0, "emulate_learning": None, "frames": PLAYING_FRAMES, "seed": 1000 + seed}
    played = run(learn.model_copy(update={**without, "resume": str(folder / "learn")}), folder / "play")
    oracle = run(learn.model_copy(update={**without, "policy": "oracle"}), folder / "oracle")
    return {
        "seed": seed,
        "updates": learning.learning["updates"],
        "reward_while_learning": round(learning.reward_per_frame, 5),
        "reward_learned": round(played.reward_per_frame, 5),
        "reward_oracle": round(oracle.reward_per_frame, 5),
        "quotient": round(played.reward_per_frame / oracle.reward_per_frame, 5),
        "seconds_to_learn": round(seconds, 1),
    }


def main(seeds: int) -> None:
    """Play all seeds, print and write the table."""
    rows = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(one_seed(seed, Path(folder)))
        print(rows[-1], flush=True)
    quotients = np.array([row["quotient"] for row in rows])
    half = t.ppf(0.975, seeds - 1) * quotients.std(ddof=1) / np.sqrt(seeds)
    print(
        f"learned / oracle: {quotients.mean():.4f} +- {half:.4f} (95 % over {seeds} seeds), least {quotients.min():.4f}"
    )
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
