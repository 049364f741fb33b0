"""The compiled transitions against what each rule promises, run by the plain event loop."""

import random

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.rules import RULE_NAMES, get_rule, known_rules
from tests.oracles.event_loop import run_rule


def test_the_registry_numbers_the_rules_in_order():
    assert [rule.identifier for rule in known_rules()] == list(range(len(known_rules())))


def test_sequential_observes_again_where_its_action_takes_effect():
    log = run_rule("sequential", 1, lambda: 2.5, 30)
    assert log.starts[:4] == [0.0, 3.0, 6.0, 9.0]
    assert log.service(3, 27) == (pytest.approx(2 / 3), {3: pytest.approx(1 / 3)})


def test_strict_sequential_acts_for_one_frame_before_it_observes():
    log = run_rule("sequential-strict", 1, lambda: 2.5, 41)
    assert log.starts[:4] == [0.0, 4.0, 8.0, 12.0]
    assert log.service(3, 39) == (0.75, {3: 0.25})


def test_completion_on_a_boundary_counts_for_that_boundary():
    # 3 * 0.1 is 0.30000000000000004: the rounding must not cost a frame
    log = run_rule("sequential", 1, lambda: 3 * 0.1, 60, frame_time=0.1)
    assert {e - o for e, o in zip(log.effect, log.observed, strict=True)} == {3}


def test_unstaggered_workers_stay_in_step_for_constant_times():
    log = run_rule("unstaggered", 4, lambda: 3.2, 4000)
    assert log.service(0, 3990)[0] == pytest.approx(1 - 1 / 3.2, abs=2e-3)
    assert np.ptp(np.reshape(log.starts[:400], (-1, 4)), axis=1).max() == 0.0


def test_frame_pool_dispatches_one_worker_at_every_boundary_while_one_is_idle():
    rng = random.Random(3)
    log = run_rule("frame-pool", 3, lambda: rng.expovariate(1 / 2.5), 2000)
    order = np.argsort(log.starts)
    starts = np.array(log.starts)[order]
    completions = np.array(log.completions)[order]
    assert np.unique(starts).size == starts.size  # never two at one boundary
    missing = np.setdiff1d(np.arange(1990), starts.astype(int))
    assert missing.size > 100
    for boundary in missing:  # only while all three were busy (a completion on the boundary itself frees a worker)
        assert np.sum((starts < boundary) & (completions > boundary)) == 3


def test_max_time_spaces_starts_evenly_and_holds_outputs():
    log = run_rule("max-time", 3, lambda: 5.3, 3000)
    assert np.diff(sorted(log.releases))[10:] == pytest.approx(5.3 / 3, abs=1e-9)
    phi, _ = log.service(100, 2900)
    assert phi == pytest.approx(1 - 3 / 5.3, abs=1e-3)


def test_max_time_on_frames_has_cycles_of_whole_frames():
    log = run_rule("max-time", 3, lambda: 5.3, 3000, alignment="frame")
    assert log.service(100, 2902) == (pytest.approx(0.5, abs=1e-3), {6: pytest.approx(0.5, abs=1e-3)})
    assert all(start == round(start) for start in log.starts)


def test_enough_workers_under_max_time_leave_no_frame_to_the_default():
    rng = random.Random(4)
    log = run_rule("max-time", 6, lambda: rng.uniform(1.0, 5.3), 6000)
    assert log.service(1000, 5990)[0] == 0.0


@pytest.mark.parametrize("increase", [0.3, 2.9])
def test_a_new_maximum_respaces_the_workers_evenly(increase):
    """Algorithm 1: after a longer inference the cycle is longer and still even, also beyond one spacing (4/5)."""
    times = [4.0] * 38 + [4.0 + increase] + [4.0] * 200
    log = run_rule("max-time", 5, iter(times).__next__, 150)
    spacing = np.diff(sorted(log.starts))
    assert spacing[10:35] == pytest.approx(4.0 / 5, abs=1e-9)
    assert spacing[-15:] == pytest.approx((4.0 + increase) / 5, abs=1e-9)
    assert min(np.array(log.releases) - np.array(log.completions)) >= -1e-12


