"""Sequential interaction, strict: observe, wait for the inference, act for one frame, and only then observe again.

One worker. D frames of default behaviour, then one frame of action: phi = E D / (1 + E D), at least one half however
fast the inference. This is the baseline of the published experiments.
"""

from typing import TYPE_CHECKING

from ..compilation import kernel
from .rule import StaggeringRule
from .sequential import next_start as sequential_next_start
from .sequential import on_completion as sequential_on_completion
from .state import FRAME_TIME, NEXT_START, State, slot

if TYPE_CHECKING:
    from .service.frame_service import ServiceInFrames, ServiceRequest


@kernel(allocates=False)
def next_start(state: State, worker: int, now: float) -> float:
    """Return the boundary after the frame in which the last action was applied."""
    return sequential_next_start(state, worker, now)


@kernel(allocates=False)
def on_dispatch(state: State, worker: int, start: float) -> None:
    """Nothing to note: there is only one inference at a time."""


@kernel(allocates=False)
def on_completion(state: State, worker: int, start: float, completion: float) -> float:
    """Release at once; the next inference starts one frame after this output takes effect."""
    release = sequential_on_completion(state, worker, start, completion)
    state[slot(worker) + NEXT_START] += state[FRAME_TIME]
    return release


def closed_form(request: "ServiceRequest") -> "ServiceInFrames":
    """Return phi = E D / (1 + E D) and a_j = f_j / (1 + E D)."""
    from .service.cycles import one_cycle

    return one_cycle(request, rest=1)


RULE = StaggeringRule(
    name="sequential-strict",
    summary="observe again only after the action's frame",
    next_start=next_start,
    on_dispatch=on_dispatch,
    on_completion=on_completion,
    closed_form=closed_form,
    single_worker=True,
    cycle_rest=1,
    baseline=True,
)
