"""The exact solver of the scheduling problem: check values, a plain linear programme, play of its decisions, bounds."""

import math
from collections import Counter
from itertools import combinations_with_replacement, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from regretlab.errors import InputError
from regretlab.laws import law_from_samples, parse_law
from regretlab.planning.scheduling import optimal_rule
from regretlab.theory.any_rule import lower_bound_of_law
from regretlab.theory.loss import FrameLoss, MeasuredLoss
from regretlab.validation.path_blind import PathBlindRule, play_rule

Q = law_from_samples([1.0] * 2 + [2.0] * 5 + [3.0] * 3)
B = law_from_samples([1.0, 5.0])
LOSS = FrameLoss(0.9)

EXACT = [
    (Q, 1, {}, 0.3827142857),
    (Q, 1, {"service_model": "repeat"}, 0.7512681429),
    (Q, 2, {"service_model": "repeat"}, 0.7956075133),
    (B, 1, {}, 0.2484150000),
    (B, 1, {"cancelling": True}, 0.4500000000),
]


@pytest.mark.parametrize(("law", "workers", "options", "expected"), EXACT)
def test_check_values(law, workers, options, expected):
    found = optimal_rule(law, 1.0, LOSS, workers=workers, **options)
    assert found.served_lower == pytest.approx(expected, abs=2e-10)
    assert found.served_upper == pytest.approx(expected, abs=2e-10)
    assert found.regret_lower <= 1.0 - expected + 1e-10


def test_check_values_of_truncated_stores():
    """Intervals that hold the optimum must meet those found before; the optimum of three workers is known to 1e-8."""
    three = optimal_rule(Q, 1.0, LOSS, workers=3, store=3, longest_age=12)
    assert three.served_lower == pytest.approx(0.8044267374, abs=1e-8)
    assert three.served_upper == pytest.approx(0.8044267374, abs=1e-8)
    two = optimal_rule(Q, 1.0, LOSS, workers=2, store=3, longest_age=51, tolerance=1e-4)
    assert 0.72446 < two.served_lower < two.served_upper < 0.72457
    both = optimal_rule(B, 1.0, LOSS, workers=2, store=4, longest_age=20, tolerance=1e-4)
    assert both.served_lower < 0.47682
    assert both.served_upper > 0.47668
    assert both.served_upper - both.served_lower < 2e-4
    # always cancel at 1 with an unlimited store reaches .7918861170
    cancelled = optimal_rule(B, 1.0, LOSS, workers=2, cancelling=True, store=3, longest_age=24, tolerance=1e-4)
    assert 0.788 < cancelled.served_lower < 0.7918861170
    assert cancelled.served_upper == pytest.approx(0.7918861170, abs=1e-8)


@pytest.mark.thorough
def test_three_workers_with_rare_fast_inferences():
    found = optimal_rule(B, 1.0, LOSS, workers=3, store=4, longest_age=17, tolerance=1e-4)
    assert 0.652 < found.served_lower < found.served_upper < 0.6566


# --- a second method -----------------------------------------------------------------------------------------------


