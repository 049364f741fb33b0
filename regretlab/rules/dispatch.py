"""One compiled entry for each transition, chosen by the rule's identifier.

An explicit table, not functions passed as arguments: Numba cannot cache a kernel that takes functions, and the branch
costs under a nanosecond. The protocol is described in ``regretlab.rules.rule``.
"""

from ..compilation import kernel
from . import expected_time, frame_hold, frame_pool, free_running, max_time, sequential, sequential_strict, unstaggered
from .state import State

SEQUENTIAL = 0
SEQUENTIAL_STRICT = 1
UNSTAGGERED = 2
MAX_TIME = 3
FRAME_POOL = 4
EXPECTED_TIME = 5
FREE_RUNNING = 6
FRAME_HOLD = 7


@kernel(allocates=False)
def next_start(rule: int, state: State, worker: int, now: float) -> float:
    """Return when ``worker``, idle at ``now``, is to start; ask again when that time comes."""
    if rule == SEQUENTIAL:
        return sequential.next_start(state, worker, now)
    if rule == SEQUENTIAL_STRICT:
        return sequential_strict.next_start(state, worker, now)
    if rule == UNSTAGGERED:
        return unstaggered.next_start(state, worker, now)
    if rule == MAX_TIME:
        return max_time.next_start(state, worker, now)
    if rule == FRAME_POOL:
        return frame_pool.next_start(state, worker, now)
    if rule == EXPECTED_TIME:
        return expected_time.next_start(state, worker, now)
    if rule == FREE_RUNNING:
        return free_running.next_start(state, worker, now)
    if rule == FRAME_HOLD:
        return frame_hold.next_start(state, worker, now)
    raise ValueError("unknown rule identifier")


@kernel(allocates=False)
def on_dispatch(rule: int, state: State, worker: int, start: float) -> None:
    """Tell the rule that ``worker`` started the inference scheduled at ``start``."""
    if rule == SEQUENTIAL:
        sequential.on_dispatch(state, worker, start)
    if rule == SEQUENTIAL_STRICT:
        sequential_strict.on_dispatch(state, worker, start)
    if rule == UNSTAGGERED:
        unstaggered.on_dispatch(state, worker, start)
    if rule == MAX_TIME:
        max_time.on_dispatch(state, worker, start)
    if rule == FRAME_POOL:
        frame_pool.on_dispatch(state, worker, start)
    if rule == EXPECTED_TIME:
        expected_time.on_dispatch(state, worker, start)
    if rule == FREE_RUNNING:
        free_running.on_dispatch(state, worker, start)
    if rule == FRAME_HOLD:
        frame_hold.on_dispatch(state, worker, start)


@kernel(allocates=False)
def on_completion(rule: int, state: State, worker: int, start: float, completion: float) -> float:
    """Tell the rule that the inference scheduled at ``start`` completed; return when its output is released."""
    if rule == SEQUENTIAL:
        return sequential.on_completion(state, worker, start, completion)
    if rule == SEQUENTIAL_STRICT:
        return sequential_strict.on_completion(state, worker, start, completion)
    if rule == UNSTAGGERED:
        return unstaggered.on_completion(state, worker, start, completion)
    if rule == MAX_TIME:
        return max_time.on_completion(state, worker, start, completion)
    if rule == FRAME_POOL:
        return frame_pool.on_completion(state, worker, start, completion)
    if rule == EXPECTED_TIME:
        return expected_time.on_completion(state, worker, start, completion)
    if rule == FREE_RUNNING:
        return free_running.on_completion(state, worker, start, completion)
    if rule == FRAME_HOLD:
        return frame_hold.on_completion(state, worker, start, completion)
    raise ValueError("unknown rule identifier")


@kernel(allocates=False)
def prime(rule: int, state: State, seconds: float) -> None:
    """Tell a rule that learns how long an inference takes, before the run; the others need no telling."""
    if rule == MAX_TIME:
        max_time.prime(state, seconds)
    if rule == EXPECTED_TIME:
        expected_time.prime(state, seconds)
    if rule == FREE_RUNNING:
        free_running.prime(state, seconds)
    if rule == FRAME_HOLD:
        frame_hold.prime(state, seconds)
