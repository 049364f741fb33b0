"""Learners against plain Python, against rlberry, against the lower bounds, and in the asynchronous protocol."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.mdp import AsynchronousMDP, FiniteMDP, parse_mdp, solve_average_reward
from regretlab.results import interval_quantile
from regretlab.scenario import Scenario
from regretlab.simulation.learning import LEARNERS, learner_named, simulate_learning
from regretlab.simulation.learning._kernels import optimistic_policy
from regretlab.theory.learning import learners_to_keep_up, learning_bound, processed_share
from tests.oracles.plain_learners import optimistic_q, thompson, ucb1, ucrl2

QUANTILE = interval_quantile(0.99)

DATA = Path(__file__).parents[1] / "data"


def agree(ours, our_error, theirs, limit):
    """|z| at every horizon; the curves of a replication are dependent, so the limit is for one comparison each."""
    theirs = np.asarray(theirs, dtype=float)
    error = np.hypot(our_error, theirs.std(axis=0, ddof=1) / math.sqrt(len(theirs)))
    z = (ours - theirs.mean(axis=0)) / error
    assert np.abs(z).max() < limit, z


def plain(mdp):
    return np.moveaxis(mdp.dense(), 0, 1), np.asarray(mdp.rewards)


def regret_of(curves, horizons, gain):
    return gain * np.asarray(horizons) - np.asarray(curves)


def test_ucrl2_is_that_of_the_paper():
    """Means of 16 plain and 200 compiled replications on RiverSwim at four horizons: |z| < 4."""
    mdp = parse_mdp("riverswim(3)").mdp
    horizons = [1000, 2000, 3000, 4000]
    moves, rewards = plain(mdp)
    theirs = [ucrl2(moves, rewards, 4000, horizons, 0.05, np.random.default_rng(seed)) for seed in range(16)]
    ours = simulate_learning(mdp, learner_named("ucrl2"), frames=4000, checkpoints=4, replications=200, seed=1)
    gain = solve_average_reward(mdp).gain
    assert list(ours.frames) == horizons
    agree(gain * ours.frames - ours.reward, ours.regret_error, regret_of(theirs, horizons, gain), 4)


def optimistic_gain(counts, rewards, successors, time, confidence, policy=None):
    """Return the largest gain of the extended MDP of UCRL2 (of one policy's) as a linear program, solved by HiGHS.

    q(s, a, s') are the rates of moves, e(s, a, s') bounds on how far they are from the measured ones: the balls of
    radius d(s, a) in the 1-norm are sum_s' e <= d(s, a) q(s, a, .), so no sorting and no iteration is shared with ours.
    """
    S, A = counts.shape
    seen = np.maximum(1.0, counts)
    reward = np.minimum(1.0, rewards / seen + np.sqrt(3.5 * math.log(2 * S * A * time / confidence) / seen))
    radius = np.sqrt(14 * S * math.log(2 * A * time / confidence) / seen)
    centre = successors / seen[..., None]
    q = np.arange(S * A * S).reshape(S, A, S)
    e = q + S * A * S
    upper, least = [], []
    for s, a in np.ndindex(S, A):
        for t in range(S):
            for sign in (1.0, -1.0):  # +-(q - centre * sum q) <= e
                row = np.zeros(2 * q.size)
                row[q[s, a]] -= sign * centre[s, a, t]
                row[q[s, a, t]] += sign
                row[e[s, a, t]] -= 1.0
                upper.append(row)
        row = np.zeros(2 * q.size)
        row[e[s, a]], row[q[s, a]] = 1.0, -radius[s, a]
        upper.append(row)
    for s in range(S):  # as many moves into a state as out of it
        row = np.zeros(2 * q.size)
        row[q[:, :, s].ravel()] += 1.0
        row[q[s].ravel()] -= 1.0
        least.append(row)
    row = np.zeros(2 * q.size)
    row[q.ravel()] = 1.0
    bounds = [(0, None)] * (2 * q.size)
    if policy is not None:
        for s, a in np.ndindex(S, A):
            if a != policy[s]:
                for place in q[s, a]:
                    bounds[place] = (0, 0)
    solved = linprog(
        -np.concatenate([np.repeat(reward.ravel(), S), np.zeros(q.size)]), np.array(upper), np.zeros(len(upper)),
        np.array([*least, row]), np.concatenate([np.zeros(S), [1.0]]), bounds,
    )  # fmt: skip
    assert solved.status == 0
    return -solved.fun


@pytest.mark.parametrize("seed", range(8))
def test_the_optimistic_policy_is_as_good_as_the_paper_promises(seed):
    """Theorem 7 of Jaksch et al.: within 1/sqrt(t) of the optimum of the extended MDP, here a linear program."""
    rng = np.random.default_rng(seed)
    S, A, confidence = 4, 3, 0.05
    # some pairs known ten or a thousand times better than others: both radii decide what is best
    counts = np.floor(10.0 ** rng.uniform(*[(0, 1), (2, 5), (3, 6), (4, 7)][seed % 4], size=(S, A)))
    successors = np.array([[rng.multinomial(int(n), rng.dirichlet(np.full(S, 0.5))) for n in row] for row in counts])
    rewards = rng.uniform(size=(S, A)) * counts
    time = counts.sum() + 1.0
    policy = np.zeros(S, np.int64)
    optimistic_policy(counts, rewards, successors.astype(float), time, confidence, policy)
    arguments = (counts, rewards, successors, time, confidence)
    best, ours = optimistic_gain(*arguments), optimistic_gain(*arguments, policy)
    assert ours >= best - 1 / math.sqrt(time) - 1e-9
    if seed % 4 == 3:  # so much is known that a policy can be bad
        others = [optimistic_gain(*arguments, [a] * S) for a in range(A)]
        assert min(others) < best - 1 / math.sqrt(time)


def test_optimistic_q_learning_is_that_of_the_paper():
    mdp = parse_mdp("riverswim(4)").mdp
    horizons = [2000, 4000, 6000, 8000]
    moves, rewards = plain(mdp)
    theirs = [
        optimistic_q(moves, rewards, 8000, horizons, 50.0, 0.7, np.random.default_rng(seed)) for seed in range(24)
    ]
    ours = simulate_learning(
        mdp, learner_named("q-ucb", height=50.0, bonus=0.7), frames=8000, checkpoints=4, replications=200, seed=2
    )
    gain = solve_average_reward(mdp).gain
    agree(gain * ours.frames - ours.reward, ours.regret_error, regret_of(theirs, horizons, gain), 4)


def test_q_learning_is_that_of_rlberry():
    """48 committed replications of rlberry's QLAgent on the same matrices; |z| < 4 at each of ten horizons."""
    data = json.loads((DATA / "rlberry_qlearning.json").read_text())
    settings = data["settings"]
    mdp = parse_mdp(f"riverswim({data['states']})").mdp
    learner = learner_named(
        "q-epsilon", epsilon=settings["exploration_rate"], discount=settings["gamma"], step=settings["alpha"]
    )
    ours = simulate_learning(
        mdp, learner, frames=data["horizons"][-1], checkpoints=len(data["horizons"]), replications=400, seed=3
    )
    gain = solve_average_reward(mdp).gain
    theirs = regret_of(data["cumulative_reward"], data["horizons"], gain)
    agree(gain * ours.frames - ours.reward, ours.regret_error, theirs, 4)


@pytest.mark.thorough
def test_ucrl2_of_statisticalrl_is_the_plain_one_with_its_choices():
    """48 committed replications of the package's UCRL2 on the same matrices; |z| < 4 at each of three horizons.

    The paper leaves open what to do among actions that look equally good, and the package iterates to 1 / t instead of
    1 / sqrt(t). With the same choices the plain one, which ours is held against, agrees with it.
    """
    data = json.loads((DATA / "statisticalrl_ucrl2.json").read_text())
    moves, rewards = plain(parse_mdp(f"riverswim({data['states']})").mdp)
    horizons = data["horizons"][:3]
    delta = data["settings"]["confidence"]
    ours = np.array(
        [
            ucrl2(
                moves, rewards, horizons[-1], horizons, delta, np.random.default_rng(seed),
                least_visited=True, precision=lambda t: 1 / t,
            )
            for seed in range(12)
        ]
    )  # fmt: skip
    error = ours.std(axis=0, ddof=1) / math.sqrt(len(ours))
    agree(ours.mean(axis=0), error, np.array(data["cumulative_reward"])[:, : len(horizons)], 4)


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("name", "plainly"), [("thompson", thompson), ("ucb", ucb1)])
def test_bandit_learners_are_those_of_their_papers(name, plainly):
    """Regret at 1500 pulls of three arms: 60 plain and 600 compiled replications, |z| < 4."""
    means = np.array([0.7, 0.5, 0.45])
    pulls = np.array([plainly(means, 1500, np.random.default_rng(seed)) for seed in range(60)])
    theirs = pulls @ (means.max() - means)
    bandit = FiniteMDP(np.ones((3, 1, 1)), means[None])
    ours = simulate_learning(bandit, learner_named(name), frames=1500, checkpoints=1, replications=600, seed=9)
    agree(ours.regret, ours.regret_error, theirs[:, None], 4)


