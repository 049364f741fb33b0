"""The contention model: a line recovered from its points, its interval, and a real measurement on real processes."""

import os

import numpy as np
import pytest
from scipy import signal, stats

from regretlab.cli import main
from regretlab.errors import InputError, RunError
from regretlab.planning.workers import workers_under_contention
from regretlab.policies import PolicySpec
from regretlab.policies.contention import fit_contention, measure_contention

WORKERS = (1, 2, 4, 8)


def _on_a_line(workers, chi=0.07):
    return 0.5 * (1 + chi * (np.asarray(workers) - 1.0))


def test_the_line_is_recovered():
    noise = np.random.default_rng(1).normal(scale=1e-3, size=(10, 4))
    found = fit_contention(WORKERS, _on_a_line(WORKERS) + noise)
    assert found.lone_time == pytest.approx(0.5, abs=2e-3)
    assert abs(found.contention - 0.07) < 4 * found.contention_error < 0.01


def test_the_fit_is_that_of_scipy_where_all_weights_are_equal():
    """Rounds whose deviations have the same spread at every number: an ordinary regression of the means."""
    deviations = np.array(
        [[1.0, -1.0, 1.0, -1.0], [-1.0, 1.0, -1.0, 1.0], [1.0, 1.0, -1.0, -1.0], [-1.0, -1.0, 1.0, 1.0]]
    )
    means = np.array([0.5, 0.56, 0.63, 0.98])
    found = fit_contention(WORKERS, means + 0.01 * deviations)
    line = stats.linregress(np.asarray(WORKERS) - 1.0, means)
    assert found.lone_time == pytest.approx(line.intercept)
    assert found.contention == pytest.approx(line.slope / line.intercept)


def _busy_machine(random, spell, rounds=10):
    """Return times of a machine whose load drifts (correlation ``spell`` between successive measurements): each round
    measures all numbers in an order of its own, and the load of the moment is on all processes alike."""
    load = signal.lfilter([1.0], [1.0, -spell], random.normal(size=rounds * len(WORKERS) + 200))[200:]
    load *= 0.02 * np.sqrt(1 - spell**2)
    times = np.empty((rounds, len(WORKERS)))
    for done in range(rounds):
        for place, index in enumerate(random.permutation(len(WORKERS))):
            times[done, index] = _on_a_line(WORKERS)[index] * (1 + load[done * len(WORKERS) + place])
    return times


@pytest.mark.parametrize("spell", [0.0, 0.5, 0.9])
def test_the_interval_covers_on_a_machine_with_busy_spells(spell):
    """400 measurements each: 95 % intervals cover in 95 % less four standard errors (4.4 %) of them."""
    random = np.random.default_rng(0)
    covered = straight = 0
    for _ in range(400):
        found = fit_contention(WORKERS, _busy_machine(random, spell))
        covered += found.contention_lower <= 0.07 <= found.contention_upper
        straight += found.line_p_value > 0.05
    assert covered >= 400 * (0.95 - 4 * 0.011)
    assert straight >= 400 * (0.95 - 4 * 0.011)


def test_times_that_are_on_no_line_are_found_out():
    """Flat up to the cores, steep beyond: as on every machine whose cores are the bottleneck."""
    bent = np.array([1.0, 1.0, 2.0, 4.0]) + np.random.default_rng(2).normal(scale=0.02, size=(10, 4))
    assert fit_contention(WORKERS, bent).line_p_value < 1e-4


def test_the_users_report_of_twenty_workers():
    """0.54 s alone, 1.36 s with 20 workers: chi = 0.08, and beyond 12.5 frames no number of workers is enough."""
    found = fit_contention((1, 20), [[0.54, 1.36]] * 3)
    assert found.contention == pytest.approx((1.36 / 0.54 - 1) / 19)
    assert found.line_p_value is None
    assert workers_under_contention(0.54 * 59.7275, found.contention) is None
    assert workers_under_contention(6.0, found.contention) is not None


@pytest.mark.realtime
def test_real_processes_share_real_cores():
    """With more processes than cores each takes longer: twice as many take at least 1.2 times as long."""
    cores = len(os.sched_getaffinity(0))
    told = []
    measured = measure_contention(
        PolicySpec("nature", actions=5),
        [1, 2 * cores],
        samples=30,
        rounds=3,
        progress=lambda *way: told.append(way[:2]),
    )
    assert told == [(done, 6) for done in range(6)]
    assert measured.means[1] > 1.2 * measured.means[0]
    assert measured.contention_upper >= measured.contention > 0


def test_a_process_that_fails_ends_the_measurement(tmp_path):
    """Weights that are not there are found out in the processes, and said."""
    spec = PolicySpec("nature", actions=5, weights=str(tmp_path / "none.safetensors"))
    with pytest.raises(RunError, match=r"failed: InputError: .*none\.safetensors"):
        measure_contention(spec, [1, 2], samples=3, rounds=3)


@pytest.mark.parametrize("workers", [[2], [1, 1], [0, 2], [1, 300]])
def test_numbers_that_will_not_do(workers):
    with pytest.raises(InputError, match="number"):
        measure_contention(PolicySpec("nature", actions=5), workers)


def test_the_command_line_names_bad_numbers(capsys):
    assert main(["profile", "--policy", "nature", "--samples", "2", "--workers", "1,two"]) == 2
    assert "such as 1,2,4, not '1,two'" in capsys.readouterr().err
