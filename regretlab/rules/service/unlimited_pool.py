r"""Frame pool in which some worker is always idle: one inference starts at every boundary.

Outputs are held to h frames (h = 1: not at all), so an output of delay D takes effect after H = max(D, h). With h_j
= P(H = j) an inference from j frames ago serves this frame if it takes effect now and no fresher one does:

.. math:: a_j = h_j \prod_{i<j} (1 - h_i), \quad \phi = \prod_j (1 - h_j), \quad
          P(A > m) = \prod_{i \le m} P(H > i), \quad s_m = P(H \le m - 1) \prod_{i<m} P(H > i).

Derived in docs/theory.
"""

import numpy as np
from numpy.typing import NDArray

from .frame_service import Ages, FrameService

__all__ = ["held", "unlimited_pool", "values_of_holds"]


def held(pmf: NDArray[np.float64], hold: int) -> NDArray[np.float64]:
    """Return the law of max(D, hold), shape (max(J, hold)+1,).

    Examples
    --------
    >>> held(np.array([0.0, 0.2, 0.5, 0.3]), 2)
    array([0. , 0. , 0.7, 0.3])
    """
    result = np.zeros(max(len(pmf), hold + 1))
    result[hold] = pmf[: hold + 1].sum()
    result[hold + 1 : len(pmf)] = pmf[hold + 1 :]
    return result


def unlimited_pool(pmf: NDArray[np.float64], hold: int = 1) -> FrameService:
    """Return the service of the unlimited frame pool.

    Parameters
    ----------
    pmf
        Law of D in frames, shape (J+1,).
    hold
        h in frames, at least 1.

    Examples
    --------
    >>> pool = unlimited_pool(np.array([0.0, 0.2, 0.5, 0.3]))
    >>> round(pool.inaction_fraction, 12), round(1 - float(pool.in_order_law.sum()), 12)
    (0.28, 0.328)
    """
    law = held(pmf, hold)
    none_fresher = np.concatenate([[1.0], np.cumprod(1.0 - law)])
    delays = law * none_fresher[:-1]
    above_delay = np.maximum(1.0 - np.cumsum(law), 0.0)
    above_delay[-1] = 0.0
    above = np.cumprod(above_delay).astype(np.float64)
    above_before = np.concatenate([[1.0], above[:-1]])
    below_before = np.concatenate([[0.0], 1.0 - above_delay[:-1]])
    ages = Ages(above, above_before * below_before)
    return FrameService(
        float(none_fresher[-1]),
        delays,
        "series",
        ("a worker is idle at every boundary",),
        ages.mean(),
        ages.peak(),
        in_order_law=ages.in_order_law(),
    )


def values_of_holds(
    pmf: NDArray[np.float64], worth: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return phi(h) and S(h) = sum_j a_j w_j for every hold.

    .. math:: \phi(h) = (1 - F_h) \prod_{j>h} (1 - f_j), \quad
              S(h) = F_h w_h + (1 - F_h) \sum_{j>h} f_j w_j \prod_{h<i<j} (1 - f_i)

    Parameters
    ----------
    pmf
        Law of D in frames, shape (J+1,).
    worth
        w_j of an action j frames old, shape (J+1,).

    Returns
    -------
    phi, value
        Shape (J+1,), index = h; entry 0 equals entry 1.

    Examples
    --------
    >>> phi, value = values_of_holds(np.array([0.0, 0.2, 0.5, 0.3]), 0.9 ** np.arange(4))
    >>> value.round(5)
    array([0.59148, 0.59148, 0.63261, 0.729  ])
    """
    longest = len(pmf) - 1
    below = np.minimum(np.cumsum(pmf), 1.0)
    below[-1] = 1.0
    empty, later = np.ones(longest + 1), np.zeros(longest + 1)
    for h in range(longest - 1, -1, -1):
        empty[h] = (1.0 - pmf[h + 1]) * empty[h + 1]
        later[h] = pmf[h + 1] * worth[h + 1] + (1.0 - pmf[h + 1]) * later[h + 1]
    phi = (1.0 - below) * empty
    value = below * worth + (1.0 - below) * later
    phi[0], value[0] = phi[min(1, longest)], value[min(1, longest)]
    return phi, value
