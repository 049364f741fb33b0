"""kappa and p_minimax against enumeration; estimates against exact values, with the coverage they promise."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from regretlab.errors import InputError
from regretlab.mdp import (
    AsynchronousMDP,
    FiniteMDP,
    clopper_pearson,
    estimate_staleness,
    estimate_stochasticity,
    kappa,
    kappa_curve,
    mode_interval,
    p_minimax,
    parse_mdp,
    staleness_curve,
)
from tests.oracles.random_mdps import controlled_mdps, random_controlled_mdp


def kappa_by_enumeration(mdp, delay):
    dense = mdp.dense()
    least = 1.0
    for actions in itertools.product(range(mdp.actions), repeat=delay):
        ahead = np.eye(mdp.states)
        for action in actions:
            ahead = ahead @ dense[action]
        least = min(least, ahead.max(axis=1).min())
    return least


@given(controlled_mdps(), st.integers(0, 4))
@settings(max_examples=200)
def test_kappa_against_enumeration_and_lemma_one(mdp, delay):
    value = kappa(mdp, delay)
    assert value == pytest.approx(kappa_by_enumeration(mdp, delay), abs=1e-13)
    assert value >= p_minimax(mdp) ** delay - 1e-13
    assert p_minimax(mdp) == mdp.dense().max(axis=2).min()


@pytest.mark.parametrize("kind", ["law", "repeat"])
@pytest.mark.parametrize(("delay", "every"), [(1, 2), (2, 2), (3, 2), (4, 3), (5, 3), (2, 4)])
def test_kappa_with_default_frames_against_enumeration(delay, every, kind):
    for seed in range(5):
        mdp = random_controlled_mdp(seed, states=4, actions=3)
        dense = mdp.dense()
        beta = np.random.default_rng(seed).dirichlet(np.ones(3), 4) if kind == "law" else "repeat"
        mixed = None if kind == "repeat" else np.einsum("sa,ast->st", beta, dense)
        least = 1.0
        # Frames 0..delay-1 after the observation; those a whole number of intervals before the effect are agent frames.
        agent = [(delay - frame) % every == 0 for frame in range(delay)]
        for actions in itertools.product(range(3), repeat=sum(agent) + 1):
            ahead, left = np.eye(4), list(actions)
            held = left.pop(0)
            for is_agent in agent:
                held = left.pop(0) if is_agent else held
                ahead = ahead @ (dense[held] if is_agent or kind == "repeat" else mixed)
            least = min(least, ahead.max(axis=1).min())
        process = AsynchronousMDP(mdp, beta)
        assert kappa(process, delay, every=every) == pytest.approx(least, abs=1e-13)
        assert least >= p_minimax(process) ** delay - 1e-13


def test_kappa_curve_of_a_process_without_control():
    walk = parse_mdp("lazy-walk(states=51)").mdp
    curve = kappa_curve(walk, 20)
    power = np.eye(51)
    for value in curve:
        assert value == pytest.approx(power.max(axis=1).min(), abs=1e-14)
        power = power @ walk.dense()[0]


def test_kappa_says_how_large_a_search_would_be():
    mdp = random_controlled_mdp(1, states=6, actions=4, successors=4, grain=64)
    with pytest.raises(InputError, match=r"about 1e16 cases .* more than a search of 10000 steps"):
        kappa(mdp, 25, budget=10_000)
    with pytest.raises(InputError, match="needs 134 GiB, over the limit of 4 GiB"):
        kappa(mdp, 10**9)


def test_p_minimax_counts_the_mixture_of_the_default_behaviour():
    """A mixture can only blur: the naive minimum over actions is at least as large."""
    for seed in range(20):
        mdp = random_controlled_mdp(seed, states=5, actions=3)
        beta = np.random.default_rng(seed).dirichlet(np.ones(3), 5)
        mixture = np.einsum("sa,ast->st", beta, mdp.dense()).max(axis=1).min()
        assert p_minimax(AsynchronousMDP(mdp, beta)) == pytest.approx(min(p_minimax(mdp), mixture), abs=1e-14)
        assert p_minimax(AsynchronousMDP(mdp, "repeat")) == p_minimax(mdp) == p_minimax(AsynchronousMDP(mdp))


@pytest.mark.parametrize(("count", "trials"), [(0, 5), (5, 5), (1, 1), (8, 10), (37, 1000), (0, 0)])
def test_clopper_pearson_against_scipy(count, trials):
    found = clopper_pearson(count, trials, 0.9)
    if trials == 0:
        np.testing.assert_array_equal(found, [0.0, 1.0])
        return
    reference = stats.binomtest(count, trials).proportion_ci(0.9, method="exact")
    np.testing.assert_allclose(found, [reference.low, reference.high], atol=1e-12)


def test_intervals_refuse_impossible_counts():
    for count, trials, confidence in ((2, 1, 0.9), (-1, 1, 0.9), (1, 2, 1.0), (1, 2, 0.0)):
        with pytest.raises(InputError):
            clopper_pearson(count, trials, confidence)


@given(st.integers(0, 60), st.integers(0, 60), st.sampled_from([0.5, 0.9, 0.99]))
@settings(max_examples=200)
def test_mode_interval_solves_its_equation(count, more, confidence):
    trials = count + more
    lower, upper = mode_interval(count, trials, confidence)
    plain = clopper_pearson(count, trials, confidence)
    assert upper == plain[1]
    assert 0 <= lower <= plain[0] + 1e-12
    if lower > 0:
        assert stats.binom.sf(count - 1, trials, lower) == pytest.approx((1 - confidence) / 2 * lower, rel=1e-8)


@pytest.mark.parametrize("law", [[0.5, 0.5], [0.2] * 5, [0.05] * 20, [0.4, 0.3, 0.2, 0.1]])
@pytest.mark.parametrize("trials", [10, 40])
def test_mode_interval_covers_where_the_plain_lower_limit_may_not(law, trials):
    """Exact coverage needs no luck: misses among 20,000 draws against the promised rate, z < 4."""
    draws, confidence = 20_000, 0.8
    counts = np.random.default_rng(7).multinomial(trials, law, size=draws).max(axis=1)
    lower, upper = mode_interval(counts, trials, confidence)
    for missed in (lower > max(law), upper < max(law)):
        rate = (1 - confidence) / 2
        assert missed.sum() <= draws * rate + 4 * np.sqrt(draws * rate * (1 - rate))


def test_the_plain_lower_limit_is_wrong_for_a_mode_chosen_by_the_data():
    """Twenty equal outcomes, ten draws: the naive interval lies above the truth far too often."""
    counts = np.random.default_rng(7).multinomial(10, [0.05] * 20, size=20_000).max(axis=1)
    naive = (clopper_pearson(counts, 10, 0.8)[0] > 0.05).mean()
    right = (mode_interval(counts, 10, 0.8)[0] > 0.05).mean()
    assert naive > 0.2
    assert right <= 0.1


def trajectory(mdp, frames, seed):
    rng = np.random.default_rng(seed)
    cumulative = np.cumsum(mdp.dense(), axis=2)
    actions = rng.integers(mdp.actions, size=frames)
    draws = rng.random(frames)
    states = np.zeros(frames, dtype=np.int64)
    for k in range(frames - 1):
        row = cumulative[actions[k], states[k]]
        states[k + 1] = min(np.searchsorted(row, draws[k], side="right"), mdp.states - 1)
    return states, actions


def test_estimates_of_a_controlled_process_against_exact_values():
    """All intervals at 1 - 1e-4: fixed seed, so a failure means a wrong interval and not bad luck."""
    mdp = random_controlled_mdp(4, states=4, actions=2, grain=64)
    states, actions = trajectory(mdp, 60_000, 5)
    found = estimate_stochasticity(states, actions, horizons=(1, 2, 3), confidence=0.9999)
    assert len(found.pairs) == 8
    modal = mdp.dense().max(axis=2)[found.pairs[:, 1], found.pairs[:, 0]]
    assert (found.modal_interval[0] <= modal).all()
    assert (modal <= found.modal_interval[1]).all()
    counted = [np.sum((states[:-1] == s) & (actions[:-1] == a)) for s, a in found.pairs]
    np.testing.assert_array_equal(found.visits, counted)
    for (s, a), mode, share in zip(found.pairs, found.modes, found.modal_probability, strict=True):
        nexts = states[1:][(states[:-1] == s) & (actions[:-1] == a)]
        counts = np.bincount(nexts, minlength=4)
        assert counts.argmax() == mode
        assert share == counts.max() / counts.sum()
    assert found.p_minimax.lower <= p_minimax(mdp) <= found.p_minimax.upper
    assert found.p_minimax.upper - found.p_minimax.lower < 0.12
    for estimate in found.kappa:
        assert estimate.lower <= kappa(mdp, estimate.horizon) <= estimate.upper
        assert estimate.groups == 4 * 2**estimate.horizon
    # The horizon of one frame is p_minimax itself.
    assert found.kappa[0] == found.p_minimax


@pytest.mark.thorough
def test_simultaneous_interval_covers_as_promised():
    """1,000 short trajectories of a symmetric chain (all rows alike, the hardest case): misses against 10 %, z < 4."""
    mdp = parse_mdp("ring(p=0.6, symbols=3)").mdp
    one = FiniteMDP([mdp.dense()[0]], np.zeros((3, 1)))
    missed = 0
    for seed in range(1000):
        states, _ = trajectory(one, 200, seed)
        found = estimate_stochasticity(states, confidence=0.9, least_visits=1).p_minimax
        missed += not found.lower <= 0.6 <= found.upper
    assert missed <= 100 + 4 * np.sqrt(90)


def test_windows_do_not_overlap_and_do_not_cross_episodes():
    states = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    ended = np.array([0, 0, 1, 0, 0, 1, 0, 0], dtype=bool)
    found = estimate_stochasticity(states, ended=ended, horizons=(2,), least_visits=1)
    # Transitions 2 -> 0 end an episode and are none.
    np.testing.assert_array_equal(found.pairs, [[0, -1], [1, -1]])
    np.testing.assert_array_equal(found.visits, [3, 2])
    assert (found.kappa[0].samples, found.kappa[0].groups) == (2, 1)


def test_rare_pairs_are_left_out_and_said_to_be():
    states = np.array([0] * 50 + [1, 0, 2])
    found = estimate_stochasticity(states, least_visits=20)
    assert found.p_minimax.groups == 1
    assert "1 of 2 pairs seen were left out" in found.assumptions[1]
    nothing = estimate_stochasticity([0, 1, 0], least_visits=20).p_minimax
    assert np.isnan(nothing.value)
    assert (nothing.lower, nothing.upper) == (0.0, 1.0)


def test_estimation_refuses_what_is_no_trajectory():
    for arguments in (([0],), ([0, 1], [0]), ([0, 1], None)):
        with pytest.raises(InputError):
            estimate_stochasticity(*arguments, ended=[True] if len(arguments) == 2 and arguments[1] is None else None)
    with pytest.raises(InputError, match="horizon 0"):
        estimate_stochasticity([0, 1, 0], horizons=(0,))
    with pytest.raises(InputError, match="least_visits 0"):
        estimate_stochasticity([0, 1, 0], least_visits=0)


def test_staleness_of_a_policy_against_its_exact_curve():
    """Ring with one action a symbol: P(action of d frames ago is right) = kappa_d; intervals at 1 - 1e-4."""
    game = parse_mdp("ring(p=0.9, symbols=4)").mdp
    policy = np.arange(4)
    exact = staleness_curve(game, policy, 12)
    lam = (4 * 0.9 - 1) / 3
    np.testing.assert_allclose(exact, 0.25 + 0.75 * lam ** np.arange(13), atol=1e-13)
    states, _ = trajectory(FiniteMDP([game.dense()[0]], np.zeros((4, 1))), 40_000, 2)
    curve = estimate_staleness(policy[states], horizons=(1, 4, 12), confidence=0.9999)
    for point in curve:
        assert point.lower <= exact[point.horizon] <= point.upper
        assert 0.01 < point.upper - point.lower < 0.12
        assert point.samples == 40_000 - point.horizon


def test_staleness_interval_is_wider_where_frames_agree_in_runs():
    """Long runs carry less evidence than independent frames: the same share, a wider interval."""
    rng = np.random.default_rng(0)
    independent = rng.integers(2, size=20_000)
    runs = np.repeat(rng.integers(2, size=200), 100)
    wide, narrow = (estimate_staleness(a, horizons=(200,))[0] for a in (runs, independent))
    assert wide.upper - wide.lower > 4 * (narrow.upper - narrow.lower)
    assert wide.lower < 0.5 < wide.upper


def test_staleness_with_missing_frames_and_episodes():
    actions, frames = [1, 1, 2, 2, 3], [0, 1, 2, 4, 5]
    ended = [False, False, True, False, False, False]
    points = estimate_staleness(actions, horizons=(1, 2), frames=frames, ended=ended)
    # Distance 1: (0,1) same, (1,2) not, (4,5) not; (2,4) is two apart and across an end.
    assert points[0].samples == 3
    assert points[0].value == pytest.approx(1 / 3)
    assert points[1].samples == 1
    empty = estimate_staleness([0, 0], horizons=(1,), frames=[0, 5])[0]
    assert np.isnan(empty.value)
    with pytest.raises(InputError):
        estimate_staleness([], horizons=(1,))
    with pytest.raises(InputError, match="horizon 0"):
        estimate_staleness([0, 0], horizons=(0,))
    with pytest.raises(InputError, match="must not be negative"):
        estimate_staleness([0, -1], horizons=(1,))


def test_staleness_curve_needs_one_class():
    with pytest.raises(InputError, match="2 recurrent classes"):
        staleness_curve(FiniteMDP([np.eye(2)], np.zeros((2, 1))), [0, 0], 1)


@pytest.mark.thorough
@pytest.mark.parametrize(("p", "symbols"), [(0.9, 4), (0.99, 4), (0.6, 2)])
@pytest.mark.parametrize("frames", [400, 3000])
def test_staleness_intervals_cover_on_the_ring(p, symbols, frames):
    """600 runs at 95 %: covered in 95 % less four standard errors (3.6 %), at each horizon by its closed form."""
    runs, horizons, eigenvalue = 600, (1, 4, 15), (symbols * p - 1) / (symbols - 1)
    rng = np.random.default_rng(11)
    covered = dict.fromkeys(horizons, 0)
    for _ in range(runs):
        steps = np.where(rng.random(frames) > p, rng.integers(1, symbols, frames), 0)
        for point in estimate_staleness((rng.integers(symbols) + np.cumsum(steps)) % symbols, horizons):
            exact = 1 / symbols + (1 - 1 / symbols) * eigenvalue**point.horizon
            covered[point.horizon] += point.lower <= exact <= point.upper
    assert min(covered.values()) >= runs * (0.95 - 4 * np.sqrt(0.95 * 0.05 / runs))


def test_naive_staleness_intervals_do_not_cover():
    """Counting frames as independent: at p = 0.99 and 15 frames the plain interval misses more than it covers."""
    rng, covered = np.random.default_rng(11), 0
    exact = 0.25 + 0.75 * ((4 * 0.99 - 1) / 3) ** 15
    for _ in range(300):
        seen = np.cumsum(np.where(rng.random(3000) > 0.99, rng.integers(1, 4, 3000), 0)) % 4
        same = seen[:-15] == seen[15:]
        lower, upper = clopper_pearson(same.sum(), same.size)
        covered += lower <= exact <= upper
    assert covered < 150


@pytest.mark.thorough
def test_kappa_intervals_cover_at_every_horizon():
    """400 runs of a ring whose transitions ignore the actions; at 90 % simultaneously over states, z < 4 below."""
    runs, covered = 400, np.zeros(3)
    rng, eigenvalue = np.random.default_rng(12), (3 * 0.8 - 1) / 2
    exact = 1 / 3 + 2 / 3 * eigenvalue ** np.array([1, 2, 5])
    for _ in range(runs):
        steps = np.where(rng.random(2000) > 0.8, rng.integers(1, 3, 2000), 0)
        found = estimate_stochasticity(np.cumsum(steps) % 3, horizons=(1, 2, 5), confidence=0.9)
        limits = np.array([(point.lower, point.upper) for point in found.kappa])
        covered += (limits[:, 0] <= exact) & (exact <= limits[:, 1])
    assert covered.min() >= runs * (0.9 - 4 * np.sqrt(0.9 * 0.1 / runs))
