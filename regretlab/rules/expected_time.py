"""Expected-time staggering (after Riemer, Subbaraj, Berseth & Rish 2024, Algorithm 2): starts mean / N apart.

The mean inference time is learned online. Successive starts lie at least mean / N apart; an idle worker takes the next
such instant, and where none is idle by then (its inference ran longer than the mean) the start waits for the first to
finish and the pace goes on from there. This re-pacing keeps the spacing even: with fixed offsets every overrun would
stay, and the offsets of N workers would diffuse after about 1 / (2 N^2 cv^2) inferences. Outputs are released on
completion. The workers' load is one, so the times at which they free themselves matter and there is no closed form.

Occupation is counted from the scheduled start. On frames (``aligned``) each instant is snapped up to a boundary; the
pace itself is not.
"""

from ..compilation import kernel
from .rule import StaggeringRule
from .state import (
    ALIGNED,
    CLAIMED,
    COUNT,
    CURSOR,
    FRAME_TIME,
    LEARNED_TIME,
    NEXT_START,
    TOLERANCE,
    WORKERS,
    State,
    boundary_at_or_after,
    missed,
    slot,
)


@kernel(allocates=False)
def prime(state: State, seconds: float) -> None:
    """Start from a first estimate of the mean, worth one inference."""
    state[LEARNED_TIME] = seconds
    state[COUNT] = 1.0


@kernel(allocates=False)
def next_start(state: State, worker: int, now: float) -> float:
    """Return the instant this worker has claimed; claim the next one if it has none."""
    base = slot(worker)
    frame_time = state[FRAME_TIME]
    if state[base + CLAIMED] == 0.0 or missed(state[base + NEXT_START], now, frame_time):
        instant = state[CURSOR]
        if instant < now - TOLERANCE * frame_time:  # within rounding of its instant a worker is in time
            instant = now
        state[CURSOR] = instant + state[LEARNED_TIME] / state[WORKERS]
        if state[ALIGNED] == 1.0:
            instant = boundary_at_or_after(instant, frame_time) * frame_time
        state[base + NEXT_START] = instant
        state[base + CLAIMED] = 1.0
    return state[base + NEXT_START]


@kernel(allocates=False)
def on_dispatch(state: State, worker: int, start: float) -> None:
    """Use up the claim."""
    state[slot(worker) + CLAIMED] = 0.0


@kernel(allocates=False)
def on_completion(state: State, worker: int, start: float, completion: float) -> float:
    """Learn the mean; release at once."""
    state[COUNT] += 1.0
    state[LEARNED_TIME] += (completion - start - state[LEARNED_TIME]) / state[COUNT]
    return completion


RULE = StaggeringRule(
    name="expected-time",
    summary="starts mean/N apart, released on completion",
    next_start=next_start,
    on_dispatch=on_dispatch,
    on_completion=on_completion,
    prime=prime,
    closed_form="its load is exactly 1",
    alignments=("uniform", "frame"),
    learns="mean_time",
)
