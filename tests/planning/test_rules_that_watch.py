"""Rules that look at the world: the check value, a closed form, a plain linear programme, play with symbols."""

import math
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from regretlab.errors import InputError
from regretlab.laws import constant, law_from_samples, parse_law
from regretlab.planning.scheduling import optimal_rule
from regretlab.planning.watching import optimal_watching_rule, regret_of_starts_on_change
from regretlab.theory.any_rule import lower_bound_of_law
from regretlab.theory.loss import FrameLoss
from regretlab.validation.path_blind import play_watching_rule

Q = law_from_samples([1.0] * 2 + [2.0] * 5 + [3.0] * 3)
B = law_from_samples([1.0, 5.0])


def test_the_rule_of_the_example_beats_the_bound_over_path_blind_rules():
    found = optimal_watching_rule(constant(2.0), 1.0, 0.9)
    assert found.regret_lower == pytest.approx(2.0 / (2.0 + 10.0 * 0.9**2), abs=1e-9)
    assert found.regret_upper == pytest.approx(0.1980, abs=5e-5)
    limit = lower_bound_of_law(constant(2.0), 1.0, FrameLoss(0.9), service_model="repeat").regret_per_frame
    assert limit == pytest.approx(0.2305, abs=1e-12)
    assert found.regret_upper < limit
    assert [found.decision(fits) for fits in (1, 0)] == [(0, ()), (1, ())]
    assert found.decision(0, [(1, True)]) == (0, ())  # an inference in progress is left alone


@pytest.mark.parametrize("p", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("law", [constant(1.0), constant(5.0), Q, B])
def test_one_worker_starts_on_change(law, p):
    """The closed form is the optimum of one worker that repeats and gives nothing up."""
    found = optimal_watching_rule(law, 1.0, p)
    assert regret_of_starts_on_change(law, 1.0, p) == pytest.approx(found.regret_upper, abs=1e-8)
    assert found.regret_upper - found.regret_lower < 1e-8


def test_the_closed_form_takes_any_law():
    """Renewal argument by quadrature: E D frames without, then with probability p^D a run of mean 1/(1 - p)."""
    law, p = parse_law("gamma(4, scale=0.8)"), 0.9
    delays = np.maximum(1, np.ceil(law.sample(np.random.default_rng(1), 400_000)))
    expected = delays.mean() / (delays.mean() + (p**delays).mean() / (1 - p))
    assert regret_of_starts_on_change(law, 1.0, p) == pytest.approx(expected, abs=2e-3)
    assert regret_of_starts_on_change(law, 1.0, 1.0) == 0.0


def programme(pmf, p, workers, cancelling, repeat, store):
    """Return the optimal share of frames with a fitting action, by a linear programme over states and decisions."""
    hazard = [pmf[e + 1] / sum(pmf[e + 1 :]) for e in range(len(pmf) - 1)]
    states, todo, pairs = {(0, ()): 0}, [(0, ())], []
    while todo:
        state = todo.pop()
        fitting, busy = state
        masks = product((0, 1), repeat=len(busy)) if cancelling else [(1,) * len(busy)]
        for mask in masks:
            kept = [one for one, keep in zip(busy, mask, strict=True) if keep]
            for starts in range(workers - len(kept) + 1):
                inside, following = [*kept, *[(0, 1)] * starts], Counter()
                for moved, done in product((0, 1), product((0, 1), repeat=len(inside))):
                    chance = (1 - p) if moved else p
                    left = 0 if moved else fitting if repeat else max(fitting - 1, 0)
                    going = []
                    for (elapsed, fits), finished in zip(inside, done, strict=True):
                        chance *= hazard[elapsed] if finished else 1 - hazard[elapsed]
                        if finished:
                            left += fits and not moved
                        else:
                            going.append((elapsed + 1, int(fits and not moved)))
                    if chance > 0:
                        after = (min(left, 1 if repeat else store), tuple(sorted(going)))
                        if after not in states:
                            states[after] = len(states)
                            todo.append(after)
                        following[states[after]] += chance
                pairs.append((states[state], float(fitting > 0), following))
    equal = np.zeros((len(states) + 1, len(pairs)))
    for column, (place, _, following) in enumerate(pairs):
        equal[place, column] += 1.0
        for after, chance in following.items():
            equal[after, column] -= chance
        equal[-1, column] = 1.0
    right = np.zeros(len(states) + 1)
    right[-1] = 1.0
    return -linprog([-pair[1] for pair in pairs], A_eq=equal, b_eq=right, method="highs").fun


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.sampled_from([0.5, 0.9]),
    st.sampled_from([1, 2]),
    st.booleans(),
    st.booleans(),
)
def test_a_plain_linear_programme_finds_the_same_optimum(times, p, workers, cancelling, repeat):
    law = law_from_samples([float(t) for t in times])
    model = "repeat" if repeat else "once"
    found = optimal_watching_rule(law, 1.0, p, workers=workers, service_model=model, cancelling=cancelling, store=3)
    pmf = law.frame_pmf(1.0)
    expected = 1.0 - programme(pmf / pmf.sum(), p, workers, cancelling, repeat, 3)
    assert found.regret_upper == pytest.approx(expected, abs=1e-8)
    assert found.regret_lower <= expected + 1e-9


