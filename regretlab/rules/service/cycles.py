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
from .frame_service import ServiceInFrames, ServiceRequest, renewal_ages

__all__ = ["learning_cycle", "one_cycle", "sum_pmf"]

_TAIL = 1e-12
_MOST_PAIRS = 2**22
_LONGEST = 2**17


def one_cycle(request: ServiceRequest, rest: int) -> ServiceInFrames:
    """Return the service of one worker in cycles of D + ``rest`` frames, one of them served."""
    pmf, notes = request.delays()
    mean = request.law.mean_delay_frames(request.frame_time)
    frames = np.arange(len(pmf)) + rest
    square = math.inf if math.isinf(request.law.std()) else float(pmf @ frames**2)
    if notes and math.isfinite(square):
        square = math.nan  # the table is too short for a second moment
    age, peak = renewal_ages(mean, mean + rest, square)
    cycle = mean + rest
    return ServiceInFrames(1.0 - 1.0 / cycle, pmf / cycle, "closed-form", notes, age, peak)


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
