"""The whole-frame kernels against the event kernel on equal inference times, frame by frame."""

import numpy as np
import pytest

from regretlab.simulation import replay
from regretlab.simulation.frames._kernels import (
    CARRIED,
    CURSOR,
    IDLE,
    OBSERVED,
    serve_pool,
    serve_sequentially,
    serve_unlimited_pool,
    shift,
)
from regretlab.simulation.tallies._kernels import BLOCKED, COLUMNS, DISPATCHED, OVERWRITTEN

FRAMES = 3000
REACH = 40
BLOCKS = (64, 1, 500, 13)


def delays(seed):
    return np.minimum(1 + np.random.default_rng(seed).geometric(0.25, FRAMES), REACH).astype(np.int32)


def in_blocks(serve, aheads):
    """Run a kernel over blocks of several lengths, some shorter than the longest delay; return the served delays."""
    out, first = [], 0
    lengths = iter(np.resize(BLOCKS, FRAMES))
    while first < FRAMES:
        count = int(min(next(lengths), FRAMES - first))
        serve(first, count)
        out.append(aheads[0][:count].copy())
        for ahead in aheads:
            shift(ahead, count, REACH + 1)
        first += count
    return np.concatenate(out)


def buffer():
    return np.zeros(max(BLOCKS) + REACH + 1, np.int32)


def by_events(times, **settings):
    log = replay(times, 1.0, frames=FRAMES, **settings)
    return np.maximum(log.frames["delay_frames"], 0), log.inferences


@pytest.mark.parametrize("hold", [0, 5])
def test_the_unlimited_pool_is_a_large_pool_of_events(hold):
    drawn = delays(1)
    ahead, row = buffer(), np.zeros(COLUMNS, np.int64)
    served = in_blocks(
        lambda first, count: serve_unlimited_pool(drawn[first : first + count], count, hold, ahead, row), [ahead]
    )
    rule = "frame-hold" if hold else "frame-pool"
    expected, inferences = by_events(drawn - 0.5, workers=REACH, rule=rule, hold=hold)
    assert np.array_equal(served, expected)
    assert row[DISPATCHED] == FRAMES
    # outputs still due after the end have been counted as displaced by the block kernel only
    assert 0 <= row[OVERWRITTEN] - inferences["overwritten"].sum() <= REACH


@pytest.mark.parametrize(("workers", "hold"), [(1, 0), (2, 0), (4, 0), (3, 6)])
def test_the_finite_pool_is_the_pool_of_events(workers, hold):
    drawn = delays(2)
    ahead, freed, row = buffer(), buffer(), np.zeros(COLUMNS, np.int64)
    carry = np.zeros(CARRIED, np.int64)
    carry[IDLE] = workers
    started = []

    def serve(first, count):
        for index in range(count):  # a frame at a time, to see which frames start an inference
            before = row[DISPATCHED]
            serve_pool(drawn[first + index : first + index + 1], 1, hold, ahead[index:], freed[index:], carry, row)
            started.append(row[DISPATCHED] > before)

    served = in_blocks(serve, [ahead, freed])
    rule = "frame-hold" if hold else "frame-pool"
    times = np.concatenate([drawn[np.array(started)] - 0.5, np.full(REACH, 0.5)])
    expected, inferences = by_events(times, workers=workers, rule=rule, hold=hold)
    assert np.array_equal(served, expected)
    assert row[DISPATCHED] == len(inferences)
    assert row[BLOCKED] == FRAMES - len(inferences)
    assert 0 <= row[OVERWRITTEN] - inferences["overwritten"].sum() <= REACH

    again, freed_again, row_again = buffer(), buffer(), np.zeros(COLUMNS, np.int64)
    carry[:] = 0
    carry[IDLE] = workers
    whole = in_blocks(
        lambda first, count: serve_pool(
            drawn[first : first + count], count, hold, again, freed_again, carry, row_again
        ),
        [again, freed_again],
    )
    assert np.array_equal(whole, served)
    assert np.array_equal(row_again, row)


@pytest.mark.parametrize(("rule", "pause"), [("sequential", 0), ("sequential-strict", 1)])
def test_sequential_play_is_that_of_events(rule, pause):
    drawn = delays(3)
    ahead, row = buffer(), np.zeros(COLUMNS, np.int64)
    carry = np.zeros(CARRIED, np.int64)
    supply = iter(np.split(drawn, range(17, FRAMES, 17)))
    current = [next(supply)]

    def serve(first, count):
        while not serve_sequentially(current[0], count, pause, ahead, carry, row):
            current[0] = next(supply)
            carry[CURSOR] = 0
        carry[OBSERVED] -= count

    served = in_blocks(serve, [ahead])
    expected, inferences = by_events(drawn - 0.5, rule=rule)
    assert np.array_equal(served, expected)
    assert row[DISPATCHED] == len(inferences)
