"""Rules whose starts lie on frame boundaries, played in whole frames: only the law of the delay D matters.

Each kernel writes the delay every frame of a block is served with (0: default behaviour) and is the same rule as in
``rules`` seen at the boundaries; the tests hold it against the event kernel on equal inference times. An
output of delay D is written straight into the frame it takes effect in: a later write comes from a later, so fresher,
observation. Costs do not depend on the number of workers.
"""

import numpy as np
from numpy.typing import NDArray

from ...compilation import kernel
from ..draws._kernels import draw_delays, fill_bits
from ..tallies._kernels import BLOCKED, DISPATCHED, OVERWRITTEN

UNLIMITED_POOL = 0
POOL = 1
SEQUENTIAL = 2  # and that many frames of rest more

IDLE = 0  # carried from block to block: idle workers
OBSERVED = 1  # frames from the block's beginning to the observation of the inference in flight
CURSOR = 2  # drawn delays used up
CARRIED = 3


@kernel(allocates=False)
def serve_unlimited_pool(
    delays: NDArray[np.int32], count: int, hold: int, ahead: NDArray[np.int32], row: NDArray[np.int64]
) -> None:
    """Start an inference in each frame; ``ahead[i]`` is the delay of the newest output due i frames from the block."""
    overwritten = 0
    for index in range(count):
        delay = max(delays[index], np.int32(hold))
        overwritten += ahead[index + delay] > 0
        ahead[index + delay] = delay
    row[DISPATCHED] += count
    row[OVERWRITTEN] += overwritten


@kernel(allocates=False)
def serve_pool(
    delays: NDArray[np.int32],
    count: int,
    hold: int,
    ahead: NDArray[np.int32],
    freed: NDArray[np.int32],
    carry: NDArray[np.int64],
    row: NDArray[np.int64],
) -> None:
    """Start an inference in each frame in which a worker is idle; ``freed[i]`` workers become idle i frames on."""
    idle = carry[IDLE]
    overwritten = 0
    started = 0
    for index in range(count):
        idle += freed[index]
        delay = delays[index]
        effect = max(delay, np.int32(hold))
        if idle > 0:
            idle -= 1
            started += 1
            freed[index + delay] += 1
            overwritten += ahead[index + effect] > 0
            ahead[index + effect] = effect
    carry[IDLE] = idle
    row[DISPATCHED] += started
    row[BLOCKED] += count - started
    row[OVERWRITTEN] += overwritten


@kernel(allocates=False)
def serve_sequentially(
    delays: NDArray[np.int32],
    count: int,
    pause: int,
    ahead: NDArray[np.int32],
    carry: NDArray[np.int64],
    row: NDArray[np.int64],
) -> bool:
    """Observe, act D frames later, observe ``pause`` frames after that; return False when out of drawn delays."""
    observed = carry[OBSERVED]
    cursor = carry[CURSOR]
    while observed < count and cursor < len(delays):
        delay = delays[cursor]
        ahead[observed + delay] = delay
        observed += delay + pause
        cursor += 1
        row[DISPATCHED] += 1
    carry[OBSERVED] = observed
    carry[CURSOR] = cursor
    return observed >= count


@kernel(allocates=False)
def shift(ahead: NDArray[np.int32], count: int, reach: int) -> None:
    """Move what lies beyond a block of ``count`` frames to the front and clear what it leaves."""
    for index in range(reach):
        ahead[index] = ahead[count + index]
    for index in range(max(count, reach), count + reach):
        ahead[index] = 0
    for index in range(reach, count):
        ahead[index] = 0


@kernel(allocates=False, nogil=True)
def serve(
    mode: int,
    hold: int,
    thresholds: NDArray[np.uint64],
    aliases: NDArray[np.int32],
    state: NDArray[np.uint64],
    bits: NDArray[np.uint64],
    delays: NDArray[np.int32],
    last: int,
    count: int,
    reach: int,
    ahead: NDArray[np.int32],
    freed: NDArray[np.int32],
    carry: NDArray[np.int64],
    row: NDArray[np.int64],
) -> None:
    """Leave behind the last block, of ``last`` frames, and serve the next one: delays in ``ahead[:count]``.

    ``ahead`` and ``freed`` are ``reach`` + 1 longer than the longest block; ``bits`` and ``delays`` as long as it.
    """
    shift(ahead, last, reach + 1)
    if mode <= POOL:
        fill_bits(state, bits, count)
        draw_delays(bits, thresholds, aliases, delays, count)
    if mode == UNLIMITED_POOL:
        serve_unlimited_pool(delays, count, hold, ahead, row)
    elif mode == POOL:
        shift(freed, last, reach + 1)
        serve_pool(delays, count, hold, ahead, freed, carry, row)
    else:
        carry[OBSERVED] -= last
        pause = mode - SEQUENTIAL
        while not serve_sequentially(delays, count, pause, ahead, carry, row):
            fill_bits(state, bits, len(bits))
            draw_delays(bits, thresholds, aliases, delays, len(bits))
            carry[CURSOR] = 0
