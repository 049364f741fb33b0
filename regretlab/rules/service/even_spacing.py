"""Outputs at even intervals, each a fixed time after its start: maximum-time staggering, or equal workers in step.

Starts are s frames apart, each output is released x frames after its start, and start phases are uniform in the
frame. At a boundary the newest release lies v frames back, v uniform on [0, s); its delay is ceil(v + x). Frames
with v < 1 are served. All times in frames. Derived in docs/theory.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...laws import FRAME_TOLERANCE
from .frame_service import Ages, ServiceInFrames

__all__ = ["LONGEST_DELAY", "even_spacing", "frame_aligned_cycle"]

LONGEST_DELAY = 2**22
"""Frames: no law of the delay longer than this is tabulated."""


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
        return ServiceInFrames(0.0, law, "closed-form", (), delay + 0.5, delay + 1.0)
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
    return ServiceInFrames(inaction, delays[: last + 1], "closed-form", (), ages.mean(), ages.peak())


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
        return ServiceInFrames(0.0, delays, "closed-form", (), cycle + 0.5, cycle + 1.0)
    short, longer = divmod(cycle, int(workers))
    squares = longer * (short + 1) ** 2 + (int(workers) - longer) * short**2
    delays[cycle] = workers / cycle
    mean, peak = cycle + squares / (2.0 * cycle), cycle + cycle / workers
    return ServiceInFrames(1.0 - workers / cycle, delays, "closed-form", (), mean, peak)
