"""Frame pool with hold: dispatched like the frame pool, released ``hold`` frames after the observation or later.

The worker is free on completion; only its output waits. Fast inferences then no longer take the frames of earlier,
slower ones: an output of delay D takes effect after max(D, hold) frames, and all outputs with D <= hold arrive in the
order of their observations, each in a frame of its own.

The hold is given, or learned from the delays seen: the one of least regret a frame,

    S(h) = s F(h) w_h + (1 - s F(h)) T(h),   T(h) = s f_{h+1} w_{h+1} + (1 - s f_{h+1}) T(h+1),

with f the law of D, F its distribution function, w_j = max(0, g - Delta (1 - r^j)) what an action j frames old saves
against the default behaviour, and s = min(1, N / E D) the share of frames at which a worker is idle. With as many
workers as the longest inference takes frames it is exact, else it takes starts for independent of each other. Delays
are forgotten: each counts (1 - 1/MEMORY) as much as the next.
"""

from typing import TYPE_CHECKING

from ..compilation import kernel
from .frame_pool import next_start as pool_next_start
from .frame_pool import on_dispatch as pool_on_dispatch
from .rule import StaggeringRule
from .state import (
    BINS,
    COUNT,
    FRAME_TIME,
    GAP_DEFAULT,
    GAP_DELAY,
    HOLD,
    LEARNS_HOLD,
    RETENTION,
    WORKERS,
    State,
    boundary_at_or_after,
    boundary_at_or_before,
)

if TYPE_CHECKING:
    from .service.frame_service import ServiceInFrames, ServiceRequest

MEMORY = 1000.0
"""Inferences after which an observed delay counts 1/e."""
EVERY = 16
"""Inferences between two looks at the hold."""
MARGIN = 1e-3
"""Share of the largest gap that a new hold must save: a change costs a frame."""


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
    observed = boundary_at_or_before(start, frame_time)
    if state[LEARNS_HOLD] == 1.0:
        learn_delay(state, max(1, boundary_at_or_after(completion, frame_time) - observed))
    return max(completion, (observed + state[HOLD]) * frame_time)


@kernel(allocates=False)
def prime(state: State, seconds: float) -> None:
    """Begin with one delay known, from a warm-up."""
    if state[LEARNS_HOLD] == 1.0:
        learn_delay(state, max(1, boundary_at_or_after(seconds, state[FRAME_TIME])))


@kernel(allocates=False)
def learn_delay(state: State, delay: int) -> None:
    """Count a delay in frames, and look at the hold now and then."""
    first = len(state) - BINS
    for bin in range(first, len(state)):
        state[bin] *= 1.0 - 1.0 / MEMORY
    state[first + min(delay, BINS - 1)] += 1.0
    state[COUNT] += 1.0
    if state[COUNT] <= EVERY or state[COUNT] % EVERY == 0.0:
        choose_hold(state)


@kernel(allocates=False)
def choose_hold(state: State) -> None:
    """Take the hold of least regret a frame, if it saves enough against the present one."""
    first = len(state) - BINS
    total, mean, longest = 0.0, 0.0, 1
    for delay in range(1, BINS):
        count = state[first + delay]
        if count > 0.0:
            total += count
            mean += count * delay
            longest = delay
    mean /= total
    starts = min(1.0, state[WORKERS] / mean)
    later, below = 0.0, 1.0  # T(h) and F(h), from the longest delay down
    best_value, best, present = -1e300, 1, -1e300
    for hold in range(longest, 0, -1):
        worth = max(0.0, state[GAP_DEFAULT] - state[GAP_DELAY] * (1.0 - state[RETENTION] ** hold))
        value = starts * below * worth + (1.0 - starts * below) * later
        if value >= best_value:
            best_value, best = value, hold
        if hold == max(1, int(state[HOLD])):
            present = value
        share = state[first + hold] / total
        later = starts * share * worth + (1.0 - starts * share) * later
        below -= share
    if best_value > present + MARGIN * max(state[GAP_DEFAULT], state[GAP_DELAY]):
        state[HOLD] = best


def closed_form(request: "ServiceRequest") -> "ServiceInFrames":
    """Return the frame pool's with max(D, h) for D: phi = (1 - F_h) prod_(j>h) (1 - f_j)."""
    from .service.frame_pools import frame_pool

    return frame_pool(request)


RULE = StaggeringRule(
    name="frame-hold",
    summary="frame pool whose outputs are held to h frames",
    next_start=next_start,
    on_dispatch=on_dispatch,
    on_completion=on_completion,
    prime=prime,
    closed_form=closed_form,
    pool=True,
    holds=True,
    learns="hold",
)
