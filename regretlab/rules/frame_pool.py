"""Frame pool: at each frame boundary one idle worker is dispatched; outputs are released on completion.

An idle worker claims the first boundary at or after ``now`` that no other worker has claimed. Every boundary at
which some worker is idle is thus claimed by exactly one, without a dispatcher: a boundary is only ever passed over
while no worker is idle.
"""

from typing import TYPE_CHECKING

from ..compilation import kernel
from .rule import StaggeringRule
from .state import CLAIMED, CURSOR, FRAME_TIME, NEXT_START, State, boundary_at_or_after, missed, slot

if TYPE_CHECKING:
    from .service.frame_service import ServiceInFrames, ServiceRequest


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


def closed_form(request: "ServiceRequest") -> "ServiceInFrames":
    """Return phi = prod_j (1 - f_j) and a_j = f_j prod_(i<j) (1 - f_i) or an exact chain."""
    from .service.frame_pools import frame_pool

    return frame_pool(request)


RULE = StaggeringRule(
    name="frame-pool",
    summary="one idle worker starts at each frame, released on completion",
    next_start=next_start,
    on_dispatch=on_dispatch,
    on_completion=on_completion,
    closed_form=closed_form,
    pool=True,
)
