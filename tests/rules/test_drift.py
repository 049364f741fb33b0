"""Offsets of workers that run back to back are lost; Algorithm 2's pacing keeps them.

After m inferences of mean t and coefficient of variation cv, two workers that started an offset apart have drifted by a
sum of m independent differences: variance 2 m (cv t)^2. That is the square of the spacing t/N once m = 1/(2 N^2 cv^2).
"""

import numpy as np
import pytest

from regretlab.simulation import replay

MEAN = 8.0


def starts_of(log, workers):
    """Return start times, shape (workers, inferences each)."""
    rows = log.inferences
    each = [np.sort(rows["scheduled"][rows["worker"] == worker]) for worker in range(workers)]
    shortest = min(map(len, each))
    return np.stack([times[:shortest] for times in each])


@pytest.mark.parametrize(("workers", "cv"), [(4, 0.1), (8, 0.02), (3, 0.25)])
def test_free_workers_lose_their_offsets_when_the_formula_says(workers, cv):
    """The drift between neighbours has the spacing for its standard deviation after 1/(2 N^2 cv^2) inferences.

    By cumulated sums over 4000 pairs: the variance's relative standard error is sqrt(2/4000), |z| < 4.
    """
    lost_after = 1 / (2 * workers**2 * cv**2)
    shape = 1 / cv**2
    m = max(1, round(lost_after))
    times = np.random.default_rng(workers).gamma(shape, MEAN / shape, (4000, 2, m))
    drift = times[:, 0].sum(axis=1) - times[:, 1].sum(axis=1)
    expected = (MEAN / workers) ** 2 * m / lost_after
    assert drift.var(ddof=1) == pytest.approx(expected, rel=4 * np.sqrt(2 / 4000))


def test_the_rule_without_pacing_drifts_and_with_pacing_does_not():
    """The rules themselves, on the same times: 4 workers, cv = 0.1, so offsets are lost after about 3 inferences each.

    Evenness: the coefficient of variation of the intervals between starts, 0 for perfect spacing, near 1 for workers
    whose phases are independent.
    """
    workers, cv = 4, 0.1
    times = np.random.default_rng(5).gamma(1 / cv**2, MEAN * cv**2, 8000)
    evenness = {}
    for rule in ("free-running", "expected-time"):
        log = replay(times, 1.0, workers=workers, rule=rule, frames=10_000, first_estimate=MEAN)
        starts = starts_of(log, workers)[:, 50:1000]
        spacing = np.diff(np.sort(starts.ravel()))
        evenness[rule] = spacing.std() / spacing.mean()
    assert evenness["free-running"] > 0.6  # four independent phases: intervals are nearly those of a Poisson stream
    assert evenness["expected-time"] < 0.25
    assert evenness["free-running"] > 3 * evenness["expected-time"]


def test_a_new_maximum_respaces_the_workers_of_algorithm_one():
    """Constant times, then one that is half as long again: all later starts are evenly spaced at the new maximum."""
    workers = 4
    times = np.full(400, 6.0)
    times[101] = 9.0
    log = replay(times, 1.0, workers=workers, rule="max-time", frames=600, first_estimate=6.0)
    starts = np.sort(log.inferences["scheduled"])
    spacing = np.diff(starts)
    before, after = spacing[20:90], spacing[130:300]
    assert before == pytest.approx(6.0 / workers, abs=1e-9)
    assert after == pytest.approx(9.0 / workers, abs=1e-9)
