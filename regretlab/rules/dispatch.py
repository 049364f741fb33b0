"""One compiled entry for each transition, chosen by the rule's number.

Written by ``python -m regretlab.rules.generate``; do not edit. The rules are branches, not functions passed as
arguments: Numba cannot cache a kernel that takes functions, and the branch costs under a nanosecond. Python code calls
a rule's own transitions.
"""

from ..compilation import kernel
from . import (
    expected_time,
    frame_hold,
    frame_pool,
    free_running,
    max_time,
    quantile_time,
    sequential,
    sequential_strict,
    unstaggered,
)
from .state import State


@kernel(allocates=False)
def next_start(rule: int, state: State, worker: int, now: float) -> float:
    """Return when ``worker``, idle at ``now``, is to start."""
    if rule == 0:
        return sequential.next_start(state, worker, now)
    if rule == 1:
        return sequential_strict.next_start(state, worker, now)
    if rule == 2:
        return unstaggered.next_start(state, worker, now)
    if rule == 3:
        return max_time.next_start(state, worker, now)
    if rule == 4:
        return quantile_time.next_start(state, worker, now)
    if rule == 5:
        return expected_time.next_start(state, worker, now)
    if rule == 6:
        return frame_pool.next_start(state, worker, now)
    if rule == 7:
        return frame_hold.next_start(state, worker, now)
    if rule == 8:
        return free_running.next_start(state, worker, now)
    raise ValueError("unknown rule number")


@kernel(allocates=False)
def on_dispatch(rule: int, state: State, worker: int, start: float) -> None:
    """Note that ``worker`` started the inference of ``start``."""
    if rule == 0:
        return sequential.on_dispatch(state, worker, start)
    if rule == 1:
        return sequential_strict.on_dispatch(state, worker, start)
    if rule == 2:
        return unstaggered.on_dispatch(state, worker, start)
    if rule == 3:
        return max_time.on_dispatch(state, worker, start)
    if rule == 4:
        return quantile_time.on_dispatch(state, worker, start)
    if rule == 5:
        return expected_time.on_dispatch(state, worker, start)
    if rule == 6:
        return frame_pool.on_dispatch(state, worker, start)
    if rule == 7:
        return frame_hold.on_dispatch(state, worker, start)
    if rule == 8:
        return free_running.on_dispatch(state, worker, start)
    raise ValueError("unknown rule number")


@kernel(allocates=False)
def on_completion(rule: int, state: State, worker: int, start: float, completion: float) -> float:
    """Note that the inference of ``start`` completed; return when its output is released."""
    if rule == 0:
        return sequential.on_completion(state, worker, start, completion)
    if rule == 1:
        return sequential_strict.on_completion(state, worker, start, completion)
    if rule == 2:
        return unstaggered.on_completion(state, worker, start, completion)
    if rule == 3:
        return max_time.on_completion(state, worker, start, completion)
    if rule == 4:
        return quantile_time.on_completion(state, worker, start, completion)
    if rule == 5:
        return expected_time.on_completion(state, worker, start, completion)
    if rule == 6:
        return frame_pool.on_completion(state, worker, start, completion)
    if rule == 7:
        return frame_hold.on_completion(state, worker, start, completion)
    if rule == 8:
        return free_running.on_completion(state, worker, start, completion)
    raise ValueError("unknown rule number")
