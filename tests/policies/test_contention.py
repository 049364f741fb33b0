"""The contention model: a line recovered from its points; a real measurement on real processes."""

import numpy as np
import pytest

from regretlab.cli import main
from regretlab.errors import InputError
from regretlab.planning.workers import workers_under_contention
from regretlab.policies import PolicySpec
from regretlab.policies.contention import _fitted, measure_contention


def test_the_line_is_recovered():
    workers = (1, 2, 4, 8)
    exact = _fitted(workers, tuple(0.5 * (1 + 0.07 * (n - 1)) for n in workers), (1e-3,) * 4)
    assert (exact.lone_time, exact.contention) == (pytest.approx(0.5), pytest.approx(0.07))
    assert exact.contention_error < 0.002


def test_the_interval_covers():
    """400 noisy measurements: 99 % intervals cover in 99 % of them; binomial, four standard errors (0.5 %) below."""
    random = np.random.default_rng(0)
    workers, covered = (1, 2, 3, 5, 8), 0
    for _ in range(400):
        errors = tuple(0.01 for _ in workers)
        means = tuple(0.5 * (1 + 0.07 * (n - 1)) + 0.01 * random.normal() for n in workers)
        fit = _fitted(workers, means, errors)
        covered += abs(fit.contention - 0.07) < 2.576 * fit.contention_error
    assert covered >= 400 * (0.99 - 4 * 0.005)


def test_the_users_report_of_twenty_workers():
    """0.54 s alone, 1.36 s with 20 workers: chi = 0.08, and beyond 12.5 frames no number of workers is enough."""
    fit = _fitted((1, 20), (0.54, 1.36), (0.01, 0.01))
    assert fit.contention == pytest.approx((1.36 / 0.54 - 1) / 19)
    assert fit.contention_error is None
    assert workers_under_contention(0.54 * 59.7275, fit.contention) is None
    assert workers_under_contention(6.0, fit.contention) is not None


def test_real_processes_share_real_cores():
    """With more processes than cores each takes longer: three times as many take at least 1.2 times as long."""
    import os

    cores = len(os.sched_getaffinity(0))
    measured = measure_contention(PolicySpec("nature", actions=5), [1, 3 * cores], samples=60)
    assert measured.means[1] > 1.2 * measured.means[0]
    assert measured.contention > 0


@pytest.mark.parametrize("workers", [[2], [1, 1], [0, 2], [1, 300]])
def test_numbers_that_will_not_do(workers):
    with pytest.raises(InputError, match="number"):
        measure_contention(PolicySpec("nature", actions=5), workers)


def test_the_command_line_names_bad_numbers(capsys):
    assert main(["profile", "--policy", "nature", "--samples", "2", "--workers", "1,two"]) == 2
    assert "such as 1,2,4, not '1,two'" in capsys.readouterr().err
