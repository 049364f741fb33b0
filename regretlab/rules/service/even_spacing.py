"""Outputs at even intervals, each a fixed time after its start: maximum-time staggering, or equal workers in step.

Starts are s frames apart, each output is released x frames after its start, and start phases are uniform in the
frame. At a boundary the newest release lies v frames back, v uniform on [0, s); its delay is ceil(v + x). Frames
with v < 1 are served. All times in frames. Derived in docs/theory.

Where s = n/m is a fraction of small whole numbers, starts that begin on a boundary keep to the phases 0, 1/m, 2/m, ...
of the frame: v is uniform on 0, 1/m, ..., (n-1)/m, and everything is counted exactly.
"""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...laws import FRAME_TOLERANCE
from .frame_service import Ages, ServiceInFrames

__all__ = ["LONGEST_DELAY", "even_spacing", "frame_aligned_cycle", "kept_phases", "spacing_in_phases"]

LONGEST_DELAY = 2**22
"""Frames: no law of the delay longer than this is tabulated."""

_MOST_PHASES = 1000
_LONGEST_CYCLE = 100_000


def _overlap(low: NDArray[np.float64], high: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
    """Return the lengths of [low, high] inside [start, end]."""
    return np.maximum(np.minimum(high, end) - np.maximum(low, start), 0.0)


def even_spacing(x: float, spacing: float) -> ServiceInFrames:
    """Return the service of outputs released every ``spacing`` frames, ``x`` frames after their starts.

    Parameters
    ----------
    x
        Frames from start to release.
    spacing
        Frames between starts; 0 for the limit of ever more workers.

    Raises
    ------
    InputError
        If x is longer than ``LONGEST_DELAY``.

    Examples
    --------
    >>> service = even_spacing(5.3, 5.3 / 3)
    >>> round(service.inaction_fraction, 12), round(service.mean_age, 12)
    (0.433962264151, 7.141509433962)
    >>> even_spacing(3.2, 0.8).delay_law
    array([0., 0., 0., 0., 1.])
    """
    if not x <= LONGEST_DELAY:
        raise InputError(f"an inference of {x:.3g} frames is too long to tabulate: at most {LONGEST_DELAY} frames")
    nearest = round(x)
    x = float(nearest) if abs(x - nearest) <= FRAME_TOLERANCE else x
    if spacing == 0.0:
        delay = max(1, math.ceil(x))
        above = np.concatenate([np.ones(delay), [0.0]])
        law = np.zeros(delay + 1)
        law[delay] = 1.0
        return ServiceInFrames(0.0, law, "closed-form").aged(Ages(above, np.zeros(delay + 1)))
    width = min(1.0, spacing)
    frames = np.arange(math.ceil(x + spacing) + 1, dtype=np.float64)
    # P(ceil(x + v) = m) is the share of v in (m - 1 - x, m - x]
    delays = _overlap(frames - 1.0 - x, frames - x, 0.0, width) / spacing
    above = np.clip(1.0 - (frames - x) / spacing, 0.0, 1.0)
    if spacing >= 1.0:  # no output arrived in the last frame: v >= 1
        standing = _overlap(frames - 1.0 - x, frames - x, 1.0, spacing) / spacing
    else:  # the newest output observed the same frame as the one before: a boundary lies between v - step and v
        step = 1.0 - math.floor(1.0 / spacing + 1e-9) * spacing
        step = max(step, 0.0)
        standing = _overlap(frames - 1.0 - x, frames - 1.0 - x + step, step, spacing) / spacing
    ages = Ages(above, standing)
    inaction = max(0.0, 1.0 - 1.0 / spacing)
    last = int(np.flatnonzero(delays)[-1])
    return ServiceInFrames(inaction, delays[: last + 1], "closed-form").aged(ages)


def spacing_in_phases(x: float, workers: float) -> Fraction | None:
    """Return x / N as a fraction n/m of small whole numbers, None where it is not one.

    Examples
    --------
    >>> spacing_in_phases(2.5, 3), spacing_in_phases(2.0 ** 0.5, 1)
    (Fraction(5, 6), None)
    """
    if not (math.isfinite(workers) and math.isfinite(x)):
        return None
    spacing = Fraction(x / workers).limit_denominator(_MOST_PHASES)
    close = abs(float(spacing) - x / workers) <= 1e-10 * max(1.0, x)
    return spacing if close and 0 < spacing.numerator <= _LONGEST_CYCLE and x <= LONGEST_DELAY else None


def kept_phases(spacing: Fraction, workers: int) -> ServiceInFrames:
    """Return the service of outputs released every n/m frames, N n/m frames after starts that begin on a boundary.

    Parameters
    ----------
    spacing
        n/m.
    workers
        N.

    Examples
    --------
    >>> kept_phases(Fraction(1), 2).delay_law  # two frames, two workers: never three
    array([0., 0., 1.])
    >>> kept_phases(Fraction(5, 6), 3).delay_law.round(12)
    array([0. , 0. , 0. , 0.8, 0.2])
    """
    n, m = spacing.numerator, spacing.denominator
    back = np.arange(n, dtype=np.int64) * m % n  # v in units of 1/m at one boundary after the other
    age = -(-(back + workers * n) // m)
    served = back < m
    delays = np.bincount(age[served]) / n
    unchanged = age == np.roll(age, 1) + 1
    longest = int(age.max())
    above = 1.0 - np.cumsum(np.bincount(age, minlength=longest + 1)) / n
    standing = np.bincount(age[unchanged], minlength=longest + 1) / n
    ages = Ages(np.maximum(above, 0.0), standing)
    inaction = 1.0 - float(served.sum()) / n
    return ServiceInFrames(inaction, delays, "closed-form").aged(ages)


def frame_aligned_cycle(cycle: int, workers: float) -> ServiceInFrames:
    """Return the service of N workers spread over a cycle of whole frames, each output held to the cycle's end.

    Starts i * cycle / N are snapped up to boundaries: gaps of floor and ceil of cycle / N frames.

    Parameters
    ----------
    cycle
        Frames of a worker's cycle, and of the delay of each output.
    workers
        N; ``inf`` for many.

    Examples
    --------
    >>> frame_aligned_cycle(6, 4).inaction_fraction
    0.333...
    """
    delays = np.zeros(cycle + 1)
    if workers >= cycle:
        delays[cycle] = 1.0
        return ServiceInFrames(0.0, delays, "closed-form").aged(Ages.in_order(delays, delays))
    short, longer = divmod(cycle, int(workers))
    delays[cycle] = workers / cycle
    counts = np.concatenate([np.zeros(cycle), np.full(short, workers), [longer, 0]])  # frames of a cycle by age
    above = np.cumsum(counts[::-1])[::-1] - counts
    counts[cycle] = 0.0  # new ones
    ages = Ages(above / cycle, counts / cycle)
    squares = longer * (short + 1) ** 2 + (int(workers) - longer) * short**2
    mean, peak = cycle + squares / (2.0 * cycle), cycle + cycle / workers
    return ServiceInFrames(1.0 - workers / cycle, delays, "closed-form", (), mean, peak, ages=ages)
