"""Rules whose starts lie on frame boundaries, played in whole frames: only the law of the delay D matters.

Each kernel writes the delay every frame of a block is served with (0: default behaviour) and is the same rule as in
``staggering/rules`` seen at the boundaries; the tests hold it against the event kernel on equal inference times. An
output of delay D is written straight into the frame it takes effect in: a later write comes from a later, so fresher,
observation. Costs do not depend on the number of workers.
"""

import numpy as np
from numpy.typing import NDArray

from ...compilation import kernel
from ..draws._kernels import draw_delays, fill_bits
from ..witness._kernels import (
    BLOCKED,
    CARRIED,
    DISPATCHED,
    OVERWRITTEN,
    find_acted,
    play,
    tally_service,
)

UNLIMITED_POOL = 0
POOL = 1
SEQUENTIAL = 2
SEQUENTIAL_STRICT = 3

IDLE = CARRIED  # carried, after what the witness carries: idle workers
OBSERVED = CARRIED + 1  # frames from the block's beginning to the observation of the inference in flight
CURSOR = CARRIED + 2  # drawn delays used up


@kernel
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


@kernel
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


@kernel
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


@kernel
def shift(ahead: NDArray[np.int32], count: int, reach: int) -> None:
    """Move what lies beyond a block of ``count`` frames to the front and clear what it leaves."""
    for index in range(reach):
        ahead[index] = ahead[count + index]
    for index in range(max(count, reach), count + reach):
        ahead[index] = 0
    for index in range(reach, count):
        ahead[index] = 0


@kernel(nogil=True)
def run_frames(
    mode: int,
    workers: int,
    hold: int,
    thresholds: NDArray[np.uint64],
    aliases: NDArray[np.int32],
    delay_state: NDArray[np.uint64],
    witness: int,
    repeat: bool,
    jump: np.uint64,
    symbols: int,
    chain_state: NDArray[np.uint64],
    block: int,
    reach: int,
    warmup: int,
    batch_frames: int,
    tallies: NDArray[np.int64],
    delay_counts: NDArray[np.int64],
    intervals: NDArray[np.int64],
) -> None:
    """Play ``warmup`` frames, then ``batch_frames`` for each row of ``tallies`` but the last, which is the warm-up's.

    ``delay_counts`` has a last row for the warm-up too, ``intervals`` a row for the batches and one for the warm-up;
    ``reach`` is the longest delay, ``block`` (a multiple of the random lanes) the frames played at a time.
    """
    bits = np.empty(block, np.uint64)
    delays = np.empty(block, np.int32)
    acted = np.empty(block + 1, np.int32)
    ahead = np.zeros(block + reach + 1, np.int32)
    freed = np.zeros(block + reach + 1, np.int32)
    chain = np.zeros(block + reach, np.int32)
    carry = np.zeros(CARRIED + 3, np.int64)
    carry[IDLE] = workers
    carry[CURSOR] = block
    batches = len(tallies) - 1
    for batch in range(-1, batches):
        row = tallies[batch]
        left = warmup if batch < 0 else batch_frames
        while left > 0:
            count = min(left, block)
            left -= count
            if mode <= POOL:
                fill_bits(delay_state, bits, count)
                draw_delays(bits, thresholds, aliases, delays, count)
            if mode == UNLIMITED_POOL:
                serve_unlimited_pool(delays, count, hold, ahead, row)
            elif mode == POOL:
                serve_pool(delays, count, hold, ahead, freed, carry, row)
                shift(freed, count, reach + 1)
            else:
                pause = 1 if mode == SEQUENTIAL_STRICT else 0
                while not serve_sequentially(delays, count, pause, ahead, carry, row):
                    fill_bits(delay_state, bits, block)
                    draw_delays(bits, thresholds, aliases, delays, block)
                    carry[CURSOR] = 0
                carry[OBSERVED] -= count
            found = find_acted(ahead, count, acted)
            tally_service(
                ahead, count, acted, found, carry, row, delay_counts[batch], intervals[0 if batch >= 0 else 1]
            )
            play(
                witness, repeat, ahead, count, acted, found, chain_state, bits, jump, symbols, chain, reach, carry, row
            )
            shift(ahead, count, reach + 1)
