r"""The delay part: frames with an agent action that was chosen from an old observation.

For an action d frames old, in the worst case over MDPs of modal probability p with gap Delta (attained by the shift
register W1): Delta (1 - p^d), and Delta (1 - 1/K)(1 - lambda^d), lambda = (K p - 1)/(K - 1), on the ring of K
symbols (W2). Averaged over the delays a_j of the actions that are applied, with weight 1 - phi in all (docs/theory,
Theorem D).
"""

import math

from ..errors import InputError
from ..results import ServiceLaw
from .inaction import check_gap

__all__ = ["check_mode_probability", "delay_regret", "ring_eigenvalue"]


def check_mode_probability(p: float, symbols: int | None = None) -> float:
    """Return p; raise ``InputError`` unless it is a probability, and at least 1/K for a ring of K symbols."""
    value = float(p)
    if symbols is not None and (symbols != int(symbols) or symbols < 2):
        raise InputError(f"symbols must be a whole number of at least 2, not {symbols!r}")
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
    """Return the regret per frame of acting on old observations.

    Parameters
    ----------
    service
        Who serves the frames: the delays a_j of the applied actions.
    p
        Modal probability per frame: in [0, 1], or [1/K, 1] with ``symbols``.
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
