r"""Quadratic gaps: what an old observation costs where actions are rows of numbers.

If an action a in state x loses (a - a*)' G (a - a*) against the best one, a* = -K x, and the state moves by
x' = A x + B a + w with noise w of covariance W, then the best action on what was seen j frames ago, with the actions
since, loses the predictive variance, weighted:

.. math:: \ell_j = \operatorname{tr}(M \Sigma_j), \qquad \Sigma_j = \sum_{i<j} A^i W (A^i)', \qquad M = K' G K.

Derived in docs/theory; no law of the noise is assumed.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, solve_discrete_are, solve_discrete_lyapunov

from ..curves import LossCurve
from ..errors import InputError

__all__ = ["control_weight", "ornstein_uhlenbeck_loss", "quadratic_loss", "tracking_curve"]


def quadratic_loss(
    transition: ArrayLike, noise: ArrayLike, weight: ArrayLike, ages: Sequence[int]
) -> NDArray[np.float64]:
    """Return what a frame loses at each age of its observation, in reward per frame.

    Parameters
    ----------
    transition
        A, shape (n, n), or a number.
    noise
        W, covariance of the noise of a frame, shape (n, n).
    weight
        M, shape (n, n): of an action that should equal the state the weight of its squared error, of a regulator
        ``control_weight``.
    ages
        Ages in frames, whole numbers of at least 0.

    Raises
    ------
    InputError
        If the shapes do not go together, a covariance or weight is none, or an age is negative.

    Examples
    --------
    >>> quadratic_loss(0.5, 1.0, 2.0, [0, 1, 2]).tolist()
    [0.0, 2.0, 2.5]
    """
    a, w, m = _matrices(transition, noise, weight)
    if any(age < 0 or age != int(age) for age in ages):
        raise InputError(f"an age is a whole number of frames, at least 0, not in {list(ages)[:6]}")
    sums, power = [0.0], np.eye(len(a))
    for _ in range(int(max(ages, default=0))):
        sums.append(sums[-1] + float(np.trace(m @ power @ w @ power.T)))
        power = a @ power
    return np.array([sums[int(age)] for age in ages])


def control_weight(
    transition: ArrayLike, control: ArrayLike, state_cost: ArrayLike, action_cost: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the best gain K, and the weight M = K' (R + B' P B) K, of a linear-quadratic regulator.

    A frame earns -(x' Q x + a' R a), and P is the stabilising solution of the Riccati equation.

    Parameters
    ----------
    transition, control
        A, shape (n, n), and B, shape (n, m).
    state_cost, action_cost
        Q, shape (n, n), and R, shape (m, m), positive definite.

    Raises
    ------
    InputError
        If no action stabilises the state.

    Examples
    --------
    >>> gain, weight = control_weight([[1.0]], [[1.0]], [[1.0]], [[2.0]])
    >>> round(gain.item(), 9), round(weight.item(), 9)
    (0.5, 1.0)
    """
    a, b, q, r = (
        np.atleast_2d(np.asarray(each, np.float64)) for each in (transition, control, state_cost, action_cost)
    )
    try:
        p = solve_discrete_are(a, b, q, r)
    except (LinAlgError, ValueError) as error:
        raise InputError(f"no regulator: {error}") from None
    curvature = r + b.T @ p @ b
    gain = np.linalg.solve(curvature, b.T @ p @ a)
    return gain, gain.T @ curvature @ gain


def tracking_curve(transition: ArrayLike, noise: ArrayLike, weight: ArrayLike, ages: Sequence[int]) -> LossCurve:
    """Return the loss curve of following a target that actions do not move, as ``Scenario(loss=...)`` takes it.

    The target moves by y' = A y + w, and an action a loses (a - y)' M (a - y); the default behaviour plays zero.

    Parameters
    ----------
    transition, noise, weight, ages
        As for ``quadratic_loss``; all eigenvalues of A lie inside the unit circle.

    Raises
    ------
    InputError
        Also if the target has no stationary law.

    Examples
    --------
    >>> curve = tracking_curve(0.5, 0.75, 1.0, [0, 1, 2])
    >>> curve.losses, curve.gap_default
    ((0.0, 0.75, 0.9375), 1.0)
    """
    a, w, m = _matrices(transition, noise, weight)
    if (radius := float(np.abs(np.linalg.eigvals(a)).max())) >= 1.0:
        raise InputError(f"the target has no stationary law: an eigenvalue of its transition has size {radius:.6g}")
    losses = quadratic_loss(a, w, m, ages)
    gap = float(np.trace(m @ solve_discrete_lyapunov(a, w)))
    return LossCurve(tuple(int(age) for age in ages), tuple(losses.tolist()), gap)


def ornstein_uhlenbeck_loss(delay: float, *, rate: float, volatility: float, weight: float = 1.0) -> float:
    r"""Return :math:`L \sigma^2 (1 - e^{-2\theta d}) / (2 \theta)`, the loss per frame of following that process late.

    Parameters
    ----------
    delay
        d, age of the observation in seconds.
    rate, volatility
        Of dy = -theta y dt + sigma dB; theta in 1/s, sigma in units of y per square root of a second. At rate 0 it is
        a random walk.
    weight
        L, of the squared error of an action.

    Raises
    ------
    InputError
        For negative values, or ones that are not finite.

    Examples
    --------
    >>> ornstein_uhlenbeck_loss(1.0, rate=0.0, volatility=2.0)
    4.0
    >>> round(ornstein_uhlenbeck_loss(0.1, rate=2.0, volatility=1.0), 6)
    0.08242
    """
    for name, value in (("delay", delay), ("rate", rate), ("volatility", volatility), ("weight", weight)):
        if not (math.isfinite(value) and value >= 0.0):
            raise InputError(f"{name} must be a finite number of at least 0, not {value}")
    spread = delay if rate == 0.0 else -math.expm1(-2.0 * rate * delay) / (2.0 * rate)
    return weight * volatility**2 * spread


def _matrices(*given: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """Return transition, covariance and weight as matrices of one size."""
    a, w, m = (np.atleast_2d(np.asarray(each, dtype=np.float64)) for each in given)
    size = (len(a), len(a))
    for name, each in (("transition", a), ("noise", w), ("weight", m)):
        if each.shape != size or not np.isfinite(each).all():
            raise InputError(f"{name} must be a finite matrix of shape {size}, not one of shape {each.shape}")
    for name, each in (("noise", w), ("weight", m)):
        tolerance = 1e-9 * max(1.0, float(np.abs(each).max()))
        if not np.allclose(each, each.T, atol=tolerance) or np.linalg.eigvalsh(each).min() < -tolerance:
            raise InputError(f"{name} must be symmetric, with no negative eigenvalue")
    return a, w, m
