"""When to cancel an inference, learned while playing: the threshold of the least lower bound for the times seen so far.

The first ``FIRST`` inferences run to their end, and later those whose number is a perfect square, so that the times
past the threshold stay known at a cost that vanishes. The law of the inference time is estimated from what completed
and what was cancelled (Kaplan & Meier 1958: of the inferences that have lasted d - 1 frames, cancelled or not
afterwards, the share that end in the d-th). The threshold, a whole number of frames, is the one that
``theory.cancelling`` would choose for that law; it cancels only where that gains more than the estimate's noise,
``NOISE`` over the root of the number of inferences seen.

The state is one float64 array, as that of a rule, and lies in shared memory on the real clock: a header, the worth of
an output by age, counts and sums of times by whole frames, and the limit of each worker's inference in flight.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from ..compilation import kernel
from .state import BINS, State, boundary_at_or_after

FRAME_TIME, WORKERS = 0, 1
LASTS = 2  # 1: an output acts until a fresher one comes, not once
STARTED, SEEN, NEXT = 3, 4, 5  # inferences begun; ended; ended when the threshold is chosen next
THRESHOLD = 6  # frames; inf: none is cancelled
HEADER = 8

SECTION = BINS + 1  # one number for each age or time in frames from 1 on; the last for all longer ones
WORTH = HEADER
EVENTS = WORTH + SECTION  # inferences that completed
SUMS = EVENTS + SECTION  # their times, in frames
CENSORED = SUMS + SECTION  # inferences cancelled after so many frames
SHARES = CENSORED + SECTION  # the estimated law
LIMITS = SHARES + SECTION  # seconds, one a worker

FIRST = 64
"""Inferences that run to their end before any is cancelled."""
NOISE = 0.25
"""Gain, as a share of what the default behaviour loses more than the freshest output, times the root of the inferences
seen, below which none is cancelled."""


def new_threshold(
    workers: int, frame_time: float, worth: ArrayLike, *, lasts: bool = False, out: State | None = None
) -> State:
    """Return the state before the first inference.

    Parameters
    ----------
    workers
        Their number.
    frame_time
        Seconds of a frame.
    worth
        What an output of age 1, 2, ... frames is worth more than the default behaviour (0 past its age limit); the last
        also of all older ones.
    lasts
        Whether an output acts until a fresher one comes, not once.
    out
        Array of shape (threshold_size(workers),) to use.

    Examples
    --------
    >>> state = new_threshold(2, 0.1, [0.9, 0.8, 0.0])
    >>> float(state[THRESHOLD]), float(begin(state, 0))
    (inf, inf)
    """
    state = np.zeros(threshold_size(workers)) if out is None else out
    state[:] = 0.0
    state[FRAME_TIME], state[WORKERS], state[LASTS] = frame_time, workers, lasts
    state[THRESHOLD], state[NEXT] = math.inf, FIRST
    values = np.asarray(worth, dtype=np.float64)
    padded = np.append(values[:SECTION], np.full(max(0, SECTION - len(values)), values[-1]))
    state[WORTH:EVENTS] = np.maximum.accumulate(padded[::-1])[::-1]  # an older output may act later, never earlier
    state[LIMITS:] = math.inf
    return state


def threshold_size(workers: int) -> int:
    """Return how many numbers the state of so many workers has."""
    return LIMITS + workers


def learned_threshold(state: State) -> dict[str, float | None]:
    """Return what a record reports: seconds, None where no inference would be cancelled."""
    seconds = float(state[THRESHOLD] * state[FRAME_TIME])
    return {"cancel_after": seconds if math.isfinite(seconds) else None}


@kernel(allocates=False)
def begin(state: State, worker: int) -> float:
    """Return the seconds after which the inference that this worker begins is cancelled."""
    number = state[STARTED]
    state[STARTED] = number + 1.0
    explores = number < FIRST or math.floor(math.sqrt(number)) ** 2 == number
    limit = math.inf if explores else state[THRESHOLD] * state[FRAME_TIME]
    state[LIMITS + worker] = limit
    return limit


@kernel(allocates=False)
def ended(state: State, worker: int, seconds: float, completed: bool) -> None:
    """Note how long an inference took, or that it was cancelled; choose the threshold from time to time."""
    frame_time = state[FRAME_TIME]
    if completed:
        place = min(BINS, max(1, boundary_at_or_after(seconds, frame_time)) - 1)
        state[EVENTS + place] += 1.0
        state[SUMS + place] += seconds / frame_time
    else:
        lasted = round(min(seconds, state[LIMITS + worker]) / frame_time)
        state[CENSORED + min(BINS, max(1, lasted) - 1)] += 1.0
    state[SEEN] += 1.0
    if state[SEEN] >= state[NEXT]:
        state[NEXT] = math.ceil(1.1 * state[SEEN]) + 8.0
        state[THRESHOLD] = choose(state)


@kernel(allocates=False)
def estimate(state: State) -> float:
    """Write the shares of inferences by whole frames; return the share that no inference has been seen to reach."""
    at_risk = 0.0
    for place in range(SECTION):
        at_risk += state[EVENTS + place] + state[CENSORED + place]
    left = 1.0
    for place in range(SECTION):
        share = left * state[EVENTS + place] / at_risk if at_risk > 0.0 else 0.0
        state[SHARES + place] = share
        left -= share
        at_risk -= state[EVENTS + place] + state[CENSORED + place]
    return max(0.0, left)


@kernel(allocates=False)
def served(state: State, last: int, rate: float) -> float:
    """Return what ``rate`` inferences a frame earn at most if those over ``last`` frames are given up."""
    lasts = state[LASTS] == 1.0
    room = 1.0
    earned = 0.0
    below = 0.0
    for place in range(SECTION):
        share = state[SHARES + place] if place < last else 0.0
        below += share
        taken = min(room, rate * (below if lasts else share))
        earned += taken * state[WORTH + place]
        room -= taken
    if lasts and below > 0.0:
        earned += room * state[WORTH + BINS]
    return earned


@kernel(allocates=False)
def choose(state: State) -> float:
    """Return the threshold in frames: the one whose lower bound is least, ``inf`` without a gain above the noise."""
    unseen = estimate(state)
    workers = state[WORKERS]
    longest = 0
    whole = 0.0  # mean time
    for place in range(SECTION):
        if state[EVENTS + place] > 0.0:
            whole += state[SHARES + place] * state[SUMS + place] / state[EVENTS + place]
            longest = place + 1
    whole += unseen * (longest + 1.0)
    never = served(state, SECTION, workers / whole)
    best = never
    threshold = math.inf
    over = 1.0
    spent = 0.0
    for place in range(min(longest, BINS)):
        if state[EVENTS + place] > 0.0:
            spent += state[SHARES + place] * state[SUMS + place] / state[EVENTS + place]
        over -= state[SHARES + place]
        value = served(state, place + 1, workers / (spent + (place + 1.0) * max(0.0, over)))
        if value > best + 1e-12:
            best = value
            threshold = place + 1.0
    if best - never <= NOISE * state[WORTH] / math.sqrt(state[SEEN]):
        return math.inf
    return threshold
