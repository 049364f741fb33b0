"""Sequential interaction, overlapped: the next observation is taken at the boundary where the action takes effect.

One worker. While it thinks the default behaviour acts; its output is released on completion, takes effect at the next
boundary, and that boundary's frame is the next observation: delays D give phi = 1 - 1/E D.
"""

from typing import TYPE_CHECKING

from ..compilation import kernel
from .rule import StaggeringRule
from .state import FRAME_TIME, NEXT_START, State, boundary_at_or_after, missed, slot

if TYPE_CHECKING:
    from .service.frame_service import ServiceInFrames, ServiceRequest


@kernel(allocates=False)
def next_start(state: State, worker: int, now: float) -> float:
    """Return the boundary where the last action took effect (or the next one, if that is more than a frame ago)."""
    base = slot(worker)
    if missed(state[base + NEXT_START], now, state[FRAME_TIME]):
        state[base + NEXT_START] = boundary_at_or_after(now, state[FRAME_TIME]) * state[FRAME_TIME]
    return state[base + NEXT_START]


@kernel(allocates=False)
def on_dispatch(state: State, worker: int, start: float) -> None:
    """Nothing to note: there is only one inference at a time."""


@kernel(allocates=False)
def on_completion(state: State, worker: int, start: float, completion: float) -> float:
    """Release at once; the next inference starts where this output takes effect."""
    frame_time = state[FRAME_TIME]
    effect = max(boundary_at_or_after(start, frame_time) + 1, boundary_at_or_after(completion, frame_time))
    state[slot(worker) + NEXT_START] = effect * frame_time
    return completion


def closed_form(request: "ServiceRequest") -> "ServiceInFrames":
    """Return phi = 1 - 1/E D and a_j = f_j / E D, or with C = ceil(x + x_L) for D where learning blocks acting."""
    from .service.cycles import learning_cycle, one_cycle

    if request.learning_time is not None:
        return learning_cycle(request.law, request.learning_time, request.frame_time)
    return one_cycle(request, rest=0)


RULE = StaggeringRule(
    name="sequential",
    summary="observe again where the last action takes effect",
    next_start=next_start,
    on_dispatch=on_dispatch,
    on_completion=on_completion,
    closed_form=closed_form,
    single_worker=True,
    cycle_rest=0,
    takes_learning_time=True,
)
