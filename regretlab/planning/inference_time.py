r"""How slow inference may be: the largest inference time for a tolerable delay regret.

With a tolerated regret rate eta per agent frame and b = 1 - eta/Delta, the delay part stays within eta as long as
E p^D >= b. In frames:

* constant: floor(ln b / ln p);
* exponential: mean 1 / ln(p (1-b)/(p-b)), if p > b;
* gamma of shape k, in continuous time (starts and ends anywhere): scale (b^{-1/k} - 1)/lam;
* any other law: the largest factor its times may be multiplied by, by root finding (E p^D falls with it).

An agent that may choose the default action loses min(g, l_j) at age j. So there is no limit where eta >= g, and where
g < Delta the mean of min(g, l_D) replaces Delta (1 - E p^D): the forms for random times then are roots.

On the ring of K symbols p -> lambda and Delta -> Delta (1 - 1/K). Derived in docs/theory.
"""

import math
from collections.abc import Callable

import numpy as np

from ..errors import InputError
from ..laws import Law, SampleLaw, delay_frames
from ..laws.law import check_frame_time
from ..theory.checks import check_positive
from ..theory.loss import AgeLoss, FrameLoss

__all__ = [
    "largest_constant_frames",
    "largest_exponential_frames",
    "largest_factor",
    "largest_gamma_scale_frames",
    "least_value",
]

_LARGEST_FACTOR = 2.0**60
_ROUNDING = 1e-11
_MOST_AGES = 20_000


def least_value(target_regret: float, loss: FrameLoss) -> float:
    """Return b = 1 - eta/Delta, the least p^D at which the delay part stays within eta; at most 0 if it always does.

    Parameters
    ----------
    target_regret
        eta, reward per frame, positive.
    loss
        What a frame loses.

    Examples
    --------
    >>> least_value(0.25, FrameLoss(0.9))
    0.75
    """
    eta = check_positive(target_regret, "target regret")
    return 1.0 - eta / loss.stake if eta < loss.gap_default and loss.stake > 0 else -math.inf


def largest_constant_frames(target_regret: float, loss: FrameLoss) -> float:
    """Return the largest constant inference time in frames; 0 if even one frame is too slow, ``inf`` if none is.

    Examples
    --------
    >>> largest_constant_frames(0.25, FrameLoss(0.9))
    2.0
    """
    b, p = least_value(target_regret, loss), loss.decay
    if b <= 0 or p == 1:
        return math.inf
    if p == 0:
        return 0.0
    frames = math.floor(math.log(b) / math.log(p) + 1e-9)
    return float(frames)


def largest_exponential_frames(target_regret: float, loss: FrameLoss) -> float:
    """Return the largest mean in frames of an exponential inference time (starts on frames).

    Examples
    --------
    >>> round(largest_exponential_frames(0.25, FrameLoss(0.9)), 10)
    2.4663034624
    """
    b, p = least_value(target_regret, loss), loss.decay
    if b <= 0 or p == 1:
        return math.inf
    if p <= b:
        return 0.0
    if loss.gap_default >= loss.stake:
        return 1.0 / math.log(p * (1.0 - b) / (p - b))
    last, floor = loss.last_useful_age, 1.0 - loss.gap_default / loss.stake

    def spare(mean: float) -> float:  # E max(0, p^D - floor) - (b - floor), where P(D = j) = (1-q) q^(j-1)
        fresh, q = -math.expm1(-1.0 / mean), math.exp(-1.0 / mean)
        within = p * fresh * (1.0 - (p * q) ** last) / (1.0 - p * q)
        return within + floor * math.expm1(-last / mean) - (b - floor)

    return _largest_root(spare, 1.0)


def largest_gamma_scale_frames(target_regret: float, loss: FrameLoss, shape: float) -> float:
    """Return the largest scale in frames of a gamma inference time, in continuous time (no rounding up to frames).

    Rounding up only adds delay, so the scale for whole frames is smaller; ``largest_factor`` finds it.

    Examples
    --------
    >>> round(largest_gamma_scale_frames(0.25, FrameLoss(0.9), 4), 9)
    0.707759746
    """
    k = check_positive(shape, "shape")
    b, p = least_value(target_regret, loss), loss.decay
    if b <= 0 or p == 1:
        return math.inf
    if p == 0:
        return 0.0
    rate, floor = -math.log(p), 1.0 - loss.gap_default / loss.stake
    if floor <= 0:
        return (b ** (-1.0 / k) - 1.0) / rate
    from scipy.special import gammainc

    last = -math.log(floor) / rate

    def spare(scale: float) -> float:  # E max(0, p^x - floor) - (b - floor)
        within = (1.0 + rate * scale) ** -k * gammainc(k, last * (1.0 / scale + rate))
        return float(within - floor * gammainc(k, last / scale) - (b - floor))

    return _largest_root(spare, 1.0 / rate)