def test_regret_by_gaps_is_regret_by_reward():
    """The identity: the two differ by the bias at the ends and by the noise of the rewards drawn."""
    mdp = parse_mdp("riverswim(5)").mdp
    solution = solve_average_reward(mdp)
    curves = simulate_learning(mdp, learner_named("q-ucb"), frames=50_000, bernoulli=False, replications=60)
    by_reward = solution.gain * curves.frames - curves.reward
    noise = 4 * np.sqrt(curves.frames / 60) * 3  # the martingale of bias and reward: increments within the span, 3
    assert (np.abs(by_reward - curves.regret) < noise + np.ptp(solution.bias)).all()


def test_thompson_and_ucb_lose_at_least_the_bound_and_little_more():
    """Two arms apart by the hardest gap of the bound: one of the two orders costs more than it, at 99 %."""
    n = 2000
    gap = math.sqrt(1 / (16 * n))
    bound = learning_bound("bernoulli-bandit", interactions=n, actions=2).value
    for name in ("thompson", "ucb"):
        worst = -math.inf
        for better in (0, 1):
            means = np.full((1, 2), 0.5)
            means[0, better] += 2 * gap
            bandit = FiniteMDP(np.ones((2, 1, 1)), means)
            curves = simulate_learning(bandit, learner_named(name), frames=n, replications=300, seed=4)
            worst = max(worst, curves.regret[-1] - QUANTILE * curves.regret_error[-1])
            assert curves.regret[-1] < 2 * gap * n
        assert worst > bound


