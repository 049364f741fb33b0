"""Unstaggered asynchronous inference: all workers start together and run back to back.

Each restarts the moment it finishes, on no grid; outputs are released on completion. With a constant inference time the
workers stay in step for ever, so any number of them acts as often as one does.
"""

import math
from typing import TYPE_CHECKING

from ..compilation import kernel
from .rule import StaggeringRule
from .state import FRAME_TIME, NEXT_START, State, missed, slot

if TYPE_CHECKING:
    from .service.frame_service import ServiceInFrames, ServiceRequest


@kernel(allocates=False)
def next_start(state: State, worker: int, now: float) -> float:
    """Return the end of this worker's last inference (0 at first)."""
    base = slot(worker)
    if missed(state[base + NEXT_START], now, state[FRAME_TIME]):
        state[base + NEXT_START] = now
    return state[base + NEXT_START]


@kernel(allocates=False)
def on_dispatch(state: State, worker: int, start: float) -> None:
    """Nothing to note: the workers do not know of each other."""


@kernel(allocates=False)
def on_completion(state: State, worker: int, start: float, completion: float) -> float:
    """Release at once and start again at once."""
    state[slot(worker) + NEXT_START] = completion
    return completion


def closed_form(request: "ServiceRequest") -> "ServiceInFrames":
    """Return phi = max(0, 1 - 1/x) for constant times; times that vary make it free-running, on frames if they are."""
    from dataclasses import replace

    from .service.even_spacing import even_spacing, kept_phases, spacing_in_phases
    from .service.frame_service import whole_frames
    from .service.independent_workers import long_run, on_frames

    seconds = request.constant_time()
    if seconds is None:
        if whole_frames(request.law, request.frame_time) and math.isfinite(request.workers):
            return on_frames(request.law.frame_pmf(request.frame_time), int(request.workers))
        service = long_run(request)
        note = "started together, workers whose times vary drift apart: these are the figures of the long run"
        return replace(service, assumptions=(note, *service.assumptions))
    x = seconds / request.frame_time
    spacing = spacing_in_phases(x, 1)
    if spacing is not None:
        note = f"the common start is on a boundary, and the workers keep their phases, {spacing} frames apart"
        return replace(kept_phases(spacing, 1), assumptions=(note,))
    return replace(even_spacing(x, x), assumptions=("the common start is at a uniform phase of the frame",))


RULE = StaggeringRule(
    name="unstaggered",
    summary="all workers start together and run back to back",
    next_start=next_start,
    on_dispatch=on_dispatch,
    on_completion=on_completion,
    closed_form=closed_form,
    alignments=("uniform",),
    baseline=True,
)
