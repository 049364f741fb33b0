"""Maximum-time staggering (Riemer, Subbaraj, Berseth & Rish 2024, Algorithm 1).

Every inference occupies its worker for tau_max, the longest occupation seen so far, and its output is held until then;
N workers start tau_max / N apart. On a new maximum the others are delayed so that the spacing stays even: by (their
distance behind this worker in the cycle) * increase / N, as published. Written here as "to the next instant of the
right phase", which is the same number as long as the increase is smaller than a spacing and keeps the spacing even
when it is not (the published form does not).

Occupation is counted from the scheduled start, so whatever a real machine adds (waking up late, posting the output) is
part of tau_max and the schedule cannot slip. On frames (``aligned``) starts lie on boundaries, so tau_max is rounded
up to whole frames.
"""

import math
from typing import TYPE_CHECKING

from ..compilation import kernel
from .rule import StaggeringRule
from .state import (
    ALIGNED,
    FRAME_TIME,
    LEARNED_TIME,
    NEXT_START,
    PENDING,
    STARTED,
    WORKERS,
    State,
    boundary_at_or_after,
    missed,
    slot,
)

if TYPE_CHECKING:
    from .service.frame_service import ServiceInFrames, ServiceRequest


@kernel(allocates=False)
def prime(state: State, seconds: float) -> None:
    """Start from a first estimate of tau_max, measured before the run: the workers begin evenly spaced."""
    workers = int(state[WORKERS])
    if state[ALIGNED] == 1.0:
        seconds = boundary_at_or_after(seconds, state[FRAME_TIME]) * state[FRAME_TIME]
    state[LEARNED_TIME] = seconds
    for worker in range(workers):
        state[slot(worker) + NEXT_START] = worker * seconds / workers


@kernel(allocates=False)
def next_start(state: State, worker: int, now: float) -> float:
    """Return this worker's next instant of the cycle (snapped up to a boundary when aligned)."""
    base = slot(worker)
    frame_time = state[FRAME_TIME]
    start = state[base + NEXT_START] + state[base + PENDING]
    if missed(start, now, frame_time):  # this worker was away: join the cycle again in its own phase
        cycle = state[LEARNED_TIME]
        behind = math.ceil((now - start) / cycle) * cycle if cycle > 0.0 else now - start
        state[base + NEXT_START] += behind
        start += behind
    if state[ALIGNED] == 1.0:
        return boundary_at_or_after(start, frame_time) * frame_time
    return start


@kernel(allocates=False)
def on_dispatch(state: State, worker: int, start: float) -> None:
    """Note the cycle instant (not snapped) this inference belongs to."""
    base = slot(worker)
    state[base + STARTED] = state[base + NEXT_START] + state[base + PENDING]
    state[base + PENDING] = 0.0
    state[base + NEXT_START] = state[base + STARTED] + state[LEARNED_TIME]


@kernel(allocates=False)
def on_completion(state: State, worker: int, start: float, completion: float) -> float:
    """Learn tau_max; hold the output until the occupation ends."""
    occupation = completion - start
    if state[ALIGNED] == 1.0:
        occupation = boundary_at_or_after(occupation, state[FRAME_TIME]) * state[FRAME_TIME]
    if occupation > state[LEARNED_TIME]:
        _respace(state, worker, occupation)
    return start + state[LEARNED_TIME]


@kernel(allocates=False)
def _respace(state: State, worker: int, maximum: float) -> None:
    """Take a new maximum and put every other worker at its distance in the longer cycle."""
    workers = int(state[WORKERS])
    increase = maximum - state[LEARNED_TIME]
    state[LEARNED_TIME] = maximum
    base = slot(worker)
    state[base + NEXT_START] += increase
    reference = state[base + NEXT_START] + state[base + PENDING]
    for distance in range(1, workers):
        other = slot((worker + distance) % workers)
        state[other + NEXT_START] += increase
        planned = state[other + NEXT_START] + state[other + PENDING]
        wanted = reference + distance * maximum / workers
        delay = (wanted - planned) % maximum
        if delay > maximum * (1.0 - 1e-9):  # already there, up to rounding
            delay = 0.0
        state[other + PENDING] += delay


def closed_form(request: "ServiceRequest") -> "ServiceInFrames":
    """Return phi = max(0, 1 - N/x) with x = tau_max in frames, or 1 - N/ceil(x) on frames; outputs are x frames old."""
    from dataclasses import replace

    from ..laws import FRAME_TOLERANCE
    from .service.even_spacing import even_spacing, frame_aligned_cycle, kept_phases, spacing_in_phases

    x, origin = request.longest()
    spacing = spacing_in_phases(x, request.workers) if request.keeps_phases() else None
    if request.alignment == "uniform" and spacing is not None:
        service = kept_phases(spacing, int(request.workers))
        notes = (origin, f"starts begin on a boundary and keep their phases, {spacing} frames apart")
    elif request.alignment == "uniform":
        service = even_spacing(x, x / request.workers)
        notes = (origin, "starts fall at uniform phases of the frame")
    else:
        service = frame_aligned_cycle(max(1, math.ceil(x - FRAME_TOLERANCE)), request.workers)
        notes = (origin, "starts lie on frame boundaries, so a cycle is a whole number of frames")
    return replace(service, assumptions=notes)


RULE = StaggeringRule(
    name="max-time",
    summary="starts tau_max/N apart, outputs held to tau_max",
    next_start=next_start,
    on_dispatch=on_dispatch,
    on_completion=on_completion,
    prime=prime,
    closed_form=closed_form,
    alignments=("uniform", "frame"),
    learns="tau_max",
)
