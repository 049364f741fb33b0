"""One worker in cycles: observe, infer, act, and perhaps rest or learn before it observes again.

Without a learner a cycle lasts D frames, or D + 1 with a frame of rest, and one of them is acted on. Where learning
blocks acting it lasts C = ceil((T + T_L) / frame_time) frames, one of them
acted on after D = ceil(T / frame_time).
Derived in docs/theory.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...laws import ConstantLaw, Law, SampleLaw, law_from_samples
from .frame_service import LONGEST_AGES, Ages, ServiceInFrames, ServiceRequest, renewal_ages

__all__ = ["learning_cycle", "one_cycle", "second_moment", "sum_pmf"]

_TAIL = 1e-12
_MOST_PAIRS = 2**22
_LONGEST = 2**17


def one_cycle(request: ServiceRequest, rest: int) -> ServiceInFrames:
    """Return the service of one worker in cycles of D + ``rest`` frames, one of them served."""
    pmf, notes = request.delays()
    mean = request.law.mean_delay_frames(request.frame_time)
    square = second_moment(request.law, request.frame_time, pmf) + 2.0 * rest * mean + rest**2
    age, peak = renewal_ages(mean, mean + rest, square)
    cycle = mean + rest
    return ServiceInFrames(
        1.0 - 1.0 / cycle, pmf / cycle, "closed-form", notes, age, peak, ages=_resting_ages(pmf, rest)
    )


def _resting_ages(pmf: NDArray[np.float64], rest: int) -> Ages | None:
    """Return the ages of cycles of D + ``rest`` frames: P(A = j) = sum over d of f_d P(D' + rest > j - d), by E C."""
    if len(pmf) > LONGEST_AGES:
        return None
    until = np.concatenate([np.ones(rest), np.maximum(0.0, 1.0 - np.cumsum(pmf))])  # P(D' + rest > i)
    mean = float(pmf @ np.arange(len(pmf))) + rest
    law = np.convolve(pmf, until) / mean
    return Ages.in_order(law / law.sum(), pmf / mean)


def second_moment(law: Law, frame_time: float, pmf: NDArray[np.float64]) -> float:
    """Return E D^2, with the part past the table of P(D = j) that a heavy tail still has; may be ``inf``.

    Past the table, E(D^2; D > J) = J^2 P(D > J) + sum over n >= J of (2n + 1) P(D > n), a sum of a smooth function.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> law = parse_law("expon(scale=2.5)")
    >>> round(second_moment(law, 1.0, law.frame_pmf(1.0)), 9)  # (1 + q)/(1 - q)^2 with q = e^-0.4
    15.36790303
    """
    if math.isinf(law.std()):
        return math.inf
    within = float(pmf @ np.arange(len(pmf), dtype=np.float64) ** 2)
    last = len(pmf) - 1
    if law.kind != "scipy" or law.maximum() <= last * frame_time:
        return within
    from ...laws.numerics import integrate

    def density(frames: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((2.0 * frames + 1.0) * law.survival(frames * frame_time), dtype=np.float64)

    points = np.asarray((last - 0.5) * 2.0 ** np.arange(900), dtype=np.float64)
    with np.errstate(over="ignore"):
        matters = np.flatnonzero(points * density(points) > 1e-15 * within)
    if len(matters) == 0:
        return within
    beyond = math.fsum(integrate(density, points[: int(matters[-1]) + 2]))
    return within + last**2 * float(law.survival(last * frame_time)) + beyond


def learning_cycle(law: Law, learning_time: Law, frame_time: float) -> ServiceInFrames:
    """Return the service of a worker whose learning blocks its acting: phi = 1 - 1/E C, a_j = f_j / E C.

    Parameters
    ----------
    law
        Law of the inference time T, seconds.
    learning_time
        Law of the learning time T_L after each action, seconds, independent of T.
    frame_time
        Seconds of a frame.

    Examples
    --------
    >>> from regretlab.laws import constant
    >>> service = learning_cycle(constant(2.5), constant(1.2), 1.0)
    >>> service.inaction_fraction, service.delay_law.tolist()
    (0.75, [0.0, 0.0, 0.0, 0.25])
    """
    cycle = sum_pmf(law, learning_time, frame_time)
    delays = law.frame_pmf(frame_time)
    frames = np.arange(len(cycle))
    mean, square = float(cycle @ frames), float(cycle @ frames**2)
    age, peak = renewal_ages(law.mean_delay_frames(frame_time), mean, square)
    return ServiceInFrames(
        1.0 - 1.0 / mean,
        delays / mean,
        "closed-form",
        ("learning starts when the inference completes, and no observation is taken until it ends",),
        age,
        peak,
    )


def sum_pmf(first: Law, second: Law, frame_time: float) -> NDArray[np.float64]:
    """Return the law of ceil((T + T') / frame_time) for independent times, shape (J+1,), to about 1e-12.

    Raises
    ------
    InputError
        If the sum reaches too many frames to tabulate.

    Examples
    --------
    >>> from regretlab.laws import constant, parse_law
    >>> sum_pmf(parse_law("uniform(1, 1)"), constant(0.25), 1.0)
    array([0.  , 0.  , 0.75, 0.25])
    """
    if isinstance(first, ConstantLaw):
        first, second = second, first
    if isinstance(second, ConstantLaw):
        return first.shifted(second.seconds).frame_pmf(frame_time, tail=_TAIL)
    if isinstance(first, SampleLaw) and isinstance(second, SampleLaw):
        if len(first.seconds) * len(second.seconds) <= _MOST_PAIRS:
            return law_from_samples(np.add.outer(first.seconds, second.seconds).ravel()).frame_pmf(frame_time)
    elif isinstance(first, SampleLaw):
        first, second = second, first
    longest = first.quantile(1.0 - 0.5 * _TAIL) + second.quantile(1.0 - 0.5 * _TAIL)
    if not longest / frame_time <= _LONGEST:
        raise InputError(
            f"a cycle of {first.text} and {second.text} reaches {longest / frame_time:.3g} frames"
            f" and at most {_LONGEST} are tabulated: give a lighter tail"
        )
    edges = np.arange(np.ceil(longest / frame_time) + 1) * frame_time
    if isinstance(second, SampleLaw):
        below = np.mean([first.cdf(edges - seconds) for seconds in second.seconds], axis=0)
    else:
        import scipy.integrate

        quad_vec: Any = scipy.integrate.quad_vec
        below, _ = quad_vec(
            lambda u: first.cdf(edges - second.quantile(u)), 0.0, 1.0, epsabs=1e-12, epsrel=1e-11, limit=400
        )
    below[-1] = 1.0
    return np.concatenate([[0.0], np.maximum(np.diff(below), 0.0)])
