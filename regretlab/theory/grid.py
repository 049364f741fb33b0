r"""Regret over a grid of inference times and modal probabilities, compiled.

For maps and contour lines with millions of points. Every rule here is linear in the delay moment,

.. math:: R(T, p) = \phi(T)\,g + (1 - \phi(T))\,E \min(g, \Delta (1 - p^D))

and while g >= Delta the minimum is Delta (1 - E p^D). So a row (one inference time) needs phi and a few numbers of the
law once, and a point only the moment's closed form: p^ceil(x) for the constant, (1-p)/((1-p) + p (1 - e^-mu)) for
1 - E p^D of the exponential, Eulerian polynomials for gamma of integer shape (docs/theory, "Moments").
"""

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..laws.law import check_frame_time, delay_frames
from ..rules import MAX_TIME, StaggeringRule, get_rule
from .checks import check_count, check_gap
from .delay import check_mode_probability

__all__ = ["Family", "regret_grid"]

Family = Literal["constant", "exponential", "gamma"]

_LARGEST_SHAPE = 24


def regret_grid(
    family: Family,
    inference_times: ArrayLike,
    mode_probabilities: ArrayLike,
    frame_time: float,
    *,
    rule: str | StaggeringRule | None = None,
    workers: int = 1,
    shape: int = 1,
    symbols: int | None = None,
    gap_default: float = 1.0,
    gap_delay: float = 1.0,
    out: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return the regret per frame for every pair of an inference time and a modal probability.

    Parameters
    ----------
    family
        "constant", "exponential" or "gamma" (of integer ``shape``).
    inference_times
        Mean inference times in seconds, shape (T,).
    mode_probabilities
        p per frame, shape (P,): in [0, 1], or [1/K, 1] with ``symbols``.
    frame_time
        Seconds of a frame.
    rule
        A rule of one worker in cycles, or maximum-time staggering with ``workers`` that start on frames (constant times
        only). None: each frame is served by an inference of its own (the delay part alone, phi = 0).
    workers
        N, for max-time.
    shape
        k of the gamma law, 1 to 24.
    symbols
        K for the ring W2; None for the shift register W1.
    gap_default, gap_delay
        g and Delta, reward per frame.
    out
        Array of shape (T, P) to write to.

    Returns
    -------
    NDArray[np.float64]
        Shape (T, P), reward per frame.

    Raises
    ------
    InputError
        For values out of range, or a rule that has no closed form for the family.

    Examples
    --------
    >>> regret_grid("exponential", [2.5], [0.9], 1.0).round(11)
    array([[0.25207206]])
    >>> regret_grid("constant", [3], [0.7], 1.0, rule="sequential", gap_default=0.9).round(12)
    array([[0.819]])
    """
    times, p = _checked_axes(inference_times, mode_probabilities, symbols)
    frame = check_frame_time(frame_time)
    g = check_gap(gap_default, "gap of the default behaviour")
    stake = check_gap(gap_delay, "gap of a wrong action")
    if symbols is not None:
        p = np.maximum(0.0, (symbols * p - 1.0) / (symbols - 1.0))
        stake *= 1.0 - 1.0 / symbols
    if family not in get_args(Family):
        raise InputError(f"family must be one of {', '.join(get_args(Family))}, not {family!r}")
    order = check_count(shape, "shape", 1)
    if order > _LARGEST_SHAPE or (order > 1 and family != "gamma"):
        raise InputError(f"shape must be 1 (gamma: up to {_LARGEST_SHAPE}), not {shape!r} for family '{family}'")
    result = _checked_out(out, (len(times), len(p)))
    phi = _inaction(family, times / frame, rule, check_count(workers, "workers", 1), order, frame)
    if g < stake:
        return _capped(family, times / frame, delay_frames(times, frame), order, p, phi, g, stake, result)
    _sweep(family, times / frame, delay_frames(times, frame), order, p, phi * g, (1.0 - phi) * stake, result)
    return result


def _checked_axes(
    inference_times: ArrayLike, mode_probabilities: ArrayLike, symbols: int | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    times = np.ascontiguousarray(inference_times, dtype=np.float64)
    p = np.ascontiguousarray(mode_probabilities, dtype=np.float64)
    if times.ndim != 1 or p.ndim != 1:
        raise InputError(
            f"inference times and mode probabilities must be one-dimensional, not {times.shape} and {p.shape}"
        )
    if not (np.isfinite(times).all() and (times > 0).all()):
        wrong = times[~(np.isfinite(times) & (times > 0))][0]
        raise InputError(f"inference times must be positive, finite numbers of seconds, not {wrong}")
    for value in p[~((p >= (0.0 if symbols is None else 1.0 / symbols)) & (p <= 1.0))][:1]:
        check_mode_probability(float(value), symbols)
    if symbols is not None:
        check_mode_probability(1.0, symbols)
    return times, p


def _checked_out(out: NDArray[np.float64] | None, shape: tuple[int, int]) -> NDArray[np.float64]:
    if out is None:
        return np.empty(shape)
    if out.shape != shape or out.dtype != np.float64:
        raise InputError(f"out must be a float64 array of shape {shape}, not {out.dtype} of {out.shape}")
    return out


def _inaction(
    family: Family,
    frames: NDArray[np.float64],
    rule: str | StaggeringRule | None,
    workers: int,
    shape: int,
    frame_time: float,
) -> NDArray[np.float64]:
    """Return phi of each inference time."""
    if rule is None:
        return np.zeros(len(frames))
    rule = get_rule(rule)
    if rule is MAX_TIME:
        if family != "constant":
            raise InputError(f"rule '{rule}' on a grid is for constant times, not family '{family}'")
        return np.asarray(np.maximum(0.0, 1.0 - workers / delay_frames(frames * frame_time, frame_time)))
    if rule.cycle_rest is None:
        raise InputError(f"a grid is for rules of one worker and for '{MAX_TIME}', not for '{rule}'")
    if family == "constant":
        mean = delay_frames(frames * frame_time, frame_time).astype(np.float64)
    elif family == "exponential" or shape == 1:
        mean = -1.0 / np.expm1(-1.0 / frames)
    else:
        mean = np.array([_mean_gamma_delay(shape, x / shape) for x in frames])
    return 1.0 - 1.0 / (mean + rule.cycle_rest)


def _mean_gamma_delay(shape: int, scale: float) -> float:
    """Return E ceil(x) = sum over n >= 0 of P(x > n): 1 + sum_i s^-i/i! Li_{-i}(e^{-1/s})."""
    z, rest = math.exp(-1.0 / scale), -math.expm1(-1.0 / scale)
    total, factor = 1.0, 1.0
    if z == 0.0:
        return total
    for order, row in enumerate(_eulerian_table(shape)):
        factor = 1.0 if order == 0 else factor / (order * scale)
        total += factor * z * float(np.polynomial.polynomial.polyval(z, row)) / rest ** (order + 1)
    return total


def _eulerian_table(shape: int) -> NDArray[np.float64]:
    """Return Eulerian numbers A(i, m), shape (k, k); row 0 is that of Li_0(z) = z/(1-z)."""
    table = np.zeros((shape, shape))
    table[0, 0] = 1.0
    if shape > 1:
        table[1, 0] = 1.0
    for n in range(2, shape):
        for m in range(n):
            table[n, m] = (m + 1) * table[n - 1, m] + ((n - m) * table[n - 1, m - 1] if m else 0.0)
    return table


def _capped(
    family: Family,
    frames: NDArray[np.float64],
    delays: NDArray[np.int64],
    shape: int,
    p: NDArray[np.float64],
    phi: NDArray[np.float64],
    g: float,
    stake: float,
    out: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Fill in phi g + (1 - phi) E min(g, Delta (1 - p^D)): past the last useful age every action loses g.

    E max(0, g - l_D) is Theorem A's sum for one inference a frame (r = 1), so its kernel serves.
    """
    from scipy.special import gammainc

    from . import _kernels

    with np.errstate(divide="ignore"):
        useful = np.where(p < 1.0, np.ceil(math.log1p(-g / stake) / np.log(p)) - 1.0, np.inf)
    longest = int(np.max(useful[p < 1.0], initial=1.0)) + 1
    lost = np.empty((len(p), 1))
    for i, x in enumerate(frames):
        ages = np.arange(longest + 1)
        below = (ages >= delays[i]).astype(float) if family == "constant" else gammainc(shape, ages * (shape / x))
        _kernels.lower_bound_sweep(below, 1.0, np.ones(1), p, useful, g, stake, lost)
        out[i] = phi[i] * g + (1.0 - phi[i]) * lost[:, 0]
    return out


def _sweep(
    family: Family,
    frames: NDArray[np.float64],
    delays: NDArray[np.int64],
    shape: int,
    p: NDArray[np.float64],
    offset: NDArray[np.float64],
    weight: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    from . import _kernels

    if family == "constant":
        _kernels.constant_sweep(delays, p, offset, weight, out)
    elif family == "exponential" or shape == 1:
        _kernels.exponential_sweep(-np.expm1(-1.0 / frames), p, offset, weight, out)
    else:
        _kernels.gamma_sweep(frames / shape, _eulerian_table(shape), p, offset, weight, out)
