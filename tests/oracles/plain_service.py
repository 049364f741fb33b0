"""The staggering rules written out as plain loops, from their definitions and not from the package's rules.

Each function makes the outputs of a rule as (start, release) pairs in frames; ``serve`` lets the freshest output of
each frame act and writes down delays and ages. Nothing here is fast.
"""

import math
from dataclasses import dataclass

import numpy as np

NEAR = 1e-7  # a time this near to a boundary is on it


@dataclass
class Served:
    """Per frame: the delay of the action (0: default behaviour), the age in mid-frame; the peaks; who was in order."""

    delays: np.ndarray
    ages: np.ndarray
    peaks: np.ndarray
    in_order: np.ndarray


def boundary_after(time):
    return math.ceil(time - NEAR)


def boundary_before(time):
    return math.floor(time + NEAR)


def serve(outputs, first, last):
    """Return what happened in frames first..last-1."""
    arrived = {}
    for start, release in outputs:
        observed = boundary_before(start)
        effect = max(observed + 1, boundary_after(release))
        arrived.setdefault(effect, []).append(observed)
    delays, ages, peaks, in_order = [], [], [], []
    newest = None
    for frame in range(min(arrived), last):
        delay, fresh = 0, False
        if frame in arrived:
            observed = max(arrived[frame])
            delay = frame - observed
            if newest is None or observed > newest:
                if newest is not None and frame >= first:
                    peaks.append(frame - newest)
                newest, fresh = observed, True
        if frame >= first:
            delays.append(delay)
            ages.append(frame - newest + 0.5)
            in_order.append(fresh)
    return Served(np.array(delays), np.array(ages), np.array(peaks, dtype=float), np.array(in_order))


def back_to_back(draw, workers, frames, phase):
    """Each worker starts again the moment it finishes; ``phase(worker)`` is its first start."""
    outputs = []
    for worker in range(workers):
        now = phase(worker)
        while now < frames:
            end = now + draw()
            outputs.append((now, end))
            now = end
    return outputs


def evenly_spaced(time, workers, frames, phase):
    """Worker i starts at phase + i * time / workers, and again every ``time``; outputs are held to ``time``."""
    starts = np.arange(phase, frames, time / workers)
    return [(start, start + time) for start in starts]


def spaced_on_frames(time, workers, frames):
    """The same with starts snapped up to boundaries, so that a worker's cycle is a whole number of frames."""
    cycle = math.ceil(time - NEAR)
    starts = [math.ceil(i * cycle / workers - NEAR) for i in range(int(frames * workers / cycle))]
    return [(start, start + cycle) for start in starts]


def one_worker(draw, frames, rest=0, learn=None):
    """Observe, think, act in the next frame; observe again there, ``rest`` frames later, or after learning."""
    outputs, now = [], 0
    while now < frames:
        time = draw()
        effect = now + max(1, boundary_after(time))
        outputs.append((now, now + time))
        now = effect + rest if learn is None else now + max(1, boundary_after(time + learn()))
    return outputs


def pool(draw, workers, frames, hold=1):
    """At each boundary one idle worker, if any, starts; outputs wait until ``hold`` frames after their observation."""
    outputs, busy_until, blocked = [], [0] * workers, 0
    for frame in range(frames):
        idle = [worker for worker in range(workers) if busy_until[worker] <= frame]
        if not idle:
            blocked += 1
            continue
        time = draw()
        busy_until[idle[0]] = frame + max(1, boundary_after(time))
        outputs.append((frame, max(frame + time, frame + hold)))
    return outputs, blocked / frames


def palm_loss(workers, rate):
    """Return the blocking of N exponential servers with one arrival a frame, 1 / sum_j C(N, j) prod_i (e^(i mu) - 1).

    Palm 1943; Takacs 1962, "Introduction to the Theory of Queues", ch. 4. In logarithms, for large N and rates.
    """
    powers = rate * np.arange(1, workers + 1)
    logs = np.concatenate([[0.0], np.cumsum(powers + np.log(-np.expm1(-powers)))])
    choose = [math.lgamma(workers + 1) - math.lgamma(j + 1) - math.lgamma(workers - j + 1) for j in range(workers + 1)]
    exponents = logs + np.array(choose)
    largest = float(exponents.max())
    return math.exp(-largest) / float(np.exp(exponents - largest).sum())
