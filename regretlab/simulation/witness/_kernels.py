"""The witness chains over a block of frames, given the delay each frame was served with (0: default).

* Fresh states (W1): with probability p a move goes to the most likely state, else to one never seen before. An action
  of delay d is right if the last d moves all went to the most likely state. In the terms of the ring: infinitely many
  symbols, each jump a new one.
* Ring of K symbols (W2): stays with probability p, else jumps uniformly to another symbol; an action is right if the
  symbol is still the one observed.
"""

import numpy as np
from numpy.typing import NDArray

from ...compilation import kernel
from ..draws._kernels import fill_bits
from ..tallies._kernels import AGENT_WRONG, DECLINED, DEFAULT_RIGHT

REPEATED = 0  # carried from block to block: the symbol the last agent action was for
OBSERVED = 1  # and the frame it was observed in, from the block's beginning
CARRIED = 2

STAYS = -1
"""Target of a mode that stays."""

EVER = 2**31 - 1
"""Frames: an age that no action reaches."""

FRESH_STATES = 0
RING = 1


@kernel(allocates=False)
def move_to_fresh_states(
    bits: NDArray[np.uint64], count: int, jump: np.uint64, chain: NDArray[np.int32], history: int
) -> None:
    """Write the next states of W1 after ``chain[:history]``: a new one where the bits are below ``jump``."""
    symbol = chain[history - 1]
    for index in range(count):
        symbol += np.int32(bits[index] < jump)
        chain[history + index] = symbol


@kernel(allocates=False)
def add_moves(shown: NDArray[np.int32], count: int, size: np.int32) -> None:
    """Turn a symbol and ``count`` moves after it into symbols; their sum before it is reduced fits into 32 bits."""
    symbol = shown[0]
    for index in range(1, count + 1):
        symbol = np.int32(symbol + shown[index])
        shown[index] = symbol
    share = 1.0 / size
    for index in range(1, count + 1):
        shown[index] -= size * np.int32((shown[index] + 0.5) * share)


@kernel(allocates=False)
def move_ring(
    bits: NDArray[np.uint64], count: int, jump: np.uint64, symbols: int, chain: NDArray[np.int32], history: int
) -> None:
    """Write the next symbols of the ring after ``chain[:history]``.

    Bits below ``jump`` = (1-p) 2^64 are a jump, and where they lie below it says to which of the other K-1 symbols.
    """
    size = np.int32(symbols)
    step = np.float64(symbols - 1) / max(np.float64(jump), 1.0)
    shown = chain[history - 1 :]
    for index in range(count):
        random = bits[index]
        move = np.int32(1) + min(np.int32(np.float64(random) * step), size - np.int32(2))
        shown[index + 1] = move * np.int32(random < jump)
    together = max(1, (2**31 - 1) // symbols - 1)  # moves whose sum fits into 32 bits
    for begin in range(0, count, together):
        add_moves(shown[begin:], min(together, count - begin), size)


@kernel(allocates=False)
def count_wrong(
    served: NDArray[np.int32], acted: NDArray[np.int32], found: int, chain: NDArray[np.int32], history: int
) -> int:
    """Return in how many agent frames the symbol is no longer the one observed."""
    wrong = 0
    for position in range(found):
        index = np.uint64(acted[position])  # an index without a sign needs no check
        shown = np.uint64(history) + index
        wrong += chain[shown] != chain[shown - np.uint64(served[index])]
    return wrong


@kernel(allocates=False)
def count_wrong_up_to(
    useful: int, served: NDArray[np.int32], acted: NDArray[np.int32], found: int, chain: NDArray[np.int32],
    history: int, row: NDArray[np.int64],
) -> None:  # fmt: skip
    """Count as ``count_wrong``, but only actions up to ``useful`` frames old: past it the default action is better."""
    for position in range(found):
        index = acted[position]
        if served[index] > useful:
            row[DECLINED] += 1
        else:
            row[AGENT_WRONG] += chain[history + index] != chain[history + index - served[index]]


@kernel(allocates=False)
def count_repeated_right(
    served: NDArray[np.int32], count: int, chain: NDArray[np.int32], history: int, carry: NDArray[np.int64]
) -> int:
    """Return in how many default frames the last agent action, repeated, fits the symbol shown."""
    right = 0
    repeated = np.int32(carry[REPEATED])
    for index in range(count):
        delay = served[index]
        repeated = chain[history + index - delay] if delay > 0 else repeated
        right += (delay == 0) & (repeated == chain[history + index])
    carry[REPEATED] = repeated
    return right


@kernel(allocates=False)
def is_right(shown: int, seen: int, age: int, target: int, symbols: int) -> bool:
    """Return whether an action made for ``target`` frames later is right at an age where the mode moves on.

    Symbols are counted relative to the mode, which moves by one a frame; without symbols (0) it never comes back.
    """
    if symbols == 0:
        return shown == seen and age == target
    return (shown - seen - target + age) % symbols == 0


@kernel(allocates=False)
def count_moving(
    target: int, symbols: int, repeat: bool, useful: int, served: NDArray[np.int32], count: int,
    chain: NDArray[np.int32], history: int, carry: NDArray[np.int64], row: NDArray[np.int64],
) -> None:  # fmt: skip
    """Tally the actions of an agent that does not know their delay, where the mode moves on in every frame."""
    repeated = np.int32(carry[REPEATED])
    observed = carry[OBSERVED]
    for index in range(count):
        delay = served[index]
        shown = chain[history + index]
        if delay > 0:
            observed = np.int64(index - delay)
            repeated = chain[history + observed]
            if useful < 0:
                row[DECLINED] += 1
            else:
                row[AGENT_WRONG] += not is_right(shown, repeated, delay, target, symbols)
        elif repeat:
            row[DEFAULT_RIGHT] += is_right(shown, repeated, index - observed, target, symbols)
    carry[REPEATED] = repeated
    carry[OBSERVED] = observed - count


@kernel(allocates=False, nogil=True)
def play(
    witness: int,
    repeat: bool,
    useful: int,
    served: NDArray[np.int32],
    count: int,
    acted: NDArray[np.int32],
    found: int,
    state: NDArray[np.uint64],
    bits: NDArray[np.uint64],
    jump: np.uint64,
    symbols: int,
    chain: NDArray[np.int32],
    history: int,
    carry: NDArray[np.int64],
    row: NDArray[np.int64],
    target: int,
) -> None:
    """Play a witness chain over a block: draw its moves into ``chain[history:]``, tally its actions."""
    fill_bits(state, bits, count)
    if witness == FRESH_STATES:
        move_to_fresh_states(bits, count, jump, chain, history)
    else:
        move_ring(bits, count, jump, symbols, chain, history)
    if target != STAYS:
        count_moving(target, symbols, repeat, useful, served, count, chain, history, carry, row)
        return
    if useful < EVER:
        count_wrong_up_to(useful, served, acted, found, chain, history, row)
    else:
        row[AGENT_WRONG] += count_wrong(served, acted, found, chain, history)
    if repeat:
        row[DEFAULT_RIGHT] += count_repeated_right(served, count, chain, history, carry)
