"""Who may apply a gradient: the earliest drawn batch first, whoever is ready first, and past the dead."""

import numpy as np
import pytest

from regretlab.play.learning.checkpoints import first_state
from regretlab.play.learning.state import LearnedState, state_fields
from regretlab.play.learning.steps import NO_TICKET, LearningSteps, steps_fields, strike_out
from regretlab.play.system.arena import Arena
from regretlab.play.system.synchronisation import RobustLock, SemaphoreRow
from regretlab.policies import PolicySpec
from regretlab.policies.learning import LearningSettings
from regretlab.policies.learning.replay import ReplayStore, replay_fields
from regretlab.policies.parameters import parameter_count

SPEC = PolicySpec("nature", actions=3)
SETTINGS = LearningSettings(batch=2, steps=1, replay=50, target_every=2, replay_ratio=1.0)


@pytest.fixture
def memory():
    fields = {**replay_fields(50, (84, 84), np.uint8), **state_fields(1, parameter_count(SPEC)), **steps_fields(3)}
    arena = Arena(fields)
    arena["tickets"][:] = NO_TICKET
    RobustLock(arena["learning_lock"], create=True)
    SemaphoreRow(arena["learning_semaphores"], create=True)
    LearnedState(arena, SETTINGS).prepare(first_state(SPEC, None))
    return arena


def _write(arena, transitions):
    store = ReplayStore(arena)
    random = np.random.default_rng(store.written)
    for _ in range(transitions):
        k = store.written
        store.put_frame(k, random.integers(0, 256, (84, 84), np.uint8))
        store.put_transition(k, k % 3, float(k % 2), 0.0, -1)


def _learners(arena):
    return [LearningSteps(arena, SPEC, SETTINGS, learner, (7, learner)) for learner in range(3)]


def test_gradients_are_applied_in_the_order_of_their_batches(memory):
    _write(memory, 7)  # three batches of two: from the second transition on each is drawn once
    a, b, c = _learners(memory)
    assert [learner.begin() for learner in (b, c, a, b)] == [True, True, True, False]
    for learner in (a, b, c):
        learner.compute()
    assert [learner.apply() for learner in (a, c, b, a, c, a)] == [False, False, True, False, True, True]
    assert LearnedState(memory, SETTINGS).updates == 3
    assert LearnedState(memory, SETTINGS).targets == 1


def test_nobody_waits_for_a_dead_learner(memory):
    _write(memory, 6)
    a, b, _ = _learners(memory)
    assert a.begin()
    assert b.begin()
    b.compute()
    assert not b.apply()
    strike_out(memory, 0)
    assert b.apply()


def test_updates_by_three_learners_in_turn_are_those_of_one_with_old_weights(memory):
    """Against a plain loop: the gradient of batch k is of the weights that k - 2 updates have made."""
    _write(memory, 40)
    learners = _learners(memory)
    state = LearnedState(memory, SETTINGS)
    seen = [state.weights.copy()]
    for learner in learners:
        assert learner.begin()
    for k in range(9):
        learner = learners[k % 3]
        learner.compute()
        used = learner._computer
        np.testing.assert_array_equal(used.weights, seen[max(0, k - 2)])
        before = state.weights.copy()
        assert learner.apply()
        assert np.abs(state.weights - before).max() > 0
        seen.append(state.weights.copy())
        assert learner.begin()
    assert state.targets == 4
    newest = state.snapshots.copies[state.snapshots.begin(0)]
    np.testing.assert_array_equal(newest, state.weights)
