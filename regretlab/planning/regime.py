r"""Asynchronous, sequential, or not acting at all.

Per frame, with G = g - Delta E(1 - p^d) what a served frame is worth, a cost c per worker and frame, and a constant
inference time of d frames:

* not acting loses g;
* one overlapped sequential worker loses g - G/d + c;
* d staggered workers lose g - G + c d.

So staggering beats one worker iff c d < G. That is also the condition for one worker to be worth its cost, so with a
constant time one worker is best only where it fills every frame (d = 1); with varying times, or when workers slow each
other down, it can be best otherwise (``plan`` compares them). With equal gaps, G = Delta p^d, the condition is
d < W(lam Delta / c) / lam with lam = -ln p and Lambert's W; the lead over one worker without cost, (1 - 1/d) p^d, is
largest at d = (1 + sqrt(1 + 4/lam)) / 2. Derived in docs/theory.
"""

import math
from typing import Literal

from ..errors import InputError
from ..theory.checks import check_gap, check_positive
from ..theory.delay import check_mode_probability
from ..theory.sticky import sticky_regret

__all__ = [
    "REGIME_WORDS",
    "Regime",
    "boundary_delay",
    "choose_regime",
    "chunked_regret",
    "delay_of_largest_lead",
    "regime_of",
    "value_of_acting",
]

Regime = Literal["asynchronous", "sequential", "do-not-act"]

REGIME_WORDS: dict[Regime, str] = {
    "asynchronous": "several workers at once",
    "sequential": "one worker",
    "do-not-act": "do not act",
}
"""How a plan names a regime; the one worker of a plan may run under any rule."""


def regime_of(acts: bool, workers: float) -> Regime:
    """Return what it is called that so many workers act, or that nothing does."""
    if not acts:
        return "do-not-act"
    return "sequential" if workers == 1 else "asynchronous"


def _rate(p: float) -> float:
    value = check_mode_probability(p)
    if not 0 < value < 1:
        raise InputError(f"mode probability must lie in (0, 1) here, not {p!r}")
    return -math.log(value)


def value_of_acting(p: float, delay: float, *, gap_default: float = 1.0, gap_delay: float = 1.0) -> float:
    """Return G = g - Delta (1 - p^d), what a frame gains by an action d frames old instead of the default behaviour.

    Parameters
    ----------
    p
        Mode probability per frame, in [0, 1].
    delay
        d in frames, at least 0.
    gap_default, gap_delay
        g and Delta, reward per frame.

    Examples
    --------
    >>> value_of_acting(0.5, 2)
    0.25
    """
    check_gap(delay, "delay")
    late = check_gap(gap_delay, "gap of a wrong action") * (1.0 - check_mode_probability(p) ** delay)
    return check_gap(gap_default, "gap of the default behaviour") - late


def choose_regime(
    p: float, delay: int, *, worker_cost: float = 0.0, gap_default: float = 1.0, gap_delay: float = 1.0
) -> Regime:
    """Return the best of staggering d workers, one sequential worker, and not acting, for a constant inference time.

    Parameters
    ----------
    p, delay, gap_default, gap_delay
        As for ``value_of_acting``; the delay is at least 1.
    worker_cost
        c, reward per worker and frame.

    Examples
    --------
    >>> [choose_regime(0.9, d, worker_cost=0.01) for d in (1, 16, 17)]
    ['sequential', 'asynchronous', 'do-not-act']
    """
    if not delay >= 1:
        raise InputError(f"delay must be at least 1 frame, not {delay!r}")
    cost = check_gap(worker_cost, "worker cost")
    worth = value_of_acting(p, delay, gap_default=gap_default, gap_delay=gap_delay)
    gains: list[tuple[float, Regime]] = [
        (0.0, "do-not-act"),
        (worth / delay - cost, "sequential"),
        (worth - cost * delay, "asynchronous"),
    ]
    best = max(gain for gain, _ in gains)
    return next(regime for gain, regime in gains if gain == best)


def boundary_delay(p: float, worker_cost: float, *, gap: float = 1.0) -> float:
    """Return d = W(lam Delta / c) / lam frames, up to which staggering beats one worker (both gaps equal).

    Parameters
    ----------
    p
        Mode probability per frame, in (0, 1).
    worker_cost
        c, reward per worker and frame, positive.
    gap
        Delta = g, reward per frame, positive.

    Examples
    --------
    >>> round(boundary_delay(0.9, 0.01), 10)
    16.8833730558
    """
    from scipy.special import lambertw

    rate = _rate(p)
    ratio = rate * check_positive(gap, "gap") / check_positive(worker_cost, "worker cost")
    return float(lambertw(ratio).real) / rate


def delay_of_largest_lead(p: float) -> float:
    """Return d = (1 + sqrt(1 + 4/lam))/2 frames, where staggering without cost leads one worker by most.

    Parameters
    ----------
    p
        Mode probability per frame, in (0, 1).

    Examples
    --------
    >>> round(delay_of_largest_lead(0.9), 6)
    3.621093
    """
    return 0.5 * (1.0 + math.sqrt(1.0 + 4.0 / _rate(p)))


def chunked_regret(p: float, delay: int, *, symbols: int | None = None, gap_delay: float = 1.0) -> float:
    """Return the regret per frame of a rival: one worker that emits a chunk of d actions with each inference.

    It fills every frame with one worker, at ages d to 2d - 1: 1 - p^d (1 - p^d)/(d (1 - p)).

    Parameters
    ----------
    p, symbols, gap_delay
        As for ``bounds.sticky.sticky_regret``.
    delay
        d in frames, at least 1: the constant inference time.

    Examples
    --------
    >>> chunked_regret(0.5, 1), chunked_regret(0.5, 2)
    (0.5, 0.8125)
    """
    return sticky_regret(p, delay, delay, symbols=symbols, gap_delay=gap_delay)
