"""What becomes of outputs: which one acts in a frame, which stay unused for later, and for how long one acts.

The simulator and every clock decide with these functions, so that a rule means the same everywhere.

* ``once``: an output acts in one frame. ``add`` takes an output that has completed; ``take`` says which one acts in a
  frame. Those that lost their frame to another stay in the store, as many as it may keep (none: *dropped*), until they
  act or reach the age limit. The freshest observation acts first, among equal ones the later start; or the oldest; or
  the one of the highest rank by age (``theory.orders`` chooses). A full store discards its oldest output.
* ``chunk`` and ``repeat``: the freshest output acts in every frame until a fresher one comes (``in_force``), whatever
  its age (``repeat``) or up to an age. An output older than the one in force is discarded.

The store is three arrays: ``counts`` (below), and the outputs, a row each (columns below), first those whose effect
frame has not come (``waiting``, in no order), then the unused ones (``kept``, a ring in the order of the observations;
its length is a power of two).
"""

import numpy as np
from numpy.typing import NDArray

from ..compilation import kernel

WAITING = 0  # counts: outputs in ``waiting``
KEPT = 1  # outputs in ``kept``
FIRST = 2  # where in the ring the oldest of them is
MOST = 3  # outputs kept unused at most; 0: dropped
LIMIT = 4  # frames of age from which no output acts
OLDEST = 5  # 1: the oldest acts first
DISCARDED = 6  # outputs that will never act
TAKEN = 7  # observation of the output that acts
COUNTS = 8

EFFECT, OBSERVED, START, WORKER, ROW = range(5)  # columns of an output
COLUMNS = 5

NO_LIMIT = 2**62
MOST_KEPT = 2**16
"""Outputs in a store without a limit of its own."""


@kernel(allocates=False)
def has_room(counts: NDArray[np.int64], waiting: NDArray[np.float64], kept: NDArray[np.float64]) -> bool:
    """Return whether one more output fits; if not, the caller brings longer arrays (``move_store``)."""
    return counts[WAITING] < len(waiting) and counts[KEPT] + counts[WAITING] + 1 < len(kept)


@kernel(allocates=False)
def add(
    counts: NDArray[np.int64],
    waiting: NDArray[np.float64],
    effect: int,
    observed: int,
    start: float,
    worker: int,
    row: int,
) -> None:
    """Take in an output that may act from frame ``effect`` on; ``row`` is the caller's number for it."""
    last = counts[WAITING]
    waiting[last, EFFECT] = effect
    waiting[last, OBSERVED] = observed
    waiting[last, START] = start
    waiting[last, WORKER] = worker
    waiting[last, ROW] = row
    counts[WAITING] = last + 1


@kernel(allocates=False)
def older(some: NDArray[np.float64], one: int, others: NDArray[np.float64], other: int) -> bool:
    """Return whether the output in row ``one`` loses a frame to that in row ``other``."""
    if some[one, OBSERVED] != others[other, OBSERVED]:
        return some[one, OBSERVED] < others[other, OBSERVED]
    if some[one, START] != others[other, START]:
        return some[one, START] < others[other, START]
    return some[one, WORKER] < others[other, WORKER]


@kernel(allocates=False)
def copy(source: NDArray[np.float64], one: int, target: NDArray[np.float64], other: int) -> None:
    """Copy the output in row ``one`` to row ``other``."""
    for column in range(COLUMNS):
        target[other, column] = source[one, column]


@kernel(allocates=False)
def release(counts: NDArray[np.int64], waiting: NDArray[np.float64], kept: NDArray[np.float64], frame: int) -> None:
    """Move the outputs that may act from this frame on among the unused ones, in their order."""
    mask = len(kept) - 1
    place = 0
    while place < counts[WAITING]:
        if waiting[place, EFFECT] > frame:
            place += 1
            continue
        hole = counts[FIRST] + counts[KEPT]
        while hole > counts[FIRST] and older(waiting, place, kept, (hole - 1) & mask):
            copy(kept, (hole - 1) & mask, kept, hole & mask)
            hole -= 1
        copy(waiting, place, kept, hole & mask)
        counts[KEPT] += 1
        counts[WAITING] -= 1
        copy(waiting, counts[WAITING], waiting, place)


@kernel(allocates=False)
def discard_oldest(counts: NDArray[np.int64], kept: NDArray[np.float64]) -> None:
    """Give up the oldest of the unused outputs."""
    counts[FIRST] = (counts[FIRST] + 1) & (len(kept) - 1)
    counts[KEPT] -= 1
    counts[DISCARDED] += 1