def programme(pmf, v, workers, store, longest, cancelling, length):
    """Return the optimal gain of the problem with a store of limited size, by a linear programme over its states."""
    hazard = [pmf[e + 1] / sum(pmf[e + 1 :]) for e in range(len(pmf) - 1)]

    def subsets(items):
        return {
            tuple(sorted(x for x, take in zip(items, mask, strict=True) if take))
            for mask in product((0, 1), repeat=len(items))
        }

    def actions(state):
        busy, unused = state
        for kept in subsets(busy) if cancelling else [busy]:
            for starts in range(workers - len(kept) + 1):
                for used in {None, *unused} if not length else [min(unused, default=None)]:
                    yield kept, starts, used

    def outcome(state, action):
        _, unused = state
        kept, starts, used = action
        rest = list(unused)
        if used is not None and not length:
            rest.remove(used)
        elapsed = (0,) * starts + kept
        for mask in product((0, 1), repeat=len(elapsed)):
            chance = math.prod(hazard[e] if done else 1 - hazard[e] for e, done in zip(elapsed, mask, strict=True))
            if chance == 0:
                continue
            busy = tuple(sorted(e + 1 for e, done in zip(elapsed, mask, strict=True) if not done))
            ages = sorted([a + 1 for a in rest] + [e + 1 for e, done in zip(elapsed, mask, strict=True) if done])
            ages = [a for a in ages if a <= longest]
            yield chance, (busy, tuple(ages[:1]) if length else tuple(ages[: store + 1]))

    states, todo, pairs = {}, [((), ())], []
    states[todo[0]] = 0
    while todo:
        state = todo.pop()
        for action in actions(state):
            rest = len(state[1]) - (action[2] is not None)
            if not length and rest > store:
                continue  # the store must be brought back to its size: an output has to be used
            following = Counter()
            for chance, after in outcome(state, action):
                if after not in states:
                    states[after] = len(states)
                    todo.append(after)
                following[states[after]] += chance
            used = action[2]
            reward = 0.0 if used is None or (length and used > length) else v[used]
            pairs.append((states[state], reward, following))
    equal = np.zeros((len(states) + 1, len(pairs)))
    for column, (state, _, following) in enumerate(pairs):
        equal[state, column] += 1.0
        for after, chance in following.items():
            equal[after, column] -= chance
        equal[-1, column] = 1.0
    reward = np.array([pair[1] for pair in pairs])
    right = np.zeros(len(states) + 1)
    right[-1] = 1.0
    return -linprog(-reward, A_eq=equal, b_eq=right, method="highs").fun


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=4),
    st.sampled_from([1, 2]),
    st.booleans(),
    st.sampled_from([0, 2, math.inf]),
    st.sampled_from([FrameLoss(0.8), FrameLoss(0.7, None, 0.5, 1.0), MeasuredLoss((1, 3), (0.1, 0.8), 1.0)]),
)
def test_a_plain_linear_programme_finds_the_same_optimum(times, workers, cancelling, length, loss):
    law, store, longest = law_from_samples([float(t) for t in times]), 2, 6
    v = np.append(loss.worth(np.arange(20)), 0.0)
    model = {"service_model": "chunk", "chunk": None if length == math.inf else length} if length else {"store": store}
    found = optimal_rule(law, 1.0, loss, workers=workers, cancelling=cancelling, longest_age=longest, **model)
    pmf = law.frame_pmf(1.0)
    expected = programme(pmf / pmf.sum(), v, workers, store, longest, cancelling, length)
    assert found.served_lower == pytest.approx(expected, abs=1e-7)
    assert found.served_upper >= expected - 1e-9


@pytest.mark.one_in(3)
@pytest.mark.parametrize(("workers", "cancelling"), [(2, False), (3, False), (2, True)])
def test_playing_what_it_decides_earns_its_value(workers, cancelling):
    """Batch means of 40 batches of 1,500 frames, seed 3, z = 4.5 and a factor 1.1 for the t distribution."""
    law = B if cancelling else Q
    found = optimal_rule(law, 1.0, LOSS, workers=workers, cancelling=cancelling, store=3, longest_age=14)
    random, busy, store = np.random.default_rng(3), [], []
    earned = np.zeros(60_000)
    for k in range(len(earned)):
        store += [start for start, end in busy if end == k]
        busy = [(start, end) for start, end in busy if end > k]
        store = sorted((o for o in store if k - o <= 14), reverse=True)
        if store:
            earned[k] = 0.9 ** (k - store.pop(0))
        store = [o for o in store if k - o < 14][:3]
        starts, cancelled = found.decision([k - start for start, _ in busy], [k - o for o in store])
        for elapsed in cancelled:
            busy.remove(next(one for one in busy if k - one[0] == elapsed))
        busy += [(k, k + int(random.choice(law.seconds))) for _ in range(starts)]
    means = earned.reshape(40, -1).mean(axis=1)
    assert abs(means.mean() - found.served_lower) < 1.1 * 4.5 * means.std(ddof=1) / math.sqrt(40)


