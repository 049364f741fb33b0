"""Free-running asynchronous inference: every worker runs back to back, independently of the others.

The transitions are those of the unstaggered rule; what differs is the beginning. Workers start out of step, spread over
the first estimate of the inference time (golden-ratio points: no two come close for any number of workers), as they are
after any long run with inference times that vary.
"""

from typing import TYPE_CHECKING

from ..compilation import kernel
from .rule import StaggeringRule
from .state import LEARNED_TIME, NEXT_START, WORKERS, State, slot
from .unstaggered import next_start as unstaggered_next_start
from .unstaggered import on_completion as unstaggered_on_completion

if TYPE_CHECKING:
    from .service.frame_service import ServiceInFrames, ServiceRequest

GOLDEN = 0.6180339887498949


@kernel(allocates=False)
def prime(state: State, seconds: float) -> None:
    """Spread the first starts over one inference time."""
    state[LEARNED_TIME] = seconds
    for worker in range(int(state[WORKERS])):
        state[slot(worker) + NEXT_START] = worker * GOLDEN % 1.0 * seconds


@kernel(allocates=False)
def next_start(state: State, worker: int, now: float) -> float:
    """Return the end of this worker's last inference (its own offset at first)."""
    return unstaggered_next_start(state, worker, now)


@kernel(allocates=False)
def on_dispatch(state: State, worker: int, start: float) -> None:
    """Nothing to note: the workers do not know of each other."""


@kernel(allocates=False)
def on_completion(state: State, worker: int, start: float, completion: float) -> float:
    """Release at once and start again at once."""
    return unstaggered_on_completion(state, worker, start, completion)


def closed_form(request: "ServiceRequest") -> "ServiceInFrames":
    """Return phi = (1 - q)^N with q = E min(x, 1) / E x; the freshest output of a frame serves it."""
    from dataclasses import replace

    from .service.independent_workers import long_run

    service = long_run(request)
    if request.constant_time() is None:
        return service
    note = "constant times never mix: the mean over independent uniform phases, one run keeps the phases it has"
    return replace(service, assumptions=(*service.assumptions, note))


RULE = StaggeringRule(
    name="free-running",
    summary="workers run back to back, out of step",
    next_start=next_start,
    on_dispatch=on_dispatch,
    on_completion=on_completion,
    prime=prime,
    closed_form=closed_form,
    alignments=("uniform",),
    independent=True,
)
