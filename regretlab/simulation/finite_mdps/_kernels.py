"""Any finite MDP under a policy table, over a block of frames, given the delay each frame was served with.

A transition row is an alias table of a power of two of columns, each column one 64-bit word: the two states it may lead
to and the threshold between them (its upper bits). So a move costs one random number, one look at the row and one at a
word; the rest (policy, reward, gap) does not delay the next move.
"""

import numpy as np
from numpy.typing import NDArray

from ...compilation import kernel
from ..draws._kernels import fill_bits

REWARD = 0
DEFAULT_GAP = 1
AGENT_GAP = 2

BY_STATE = 0  # default behaviours: an action for each state (first row of the table of actions)
REPEAT = 1
DRAWN = 2


@kernel(allocates=False)
def columns_of(successors: int) -> int:
    """Return the binary logarithm of the number of columns for a row of so many successors."""
    power = 0
    while (1 << power) < successors:
        power += 1
    return power


@kernel
def fill_rows(
    first: NDArray[np.int64],
    successors: NDArray[np.int32],
    probabilities: NDArray[np.float64],
    state_bits: int,
    power: int,
    rows: NDArray[np.int64],
    words: NDArray[np.uint64],
) -> None:
    """Turn rows in compressed form (``first``, ``successors``, ``probabilities``) into alias words, by Vose's method.

    All rows get 2^``power`` columns, row after row, and ``rows`` is left alone; or, with ``power`` = -1, each as many
    as it needs, and ``rows[r]`` becomes 64 * (its first word) + log2(its columns). A word holds the column's own state
    in its lowest ``state_bits``, the other one above, and on top the share of the own state in units of
    2^(2 state_bits - 64).
    """
    number = len(first) - 1
    longest = 1 << max(power, 0)
    for row in range(number):
        longest = max(longest, 1 << columns_of(first[row + 1] - first[row]))
    share = np.empty(longest)
    own = np.empty(longest, np.int64)
    other = np.empty(longest, np.int64)
    waiting = np.empty(longest, np.int64)
    threshold_bits = 64 - 2 * state_bits
    full = 2.0**threshold_bits
    begin = 0
    for row in range(number):
        count = first[row + 1] - first[row]
        own_power = power
        if power < 0:
            own_power = columns_of(count)
            rows[row] = 64 * begin + own_power
        columns = 1 << own_power
        poor = 0  # columns with less than their share wait at the lower end, the others at the upper end
        rich = columns
        for column in range(columns):
            entry = first[row] + min(column, count - 1)
            own[column] = successors[entry]
            other[column] = own[column]
            share[column] = probabilities[entry] * columns if column < count else 0.0
            if share[column] < 1.0:
                waiting[poor] = column
                poor += 1
            else:
                rich -= 1
                waiting[rich] = column
        while poor > 0 and rich < columns:
            poor -= 1
            needy = waiting[poor]
            giver = waiting[rich]
            other[needy] = own[giver]
            share[giver] -= 1.0 - share[needy]
            if share[giver] < 1.0:
                rich += 1
                waiting[poor] = giver
                poor += 1
        for column in range(poor):  # what rounding has left over
            share[waiting[column]] = 1.0
        for column in range(columns):
            part = np.uint64(0)
            if share[column] >= 1.0:
                other[column] = own[column]
            else:
                part = np.uint64(max(0.0, share[column]) * full)
            words[begin + column] = (
                (part << np.uint64(2 * state_bits))
                | (np.uint64(other[column]) << np.uint64(state_bits))
                | np.uint64(own[column])
            )
        begin += columns


@kernel(allocates=False)
def draw(
    row: int, random: np.uint64, power: int, rows: NDArray[np.int64], words: NDArray[np.uint64], state_bits: int
) -> int:
    """Draw from a row of alias words with one random number."""
    begin = row << max(power, 0)
    own_power = power
    if power < 0:
        begin = rows[row] >> 6
        own_power = rows[row] & 63
    column = np.int64(random & np.uint64((1 << own_power) - 1))
    word = words[begin + column]
    upper = np.uint64(2 * state_bits)
    mask = np.uint64((1 << state_bits) - 1)
    own = word & mask
    other = (word >> np.uint64(state_bits)) & mask
    takes_own = -np.int64((random >> upper) < (word >> upper))
    return int(np.int64(other) ^ ((np.int64(own) ^ np.int64(other)) & takes_own))


@kernel(allocates=False, nogil=True)
def play(
    behaviour: int,
    served: NDArray[np.int32],
    count: int,
    state: NDArray[np.uint64],
    bits: NDArray[np.uint64],
    default_bits: NDArray[np.uint64],
    power: int,
    rows: NDArray[np.int64],
    words: NDArray[np.uint64],
    state_bits: int,
    default_power: int,
    default_rows: NDArray[np.int64],
    default_words: NDArray[np.uint64],
    default_state_bits: int,
    actions: NDArray[np.int32],
    values: NDArray[np.float64],
    chains: int,
    states: NDArray[np.int32],
    first: int,
    repeated: NDArray[np.int64],
    sums: NDArray[np.float64],
) -> None:
    """Play ``chains`` independent copies of an MDP over a block, in turns: while one waits for memory, others move.

    ``states[first + k * chains + c]`` is the state of chain c in frame k of the block; those of the first frame and of
    as many frames before as the longest delay are there. ``actions[d, s]`` is the agent's action of delay d for
    observation s (the last row also for longer delays), and ``actions[0, s]`` that of the default behaviour in state s;
    ``values`` has shape (S * A, 2): reward and gap. ``repeated[c]`` is the last agent action, carried between blocks.
    """
    fill_bits(state, bits, count * chains)
    if behaviour == DRAWN:
        fill_bits(state, default_bits, count * chains)
    width = len(values) // actions.shape[1]
    longest = actions.shape[0] - 1
    reward = 0.0
    gap = 0.0
    default_gap = 0.0
    for index in range(count):
        delay = np.int64(served[index])
        kind = min(delay, longest)
        here = first + index * chains
        for chain in range(chains):
            now = np.int64(states[here + chain])
            action = np.int64(actions[kind, states[here + chain - delay * chains]])
            if behaviour == REPEAT:
                action = action if delay > 0 else repeated[chain]
                repeated[chain] = action
            elif behaviour == DRAWN:
                random = default_bits[index * chains + chain]
                drawn = draw(now, random, default_power, default_rows, default_words, default_state_bits)
                action = action if delay > 0 else drawn
            row = now * width + action
            cost = values[row, 1]
            reward += values[row, 0]
            gap += cost
            default_gap += cost * (delay == 0)
            states[here + chains + chain] = draw(row, bits[index * chains + chain], power, rows, words, state_bits)
    sums[REWARD] += reward / chains
    sums[DEFAULT_GAP] += default_gap / chains
    sums[AGENT_GAP] += (gap - default_gap) / chains
