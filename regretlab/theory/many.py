"""Many mode probabilities and gaps on one service law: what a sweep evaluates at a time."""

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..results import ServiceLaw
from .checks import check_count

__all__ = ["regret_parts"]


def regret_parts(
    service: ServiceLaw,
    p: ArrayLike,
    *,
    symbols: int | None = None,
    gap_default: ArrayLike = 1.0,
    gap_delay: ArrayLike = 1.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the inaction part, the delay part and S for arrays of stakes.

    Parameters
    ----------
    service
        Who serves the frames.
    p
        Mode probabilities per frame: in [0, 1], or [1/K, 1] with ``symbols``.
    symbols
        K for the ring W2; None for the shift register W1.
    gap_default, gap_delay
        g and Delta, reward per frame, finite and at least 0.

    Returns
    -------
    tuple of ndarray
        phi g, sum_j a_j min(g, Delta (1 - p^j)) (on the ring with lambda and its factor) and S, each of the shape that
        the three arrays broadcast to.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> law = ServiceLaw("frame-pool", 3, 1.0, 0.0, np.array([0, 0, 0, 1.0]), "closed-form")
    >>> regret_parts(law, [0.8, 0.9])[1].round(3)
    array([0.488, 0.271])
    """
    probability, default, late = np.broadcast_arrays(
        np.asarray(p, dtype=float), np.asarray(gap_default, dtype=float), np.asarray(gap_delay, dtype=float)
    )
    lowest = 0.0 if symbols is None else 1.0 / check_count(symbols, "symbols", 2)
    outside = ~((probability >= lowest - 1e-15) & (probability <= 1.0))
    if outside.any():
        where = "[0, 1]" if symbols is None else f"[1/{symbols}, 1] for {symbols} symbols"
        raise InputError(f"mode probability must lie in {where}, not {float(probability[outside].flat[0])!r}")
    for name, gaps in (("gap of the default behaviour", default), ("gap of a wrong action", late)):
        wrong = ~(np.isfinite(gaps) & (gaps >= 0))
        if wrong.any():
            raise InputError(f"{name} must be a finite number of at least 0, not {float(gaps[wrong].flat[0])!r}")
    factor = 1.0
    if symbols is not None:
        probability = np.maximum(0.0, (symbols * probability - 1.0) / (symbols - 1.0))
        factor = 1.0 - 1.0 / symbols
    value = polyval(probability, service.delay_law)
    served = float(service.delay_law.sum())
    stake = late * factor
    delay = stake * np.maximum(0.0, served - value)
    # the agent may choose the default action: past j* a frame loses g, not more
    capped = stake * (1.0 - probability ** (len(service.delay_law) - 1)) > default
    if capped.any():
        g, top, rate = default[capped], stake[capped], probability[capped]
        delay[capped] = sum(
            share * np.minimum(g, top * (1.0 - rate**age)) for age, share in enumerate(service.delay_law) if share > 0.0
        )
    return service.inaction_fraction * default, delay, value
