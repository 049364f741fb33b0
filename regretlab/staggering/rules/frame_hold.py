"""Frame pool with hold: dispatched like the frame pool, released ``hold`` frames after the observation or later.

The worker is free on completion; only its output waits. Fast inferences then no longer take the frames of earlier,
slower ones: an output of delay D takes effect after max(D, hold) frames, and all outputs with D <= hold arrive in the
order of their observations, each in a frame of its own.
"""

from ...compilation import kernel
from .frame_pool import next_start as pool_next_start
from .frame_pool import on_dispatch as pool_on_dispatch
from .state import FRAME_TIME, HOLD, State, boundary_at_or_before


@kernel(allocates=False)
def next_start(state: State, worker: int, now: float) -> float:
    """Return the boundary this worker has claimed; claim one if it has none."""
    return pool_next_start(state, worker, now)


@kernel(allocates=False)
def on_dispatch(state: State, worker: int, start: float) -> None:
    """Use up the claim."""
    pool_on_dispatch(state, worker, start)


@kernel(allocates=False)
def on_completion(state: State, worker: int, start: float, completion: float) -> float:
    """Release ``hold`` frames after the observation, or on completion if that is later."""
    frame_time = state[FRAME_TIME]
    return max(completion, (boundary_at_or_before(start, frame_time) + state[HOLD]) * frame_time)
