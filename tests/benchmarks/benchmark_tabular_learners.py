"""Compiled learners beside plain Python: ``python -m tests.benchmarks.benchmark_tabular_learners``."""

import time

import numpy as np

from regretlab.mdp import parse_mdp
from regretlab.simulation.learning import learner_named, simulate_learning
from tests.oracles.plain_learners import optimistic_q, ucrl2

STEPS, PLAIN = 200_000, 4_000


def main() -> None:
    """Print steps a second of each, on one core, in one run."""
    mdp = parse_mdp("riverswim(6)").mdp
    moves, rewards = np.moveaxis(mdp.dense(), 0, 1), np.asarray(mdp.rewards)
    plain = {
        "ucrl2": lambda: ucrl2(moves, rewards, PLAIN, [], 0.05, np.random.default_rng(0)),
        "q-ucb": lambda: optimistic_q(moves, rewards, PLAIN, [], 100.0, 1.0, np.random.default_rng(0)),
    }
    for name, loop in plain.items():
        simulate_learning(mdp, learner_named(name), frames=10, checkpoints=1, replications=1, cores=1)
        began = time.perf_counter()
        simulate_learning(mdp, learner_named(name), frames=STEPS, checkpoints=1, replications=4, cores=1)
        ours = 8 * STEPS / (time.perf_counter() - began)  # the informed agents play as many
        began = time.perf_counter()
        loop()
        theirs = PLAIN / (time.perf_counter() - began)
        print(f"{name:8} {ours:12,.0f} steps/s compiled {theirs:10,.0f} plain Python {ours / theirs:8.0f} x")


if __name__ == "__main__":
    main()
