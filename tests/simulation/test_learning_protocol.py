"""Learners through the asynchronous protocol against a plain program: delays, missed frames, credit and share."""

import math

import numpy as np
import pytest

from regretlab.laws import parse_law
from regretlab.mdp import AsynchronousMDP, FiniteMDP, parse_mdp, solve_average_reward
from regretlab.results import interval_quantile
from regretlab.scenario import Scenario
from regretlab.simulation.learning import learner_named, simulate_learning
from regretlab.theory.learning import learners_to_keep_up, learning_bound, processed_share
from tests.oracles.plain_protocol import late_q_learning

QUANTILE = interval_quantile(0.99)

LATE = ("uniform(0.8, 1.6)", {1: 0.125, 2: 0.625, 3: 0.25})
"""A law of inference times and what it makes of the delays (frames of 1 s)."""
HORIZONS = [400, 800, 1200, 1600]
SETTINGS = {"epsilon": 0.1, "discount": 0.4, "step": 0.1}


def carousel():
    """Four symbols that mostly move on, sometimes as the action says; naming the symbol of the frame is rewarded.

    What is best for the state seen is wrong for the state acted on, so that credit, age and share all show.
    """
    moves = np.full((4, 4, 4), 0.05 / 4)  # action, state, next state
    for a, s in np.ndindex(4, 4):
        moves[a, s, (s + 1) % 4] += 0.85
        moves[a, s, (s + a) % 4] += 0.1
    return FiniteMDP(moves, np.eye(4))


@pytest.mark.parametrize(
    ("rule", "beta", "credit", "share"),
    [
        ("frame-pool", 0, "observation", 1.0),
        ("frame-pool", "repeat", "observation", 0.3),
        ("frame-pool", "repeat", "state", 1.0),
        ("sequential", "repeat", "observation", 1.0),
        ("sequential", 1, "observation", 0.5),
        ("sequential", "repeat", "state", 0.5),
        ("sequential-strict", "repeat", "observation", 1.0),
    ],
)
@pytest.mark.one_in(3)
def test_late_q_learning_is_that_of_a_plain_program(rule, beta, credit, share):
    """40 plain and 300 compiled replications, |z| < 4 at four horizons."""
    mdp = carousel()
    moves, rewards = np.moveaxis(mdp.dense(), 0, 1), np.asarray(mdp.rewards)
    gaps = np.asarray(solve_average_reward(mdp).gaps)
    theirs = np.array([
        late_q_learning(
            moves, rewards, gaps, delays=LATE[1], rule=rule, beta=beta, credit=credit, share=share,
            frames=HORIZONS[-1], horizons=HORIZONS, rng=np.random.default_rng(seed), **SETTINGS,
        )
        for seed in range(40)
    ])  # fmt: skip
    ours = simulate_learning(
        AsynchronousMDP(mdp, beta=beta),
        learner_named("q-epsilon", **SETTINGS),
        Scenario(parse_law(LATE[0]), workers=math.inf if rule == "frame-pool" else 1, rule=rule),
        credit=credit,
        share=share,
        frames=HORIZONS[-1],
        checkpoints=len(HORIZONS),
        replications=300,
        seed=31,
    )
    assert list(ours.frames) == HORIZONS
    error = np.hypot(ours.regret_error, theirs.std(axis=0, ddof=1) / math.sqrt(len(theirs)))
    z = (ours.regret - theirs.mean(axis=0)) / error
    assert np.abs(z).max() < 4, z


@pytest.mark.thorough
def test_fewer_learners_than_needed_cost_the_root_of_what_they_miss():
    """At the hardest gaps of u n interactions n of them cost C sqrt(n/u): slope -1/2 in u, above the bound, z < 4.

    Posterior sampling draws its actions afresh between two updates, so that a share u of n frames costs 1/u of what
    u n frames cost without a loss. Learners beyond N_L* change nothing.
    """
    arms, frames = 10, 4_800
    assert learners_to_keep_up(0.16, 1.0, replay_ratio=100) == 16
    shares, costs, errors = [], [], []
    for number in (1, 4, 16, 32):
        share = processed_share(number, 0.16, 1.0, replay_ratio=100)
        assert share == pytest.approx(min(1.0, number / 16))
        means = np.full((1, arms), 0.5)
        means[0, -1] += 2 * math.sqrt((arms - 1) / (16 * share * frames))
        bandit = FiniteMDP(np.ones((arms, 1, 1)), means)
        thompson = learner_named("thompson")
        played = simulate_learning(bandit, thompson, share=share, frames=frames, checkpoints=1, replications=300)
        bound = learning_bound("bernoulli-bandit", interactions=float(frames), actions=arms, share=share).value
        assert played.learning[-1] - QUANTILE * played.learning_error[-1] > bound
        kept = simulate_learning(
            bandit, thompson, frames=int(share * frames), checkpoints=1, replications=300, seed=32
        )  # fmt: skip
        difference = share * played.learning[-1] - kept.learning[-1]
        assert abs(difference) < 4 * math.hypot(share * played.learning_error[-1], kept.learning_error[-1])
        shares.append(share)
        costs.append(played.learning[-1])
        errors.append(played.learning_error[-1])
    assert costs[2] == costs[3]
    x, relative = np.log(shares[:3]), np.array(errors[:3]) / costs[:3]
    x -= x.mean()
    slope, slope_error = x @ np.log(costs[:3]) / (x @ x), math.sqrt(x**2 @ relative**2) / (x @ x)
    assert abs(slope + 0.5) < 4 * slope_error
    assert 4 * slope_error < 0.1


@pytest.mark.parametrize(("name", "parameters"), [("ucrl2", {}), ("q-ucb", {"height": 20.0, "bonus": 0.3})])
def test_learners_find_what_to_do_on_the_product_witness(name, parameters):
    """Two staggered workers, every action two frames old: late learning costs less than a tenth of the delay (99 %)."""
    curves = simulate_learning(
        parse_mdp("product(p=0.8, n=2)"),
        learner_named(name, **parameters),
        Scenario(parse_law("1.5"), workers=2, rule="frame-pool"),
        frames=400_000,
        checkpoints=4,
        replications=16,
        seed=33,
    )
    late = (curves.learning[-1] - curves.learning[1]) / 200_000
    error = (curves.learning_error[-1] + curves.learning_error[1]) / 200_000
    assert curves.delay[-1] / 400_000 == pytest.approx(0.5 * (1 - 0.8**2), rel=0.01)
    assert late + QUANTILE * error < 0.1 * 0.5 * (1 - 0.8**2)
