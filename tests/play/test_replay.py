"""Transitions against their definition on random play; the store against a plain list, also while written."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regretlab.play.learning.transitions import Transition, TransitionBuilder
from regretlab.play.system.arena import Arena
from regretlab.policies.learning.replay import ReplayStore, replay_fields


def _by_definition(frames, discount):
    """Return the transitions of a whole play, looking forward from each agent action."""
    found = []
    starts, start = [], 0
    for k, (_, _, terminated, truncated) in enumerate(frames):
        starts.append(start)
        start = k + 1 if terminated or truncated else start
    for e, (served, *_) in enumerate(frames):
        if served is None or served[0] < starts[e]:
            continue
        total = 0.0
        for k in range(e, len(frames)):
            if k > e and frames[k][0] is not None:
                found.append((e, Transition(served[0], e, served[1], total, k - e, frames[k][0][0])))
                break
            total += discount ** (k - e) * frames[k][1]
            if frames[k][2]:
                found.append((e, Transition(served[0], e, served[1], total, k + 1 - e, -1)))
            if frames[k][2] or frames[k][3]:
                break
    return [transition for _, transition in sorted(found, key=lambda pair: pair[0])]


@given(st.data(), st.integers(1, 60), st.sampled_from([0.0, 0.5, 1.0]))
def test_transitions_are_those_of_the_definition(data, length, discount):
    frames = []
    for k in range(length):
        observed = data.draw(st.one_of(st.none(), st.integers(max(0, k - 6), k))) if k else None
        served = None if observed is None else (min(observed, k - 1), data.draw(st.integers(0, 3)))
        ending = data.draw(st.sampled_from([(False, False)] * 8 + [(True, False), (False, True)]))
        frames.append((served, float(data.draw(st.integers(0, 4))), *ending))
    builder = TransitionBuilder(discount)
    got = [transition for k, frame in enumerate(frames) for transition in builder.add(k, *frame)]
    assert got == _by_definition(frames, discount)


def test_a_million_transitions_fit_in_eight_gigabytes_and_cost_nothing_until_written():
    fields = replay_fields(1_000_000, (84, 84), np.uint8)
    size = sum(np.dtype(dtype).itemsize * int(np.prod(shape)) for dtype, shape in fields.values())
    assert 7.0e9 < size < 8.0e9
    arena = Arena(fields)
    store = ReplayStore(arena)
    before = _shared_pages()
    for k in range(100):
        store.put_frame(k, np.full((84, 84), k, np.uint8))
    assert _shared_pages() - before < 100 * 3 + 50  # a frame lies in at most three pages of 4096 bytes
    arena.close()


def _shared_pages():
    """Pages of shared memory that this process has touched (third figure of statm)."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[2])


def _put(store, row, discount):
    following = row.next_observation_frame
    store.put_transition(
        row.observation_frame, row.action, row.reward, discount**row.frames if following >= 0 else 0.0, following
    )


def _filled(capacity, count, steps, discount=0.9, every=7):
    """A store written with frames that show their number, and the plain list of all transitions."""
    store = ReplayStore(Arena(replay_fields(capacity, (2, 2), np.int64)), steps)
    rows = []
    for k in range(count):
        store.put_frame(k, np.full((2, 2), k))
        if k >= 2:
            ended = k % every == 0
            rows.append(Transition(k - 2, k - 1, k % 5, float(k), 1, -1 if ended else k - 1))
            _put(store, rows[-1], discount)
    return store, rows


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(("capacity", "count"), [(500, 300), (50, 1000)])
def test_drawn_transitions_are_the_written_ones(steps, capacity, count):
    store, rows = _filled(capacity, count, steps)
    batch = store.draw(np.random.default_rng(0), 4000)
    assert store.available >= min(capacity, len(rows)) - steps - 1
    assert len(np.unique(batch.rows)) == store.available  # each is drawn sooner or later, and none that is gone
    for i in range(200):
        number = int(batch.rows[i])
        reward, span, last = 0.0, 0, None
        for row in rows[number : number + steps]:
            reward += 0.9**span * row.reward
            span, last = span + row.frames, row
            if row.next_observation_frame < 0:
                break
        assert batch.rewards[i] == pytest.approx(reward, rel=1e-6)
        assert batch.actions[i] == rows[number].action
        assert (batch.observations[i] == rows[number].observation_frame).all()
        if last.next_observation_frame < 0:
            assert batch.discounts[i] == 0
        else:
            assert batch.discounts[i] == pytest.approx(0.9**span)
            assert (batch.next_observations[i] == last.next_observation_frame).all()


def test_draws_are_uniform():
    store, _ = _filled(40, 42, 1)
    count = np.unique(store.draw(np.random.default_rng(1), 40_000).rows, return_counts=True)[1]
    expected = 40_000 / store.available
    assert len(count) == store.available
    assert np.abs(count - expected).max() < 5 * np.sqrt(expected)


def test_what_is_drawn_while_the_writer_writes_is_never_mixed():
    """A small store that is written over again and again: an observation always shows the frame its row names."""
    arena = Arena(replay_fields(30, (84, 84), np.int64))
    store = ReplayStore(arena)
    stop, started = threading.Event(), threading.Event()

    def write():
        k = 0
        while not stop.is_set():
            store.put_frame(k, np.full((84, 84), k))
            if k >= 2:
                _put(store, Transition(k - 2, k - 1, 0, float(k - 2), 1, k - 1), 0.9)
            k += 1
            if k > 200:
                started.set()

    writer = threading.Thread(target=write)
    writer.start()
    started.wait(20)
    random, bad, drawn = np.random.default_rng(2), 0, 0
    try:
        for _ in range(300):
            batch = store.draw(random, 4)
            shown = batch.observations.reshape(4, -1)
            following = batch.next_observations.reshape(4, -1)
            bad += int((shown != shown[:, :1]).any() or (following != following[:, :1]).any())
            bad += int((shown[:, 0] != batch.rewards).any() or (following[:, 0] != batch.rewards + 1).any())
            drawn += 1
    finally:
        stop.set()
        writer.join()
    assert (bad, drawn) == (0, 300)


def test_priorities_decide_how_often_a_transition_is_drawn_and_weights_undo_it():
    store, _ = _filled(40, 42, 1)
    first = int(store.draw(np.random.default_rng(1), 4000).rows.min())
    numbers = np.arange(first, first + store.available)
    priorities = 1.0 + (numbers % 4)
    store.set_priorities(numbers, priorities)
    batch = store.draw(np.random.default_rng(2), 60_000, 0.5, 1.0)
    probability = np.sqrt(priorities) / np.sqrt(priorities).sum()
    count = np.bincount(batch.rows - first, minlength=len(numbers))
    error = np.sqrt(60_000 * probability * (1 - probability))
    assert (np.abs(count - 60_000 * probability) < 4.5 * error).all()
    expected = probability.min() / probability[batch.rows - first]  # beta = 1: inverse to the probability, at most 1
    np.testing.assert_allclose(batch.weights, expected, rtol=1e-5)
    store.put_frame(42, np.zeros((2, 2)))
    store.put_transition(42, 0, 0.0, 0.0, -1)
    drawn = store.draw(np.random.default_rng(3), 60_000, 1.0, 0.0).rows
    there = np.arange(int(drawn.min()), int(drawn.max()) + 1)
    assert len(there) > 30
    known = np.where(there == there[-1], 4.0, 1.0 + there % 4)  # a new one has the largest priority so far
    assert abs((drawn == there[-1]).mean() - 4.0 / known.sum()) < 0.01
