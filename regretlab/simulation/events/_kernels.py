"""The event kernel: any staggering rule in continuous time, a block of frames at a time.

It runs the transitions of ``rules`` in the order ``rules.rule`` prescribes: by time, completions before
starts, then by worker. Worker events wait in a calendar of frames (a linked list a frame, as many lists as workers, so
a frame finds its own events whatever the number of workers); the events of the current frame lie in a binary heap.
Workers of one server (``laws.server``) wait for each other: in turn, where a completion follows from those before, or
for the next batch, whose beginning is an event that comes before all others of its time. Outputs wait in a ring of
effect frames in which the freshest observation wins; where unused ones are kept, in a store (``rules.store``). A frame
is settled once its own events are over: every later output takes effect later.

The kernel stops where it lacks something (inference times, or room for a longer delay) with nothing half done, says so,
and is called again.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ...compilation import kernel
from ...rules.cancelling import begin as begin_limited
from ...rules.cancelling import ended
from ...rules.dispatch import next_start, on_completion, on_dispatch
from ...rules.state import HOLD, boundary_at_or_after, boundary_at_or_before
from ...rules.store import DISCARDED, TAKEN, add, has_room, take

WAITING = -2  # for a batch to begin
CANCELLED = -1
COMPLETION = 0
START = 1

FRAME = 0  # control: the frame being played
LOADED = 1  # 1: its events are in the heap
HEAP = 2  # number of workers in the heap
USED = 3  # inference times used up
DISPATCHED = 4
OVERWRITTEN = 5
NEEDED = 6  # frames of reach the next inference needs
GIVEN_UP = 7  # inferences cancelled
CONTROL = 8

DISCIPLINE = 0  # of a server: SERIAL or BATCH
GROWTH = 1
NETWORK = 2
FREE = 3  # when it has answered all that it works on
WAITERS = 4  # requests that wait for the next batch
LEFT = 5  # requests of the batch that begins, which have not been looked at
SERVER = 6

SERIAL = 1
BATCH = 2

DONE = 0
OUT_OF_TIMES = 1
OUT_OF_REACH = 2
OUT_OF_STORE = 3


@kernel(allocates=False)
def earlier(time: NDArray[np.float64], kind: NDArray[np.int8], one: int, other: int) -> bool:
    """Return whether the event of worker ``one`` comes first."""
    if time[one] != time[other]:
        return time[one] < time[other]
    if kind[one] != kind[other]:
        return kind[one] < kind[other]
    return one < other


@kernel(allocates=False)
def push(heap: NDArray[np.int32], size: int, worker: int, time: NDArray[np.float64], kind: NDArray[np.int8]) -> None:
    """Add a worker to a heap of ``size`` workers."""
    position = size
    while position > 0:
        parent = (position - 1) >> 1
        if not earlier(time, kind, worker, heap[parent]):
            break
        heap[position] = heap[parent]
        position = parent
    heap[position] = worker


@kernel(allocates=False)
def sink(heap: NDArray[np.int32], size: int, worker: int, time: NDArray[np.float64], kind: NDArray[np.int8]) -> None:
    """Put a worker in place of the first of a heap of ``size`` workers."""
    position = 0
    while True:
        child = 2 * position + 1
        if child >= size:
            break
        if child + 1 < size and earlier(time, kind, heap[child + 1], heap[child]):
            child += 1
        if not earlier(time, kind, heap[child], worker):
            break
        heap[position] = heap[child]
        position = child
    heap[position] = worker


@kernel(allocates=False)
def load(
    frame: int,
    frame_time: float,
    head: NDArray[np.int32],
    after: NDArray[np.int32],
    heap: NDArray[np.int32],
    size: int,
    time: NDArray[np.float64],
    kind: NDArray[np.int8],
) -> int:
    """Move the events of a frame from its list to the heap; return the heap's size."""
    bucket = frame & (len(head) - 1)
    worker = head[bucket]
    head[bucket] = -1
    while worker >= 0:
        following = after[worker]
        if math.floor(time[worker] / frame_time) <= frame:
            push(heap, size, worker, time, kind)
            size += 1
        else:  # of a later turn of the calendar
            after[worker] = head[bucket]
            head[bucket] = worker
        worker = following
    return size


