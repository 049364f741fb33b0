"""What agents remember, and when they may update, against plain loops over the transitions that went in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretlab.policies.agents.dqn import DQN
from regretlab.policies.learning.settings import LearningSettings

TRANSITIONS = st.lists(
    st.tuples(st.integers(-3, 3), st.sampled_from([0.0, 0.5, 0.5, 0.9, 0.9]), st.integers(0, 5).map(lambda n: n == 0)),
    min_size=1,
    max_size=40,
)


def _plain(transitions, steps, capacity):
    """Return what can be drawn: by observation its return, discount and following observation (None after the end)."""
    ended_at = len(transitions)
    whole = [  # those that are not cut off, and whose next observation has come
        start for start, (_, gamma, last) in enumerate(transitions) if gamma == 0 or (not last and start + 1 < ended_at)
    ]
    found = {}
    for start in whole[: max(0, len(whole) - steps + 1)]:
        if start < ended_at - capacity:
            continue
        total, discount, at, following = 0.0, 1.0, start, None
        for _ in range(steps):
            reward, gamma, _ = transitions[at]
            total, discount = total + discount * reward, discount * gamma
            following = at + 1 if gamma else None
            if following not in whole:
                break
            at += 1
        found[start] = (total, discount, following)
    return found


@given(transitions=TRANSITIONS, steps=st.integers(1, 4), capacity=st.integers(5, 12))
@settings(derandomize=True, deadline=None, max_examples=150)
def test_what_can_be_drawn_is_what_went_in(transitions, steps, capacity):
    agent = DQN("mlp", (1,), 5, LearningSettings(batch=1, replay=capacity, steps=steps, replay_ratio=1e-9), seed=0)
    for number, (reward, discount, last) in enumerate(transitions):
        agent.learn(np.array([number], np.float32), number % 5, float(reward), discount, last=last)
    assert agent.updates == 0
    expected = _plain(transitions, steps, capacity)
    store = agent._store
    assert store.available == len(expected)
    if not expected:
        return
    drawn = store.read(np.arange(store.written - steps + 1 - store.available, store.written - steps + 1))
    assert drawn.observations[:, 0].astype(int).tolist() == list(expected)
    for row, (start, (reward, discount, following)) in enumerate(expected.items()):
        assert drawn.actions[row] == start % 5
        assert drawn.rewards[row] == pytest.approx(reward, abs=1e-5)
        assert drawn.discounts[row] == pytest.approx(discount, abs=1e-6)
        if following is not None:
            assert drawn.next_observations[row, 0] == following


@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("minimum", [None, 20])
def test_updates_begin_without_a_burst_and_keep_to_the_ratio(ratio, minimum):
    """The number of updates after t transitions is floor(ratio (t - first + 1) / batch) once first are there."""
    chosen = LearningSettings(batch=4, replay=100, steps=1, minimum=minimum, replay_ratio=ratio, exploration_frames=0)
    agent = DQN("mlp", (1,), 2, chosen, seed=0)
    first, counts = minimum or 4, []
    for number in range(60):
        agent.learn(np.array([number], np.float32), 0, 0.0, 0.0)  # each ends its episode, so each is whole at once
        counts.append(agent.updates)
    expected = [int(ratio * max(0, t - first + 1) / 4 + 1e-9) for t in range(1, 61)]
    assert counts == expected
    assert max(np.diff(counts)) <= np.ceil(ratio / 4)
