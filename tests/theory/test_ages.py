"""Ages of repeated actions and chunks: check values, a plain loop over frames, and the bound over all rules."""

import math

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.laws import law_from_samples, parse_law
from regretlab.theory.ages import evenly_spaced_ages, free_running_ages, regret_at_ages, sequential_ages
from regretlab.theory.any_rule import lower_bound_of_law
from regretlab.theory.loss import FrameLoss
from tests.oracles.event_loop import run_rule

GAMMA, EXPON = parse_law("gamma(4, scale=0.8)"), parse_law("expon(scale=2.5)")


@pytest.mark.parametrize(
    ("law", "workers", "expected"), [(GAMMA, 1, 0.4368091944), (GAMMA, 4, 0.3113163886), (EXPON, 2, 0.3021015360)]
)
def test_check_values(law, workers, expected):
    assert regret_at_ages(free_running_ages(law, 1.0, workers), FrameLoss(0.9)) == pytest.approx(expected, abs=2e-10)


def ages_of_a_loop(rule, workers, law, frames=40_000):
    """Return the shares of the ages of the freshest output in force, frame by frame."""
    random = np.random.default_rng(11)
    timeline = run_rule(rule, workers, lambda: float(law.sample(random, 1)[0]), frames)
    newest, shares = -1, np.zeros(400)
    for frame in range(frames):
        newest = max(newest, timeline.served.get(frame, -1))
        if frame >= 200:
            shares[min(399, frame - newest)] += 1.0
    return shares / shares.sum()


@pytest.mark.parametrize(
    ("rule", "workers", "law"),
    [
        ("sequential", 1, GAMMA),
        ("sequential", 1, law_from_samples([1.0, 5.0])),
        ("free-running", 1, EXPON),
        ("free-running", 3, GAMMA),
    ],
)
def test_a_plain_loop_has_the_same_ages(rule, workers, law):
    """40,000 frames, correlated over about ten: five deviations of a distribution function are below 0.03."""
    expected = sequential_ages(law, 1.0) if rule == "sequential" else free_running_ages(law, 1.0, workers)
    assert expected.sum() == pytest.approx(1.0, abs=1e-9)
    found = ages_of_a_loop(rule, workers, law)
    size = min(len(found), len(expected))
    assert np.abs(np.cumsum(found)[:size] - np.cumsum(expected)[:size]).max() < 0.03


@pytest.mark.parametrize("chunk", [2, 5, math.inf])
def test_no_value_is_below_the_bound_over_all_rules(chunk):
    for loss in (FrameLoss(0.9), FrameLoss(0.9, None, 0.6, 1.0)):
        for law in (GAMMA, EXPON):
            for workers in (1, 3, 8):
                value = regret_at_ages(free_running_ages(law, 1.0, workers), loss, chunk=chunk)
                limit = lower_bound_of_law(law, 1.0, loss, workers=workers, service_model="chunk", chunk=chunk)
                assert value >= limit.regret_per_frame - 1e-9
        even = regret_at_ages(evenly_spaced_ages(6, 3), loss)
        limit = lower_bound_of_law(parse_law("6"), 1.0, loss, workers=3, service_model="repeat")
        assert even == pytest.approx(limit.regret_per_frame, abs=1e-12)  # attained


def test_inputs_that_are_refused():
    with pytest.raises(InputError, match="workers must divide the 5 frames"):
        evenly_spaced_ages(5, 2)
    with pytest.raises(InputError, match=r"the tail of .* reaches"):
        free_running_ages(parse_law("pareto(1.5)"), 1.0, 2)