@kernel(allocates=False)
def reschedule(
    frame: int,
    frame_time: float,
    head: NDArray[np.int32],
    after: NDArray[np.int32],
    heap: NDArray[np.int32],
    size: int,
    time: NDArray[np.float64],
    kind: NDArray[np.int8],
) -> int:
    """Take the first worker of the heap, whose event has changed, to where that belongs; return the heap's size."""
    worker = heap[0]
    due = math.floor(time[worker] / frame_time)
    if due <= frame:
        sink(heap, size, worker, time, kind)
        return size
    size -= 1
    if size > 0:
        sink(heap, size, heap[size], time, kind)
    bucket = due & (len(head) - 1)
    after[worker] = head[bucket]
    head[bucket] = worker
    return size


@kernel(allocates=False, nogil=True)
def serve(
    rule: int,
    state: NDArray[np.float64],
    frame_time: float,
    times: NDArray[np.float64],
    control: NDArray[np.int64],
    time: NDArray[np.float64],
    start: NDArray[np.float64],
    kind: NDArray[np.int8],
    head: NDArray[np.int32],
    after: NDArray[np.int32],
    heap: NDArray[np.int32],
    due_row: NDArray[np.int64],
    due_observation: NDArray[np.int64],
    due_start: NDArray[np.float64],
    due_worker: NDArray[np.int32],
    served: NDArray[np.int32],
    served_row: NDArray[np.int64],
    first: int,
    end: int,
    row: NDArray[np.int64],
    log_worker: NDArray[np.int32],
    log_time: NDArray[np.float64],
    log_frame: NDArray[np.int64],
    log_overwritten: NDArray[np.bool_],
    cancel_after: float,
    keeps: bool,
    counts: NDArray[np.int64],
    waiting: NDArray[np.float64],
    kept: NDArray[np.float64],
    ranks: NDArray[np.int64],
    threshold: NDArray[np.float64],
    server: NDArray[np.float64],
) -> int:
    """Serve frames ``first`` to ``end - 1`` of which those before ``control[FRAME]`` are done already.

    ``times`` are the inference times in seconds in the order of dispatch. ``due_*`` are rings over effect frames (a
    power of two long; observation -1: nothing due). ``served[k - first]`` becomes the delay frame k is served with.
    ``row[worker]`` is the number of a worker's inference in flight. Where the log arrays are not empty, inference i
    writes its worker, (start, completion, release), (observation, effect) frames and whether it was overwritten, and
    ``served_row`` the inference behind each frame. Inferences longer than ``cancel_after`` seconds are given up then,
    or after what ``rules.cancelling`` learns where ``threshold``, its state, is not empty. If it ``keeps`` unused
    outputs they lie in the store ``counts``, ``waiting``, ``kept`` instead of the rings, and act in the order of
    ``ranks``. Where ``server`` is not empty the times are those of lone requests to it; a request that its worker gives
    up is worked on all the same, and those to a server of batches are not given up.
    """
    frame = control[FRAME]
    size = control[HEAP]
    logging = len(log_worker) > 0
    learns = len(threshold) > 0
    served_in_turn = len(server) > 0 and server[DISCIPLINE] == SERIAL
    in_batches = len(server) > 0 and server[DISCIPLINE] == BATCH
    mask = len(due_observation) - 1
    outcome = DONE
    while frame < end and outcome == DONE:
        if control[LOADED] == 0:
            size = load(frame, frame_time, head, after, heap, size, time, kind)
            control[LOADED] = 1
        while size > 0:
            worker = heap[0]
            now = time[worker]
            if kind[worker] == START:
                begin = next_start(rule, state, worker, now)
                if begin > now:
                    time[worker] = begin
                else:
                    used = control[USED]
                    waits = in_batches and begin < server[FREE]
                    if used == len(times) and not waits:
                        outcome = OUT_OF_TIMES
                        break
                    takes = server[FREE] - begin if waits else times[used]
                    if served_in_turn:
                        takes += max(0.0, server[FREE] - begin)
                    needed = math.ceil(takes / frame_time) + np.int64(state[HOLD]) + 3
                    if needed > mask:
                        control[NEEDED] = needed
                        outcome = OUT_OF_REACH
                        break
                    on_dispatch(rule, state, worker, begin)
                    row[worker] = control[DISPATCHED]
                    if logging:
                        log_worker[row[worker]] = worker
                        log_time[row[worker], 0] = begin
                        log_frame[row[worker], 0] = boundary_at_or_before(begin, frame_time)
                    control[DISPATCHED] += 1
                    start[worker] = begin
                    if waits:
                        server[WAITERS] += 1
                        time[worker] = server[FREE]
                        kind[worker] = WAITING
                    else:
                        control[USED] = used + 1
                        limit = begin_limited(threshold, worker) if learns else cancel_after
                        time[worker] = begin + min(takes, limit)
                        kind[worker] = COMPLETION if takes <= limit else CANCELLED
                        if served_in_turn or in_batches:
                            server[FREE] = max(begin, begin + takes - server[NETWORK])
            elif kind[worker] == WAITING:
                if server[LEFT] == 0:  # the first of its batch
                    used = control[USED]
                    if used == len(times):
                        outcome = OUT_OF_TIMES
                        break
                    control[USED] = used + 1
                    alone = max(0.0, times[used] - server[NETWORK])
                    server[FREE] = now + alone * (1.0 + server[GROWTH] * (server[WAITERS] - 1))
                    server[LEFT], server[WAITERS] = server[WAITERS], 0
                completion = server[FREE] + server[NETWORK]
                needed = math.ceil((completion - start[worker]) / frame_time) + np.int64(state[HOLD]) + 3
                if needed > mask:
                    control[NEEDED] = needed
                    outcome = OUT_OF_REACH
                    break
                server[LEFT] -= 1
                time[worker] = completion
                kind[worker] = COMPLETION
            elif kind[worker] == CANCELLED:
                on_completion(rule, state, worker, start[worker], now)
                if learns:
                    ended(threshold, worker, now - start[worker], False)
                control[GIVEN_UP] += 1
                kind[worker] = START
            elif keeps:
                if not has_room(counts, waiting, kept):
                    outcome = OUT_OF_STORE
                    break
                begin = start[worker]
                release = on_completion(rule, state, worker, begin, now)
                if learns:
                    ended(threshold, worker, now - begin, True)
                observed = boundary_at_or_before(begin, frame_time)
                effect = max(observed + 1, boundary_at_or_after(release, frame_time))
                add(counts, waiting, effect, observed, begin, worker, row[worker])
                kind[worker] = START
            else:
                begin = start[worker]
                release = on_completion(rule, state, worker, begin, now)
                if learns:
                    ended(threshold, worker, now - begin, True)
                observed = boundary_at_or_before(begin, frame_time)
                effect = max(observed + 1, boundary_at_or_after(release, frame_time))
                slot = effect & mask
                rival = due_observation[slot]
                wins = rival < observed or (
                    rival == observed
                    and (due_start[slot] < begin or (due_start[slot] == begin and due_worker[slot] < worker))
                )
                if rival >= 0:
                    control[OVERWRITTEN] += 1
                if logging:
                    log_time[row[worker], 1] = now
                    log_time[row[worker], 2] = release
                    log_frame[row[worker], 1] = effect
                    if rival >= 0:
                        log_overwritten[due_row[slot] if wins else row[worker]] = True
                if wins:
                    due_observation[slot] = observed
                    due_start[slot] = begin
                    due_worker[slot] = worker
                    due_row[slot] = row[worker]
                kind[worker] = START
            size = reschedule(frame, frame_time, head, after, heap, size, time, kind)
        if outcome != DONE:
            break
        if keeps:
            used_row = take(counts, waiting, kept, ranks, frame)
            served[frame - first] = frame - counts[TAKEN] if used_row >= 0 else 0
            control[OVERWRITTEN] = counts[DISCARDED]
        else:
            slot = frame & mask
            observed = due_observation[slot]
            served[frame - first] = frame - observed if observed >= 0 else 0
            if logging:
                served_row[frame - first] = due_row[slot] if observed >= 0 else -1
            due_observation[slot] = -1
        frame += 1
        control[LOADED] = 0
    control[FRAME] = frame
    control[HEAP] = size
    return outcome


@kernel(allocates=False)
def enlarge(
    frame: int,
    due_row: NDArray[np.int64],
    due_observation: NDArray[np.int64],
    due_start: NDArray[np.float64],
    due_worker: NDArray[np.int32],
    new_row: NDArray[np.int64],
    new_observation: NDArray[np.int64],
    new_start: NDArray[np.float64],
    new_worker: NDArray[np.int32],
) -> None:
    """Copy the rings over effect frames, whose first frame is ``frame``, into longer ones (observations all -1)."""
    mask = len(due_observation) - 1
    longer = len(new_observation) - 1
    for ahead in range(len(due_observation)):
        old = (frame + ahead) & mask
        new = (frame + ahead) & longer
        new_row[new] = due_row[old]
        new_observation[new] = due_observation[old]
        new_start[new] = due_start[old]
        new_worker[new] = due_worker[old]