def test_what_the_optimal_rules_do():
    """The statements of docs/lower-bound and of the figure optimal-rule."""
    stores = [unused for n in range(4) for unused in combinations_with_replacement(range(1, 5), n)]
    two = optimal_rule(Q, 1.0, LOSS, workers=2, store=3, longest_age=14, tolerance=1e-3)
    assert all(two.decision((), unused)[0] == 2 for unused in stores)
    assert all(two.decision((elapsed,), unused)[0] == 1 for elapsed in (1, 2) for unused in stores)
    three = optimal_rule(Q, 1.0, LOSS, workers=3, store=4, longest_age=14)
    for unused in stores:
        put_off = len(unused) > 1 and unused[0] == 1 and unused[1] <= 3
        assert three.decision((), unused)[0] == (2 if put_off else 3), unused
        for busy in [(1,), (2,), (1, 1), (1, 2), (2, 2)]:
            assert three.decision(busy, unused)[0] == 3 - len(busy)
    repeated = [optimal_rule(B, 1.0, LOSS, workers=n, service_model="repeat") for n in (1, 2, 3)]
    assert [repeated[0].decision((), (age,))[0] for age in (1, 2, 3)] == [0, 1, 1]
    assert [repeated[1].decision((), (age,))[0] for age in range(1, 9)] == [1] * 5 + [2] * 3
    for elapsed in range(1, 5):
        starts = [repeated[1].decision((elapsed,), (age,))[0] for age in range(1, 9)]
        assert starts == [0] * max(0, 3 - elapsed) + [1] * (8 - max(0, 3 - elapsed))
    assert max(repeated[2].decision((), (age,))[0] for age in range(1, 9)) == 2
    for found, regret, at_once in zip(repeated[1:], (0.2653, 0.2128), (0.2744, 0.2242), strict=True):
        assert found.regret_upper == pytest.approx(regret, abs=5e-5)
        started = play_rule(PathBlindRule(B, found.workers, LOSS, math.inf, eagerness=1.0), 400_000, 1)
        assert started.regret == pytest.approx(at_once, abs=5e-5 + 4.5 * 1.1 * started.standard_error)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(1, 2), st.booleans(), st.sampled_from([0, 3]))
def test_the_optimum_is_never_below_the_bound(times, workers, cancelling, length):
    law = law_from_samples([float(t) for t in times])
    model = {"service_model": "chunk", "chunk": length} if length else {}
    found = optimal_rule(law, 1.0, LOSS, workers=workers, cancelling=cancelling, tolerance=1e-2, **model)
    cancel = {"cancel_after": "any"} if cancelling else {}
    limit = lower_bound_of_law(law, 1.0, LOSS, workers=workers, sharper=True, **model, **cancel)
    assert found.regret_upper >= limit.regret_per_frame - 1e-8
    for sharp in limit.sharper:
        assert found.regret_upper >= sharp.regret_per_frame - 1e-7
    assert found.regret_lower <= found.regret_upper + 1e-9


def test_inputs_that_are_refused():
    cases = [
        (lambda: optimal_rule(parse_law("gamma(4, scale=0.8)"), 1.0, LOSS), "times of whole frames, and gamma"),
        (lambda: optimal_rule(parse_law("3.2"), 1.0, LOSS), "times of whole frames, not 3.2 frames"),
        (lambda: optimal_rule(Q, 1.0, LOSS, workers=0), "workers must be a whole number of at least 1"),
        (lambda: optimal_rule(Q, 1.0, LOSS, service_model="twice"), "service model must be one of"),
        (lambda: optimal_rule(Q, 1.0, LOSS, chunk=3), "needs the service model 'chunk'"),
        (lambda: optimal_rule(Q, 1.0, MeasuredLoss((1, 2), (0.3, 0.1), 1.0)), "do not fall with the age"),
        (lambda: optimal_rule(law_from_samples([1.0, 40.0]), 1.0, LOSS, workers=4), "too many states"),
        (lambda: optimal_rule(Q, 1.0, LOSS, workers=2, store=40, longest_age=60), "too many states"),
        (lambda: optimal_rule(Q, 1.0, LOSS).decision([5]), "elapsed times must be at most 1 of 1 to 2 frames"),
    ]
    for call, message in cases:
        with pytest.raises(InputError, match=message):
            call()
