"""The verdict against its definition and against simulated comparisons."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from regretlab.errors import InputError
from regretlab.records.batch_means import MOST_BATCHES
from regretlab.validation.claim import CONFIDENCE, QUANTILE, judge


def _judge(measured, standard_error, tolerance=0.02, predicted=1.0):
    return judge(
        "x",
        "x is 1",
        predicted=predicted,
        measured=measured,
        standard_error=standard_error,
        tolerance=tolerance,
        source="virtual",
    )


def test_the_quantile_is_that_of_the_confidence():
    assert pytest.approx(stats.t.ppf((1 + CONFIDENCE) / 2, MOST_BATCHES - 1), rel=1e-9) == QUANTILE


@given(st.floats(0.5, 1.5), st.floats(0.0, 0.1), st.floats(1e-3, 0.2))
def test_the_verdict_is_where_the_interval_lies(measured, standard_error, tolerance):
    claim = _judge(measured, standard_error, tolerance)
    low, high = claim.interval
    inside = low >= 1.0 - tolerance - 1e-12 and high <= 1.0 + tolerance + 1e-12
    outside = high < 1.0 - tolerance + 1e-12 or low > 1.0 + tolerance - 1e-12
    if claim.verdict == "holds":
        assert inside
    elif claim.verdict == "violated":
        assert outside
    assert claim.passed == (claim.verdict == "holds")


def test_the_power_is_the_share_of_exact_theories_that_pass():
    standard_error, trials = 0.006, 20_000
    random = np.random.default_rng(5)
    passed = np.mean([_judge(m, standard_error).passed for m in 1.0 + standard_error * random.standard_normal(trials)])
    power = _judge(1.0, standard_error).power
    assert abs(passed - power) < 4 * np.sqrt(power * (1 - power) / trials)
    assert _judge(1.0, 0.02).power == 0.0  # an interval wider than the tolerance can never pass
    assert _judge(1.0, 0.0).power == 1.0


def test_a_false_theory_rarely_passes():
    """A true deviation just beyond the tolerance passes with probability below (1 - CONFIDENCE) / 2."""
    standard_error, trials = 0.002, 20_000
    random = np.random.default_rng(6)
    measured = 1.02 + standard_error * random.standard_normal(trials)
    passed = np.mean([_judge(m, standard_error).passed for m in measured])
    expected = stats.norm.cdf(-QUANTILE)
    assert passed < expected + 4 * np.sqrt(expected / trials)


@given(st.floats(0.99, 1.01), st.floats(0.0, 0.002), st.floats(0.9, 1.1), st.floats(0.9, 1.1))
@example(1.012, 0.001, 0.99, 1.013)  # the rival that fits is not the one nearest to the prediction
def test_a_claim_that_a_rival_fits_as_well_does_not_hold(measured, standard_error, one, other):
    values = {"predicted": 1.0, "measured": measured, "standard_error": standard_error, "tolerance": 0.02}
    alone = judge("x", "x is 1", **values, source="virtual")
    claim = judge("x", "x is 1", **values, source="virtual", rivals={"far": 5.0, "one": one, "other": other})
    nearest = ("one", one) if abs(one - 1.0) <= abs(other - 1.0) else ("other", other)
    assert (claim.rival, claim.rival_predicted) == nearest
    low, high = claim.interval
    assert claim.passed == (alone.passed and not any(low <= value <= high for value in (one, other)))


def test_bad_comparisons_are_refused():
    with pytest.raises(InputError, match="positive tolerance, not 0"):
        _judge(1.0, 0.1, tolerance=0.0)
    with pytest.raises(InputError, match="measured nan"):
        _judge(float("nan"), 0.1)
    assert _judge(1.0, 0.001).to_json()["passed"] is True
