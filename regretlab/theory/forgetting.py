r"""Quantile-time staggering: what rank, window and forgetting cost in frames without an action and in delay.

The spacing q is the k-th longest of the last W inference times; starts are q/N apart, outputs are held to q. For
independent times with a continuous law F the tail 1 - F(q) is Beta(k, W - k + 1), the law of an order statistic (David
& Nagaraja 2003, section 2.3), so P(late) = k/(W+1) whatever F is: the guarantee of `regretlab.rules.quantile_time`.

A completion lasts q/N frames of f seconds on average and serves one frame at most, so by renewal and reward

.. math:: \text{inaction} \ge \frac{E(q - Nf)^+}{E q},

with equality where no start waits for a worker. An inference of x > q misses the turn of its output and ceil(x/q) - 1
turns of its worker. Each missed turn leaves one frame more without an action at most, where they do not overlap.

Forgetting is exact. While h < k of the last W times are slow, q is the (k-h)-th longest of the others: nothing slow is
learned. The k-th slow one in a window makes q slow until W - h + k - 1 completions after the last of the h, in all for
W + h - 2k + 1 completions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..errors import InputError
from ..laws import Law
from ..rules.quantile_time import RANK, WINDOW

__all__ = ["Burst", "QuantileSpacing", "burst_of_slow_inferences", "quantile_spacing"]

_POINTS = 2000  # of the law of q, equally likely
_MANY_TURNS = 500


@dataclass(frozen=True)
class QuantileSpacing:
    """What a learned quantile does in the long run.

    Attributes
    ----------
    late
        Probability that an inference takes longer than q (k/(W+1), less for laws with ties).
    spacing
        Mean of q, seconds.
    inaction_at_least, inaction_at_most
        Fractions of the frames without an action: from the spacing alone, and with one frame for each missed turn.
    delay
        Mean delay of a frame served by an output that is in time, frames.
    """

    late: float
    spacing: float
    inaction_at_least: float
    inaction_at_most: float
    delay: float


@dataclass(frozen=True)
class Burst:
    """What slow inferences in a row cost a rule that forgets.

    Attributes
    ----------
    completions
        Completions for which the spacing is that of the slow ones.
    seconds
        How long that lasts at their spacing.
    lost_frames
        Frames without an action in it.
    """

    completions: int
    seconds: float
    lost_frames: float


def quantile_spacing(
    law: Law, frame_time: float, workers: int, *, rank: int = RANK, window: int = WINDOW
) -> QuantileSpacing:
    """Return lateness, inaction and delay of quantile-time staggering in the long run.

    Parameters
    ----------
    law, frame_time
        Inference time, independent from one inference to the next, and seconds of a frame.
    workers
        N.
    rank, window
        k and W: the k-th longest of the last W times.

    Raises
    ------
    InputError
        If not 1 <= k <= W.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> found = quantile_spacing(parse_law("gamma(100, scale=0.0006)"), 1 / 60, 4)
    >>> round(found.late, 4), round(found.spacing, 4), round(found.inaction_at_least, 3), round(found.delay, 2)
    (0.0195, 0.0733, 0.09, 5.4)
    """
    _check(rank, window)
    tails = stats.beta.ppf((np.arange(_POINTS) + 0.5) / _POINTS, rank, window - rank + 1)
    spacing = np.array([law.quantile(1 - tail) for tail in tails])
    late = law.survival(spacing)
    missed = 2 * late  # the turn of the output, and one of the worker
    for turns in range(2, _MANY_TURNS):
        more = law.survival(turns * spacing)
        missed = missed + more
        if more.max() < 1e-9:
            break
    frames = spacing / (workers * frame_time)  # of a completion
    served, elapsed = np.minimum(frames, 1.0), float(frames.mean())
    lost = float(np.maximum(frames - 1, 0).mean()) / elapsed
    return QuantileSpacing(
        late=float(late.mean()),
        spacing=float(spacing.mean()),
        inaction_at_least=lost,
        inaction_at_most=min(1.0, lost + float(missed.mean()) / elapsed),
        delay=float(np.average(_delay(spacing / frame_time, workers), weights=served)),
    )


def burst_of_slow_inferences(
    slow: int, seconds: float, frame_time: float, workers: int, *, rank: int = RANK, window: int = WINDOW
) -> Burst:
    """Return what so many inferences in a row of ``seconds`` each cost until they are forgotten.

    The window is full of shorter ones before. Frames that the slow outputs themselves would have served are not
    counted: at most as many as `quantile_spacing` counts missed turns.

    Examples
    --------
    >>> burst_of_slow_inferences(4, 0.35, 1 / 60, 10)
    Burst(completions=0, seconds=0.0, lost_frames=0.0)
    >>> burst = burst_of_slow_inferences(5, 0.35, 1 / 60, 10)
    >>> burst.completions, round(burst.seconds, 2), round(burst.lost_frames)
    (252, 8.82, 277)
    """
    _check(rank, window)
    completions = window + slow - 2 * rank + 1 if slow >= rank else 0
    duration = completions * seconds / workers
    return Burst(completions, duration, max(0.0, duration / frame_time - completions))


def _delay(spacing: NDArray[np.float64], workers: int) -> NDArray[np.float64]:
    """Return the mean over l in [0, m] of ceil(q + l), m the smaller of q/N and 1; all in frames.

    The output was released l before the frame's boundary, q after its start, which saw the newest frame.
    """
    gap = np.minimum(spacing / workers, 1.0)
    rounded = np.ceil(spacing)
    return np.asarray(rounded + np.maximum(0.0, spacing + gap - rounded) / gap)


def _check(rank: int, window: int) -> None:
    if not 1 <= rank <= window:
        raise InputError(f"rank must lie in [1, window], not {rank} of {window}")