def _ring(p, symbols, noop_gap=None):
    text = (
        f"ring(p={p}, symbols={symbols})"
        if noop_gap is None
        else f"ring(p={p}, symbols={symbols}, noop_gap={noop_gap})"
    )
    return parse_mdp(text)


def test_delay_and_inaction_grow_with_time_and_learning_with_less():
    """Four staggered workers on the ring, D = 4; sequential: every fourth frame. |z| < 4 against the closed forms."""
    ring = _ring(0.9, 3, 0.8)
    law = parse_law("3.5")
    lam = (3 * 0.9 - 1) / 2
    delay = (1 - 1 / 3) * (1 - lam**4)
    for rule, workers, phi in (("frame-pool", 4, 0.0), ("sequential", 1, 0.75)):
        curves = simulate_learning(
            ring,
            learner_named("q-epsilon", epsilon=0.05, discount=0.5, step=0.05),
            Scenario(law, workers=workers, rule=rule),
            frames=40_000,
            checkpoints=4,
            replications=40,
            seed=5,
        )
        frames = curves.frames - 4  # the first action takes effect in frame 4
        assert np.allclose(curves.interactions, frames * (1 - phi), atol=2)
        error = np.maximum(curves.delay_error, 1e-9)
        assert (np.abs(curves.delay - frames * (1 - phi) * delay) < 4 * error + 1).all()
        assert (np.abs(curves.inaction - (0.8 * phi * curves.frames + 0.8 * 4 * (1 - phi))) < 4).all()
        assert np.allclose(curves.regret, curves.inaction + curves.delay + curves.learning)


