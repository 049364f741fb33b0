"""Workers that each start again when they finish: outputs are placed in frames instead of being played as events.

Two facts make this faster than events, and exact:

* No worker depends on another, so their starts may be drawn worker by worker, some 64 frames at a time.
* Where the freshest output acts first, an output acts in the first frame, from its effect frame on, that no fresher
  output takes: whether a fresher one takes a frame never depends on an older one. So the outputs, freshest first, each
  take the first free frame they may act in. The free frames of 64 are the bits of one number.

By induction over the outputs from the freshest: in each frame the freshest available output acts, so output i acts in
the first frame of its own at which no fresher output is available, and the frames at which fresher outputs act are
known already. A dropped output may act in its effect frame alone, one with an age limit up to that age.

A store of m outputs discards its oldest: an output is lost in the first frame after which m fresher ones wait, and that
too depends on fresher ones only. How many of those placed so far wait after each frame are binary numbers, a bit of all
64 frames in each of ``counts``, that begin at 2^b - m for the fewest bits b, so that the m-th output overflows them; an
output waits until the first frame that is free, or in which that has happened.

The kernel stops where it lacks inference times or room, with nothing half done that it does not resume.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ...compilation import kernel
from ...rules.state import TOLERANCE
from ..tallies._kernels import DISPATCHED, OVERWRITTEN

TOGETHER = 64
"""Frames placed at a time: the bits of a number."""

FRAME = 0  # control: the first frame not served yet
WORKER = 1  # workers whose starts of these frames are drawn
DRAWN = 2  # those starts
USED = 3  # inference times used up
FIRST = 4  # where the outputs that may still act begin
LAST = 5  # and end
CONTROL = 6

DONE = 0
OUT_OF_TIMES = 1
OUT_OF_ROOM = 2

FAR = 2**31 - 1
"""Frames: what lies so far ahead comes after any run. An output is one number, observed frame * 2^32 + effect frame."""

_MULTIPLIER = 0x03F79D71B4CB0A89
"""A De Bruijn sequence: the top six bits of its product with 2^n identify n."""
_PLACES = np.zeros(TOGETHER, np.int64)
_FROM = np.zeros(TOGETHER + 1, np.uint64)
"""Numbers whose bits from a place on are set."""
for _place in range(TOGETHER):
    _PLACES[(_MULTIPLIER << _place & 2**64 - 1) >> 58] = _place
    _FROM[_place] = 2**64 - 2**_place


@kernel(allocates=False)
def from_place(place: int) -> np.uint64:
    """Return the number whose bits from a place on are set: all for a negative one, none from ``TOGETHER`` on."""
    return _FROM[np.uint64(min(max(place, 0), TOGETHER))]


@kernel(allocates=False)
def place(
    begin: int,
    count: int,
    keeps: bool,
    limit: int,
    first: int,
    last: int,
    outputs: NDArray[np.int64],
    served: NDArray[np.int32],
) -> np.int64:
    """Give frames ``begin`` to ``begin + count - 1`` their outputs; return where those that may act later end.

    ``outputs[first:last]`` lie in the order of their observations. ``served`` becomes the ages; its entry ``TOGETHER``
    is for outputs that get no frame.
    """
    for index in range(count):
        served[index] = 0
    one = np.uint64(1)  # indices without a sign need no check
    multiplier = np.uint64(_MULTIPLIER)
    free = ~from_place(count)
    end = begin + count
    bottom = np.uint64(first)
    position = np.uint64(last)
    left = position  # outputs from here on may act later
    if keeps and limit >= FAR:
        while position > bottom and free != 0:  # what is not looked at stays as it is
            position -= one
            output = outputs[position]
            seen = output >> 32
            due = output & FAR
            allowed = free & from_place(due - begin)
            taken = allowed & (~allowed + one)
            free ^= taken
            none = np.uint64(taken == 0)
            frame = np.uint64(_PLACES[(taken * multiplier) >> np.uint64(58)]) | none << np.uint64(6)
            served[frame] = begin + np.int64(frame) - seen
            outputs[left - one] = output
            left -= none
    else:
        longest = FAR if keeps else 1
        while position > bottom:
            position -= one
            output = outputs[position]
            seen = output >> 32
            due = output & FAR
            until = min(seen + limit, due + longest)
            allowed = free & from_place(due - begin) & ~from_place(until - begin)
            taken = allowed & (~allowed + one)
            free ^= taken
            none = np.uint64(taken == 0)
            frame = np.uint64(_PLACES[(taken * multiplier) >> np.uint64(58)]) | none << np.uint64(6)
            served[frame] = begin + np.int64(frame) - seen
            outputs[left - one] = output
            left -= none & np.uint64(until > end)
    kept = position
    for index in range(left, last):
        outputs[kept] = outputs[index]
        kept += one
    return np.int64(kept)


@kernel(allocates=False)
def place_few(
    begin: int,
    count: int,
    most: int,
    limit: int,
    first: int,
    last: int,
    outputs: NDArray[np.int64],
    counts: NDArray[np.uint64],
    served: NDArray[np.int32],
) -> np.int64:
    """Do what ``place`` does where at most ``most`` outputs wait; ``counts`` has room for the bits of that number."""
    for index in range(count):
        served[index] = 0
    one = np.uint64(1)
    multiplier = np.uint64(_MULTIPLIER)
    frames = ~from_place(count)
    free = frames
    full = np.uint64(0)  # frames after which the store holds fresher outputs only
    nothing = np.uint64(0)
    bits = len(counts) if most > 1 else 0
    begins = (1 << bits) - most
    for bit in range(bits):
        counts[bit] = ~nothing if begins >> bit & 1 else nothing
    # up to four bits are in registers; those that are not there are always set
    ones = counts[0] if bits > 0 else ~nothing
    twos = counts[1] if bits > 1 else ~nothing
    fours = counts[2] if bits > 2 else ~nothing
    eights = counts[3] if bits > 3 else ~nothing
    one_less = ones & twos & fours & eights  # frames in which one more overflows
    end = begin + count
    bottom = np.uint64(first)
    position = np.uint64(last)
    left = position
    while position > bottom:
        position -= one
        output = outputs[position]
        seen = output >> 32
        until = seen + limit
        allowed = from_place((output & FAR) - begin) & ~from_place(until - begin)
        stops = (free | full) & allowed
        stop = stops & (~stops + one)
        taken = stop & free
        free ^= taken
        none = np.uint64(taken == 0)
        frame = np.uint64(_PLACES[(taken * multiplier) >> np.uint64(58)]) | none << np.uint64(6)
        served[frame] = begin + np.int64(frame) - seen
        carry = (stop - one) & allowed & frames
        if bits == 0:
            full |= carry
        elif bits <= 4:
            full |= carry & one_less
            if bits == 4:
                eights ^= fours & twos & ones & carry
            if bits >= 3:
                fours ^= twos & ones & carry
            if bits >= 2:
                twos ^= ones & carry
            ones ^= carry
            one_less = ones & twos & fours & eights
        else:
            for bit in range(bits):
                number = counts[bit]
                counts[bit] = number ^ carry
                carry &= number
            full |= carry
        outputs[left - one] = output
        left -= np.uint64(stop == 0) & np.uint64(until > end)
    kept = position
    for index in range(left, last):
        outputs[kept] = outputs[index]
        kept += one
    return np.int64(kept)


@kernel(allocates=False)
def sort_starts(
    begin: int,
    drawn: np.uint64,
    new: NDArray[np.int64],
    rank: NDArray[np.int64],
    starts: NDArray[np.int64],
    last: int,
    outputs: NDArray[np.int64],
) -> None:
    """Append outputs in the order of their observations; ``starts`` counts those of each frame and is cleared."""
    total = last
    for frame in range(len(starts)):
        here = starts[frame]
        starts[frame] = total
        total += here
    for index in range(drawn):
        to = starts[np.uint64((new[index] >> 32) - begin)] + rank[index]
        outputs[np.uint64(to)] = new[index]
    starts[:] = 0


@kernel(allocates=False, nogil=True)
def serve(
    next_start: NDArray[np.float64],
    times: NDArray[np.float64],
    control: NDArray[np.int64],
    cancel_after: float,
    keeps: bool,
    limit: int,
    most: int,
    new: NDArray[np.int64],
    rank: NDArray[np.int64],
    starts: NDArray[np.int64],
    outputs: NDArray[np.int64],
    counts: NDArray[np.uint64],
    served: NDArray[np.int32],
    first: int,
    end: int,
    row: NDArray[np.int64],
) -> int:
    """Serve frames ``first`` to ``end - 1``; ``served[k - first]`` becomes the age of the output of frame k, 0: none;
    it is ``TOGETHER`` + 1 longer than the frames.

    ``next_start`` and ``times`` are in frames; inferences longer than ``cancel_after`` end then without an output.
    The pending outputs lie in ``outputs``, those just drawn in ``new`` with their places among those of one observation
    in ``rank``; ``starts`` has room for a frame more than ``TOGETHER``. At most ``most`` outputs are kept: exactly
    that many where ``counts`` has room for its bits; where it is empty they are cut down every ``TOGETHER`` frames.
    """
    one = np.uint64(1)
    supply = np.uint64(len(times))
    while control[FRAME] < end:
        begin = control[FRAME]
        count = min(TOGETHER, end - begin)
        until = float(begin + count)
        drawn = np.uint64(control[DRAWN])
        room = np.uint64(min(len(new), len(outputs) - control[LAST]))
        used = np.uint64(control[USED])
        outcome = DONE
        for worker in range(control[WORKER], len(next_start)):
            control[WORKER] = worker
            start = next_start[worker]
            seen = math.floor(start + TOLERANCE)
            while start < until and used < supply and drawn < room:
                takes = times[used]
                used += one
                start += min(takes, cancel_after)
                completes = np.uint64(takes <= cancel_after)
                bucket = np.uint64(seen - begin)
                ends = math.floor(start + TOLERANCE)
                effect = max(seen + 1, ends + (start - TOLERANCE > ends))  # the boundary at or after the end
                new[drawn] = (seen << 32) + min(effect, FAR)
                rank[drawn] = starts[bucket]
                starts[bucket] += np.int64(completes)
                drawn += completes
                seen = ends
            next_start[worker] = start
            if start < until:
                outcome = OUT_OF_TIMES if used == supply else OUT_OF_ROOM
                break
        row[DISPATCHED] += np.int64(used) - control[USED]
        control[DRAWN] = np.int64(drawn)
        control[USED] = np.int64(used)
        if outcome != DONE:
            return outcome
        first_output = control[FIRST]
        last = control[LAST] + np.int64(drawn)
        sort_starts(begin, drawn, new, rank, starts, control[LAST], outputs)
        row[OVERWRITTEN] += last
        if len(counts):
            last = place_few(begin, count, most, limit, first_output, last, outputs, counts, served[begin - first :])
        else:
            last = place(begin, count, keeps, limit, first_output, last, outputs, served[begin - first :])
        row[OVERWRITTEN] -= last
        if keeps and len(counts) == 0:
            surplus = max(0, last - first_output - len(next_start) - most)  # those in flight are not in the store
            control[FIRST] += surplus
            row[OVERWRITTEN] += surplus
        acted = 0
        for index in range(begin - first, begin - first + count):
            acted += served[index] > 0
        row[OVERWRITTEN] -= acted
        control[LAST] = last
        control[WORKER] = 0
        control[DRAWN] = 0
        control[FRAME] = begin + count
    return DONE
