r"""Workers that run back to back, independently of each other, released on completion.

Of one worker in the long run, with x = T / frame_time: at a boundary the inference in progress began B frames ago
(density P(x > b)/E x), when the one before it, of length X independent of B, completed. So its newest output has delay
ceil(B + X), and arrived in the last frame if B < 1. With G(m) = P(B + X <= m) and H(m) = P(B < 1, B + X <= m), N
independent workers give

.. math:: a_j = (1 - H(j-1))^N - (1 - H(j))^N, \quad \phi = (1 - q)^N,\ q = H(\infty) = E\min(x, 1)/E x, \quad
          P(A > m) = (1 - G(m))^N

because a frame's freshest output wins. Derived in docs/theory.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...laws import ConstantLaw, Law, SampleLaw
from .frame_service import Ages, NoClosedForm, ServiceInFrames, ServiceRequest

__all__ = ["independent_workers", "long_run", "newest_ages", "on_frames"]

_TAILS = (1e-13, 1e-10, 1e-8)
_LONGEST = 2**16
_LONGEST_AGE = 2048
_MOST_SAMPLES = 20_000
_MOST_PAIRED = 1500
_GRID = 1024
_INDEPENDENT = "the workers are out of step: each is in its long run, independent of the others"


def long_run(request: ServiceRequest) -> ServiceInFrames:
    """Return the service of a rule whose workers run back to back and have drifted out of step.

    Raises
    ------
    NoClosedForm
        If the tail is too heavy to tabulate.
    InputError
        For an unlimited number of workers.
    """
    if math.isinf(request.workers):
        raise InputError(f"rule '{request.rule}' needs a finite number of workers: only pools have a limit")
    service = independent_workers(request.law, request.frame_time, int(request.workers))
    if service is None:
        raise NoClosedForm(f"the tail of {request.law.text} is too heavy for rule '{request.rule}': simulate it")
    return service


def on_frames(pmf: NDArray[np.float64], workers: int) -> ServiceInFrames:
    r"""Return the service of N workers that start together on a boundary and whose times are whole frames.

    Starts then stay on boundaries, in step where d, the greatest common divisor of the times, is more than 1. In frames
    k with k mod d = c the inference in progress began R frames ago, P(R = i) = d P(D > i)/E D for i = c, c + d, ...,
    and the output before it has a delay of law D, independent of R; the workers are independent given c.

    Parameters
    ----------
    pmf
        Law of D in frames, shape (J+1,).
    workers
        N, at least 1.

    Examples
    --------
    >>> round(on_frames(np.array([0.0, 0.0, 0.5, 0.0, 0.5]), 2).inaction_fraction, 12)  # times 2 or 4
    0.555555555556
    """
    pmf = pmf / pmf.sum()
    longest = len(pmf) - 1
    step = math.gcd(*np.flatnonzero(pmf).tolist())
    below = np.cumsum(pmf)
    mean = float(pmf @ np.arange(longest + 1))
    share = step * np.append(1.0 - below[:-1], 0.0) / mean  # P(R = i) in its frames
    reach = 2 * longest + 1
    delays = -np.diff((1.0 - share[0] * below) ** workers, prepend=1.0) / step
    until = np.append(below, np.ones(reach + 1))  # P(D <= m)
    late = 1.0 - np.concatenate([np.zeros(longest + 2), until])  # P(D > m - i), from m - i = -(longest + 2) on
    above, standing = np.zeros(reach + 1), np.zeros(reach + 1)
    ages = np.arange(reach + 1)
    origin = longest + 2
    for c in range(step):
        later = np.zeros(reach + 1)  # P(R >= 1, R + D > m)
        for i in range(c, longest, step):
            if i > 0:
                later += share[i] * late[ages - i + origin]
        now = share[0] if c == 0 else 0.0
        above += (later + now * late[ages + origin]) ** workers / step
        arrived = now * late[ages - 1 + origin]  # an output of delay m or more completes
        standing += ((np.append(1.0 - now, later[:-1]) + arrived) ** workers - (later + arrived) ** workers) / step
    standing[:2] = 0.0
    notes = ("the workers start together on a boundary, and all times are whole frames",)
    found = Ages(np.clip(above, 0.0, 1.0), np.maximum(standing, 0.0))
    service = ServiceInFrames(1.0 - float(delays.sum()), np.maximum(delays, 0.0), "exact", notes)
    return service.aged(found)


def independent_workers(law: Law, frame_time: float, workers: int) -> ServiceInFrames | None:
    """Return the service of N workers that run back to back out of step; None if the tail is too heavy to tabulate.

    Parameters
    ----------
    law
        Law of the inference time, seconds.
    frame_time
        Seconds of a frame.
    workers
        N, at least 1, finite.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> independent_workers(parse_law("gamma(4, scale=0.8)"), 1.0, 3).inaction_fraction
    0.32898742725...
    """
    if not workers < math.inf:
        raise InputError("workers that run back to back must be finitely many, not inf")
    law, notes = _thinned(law)
    mean = law.mean() / frame_time
    chance = float(law.mean_up_to(frame_time)) / law.mean()
    reaches = [law.quantile(1.0 - tail) / frame_time for tail in _TAILS]
    fitting = [(reach, tail) for reach, tail in zip(reaches, _TAILS, strict=True) if reach <= _LONGEST]
    if not fitting:
        return None
    longest = math.ceil(fitting[0][0]) + 2
    if fitting[0][1] != _TAILS[0]:
        notes = (*notes, f"delays above {longest} frames (probability up to {fitting[0][1]:.0e}) are left out")
    arrived = _arrived(law, frame_time, longest) / mean
    missed = np.maximum(1.0 - arrived, 0.0) ** workers
    delays = np.concatenate([[0.0], -np.diff(missed)])
    ages = _ages(law, frame_time, workers, longest, mean)
    return ServiceInFrames(
        (1.0 - chance) ** workers,
        np.maximum(delays, 0.0),
        "closed-form" if law.kind == "constant" else "series",
        (_INDEPENDENT, *notes),
        math.nan if ages is None else ages.mean(),
        math.nan if ages is None else ages.peak(),
        ages=ages,
    )


def _thinned(law: Law) -> tuple[Law, tuple[str, ...]]:
    """Return a law of few enough samples to work with."""
    if not isinstance(law, SampleLaw) or len(law.seconds) <= _MOST_SAMPLES:
        return law, ()
    thin = _quantiles(law, _MOST_SAMPLES)
    return thin, (f"the {len(law.seconds)} samples are represented by {_MOST_SAMPLES} of their quantiles",)


def _quantiles(law: SampleLaw, count: int) -> SampleLaw:
    index = ((np.arange(count) + 0.5) * len(law.seconds) / count).astype(np.int64)
    return SampleLaw(law.text, law.seconds[index])


def _points(law: Law) -> NDArray[np.float64]:
    if isinstance(law, ConstantLaw):
        return np.array([law.seconds])
    assert isinstance(law, SampleLaw)
    return law.seconds


def _arrived(law: Law, frame_time: float, longest: int) -> NDArray[np.float64]:
    """Return E x * H(m) for m = 0..longest: the integral over b in [0, 1] of P(x > b) P(x <= m - b)."""
    frames = np.arange(longest + 1, dtype=np.float64)
    if law.kind == "scipy":
        return _integrals(law, frame_time, lambda b: law.survival(b * frame_time) * law.cdf((frames - b) * frame_time))
    # = E over X of the time within the frame that B may take: L(clip(m - X, 0, 1)), L(z) = E min(x, z)
    x = _points(law) / frame_time
    return np.array([_mean_within(law, frame_time, np.clip(m - x, 0.0, 1.0)).mean() for m in frames])


def _mean_within(law: Law, frame_time: float, z: NDArray[np.float64]) -> NDArray[np.float64]:
    return law.mean_up_to(np.maximum(z, 0.0) * frame_time) / frame_time


def _integrals(law: Law, frame_time: float, function: object) -> NDArray[np.float64]:
    """Return the integral over b in [0, 1] of a vector-valued function made from the law's cdf."""
    from typing import Any

    import scipy.integrate

    quad_vec: Any = scipy.integrate.quad_vec
    quantiles = np.array([law.quantile(q) for q in (0.0, 0.001, 0.1, 0.5, 0.9, 0.999)]) / frame_time
    quantiles = quantiles[np.isfinite(quantiles)]
    kinks = np.concatenate([-quantiles % 1.0, quantiles[quantiles < 1.0]])
    points = np.unique(kinks[(kinks > 1e-9) & (kinks < 1.0 - 1e-9)])
    values, _ = quad_vec(function, 0.0, 1.0, epsabs=1e-13, epsrel=1e-11, norm="max", limit=60, points=points)
    return np.asarray(values, dtype=np.float64)