def test_learning_grows_like_a_root_and_the_linear_parts_overtake_it():
    """UCB on a two-armed bandit under sequential inference: learning is concave, inaction linear, and they cross."""
    bandit = FiniteMDP(np.ones((3, 1, 1)), np.array([[0.0, 0.7, 0.5]]))  # action 0 is the no-op
    process = AsynchronousMDP(bandit, beta=0)
    curves = simulate_learning(
        process,
        learner_named("ucb"),
        Scenario(parse_law("1.5"), rule="sequential"),
        frames=20_000,
        checkpoints=40,
        replications=60,
        seed=6,
    )
    ratio = curves.learning[-1] / curves.learning[len(curves.frames) // 2 - 1]
    assert ratio < 1.5  # half the horizon: 2 if it were linear, sqrt 2 for a root, less for a logarithm
    assert curves.inaction[-1] / curves.inaction[len(curves.frames) // 2 - 1] == pytest.approx(2, abs=0.01)
    rate = curves.inaction[-1] / curves.frames[-1]
    assert rate == pytest.approx(0.7 * 0.5, abs=0.001)
    # learning - rate * t changes sign where learning(t) = rate * t
    assert curves.learning[-1] < curves.inaction[-1]


def test_too_few_learners_learn_more_slowly():
    """N_L below N_L*: a share u of the interactions is processed, and the learning part grows as u falls."""
    keep_up = learners_to_keep_up(0.2, 1.0, batch_size=1, replay_ratio=100)
    assert keep_up == 20
    bandit = FiniteMDP(np.ones((2, 1, 1)), np.array([[0.55, 0.45]]))
    regret = {}
    for number in (1, 5, 20, 40):
        share = processed_share(number, 0.2, 1.0, batch_size=1, replay_ratio=100)
        assert share == min(1.0, number / 20)
        curves = simulate_learning(bandit, learner_named("ucb"), share=share, frames=4000, replications=200, seed=7)
        assert curves.processed[-1] == pytest.approx(share * 4000, abs=1)
        regret[number] = (curves.regret[-1], curves.regret_error[-1])
    assert regret[20] == regret[40]  # more than enough changes nothing
    for fewer, more in ((1, 5), (5, 20)):
        difference = regret[fewer][0] - regret[more][0]
        assert difference > 4 * math.hypot(regret[fewer][1], regret[more][1])


def test_results_do_not_depend_on_the_cores():
    mdp = parse_mdp("riverswim(4)")
    asked = Scenario(2.5, workers=2, rule="free-running")
    one, two = (
        simulate_learning(mdp, learner_named("ucrl2"), asked, frames=5000, replications=5, threads=cores, seed=8)
        for cores in (1, 2)
    )
    assert (one.regret == two.regret).all()
    assert (one.learning == two.learning).all()


@pytest.mark.parametrize("name", ["ucrl2", "q-ucb"])
def test_learners_find_the_optimal_policy(name):
    mdp = parse_mdp("riverswim(3)").mdp
    parameters = {"height": 20.0, "bonus": 0.3} if name == "q-ucb" else {}
    curves = simulate_learning(mdp, learner_named(name, **parameters), frames=400_000, checkpoints=4, replications=8)
    late = (curves.regret[-1] - curves.regret[-2]) / 100_000
    early = curves.regret[0] / 100_000
    assert late < 0.3 * early


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learner": ("sarsa", {})}, "unknown learner 'sarsa'"),
        ({"learner": ("ucb", {"epsilon": 0.1})}, "learner 'ucb' has no parameter 'epsilon': it has none"),
        ({"learner": ("q-epsilon", {"epsilon": 1.5})}, r"epsilon of learner 'q-epsilon' must lie in \[0, 1\], not 1.5"),
        (
            {"learner": ("q-epsilon", {"discount": 1.0})},
            r"discount of learner 'q-epsilon' must lie in \[0, 1\), not 1.0",
        ),
        ({"learner": ("q-ucb", {"height": math.inf})}, r"height of learner 'q-ucb' must lie in \[1, 1e12\], not inf"),
        ({"learner": ("thompson", {})}, "learner 'thompson' is for one state, and this MDP has 3"),
        ({"credit": "frame"}, "credit must be 'observation' or 'state', not 'frame'"),
        ({"share": 0.0}, r"share must lie in \(0, 1\], not 0.0"),
        ({"frames": 0}, "frames must be at least 1, not 0"),
        ({"checkpoints": 0}, "checkpoints must be at least 1, not 0"),
        ({"frames": 10, "checkpoints": 11}, "checkpoints must be at most the 10 frames"),
        ({"replications": 0}, "replications must be at least 1, not 0"),
        ({"start": 3}, "start must be a state between 0 and 2, not 3"),
        ({"threads": 0}, "threads must be at least 1, not 0"),
        ({"seed": -1}, "seed must be a non-negative integer, not -1"),
    ],
)
def test_what_is_wrong_is_named(change, message):
    given = dict(change)
    name, parameters = given.pop("learner", ("ucrl2", {}))
    mdp = given.pop("mdp", "riverswim(3)")
    with pytest.raises(InputError, match=message):
        simulate_learning(parse_mdp(mdp), learner_named(name, **parameters), **{"frames": 100, **given})


def test_rewards_beyond_the_range_of_a_probability_are_not_drawn():
    mdp = FiniteMDP(np.ones((2, 1, 1)), np.array([[0.5, 1.6]]))
    with pytest.raises(InputError, match=r"rewards must lie in \[0, 1\] to be drawn, not in \[0.5, 1.6\]"):
        simulate_learning(mdp, learner_named("q-epsilon"), frames=100)


def test_slow_inference_needs_a_default_behaviour():
    mdp = FiniteMDP(np.ones((2, 1, 1)), np.array([[0.5, 0.6]]))
    with pytest.raises(InputError, match="needs a default behaviour"):
        simulate_learning(mdp, learner_named("ucb"), Scenario(parse_law("2"), rule="frame-pool"), frames=100)


def test_every_learner_has_its_reference():
    from regretlab.simulation.learning import learners

    assert all(f"``{name}``" in learners.__doc__ for name in LEARNERS)