def largest_factor(
    law: Law,
    frame_time: float,
    loss: AgeLoss,
    *,
    target_regret: float | None = None,
    worker_cost: float = 0.0,
) -> float:
    """Return the largest factor by which all inference times may be multiplied.

    Up to it, the delay part of an agent frame, E min(g, l_D), stays within the target, and serving every frame is worth
    its workers: G >= c E D and G > 0, with G = g - (delay part) and E D workers needed on average.

    Parameters
    ----------
    law, frame_time
        Inference time and seconds of a frame.
    loss
        What a frame loses.
    target_regret
        eta, reward per agent frame; None for no target.
    worker_cost
        c, reward per worker and frame.

    Returns
    -------
    float
        ``inf`` if there is no limit, 0 if even the fastest inference (one frame) is too slow.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> round(largest_factor(parse_law("expon(scale=1)"), 1.0, FrameLoss(0.9), target_regret=0.25), 9)
    2.466303462
    >>> largest_factor(parse_law("1"), 1.0, FrameLoss(0.9), worker_cost=0.01)
    16.0
    """
    frame = check_frame_time(frame_time)
    if not 0 <= worker_cost < math.inf:
        raise InputError(f"worker cost must be a finite number of at least 0, not {worker_cost!r}")
    tolerated = math.inf if target_regret is None else check_positive(target_regret, "target regret")

    last = loss.last_useful_age
    if last < 1:
        return 0.0

    def spare(delay_part: float, mean_delay: float) -> float:
        return min(tolerated - delay_part, loss.gap_default - delay_part - worker_cost * mean_delay)

    if worker_cost == 0 and tolerated >= min(loss.gap_default, loss.limit):
        fastest = law.quantile(0.0)  # G > 0 as long as the fastest inference is worth something
        return last * frame / fastest if fastest > 0 else math.inf
    if spare(float(loss.of_age(1)), 1.0) < 0:
        return 0.0
    if law.kind == "constant":
        frames = _largest_whole(lambda d: spare(float(loss.of_age(d)), d) >= -1e-12)
        return math.inf if frames == math.inf else frames * frame / law.mean()

    def spare_of(factor: float) -> float:
        slower = law.scaled(factor)
        return spare(_delay_part(slower, frame, loss), slower.mean_delay_frames(frame) if worker_cost else 0.0)

    return _largest_root(spare_of, frame / law.mean())


def _delay_part(law: Law, frame: float, loss: AgeLoss) -> float:
    """Return E min(g, l_D) in reward per frame."""
    last = loss.last_useful_age
    if isinstance(loss, FrameLoss) and last == math.inf:
        return loss.stake * (1.0 - law.moment(loss.decay, frame).value)
    if isinstance(law, SampleLaw):
        return float(loss.of_age(delay_frames(law.seconds, frame)).mean())
    if not isinstance(loss, FrameLoss):
        pmf = law.frame_pmf(frame)
        return float(pmf @ loss.of_age(np.arange(len(pmf)))) + (1.0 - float(pmf.sum())) * float(loss.of_age(len(pmf)))
    ages = np.unique(np.linspace(0.0, last, min(int(last), _MOST_AGES) + 1).round())
    worth = 0.5 * (loss.worth(ages[:-1] + 1.0) + loss.worth(ages[1:]))  # linear between ages that are left out
    return loss.gap_default - float(worth @ np.diff(law.cdf(ages * frame)))


def _largest_whole(holds: Callable[[float], bool]) -> float:
    """Return the largest whole number of a condition that holds for 1 and fails for ever once it fails."""
    high = 2.0
    while holds(high):
        high *= 2.0
        if high > _LARGEST_FACTOR:
            return math.inf
    low = high / 2.0
    while high - low > 1.0:
        middle = math.floor((low + high) / 2.0)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _largest_root(spare: Callable[[float], float], unit: float) -> float:
    """Return the root of a function that falls, positive near 0; ``unit`` is the scale to start from."""
    from scipy.optimize import brentq

    low = unit
    while spare(low) < 0:
        low /= 4.0
        if low < unit * 1e-9:  # the limit at 0 is one frame of delay, which was found tolerable: within rounding of it
            return 0.0
    high = 2.0 * low
    while spare(high) >= 0:
        low, high = high, 2.0 * high
        if high > unit * 2.0**20:
            return math.inf
    root = float(brentq(spare, low, high, xtol=1e-13 * high, rtol=1e-14))
    if spare(root) >= -_ROUNDING:
        return root
    high = root  # a step (samples): keep to the side that is within the target
    while high - low > 1e-12 * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if spare(middle) >= 0 else (low, middle)
    return low
