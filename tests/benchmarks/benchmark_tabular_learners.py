"""Compiled learners beside plain Python: ``python -m tests.benchmarks.benchmark_tabular_learners``."""

import time

import numpy as np

from regretlab.mdp import AsynchronousMDP, parse_mdp, solve_average_reward
from regretlab.simulation.learning import learner_named, simulate_learning
from regretlab.simulation.learning.playing import Game
from tests.oracles.plain_learners import epsilon_greedy_q, optimistic_q, thompson, ucb1, ucrl2

STEPS, PLAIN = 1_000_000, 4_000


def compiled(mdp, name: str, **parameters: float) -> float:
    """Return steps a second on one core: of the learner alone, without the informed agent."""
    learner = learner_named(name, **parameters)
    simulate_learning(mdp, learner, frames=10, checkpoints=1, replications=1, threads=1)
    game = Game(AsynchronousMDP(mdp), solve_average_reward(mdp).gaps, None, None, True, 0)
    began = time.perf_counter()
    game.learn(learner, 1.0, np.array([STEPS]), np.random.SeedSequence(0))
    return STEPS / (time.perf_counter() - began)


def main() -> None:
    """Print steps a second of each, on one core, in one run."""
    river = parse_mdp("riverswim(6)").mdp
    bandit = parse_mdp("single-state(actions=10, gap=0.5)").mdp
    moves, rewards = np.moveaxis(river.dense(), 0, 1), np.asarray(river.rewards)
    arms = np.asarray(bandit.rewards)[0]
    plain = {
        "ucrl2": lambda rng: ucrl2(moves, rewards, PLAIN, [], 0.05, rng),
        "q-ucb": lambda rng: optimistic_q(moves, rewards, PLAIN, [], 100.0, 1.0, rng),
        "q-epsilon": lambda rng: epsilon_greedy_q(moves, rewards, PLAIN, 0.99, 0.1, 0.1, rng),
        "thompson": lambda rng: thompson(arms, PLAIN, rng),
        "ucb": lambda rng: ucb1(arms, PLAIN, rng),
    }
    for name, loop in plain.items():
        ours = compiled(bandit if name in ("thompson", "ucb") else river, name)
        began = time.perf_counter()
        loop(np.random.default_rng(0))
        theirs = PLAIN / (time.perf_counter() - began)
        print(f"{name:10} {ours:12,.0f} steps/s compiled {theirs:10,.0f} plain Python {ours / theirs:8.0f} x")


if __name__ == "__main__":
    main()
