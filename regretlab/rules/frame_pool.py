"""Frame pool: at each frame boundary one idle worker is dispatched; outputs are released on completion.

An idle worker claims the first boundary at or after ``now`` that no other worker has claimed. Every boundary at
which some worker is idle is thus claimed by exactly one, without a dispatcher: a boundary is only ever passed over
while no worker is idle.
"""

from ..compilation import kernel
from .state import CLAIMED, CURSOR, FRAME_TIME, NEXT_START, State, boundary_at_or_after, missed, slot


@kernel(allocates=False)
def next_start(state: State, worker: int, now: float) -> float:
    """Return the boundary this worker has claimed; claim one if it has none."""
    base = slot(worker)
    frame_time = state[FRAME_TIME]
    if state[base + CLAIMED] == 0.0 or missed(state[base + NEXT_START], now, frame_time):
        boundary = max(int(state[CURSOR]), boundary_at_or_after(now, frame_time))
        state[CURSOR] = boundary + 1
        state[base + NEXT_START] = boundary * frame_time
        state[base + CLAIMED] = 1.0
    return state[base + NEXT_START]


@kernel(allocates=False)
def on_dispatch(state: State, worker: int, start: float) -> None:
    """Use up the claim."""
    state[slot(worker) + CLAIMED] = 0.0


@kernel(allocates=False)
def on_completion(state: State, worker: int, start: float, completion: float) -> float:
    """Release at once."""
    return completion