@pytest.mark.parametrize(
    ("law", "workers", "model", "cancelling"),
    [(constant(2.0), 1, "repeat", False), (Q, 2, "repeat", True), (Q, 2, "once", False), (B, 2, "once", True)],
)
def test_playing_what_it_decides_loses_its_value(law, workers, model, cancelling):
    """Symbols in place of the decision process; 60,000 frames, seed 5, z = 4.5 and a factor 1.1 for 32 batches."""
    rule = optimal_watching_rule(law, 1.0, 0.9, workers=workers, service_model=model, cancelling=cancelling)
    value, error = play_watching_rule(rule, law, 0.9, 60_000, 5)
    assert abs(value - rule.regret_upper) < 1.1 * 4.5 * error
    assert error < 0.01


@pytest.mark.parametrize("cancelling", [False, True])
@pytest.mark.parametrize("model", ["once", "repeat"])
@pytest.mark.parametrize(("law", "workers"), [(Q, 1), (Q, 2), (B, 1), (B, 2), (constant(4.0), 2)])
def test_looking_never_hurts(law, workers, model, cancelling):
    """A rule may ignore what it sees: the optimum is never above that of path-blind rules."""
    watching = optimal_watching_rule(law, 1.0, 0.9, workers=workers, service_model=model, cancelling=cancelling)
    blind = optimal_rule(
        law, 1.0, FrameLoss(0.9), workers=workers, service_model=model, cancelling=cancelling, tolerance=2e-2
    )
    assert watching.regret_lower <= blind.regret_upper + 1e-9
    assert 0.0 <= watching.regret_upper - watching.regret_lower <= workers * 0.9**40 + 1e-8


def test_an_unlimited_store_with_cancelling_at_one_frame_is_the_best_of_all():
    """B, two workers, `once`: no rule serves more than .7918861170, and cancelling at one frame, always, does so.

    That rule completes Binomial(2, 1/2) outputs of age 1 a frame and uses the freshest. By simulation its value; by the
    optimum over rules that look, a superset, the other side.
    """
    best = optimal_watching_rule(B, 1.0, 0.9, workers=2, service_model="once", cancelling=True, store=120)
    assert 1.0 - best.regret_lower == pytest.approx(0.7918861170, abs=2e-8)
    rng, waiting, earned = np.random.default_rng(2), [], np.zeros(200_000)
    for k, number in enumerate(rng.binomial(2, 0.5, size=len(earned))):
        waiting += [k - 1] * number
        if waiting:
            earned[k] = 0.9 ** (k - waiting.pop())
    means = earned.reshape(40, -1).mean(axis=1)
    assert abs(means.mean() - 0.7918861170) < 1.1 * 4.5 * means.std(ddof=1) / math.sqrt(40)


def test_inputs_that_are_refused():
    cases = [
        (lambda: optimal_watching_rule(parse_law("gamma(4)"), 1.0, 0.9), "times of whole frames, and gamma"),
        (lambda: optimal_watching_rule(Q, 1.0, 1.2), "1.2"),
        (lambda: optimal_watching_rule(Q, 1.0, 0.9, workers=0), "workers must be a whole number of at least 1"),
        (lambda: optimal_watching_rule(Q, 1.0, 0.9, service_model="chunk"), "service model must be one of"),
        (lambda: optimal_watching_rule(constant(30.0), 1.0, 0.9, workers=5), "too many states"),
        (lambda: optimal_watching_rule(Q, 1.0, 0.9).decision(2), "2 fitting outputs"),
    ]
    for call, message in cases:
        with pytest.raises(InputError, match=message):
            call()


def test_rules_that_look_bound_the_path_blind_optimum_from_above():
    """`once`: what no rule can serve that knows which outputs still fit, path-blind ones cannot serve either.

    For Q with two workers and B with three that is below the upper ends .72476 and .665 found before.
    """
    for law, workers, expected, inside in (
        (Q, 2, 0.7245611684, (0.72446, 0.72476)),
        (B, 2, 0.4767810962, (0.47668, 0.47682)),
        (B, 3, 0.6565981314, (0.652, 0.665)),
        (Q, 3, 0.8178696674, (0.8044267374, 0.8357)),
    ):
        found = optimal_watching_rule(law, 1.0, 0.9, workers=workers, service_model="once", store=80)
        assert 1.0 - found.regret_lower == pytest.approx(expected, abs=1e-8)
        assert inside[0] < 1.0 - found.regret_lower < inside[1]