@kernel(allocates=False)
def highest(counts: NDArray[np.int64], kept: NDArray[np.float64], ranks: NDArray[np.int64], frame: int) -> int:
    """Return the place of the unused output whose age has the highest rank, among equal ones of the oldest.

    ``ranks[j - 1]`` is the rank of age j, the last one also of all later ages.
    """
    mask = len(kept) - 1
    best, best_rank = counts[FIRST], np.int64(-1)
    for place in range(counts[FIRST] + counts[KEPT] - 1, counts[FIRST] - 1, -1):  # from the freshest
        age = int(frame - kept[place & mask, OBSERVED])
        if age >= len(ranks):  # as are all that follow, however many
            return int(counts[FIRST] if ranks[-1] >= best_rank else best)
        if ranks[age - 1] >= best_rank:
            best, best_rank = place, ranks[age - 1]
    return int(best)


@kernel(allocates=False)
def take(
    counts: NDArray[np.int64],
    waiting: NDArray[np.float64],
    kept: NDArray[np.float64],
    ranks: NDArray[np.int64],
    frame: int,
) -> int:
    """Return the row of the output that acts in this frame, -1 for none; its observation is ``counts[TAKEN]``.

    With ``ranks`` (``highest``) the order of use is theirs; an empty array stands for the freshest or the oldest.
    """
    release(counts, waiting, kept, frame)
    while counts[KEPT] > 0 and frame - kept[counts[FIRST], OBSERVED] >= counts[LIMIT]:
        discard_oldest(counts, kept)
    if counts[KEPT] == 0:
        return -1
    mask = len(kept) - 1
    place = counts[FIRST] if counts[OLDEST] == 1 else counts[FIRST] + counts[KEPT] - 1
    if len(ranks) > 0:
        place = highest(counts, kept, ranks, frame)
    counts[TAKEN] = np.int64(kept[place & mask, OBSERVED])
    row = int(kept[place & mask, ROW])
    counts[KEPT] -= 1
    if counts[OLDEST] == 1:
        counts[FIRST] = (counts[FIRST] + 1) & mask
    else:
        for fresher in range(place, counts[FIRST] + counts[KEPT]):  # none where the freshest acts
            copy(kept, (fresher + 1) & mask, kept, fresher & mask)
    while counts[KEPT] > counts[MOST]:
        discard_oldest(counts, kept)
    return row


@kernel(allocates=False)
def move_store(
    counts: NDArray[np.int64],
    waiting: NDArray[np.float64],
    kept: NDArray[np.float64],
    more_waiting: NDArray[np.float64],
    more_kept: NDArray[np.float64],
) -> None:
    """Copy a store into longer arrays."""
    for place in range(counts[WAITING]):
        copy(waiting, place, more_waiting, place)
    for place in range(counts[KEPT]):
        copy(kept, (counts[FIRST] + place) & (len(kept) - 1), more_kept, place)
    counts[FIRST] = 0


IN_FORCE = 0  # carried from block to block: the observation of the action in force, from the block's beginning
STARTED = 1  # 1: there is one


@kernel(allocates=False, nogil=True)
def in_force(served: NDArray[np.int32], count: int, carry: NDArray[np.int64], limit: int, repeats: bool) -> int:
    """Turn the delays of the freshest output of each frame (0: none) into the ages of the action in force.

    Parameters
    ----------
    served
        Shape (count,) or longer; changed in place. With ``repeats`` only the frames of fresher outputs are kept, since
        in the others the default behaviour repeats; else every frame gets its age.
    count
        Frames of the block.
    carry
        The action in force, from block to block; shape (2,), zeros at first.
    limit
        Frames of age from which no output acts.
    repeats
        Whether the default behaviour repeats the last action.

    Returns
    -------
    int
        The largest age.
    """
    newest = carry[IN_FORCE]
    started = carry[STARTED]
    largest = 0
    for index in range(count):
        delay = served[index]
        fresher = delay > 0 and (started == 0 or index - delay > newest)
        if fresher:
            newest = index - delay
            started = 1
        age = index - newest if started == 1 else 0
        if age >= limit or (repeats and not fresher):
            age = 0
        served[index] = age
        largest = max(largest, age)
    carry[IN_FORCE] = newest - count
    carry[STARTED] = started
    return largest