def test_a_new_maximum_delays_the_others_by_distance_times_increase_over_workers():
    """The published re-spacing, on the state itself."""
    rule = get_rule("max-time")
    state = rule.new_state(4, 1.0)
    for worker in range(4):
        assert rule.next_start(state, worker, 0.0) == 0.0
        rule.on_dispatch(state, worker, 0.0)
    rule.on_completion(state, 2, 0.0, 2.0)
    due = [rule.next_start(state, worker, 2.0) for worker in range(4)]
    assert due == pytest.approx([2.0 + 2 * 0.5, 2.0 + 3 * 0.5, 2.0, 2.0 + 1 * 0.5])


def test_a_second_new_maximum_counts_the_delays_that_the_first_still_owes():
    """The starts of the longer cycle are even again, although three workers have not started since the first one."""
    rule = get_rule("max-time")
    state = rule.new_state(4, 1.0)
    for worker in range(4):
        rule.on_dispatch(state, worker, rule.next_start(state, worker, 0.0))
    rule.on_completion(state, 2, 0.0, 2.0)
    rule.on_dispatch(state, 2, rule.next_start(state, 2, 2.0))
    rule.on_completion(state, 0, 0.0, 2.25)
    due = [rule.next_start(state, worker, 2.25) for worker in range(4)]
    assert due == pytest.approx([3.25 + distance * 2.25 / 4 for distance in range(4)])


def test_a_worker_that_was_away_rejoins_in_its_own_phase():
    rule = get_rule("max-time")
    state = rule.new_state(2, 1.0)
    for worker in range(2):
        rule.next_start(state, worker, 0.0)
        rule.on_dispatch(state, worker, 0.0)
    for worker in range(2):
        rule.on_completion(state, worker, 0.0, 4.0)
    due = rule.next_start(state, 1, 4.0)
    assert rule.next_start(state, 1, 27.0) == pytest.approx(due + 6 * 4.0)


def test_asking_twice_changes_nothing():
    for rule in known_rules():
        state = rule.new_state(1, 1.0)
        first = rule.next_start(state, 0, 0.0)
        kept = state.copy()
        assert rule.next_start(state, 0, 0.0) == first
        assert np.array_equal(state, kept)


def test_bad_rules_workers_and_alignments_are_named():
    with pytest.raises(InputError, match="unknown staggering rule 'max-tim': choose one of sequential"):
        get_rule("max-tim")
    with pytest.raises(InputError, match="'sequential' runs exactly 1 worker, not 2"):
        get_rule("sequential").new_state(2, 1.0)
    with pytest.raises(InputError, match="at least 1, not 0"):
        get_rule("frame-pool").new_state(0, 1.0)
    with pytest.raises(InputError, match="takes alignment frame, not 'uniform'"):
        get_rule("frame-pool").choose_alignment("uniform")
    assert {"sequential", "sequential-strict", "unstaggered", "max-time", "frame-pool"} <= set(RULE_NAMES)


def test_a_first_estimate_starts_the_workers_evenly_spaced():
    rule = get_rule("max-time")
    state = rule.new_state(4, 1.0, first_estimate=3.0)
    assert [rule.next_start(state, worker, 0.0) for worker in range(4)] == [0.0, 0.75, 1.5, 2.25]
    aligned = rule.new_state(4, 1.0, alignment="frame", first_estimate=2.5)
    assert [rule.next_start(aligned, worker, 0.0) for worker in range(4)] == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("name", ["sequential", "sequential-strict", "unstaggered", "frame-pool"])
def test_a_worker_away_for_long_gets_one_new_start(name):
    rule = get_rule(name)
    state = rule.new_state(1, 1.0)
    start = rule.next_start(state, 0, 7.5)
    assert start in (7.5, 8.0)
    assert rule.next_start(state, 0, start + 0.01) == start
