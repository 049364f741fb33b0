"""Replay memory of the agents and its sum tree against plain loops over the transitions that went in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from regretlab.policies.agents.memory import ReplayMemory
from regretlab.policies.agents.sum_tree import SumTree

TRANSITIONS = st.lists(
    st.tuples(st.integers(-3, 3), st.sampled_from([0.0, 0.5, 0.5, 0.9, 0.9]), st.integers(0, 5).map(lambda n: n == 0)),
    min_size=1,
    max_size=40,
)


def _plain(transitions, steps, capacity):
    """Return what can be drawn: by observation its return, discount and following observation (None after the end)."""
    found = {}
    held = capacity + steps  # n-step transitions are complete n transitions later
    for start in range(max(0, len(transitions) - held), len(transitions)):
        total, discount, at = 0.0, 1.0, start
        while True:
            reward, gamma, last = transitions[at]
            total, discount = total + discount * reward, discount * gamma
            if gamma == 0:
                found[start] = (total, 0.0, None)
                break
            if last or at + 1 == len(transitions):
                break
            at += 1
            if at - start == steps:
                found[start] = (total, discount, at)
                break
    return found


@given(transitions=TRANSITIONS, steps=st.integers(1, 4), capacity=st.integers(1, 12))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_what_can_be_drawn_is_what_went_in(transitions, steps, capacity):
    memory = ReplayMemory(capacity, (1,), np.float32, steps=steps)
    for number, (reward, discount, last) in enumerate(transitions):
        memory.add(np.array([number]), action=number % 5, reward=reward, discount=discount, last=last)
    expected = _plain(transitions, steps, capacity)
    drawn = memory.draw(400) if memory.can_be_drawn else None
    seen = set() if drawn is None else {int(first) for first in drawn.observations[:, 0]}
    assert seen == set(expected)  # 400 strata over at most 44 transitions meet each
    for row in range(0 if drawn is None else 400):
        start = int(drawn.observations[row, 0])
        reward, discount, following = expected[start]
        assert drawn.actions[row] == start % 5
        assert drawn.rewards[row] == pytest.approx(reward, abs=1e-5)
        assert drawn.discounts[row] == pytest.approx(discount, abs=1e-6)
        if following is not None:
            assert drawn.next_observations[row, 0] == following


def test_draws_follow_the_priorities_and_the_weights_undo_it():
    """Errors 1 to 8 with alpha 1/2; the chi-square bound is that of independent draws (strata can only do better)."""
    memory = ReplayMemory(8, (1,), np.float32, prioritisation=0.5, seed=3)
    for number in range(9):
        memory.add(np.array([number]), action=0, reward=0.0, discount=0.5)
    memory.learned(np.arange(8), np.arange(1, 9, dtype=np.float32))
    share = np.sqrt(np.arange(1, 9) + 1e-3)
    share /= share.sum()
    rows = np.concatenate([memory.draw(32).rows for _ in range(400)])
    counts = np.bincount(rows, minlength=8)[:8]
    assert stats.chisquare(counts, share * len(rows)).pvalue > 1e-3
    batch = memory.draw(32, importance=1.0)
    undone = batch.weights * share[batch.rows]
    np.testing.assert_allclose(undone / undone[0], 1.0, rtol=1e-5)


@given(size=st.integers(1, 20), data=st.data())
@settings(derandomize=True, deadline=None, max_examples=60)
def test_the_tree_is_a_cumulative_sum(size, data):
    tree, plain = SumTree(size), np.zeros(size)
    for _ in range(data.draw(st.integers(1, 5))):
        rows = np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=6, unique=True)))
        values = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(rows), max_size=len(rows))), float)
        tree.set(rows, values)
        plain[rows] = values
    np.testing.assert_array_equal(tree.get(np.arange(size)), plain)
    assert tree.total == plain.sum()
    if plain.any():
        points = np.arange(int(plain.sum())) + 0.5
        np.testing.assert_array_equal(tree.find(points), np.searchsorted(np.cumsum(plain), points))
