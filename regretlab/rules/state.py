"""The state every rule works on, one flat float64 array, so that it can lie in shared memory.

Header (indices below), then ``SLOT`` numbers for each worker, then ``BINS`` for how long inferences took (frame-hold
and quantile-time). Times are seconds since frame boundary 0; boundary k is
at k * frame_time. A time within ``TOLERANCE`` frames of a boundary is on that boundary, since floating point puts
k * frame_time a rounding error to either side.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ..compilation import kernel

State = NDArray[np.float64]

TOLERANCE = 1e-7
"""Frames: how near to a boundary counts as on it."""

WORKERS = 0
FRAME_TIME = 1
ALIGNED = 2  # 1: inferences start on frame boundaries
HOLD = 3  # frames an output is held for at least (frame-hold); 0: none
LEARNED_TIME = 4  # seconds: tau_max (max-time), q (quantile-time), the running mean (expected-time)
COUNT = 5  # completions seen
CURSOR = 6  # first start not yet claimed by a worker: a boundary in frames, or (paced rules) in seconds
LEARNS_HOLD = 7  # 1: the hold is learned from the delays seen
RETENTION, GAP_DEFAULT, GAP_DELAY = 8, 9, 10  # what the learned hold is best for
SPACING = 11  # frames between two starts (execution-horizon)
HEADER = 12

NEXT_START = 0  # seconds: when this worker's next inference is due
PENDING = 1  # seconds: delay still owed to keep the spacing even
CLAIMED = 2  # 1: NEXT_START holds a claimed boundary
STARTED = 3  # seconds: start of the inference in flight
SLOT = 4

BINS = 256
"""Delays in frames that are counted separately; longer ones count as the last."""


@kernel(allocates=False)
def state_size(workers: int) -> int:
    """Return how many numbers the state of ``workers`` workers has."""
    return HEADER + SLOT * workers + BINS


@kernel(allocates=False)
def reset(state: State, workers: int, frame_time: float, aligned: bool, hold: float) -> None:
    """Set the state of a run that starts at time 0."""
    state[:] = 0.0
    state[WORKERS] = workers
    state[FRAME_TIME] = frame_time
    state[ALIGNED] = 1.0 if aligned else 0.0
    state[HOLD] = hold


@kernel(allocates=False)
def slot(worker: int) -> int:
    """Return the index of the first number of ``worker``."""
    return HEADER + SLOT * worker


@kernel(allocates=False)
def boundary_at_or_after(time: float, frame_time: float) -> int:
    """Return the index of the first frame boundary at or after ``time``."""
    return math.ceil(time / frame_time - TOLERANCE)


@kernel(allocates=False)
def boundary_at_or_before(time: float, frame_time: float) -> int:
    """Return the index of the last frame boundary at or before ``time``."""
    return math.floor(time / frame_time + TOLERANCE)


@kernel(allocates=False)
def missed(start: float, now: float, frame_time: float) -> bool:
    """Return whether a start lies more than a frame in the past: its worker was away and must be given a new one."""
    return now > start + frame_time * (1.0 + TOLERANCE)