def _ages(law: Law, frame_time: float, workers: int, longest: int, mean: float) -> Ages | None:
    """Return the ages; None where they reach too far to tabulate."""
    last = 2 * longest
    if last > _LONGEST_AGE:
        return None
    within = np.minimum(_newest_within(law, frame_time, last) / mean, 1.0)
    arrived = _arrived(law, frame_time, last) / mean
    above = (1.0 - within) ** workers
    if above[-1] > 1e-9:
        return None
    # Nothing fresher at k although the newest observation was as fresh before: of one worker, by m,
    # P(neither an output fresher than m by k nor one fresher than m - 1 by k - 1)
    later = within - arrived
    fresh = np.concatenate([[0.0], within[:-1]])
    still = np.concatenate([[0.0], np.diff(later)])
    joint = np.clip(1.0 - fresh - still - _renewed(law, frame_time, last) / mean, 0.0, 1.0) ** workers
    standing = np.concatenate([[1.0], above[:-1]]) - joint
    standing[:2] = 0.0
    return Ages(above, np.maximum(standing, 0.0))


def _newest_within(law: Law, frame_time: float, last: int) -> NDArray[np.float64]:
    """Return E x * G(m) for m = 0..last: the integral over b in [0, m] of P(x > b) P(x <= m - b)."""
    frames = np.arange(last + 1, dtype=np.float64)
    if law.kind == "scipy":
        from scipy.signal import fftconvolve

        def pieces(b: float) -> NDArray[np.float64]:
            above = law.survival((frames[:-1] + b) * frame_time)
            below = law.cdf((frames[1:] - b) * frame_time)
            return np.concatenate([[0.0], fftconvolve(above, below)[:last]])

        return np.maximum.accumulate(_integrals(law, frame_time, pieces))
    x = _points(law) / frame_time
    return np.array([_mean_within(law, frame_time, m - x).mean() for m in frames])


