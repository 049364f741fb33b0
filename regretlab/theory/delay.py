r"""The delay part: frames with an agent action that was chosen from an old observation.

For an action d frames old, in the worst case over MDPs of mode probability p with gap Delta (attained by the shift
register W1): Delta (1 - p^d), and Delta (1 - 1/K)(1 - lambda^d), lambda = (K p - 1)/(K - 1), on the ring of K
symbols (W2). Averaged over the delays a_j of the actions that are applied, with weight 1 - phi in all (docs/theory,
Theorem D; both constants found again there by exact dynamic programming). Riemer, Subbaraj, Berseth & Rish 2024,
Theorem 1, state the same part up to constants.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..laws import Law
from ..results import ServiceLaw
from .checks import check_count, check_gap, check_positive

__all__ = [
    "best_target",
    "check_mode_probability",
    "delay_regret",
    "mode_probability_after",
    "poisson_mode_probability",
    "regret_of_delay",
    "ring_eigenvalue",
    "saturated_regret_of_delay",
    "value_of_unknown_delay",
]


def check_mode_probability(p: float, symbols: int | None = None) -> float:
    """Return p; raise ``InputError`` unless it is a probability, and at least 1/K for a ring of K symbols."""
    value = float(p)
    if symbols is not None:
        check_count(symbols, "symbols", 2)
    lowest = 0.0 if symbols is None else 1.0 / symbols
    if not lowest - 1e-15 <= value <= 1.0 or math.isnan(value):
        where = "[0, 1]" if symbols is None else f"[1/{symbols}, 1] for {symbols} symbols"
        raise InputError(f"mode probability must lie in {where}, not {p!r}")
    return value


def ring_eigenvalue(p: float, symbols: int) -> float:
    """Return lambda = (K p - 1)/(K - 1), the rate at which the ring forgets.

    Examples
    --------
    >>> round(ring_eigenvalue(0.7, 3), 12)
    0.55
    """
    return max(0.0, (symbols * check_mode_probability(p, symbols) - 1.0) / (symbols - 1.0))


def delay_regret(service: ServiceLaw, p: float, *, symbols: int | None = None, gap_delay: float = 1.0) -> float:
    """Return the regret per frame of acting on old observations, by an agent that never chooses the default action.

    Parameters
    ----------
    service
        Who serves the frames: the delays a_j of the applied actions.
    p
        Mode probability per frame: in [0, 1], or [1/K, 1] with ``symbols``.
    symbols
        K for the ring W2; None for the shift register W1, the worst case of all.
    gap_delay
        Delta, the gap of a wrong action in reward per frame.

    Returns
    -------
    float
        Delta (1 - phi - S(p)), or Delta (1 - 1/K)(1 - phi - S(lambda)) on the ring.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> import numpy as np
    >>> law = ServiceLaw("frame-pool", 3, 1.0, 0.0, np.array([0, 0, 0, 1.0]), "closed-form")
    >>> round(delay_regret(law, 0.8), 12)
    0.488
    >>> law = ServiceLaw("frame-pool", 2, 1.0, 0.0, np.array([0, 0, 1.0]), "closed-form")
    >>> round(delay_regret(law, 0.7, symbols=3), 12)
    0.465
    """
    gap = check_gap(gap_delay, "gap of a wrong action")
    served = float(service.delay_law.sum())
    if symbols is None:
        return gap * max(0.0, served - service.service_value(check_mode_probability(p)))
    kept = service.service_value(ring_eigenvalue(p, symbols))
    return gap * (1.0 - 1.0 / symbols) * max(0.0, served - kept)


def mode_probability_after(p: float, delay: int, *, symbols: int | None = None) -> float:
    """Return kappa_d, the probability of the most likely state d frames on: p^d, or 1/K + (1 - 1/K) lambda^d.

    Parameters
    ----------
    p
        Mode probability per frame: in [0, 1], or [1/K, 1] with ``symbols``.
    delay
        d in frames, at least 0.
    symbols
        K for the ring W2; None for the shift register W1, the worst case of all (Lemma 1: kappa_d >= p^d).

    Examples
    --------
    >>> round(1 - mode_probability_after(0.8, 3), 12)
    0.488
    >>> round(1 - mode_probability_after(0.7, 2, symbols=3), 12)
    0.465
    """
    frames = check_count(delay, "delay", 0)
    if symbols is None:
        return check_mode_probability(p) ** frames
    return 1.0 / symbols + (1.0 - 1.0 / symbols) * ring_eigenvalue(p, symbols) ** frames


def regret_of_delay(p: float, delay: int, *, symbols: int | None = None, gap_delay: float = 1.0) -> float:
    """Return Delta (1 - kappa_d), the regret of an agent frame whose observation is exactly d frames old.

    Parameters
    ----------
    p, delay, symbols
        As for ``mode_probability_after``.
    gap_delay
        Delta, reward per frame.

    Examples
    --------
    >>> regret_of_delay(0.5, 2, gap_delay=0.5)
    0.375
    """
    return check_gap(gap_delay, "gap of a wrong action") * (1.0 - mode_probability_after(p, delay, symbols=symbols))


def saturated_regret_of_delay(p: float, delay: int, actions: int, *, gap_delay: float = 1.0) -> float:
    """Return Delta min(1 - p^d, 1 - 1/A), the worst case over MDPs with A actions.

    A blind agent still guesses right once in A times, so with few actions the regret stops growing with the delay. From
    A >= p^-d actions on it is Delta (1 - p^d).

    Parameters
    ----------
    p, delay, gap_delay
        As for ``regret_of_delay``.
    actions
        A, at least 1.

    Examples
    --------
    >>> saturated_regret_of_delay(0.9, 100, 2)
    0.5
    """
    blind = 1.0 - 1.0 / check_count(actions, "actions", 1)
    return check_gap(gap_delay, "gap of a wrong action") * min(1.0 - mode_probability_after(p, delay), blind)


def value_of_unknown_delay(law: Law, frame_time: float, p: float) -> float:
    """Return max_j f_j p^j, what a moving mode pays an agent that does not know at dispatch which delay it will have.

    Known delays would pay E p^D. It is the chain whose mode moves on every frame, so that an action is right for one
    delay only; on a mode that stays (the ring) the delay need not be known.

    Parameters
    ----------
    law, frame_time
        Inference time and seconds of a frame.
    p
        Mode probability per frame.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> value_of_unknown_delay(parse_law("uniform(0, 2)"), 1.0, 0.8)
    0.4
    """
    pmf = law.frame_pmf(frame_time)
    return float((pmf * check_mode_probability(p) ** np.arange(len(pmf))).max())


def best_target(shares: NDArray[np.float64], p: float, symbols: int | None = None) -> tuple[int, NDArray[np.float64]]:
    r"""Return the delay for which to make actions whose delay is not known, where the mode moves on in every frame.

    An action made for t frames later is right at age j with probability lambda^j [j = t] (K -> infinity), and on the
    ring of K symbols 1/K + (1 - 1/K) lambda^j where j - t is a multiple of K, else (1 - lambda^j)/K.

    Parameters
    ----------
    shares
        Shape (J+1,): fraction of frames in which an action of each age acts.
    p, symbols
        Mode probability, and K or None.

    Returns
    -------
    target
        t, the one that is right most often.
    right
        Shape (J+1,): probability that its action is right at each age.

    Examples
    --------
    >>> target, right = best_target(np.array([0.0, 0.2, 0.5, 0.3]), 0.9, 4)
    >>> target, round(float(np.array([0.0, 0.2, 0.5, 0.3]) @ right), 6)
    (2, 0.439511)
    """
    ages = np.arange(len(shares))
    if symbols is None:
        kept = check_mode_probability(p) ** ages
        target = int((shares * kept).argmax())
        return target, np.where(ages == target, kept, 0.0)
    rate = ring_eigenvalue(p, symbols) ** ages
    turns = np.bincount(ages % symbols, shares * rate, minlength=symbols)  # the rest is the same for all targets
    target = int(turns.argmax())
    return target, (1.0 - rate) / symbols + np.where(ages % symbols == target, rate, 0.0)


def poisson_mode_probability(rate: float, frame_time: float) -> float:
    """Return p = e^{-nu tau_M}: the mode probability of a frame if the world changes nu times a second.

    p belongs to a frame time. At another frame rate the same world has another p, so a p measured at one must not be
    used at the other.

    Parameters
    ----------
    rate
        nu, changes per second.
    frame_time
        Seconds of a frame.

    Examples
    --------
    >>> round(poisson_mode_probability(6.0, 1 / 60), 6), round(poisson_mode_probability(6.0, 1 / 30), 6)
    (0.904837, 0.818731)
    """
    return math.exp(-check_gap(rate, "rate of change") * check_positive(frame_time, "frame time"))
