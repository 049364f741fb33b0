r"""Theorem D: the delay part of a given MDP, from both sides.

.. math:: \Delta_{min}(1-K_d) \le \rho^* - \rho_d \le \Delta_{max}(1-\kappa_d) \le \Delta_{max}(1-p^d)

with Delta_max the largest gap, Delta_min the least over states of the second-smallest gap, K_d the best probability of
naming an optimal action from the information available, kappa_d the mode probability over d frames, p = p_minimax. So
1 - p^d is the tight worst case over all MDPs of mode probability p and gaps up to Delta; it is not a lower bound for
each of them (an MDP whose optimal action is everywhere the same loses nothing). Derived in docs/theory.
"""

from dataclasses import dataclass

from ..errors import InputError
from .checks import check_count, check_gap, check_probability

__all__ = ["DelayBounds", "two_sided_delay_regret"]

_ROUNDING = 1e-12


@dataclass(frozen=True)
class DelayBounds:
    """Bounds on rho* - rho_d, the regret per agent frame of acting d frames late in a given MDP.

    Attributes
    ----------
    delay_frames
        d.
    lower
        Delta_min (1 - K_d), holds for the MDP whose figures were given.
    upper
        Delta_max (1 - kappa_d), holds for the MDP whose figures were given.
    worst_case
        Delta_max min(1 - p^d, 1 - 1/A): attained by some MDP of that p, gap and number of actions, exceeded by none.
        None without p.
    """

    delay_frames: int
    lower: float
    upper: float
    worst_case: float | None


def two_sided_delay_regret(
    delay: int,
    *,
    gap_max: float,
    kappa: float,
    gap_min: float = 0.0,
    best_guess: float = 1.0,
    p: float | None = None,
    actions: int | None = None,
) -> DelayBounds:
    """Return both sides of Theorem D.

    Parameters
    ----------
    delay
        d in frames, at least 0.
    gap_max
        Largest gap*(s, a) of the MDP; may exceed 1 (gaps hold the bias, not only the reward).
    kappa
        kappa_d, the least d-step mode probability over states and actions in flight.
    gap_min
        Least over states of the second-smallest gap; 0 gives the trivial lower bound.
    best_guess
        K_d, the best probability of naming an optimal action d frames ahead; 1 gives the trivial lower bound.
    p
        p_minimax, for the worst case over the class; None leaves it out.
    actions
        A, for the saturation at 1 - 1/A; None for as many as needed.

    Raises
    ------
    InputError
        For values out of range, or figures that no MDP has together (kappa_d < p^d, gap_min > gap_max).

    Examples
    --------
    >>> bounds = two_sided_delay_regret(3, gap_max=1.0, gap_min=1.0, kappa=0.8**3, best_guess=0.8**3, p=0.8)
    >>> round(bounds.lower, 12), round(bounds.upper, 12), round(bounds.worst_case, 12)
    (0.488, 0.488, 0.488)
    """
    frames = check_count(delay, "delay", 0)
    largest, least = check_gap(gap_max, "largest gap"), check_gap(gap_min, "least second gap")
    if least > largest:
        raise InputError(f"the least second gap cannot exceed the largest gap {largest!r}, and it is {least!r}")
    mode = check_probability(kappa, "kappa")
    guess = check_probability(best_guess, "the best guess K_d")
    worst = None
    if p is not None:
        path = check_probability(p, "mode probability") ** frames
        if mode < path - _ROUNDING:
            raise InputError(f"kappa_{frames} is at least p^{frames} = {path:g} in every MDP, and {kappa!r} is less")
        blind = 1.0 if actions is None else 1.0 - 1.0 / check_count(actions, "actions", 1)
        worst = largest * min(1.0 - path, blind)
    return DelayBounds(frames, least * (1.0 - guess), largest * (1.0 - mode), worst)
