"""Expected-time, free-running and frame-hold, run by the plain event loop, against what they promise."""

import random

import numpy as np
import pytest

from regretlab.rules import get_rule, known_rules
from regretlab.rules.state import LEARNED_TIME
from tests.oracles.event_loop import run_rule


def test_expected_time_spaces_constant_times_evenly_and_wastes_nothing():
    log = run_rule("expected-time", 3, lambda: 5.3, 3000)
    assert np.diff(sorted(log.starts))[10:] == pytest.approx(5.3 / 3, abs=1e-9)
    assert log.releases == log.completions
    phi, _ = log.service(100, 2900)
    assert phi == pytest.approx(1 - 3 / 5.3, abs=1e-3)


def test_expected_time_keeps_its_spacing_when_times_vary():
    """Free-running workers meet by chance; paced ones start at least mean / N apart however long they have run."""
    rng = random.Random(1)
    log = run_rule("expected-time", 4, lambda: rng.gauss(8.0, 1.0), 20_000)
    spacing = np.diff(sorted(log.starts))[5000:]
    assert spacing.min() > 0.995 * 8.0 / 4  # the mean is learned to 1 / sqrt(5000 / 64)
    assert spacing.mean() < 1.15 * 8.0 / 4
    rng = random.Random(1)
    free = run_rule("free-running", 4, lambda: rng.gauss(8.0, 1.0), 20_000)
    assert np.diff(sorted(free.starts))[5000:].min() < 0.1


def test_expected_time_learns_the_mean():
    rule = get_rule("expected-time")
    state = rule.new_state(2, 1.0)
    rng = np.random.default_rng(0)
    times = rng.gamma(4.0, 0.8, 50)
    for time in times:
        rule.on_completion(state, 0, 10.0, 10.0 + time)
    assert state[LEARNED_TIME] == pytest.approx(times.mean())
    primed = rule.new_state(2, 1.0, first_estimate=3.0)
    rule.on_completion(primed, 0, 0.0, 5.0)
    assert primed[LEARNED_TIME] == pytest.approx(4.0)


def test_an_overrun_delays_the_next_start_and_the_pace_goes_on_from_there():
    rule = get_rule("expected-time")
    state = rule.new_state(1, 1.0, first_estimate=4.0)
    assert rule.next_start(state, 0, 0.0) == 0.0
    rule.on_dispatch(state, 0, 0.0)
    rule.on_completion(state, 0, 0.0, 4.0)  # in time: the next instant is 0 + 4
    assert rule.next_start(state, 0, 4.0) == 4.0
    rule.on_dispatch(state, 0, 4.0)
    rule.on_completion(state, 0, 4.0, 10.0)  # two seconds over; the mean becomes 14/3
    assert rule.next_start(state, 0, 10.0) == 10.0
    rule.on_dispatch(state, 0, 10.0)
    rule.on_completion(state, 0, 10.0, 10.5)
    mean = (4.0 + 4.0 + 6.0 + 0.5) / 4
    assert rule.next_start(state, 0, 10.5) == pytest.approx(10.0 + 14 / 3)
    assert state[LEARNED_TIME] == pytest.approx(mean)


def test_expected_time_on_frames_starts_on_boundaries_and_keeps_the_mean_pace():
    log = run_rule("expected-time", 3, lambda: 5.4, 6000, alignment="frame")
    assert all(start == round(start) for start in log.starts)
    # 1.8 frames apart on average; a worker that waits for a boundary is late by less than a frame and loses the rest
    assert 1.8 - 1e-6 <= np.diff(sorted(log.starts))[10:].mean() <= 2.0 + 1e-6


def test_free_running_reaches_the_independent_workers_inaction_fraction():
    """phi = (1-q)^N, q = E min(T, frame) / E T: 0.328987 for three workers and Gamma(4, 0.8)."""
    rng = random.Random(7)
    log = run_rule("free-running", 3, lambda: rng.gammavariate(4.0, 0.8), 60_000)
    phi, _ = log.service(100, 59_900)
    assert phi == pytest.approx(0.328987427259, abs=4 * 0.0025)


def test_free_running_workers_start_spread_out_and_stay_so_for_constant_times():
    rule = get_rule("free-running")
    state = rule.new_state(7, 1.0, first_estimate=10.0)
    first = sorted(rule.next_start(state, worker, 0.0) for worker in range(7))
    gaps = np.diff([*first, 10.0])
    assert gaps.min() > 10.0 / 7 / 3
    assert gaps.max() < 10.0 / 7 * 2.5


def test_hold_releases_no_earlier_and_frees_the_worker_on_completion():
    rng = random.Random(2)
    times = [rng.gammavariate(4.0, 0.8) for _ in range(6000)]
    held = run_rule("frame-hold", 64, iter(times).__next__, 5000, hold=5)
    pool = run_rule("frame-pool", 64, iter(times).__next__, 5000)
    assert held.starts == pool.starts
    assert held.completions == pool.completions
    delay = np.array(pool.effect) - np.array(pool.observed)
    assert np.array_equal(np.array(held.effect) - np.array(held.observed), np.maximum(delay, 5))
    assert held.service(50, 4900)[0] == pytest.approx(0.113958120263, abs=4 * np.sqrt(0.114 * 0.886 / 4850))


@pytest.mark.parametrize("name", ["quantile-time", "expected-time", "free-running", "frame-hold"])
def test_a_worker_that_was_away_is_given_a_new_start(name):
    rule = get_rule(name)
    state = rule.new_state(2, 1.0, first_estimate=3.0, hold=2)
    due = rule.next_start(state, 0, 0.0)
    late = rule.next_start(state, 0, due + 50.3)
    assert late >= due + 50.3
    assert rule.next_start(state, 0, due + 50.3) == late


def test_every_rule_serves_all_frames_of_a_fast_worker():
    """An inference of a third of a frame and one worker: only strict sequential play leaves frames to the default."""
    for rule in known_rules():
        log = run_rule(rule.name, 1, lambda: 1 / 3, 300, hold=1)
        assert log.service(5, 290)[0] == pytest.approx(0.5 if rule.name == "sequential-strict" else 0.0, abs=0.01)