def newest_ages(law: Law, frame_time: float, workers: int, last: int) -> NDArray[np.float64]:
    """Return P(A > m) = (1 - G(m))^N for m = 0..last: the age of the newest output of N workers out of step.

    Parameters
    ----------
    law, frame_time, workers
        As for ``independent_workers``.
    last
        Largest m, frames.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> newest_ages(parse_law("2.5"), 1.0, 1, 5).round(12).tolist()
    [1.0, 1.0, 1.0, 0.8, 0.4, 0.0]
    """
    within = _newest_within(law, frame_time, last) / (law.mean() / frame_time)
    return np.asarray((1.0 - np.minimum(within, 1.0)) ** workers, dtype=np.float64)


def _renewed(law: Law, frame_time: float, last: int) -> NDArray[np.float64]:
    """Return E x * P(B < 1, m - 1 < B + X, B + X + X' <= m), X' independent of X and its like; 0 if x >= 1 always."""
    result = np.zeros(last + 3)
    if float(law.cdf(frame_time)) == 0.0:
        return result[: last + 1]
    if law.kind == "scipy":
        return _renewed_on_grid(law, frame_time, last)
    few = _quantiles(law, _MOST_PAIRED) if isinstance(law, SampleLaw) and len(law.seconds) > _MOST_PAIRED else law
    x = _points(few) / frame_time
    short = x[x < 1.0]
    first = np.floor(x).astype(np.int64)
    for ahead in (1, 2, 3):  # the frames m in which b may lie in (m - 1 - X, m - X - X'] and in [0, 1)
        m = first + ahead
        high = _mean_within(law, frame_time, np.clip((m - x)[:, None] - short[None, :], 0.0, 1.0))
        low = _mean_within(law, frame_time, np.clip(m - 1.0 - x, 0.0, 1.0))
        share = np.maximum(high - low[:, None], 0.0).sum(axis=1) / len(x) ** 2
        inside = m < len(result)
        np.add.at(result, m[inside], share[inside])
    return result[: last + 1]


def _renewed_on_grid(law: Law, frame_time: float, last: int) -> NDArray[np.float64]:
    """As ``_renewed``: the integral of P(x <= m - z) dK(z), K(z) that over b + w = z of P(x > b) P(x <= w), b, w < 1.

    A Stieltjes sum on a grid (error of the order of its squared step): it enters the peak age only.
    """
    middle = (np.arange(_GRID) + 0.5) / _GRID
    weights = np.convolve(law.survival(middle * frame_time), law.cdf(middle * frame_time)) / _GRID
    kernel = np.concatenate([[0.0], weights, [0.0]])  # K at 0, 1/n, ..., 2
    z = (np.arange(2 * _GRID) + 0.5) / _GRID
    steps = np.diff(kernel)
    frames = np.arange(last + 1, dtype=np.float64)
    return np.array([float(law.cdf((m - z) * frame_time) @ steps) for m in frames])
