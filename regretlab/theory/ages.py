r"""Ages of the action in force when it is repeated, or taken from a chunk, until a fresher output comes.

With the freshest output in force at age A, a frame loses min(g, l_A), and g where A exceeds the H ages of a chunk:

.. math:: \sum_{j \le H} P(A = j) \min(g, l_j) + P(A > H)\,g

* one worker, back to back on the frames: P(A = j) = sum_{d<=j} f_d P(D > j - d) / E D;
* N workers that run freely, out of step: P(A > j) = (1 - (F_e * F)(j))^N, F_e the law of the time since the last start;
* constant times of D whole frames, N a divisor of D, evenly spaced on the frames: D, ..., D + D/N - 1, all as likely.

These are values of rules in the service models ``repeat`` (where the mode stays) and ``chunk``; the bound over all
rules is ``any_rule``. Derived in docs/theory (staggering rules).
"""

import math

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..laws import Law
from ..laws.law import check_frame_time
from ..rules.service.independent_workers import newest_ages
from .checks import check_count
from .loss import AgeLoss

__all__ = ["evenly_spaced_ages", "free_running_ages", "regret_at_ages", "sequential_ages"]

_TAIL = 1e-13
_LONGEST = 2**16


def sequential_ages(law: Law, frame_time: float) -> NDArray[np.float64]:
    """Return P(A = j) of one worker that starts again where its action takes effect.

    Parameters
    ----------
    law, frame_time
        Inference time and seconds of a frame.

    Returns
    -------
    NDArray[np.float64]
        Shape (2 J,), index = age in frames, J the longest delay.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> sequential_ages(parse_law("2"), 1.0).tolist()
    [0.0, 0.0, 0.5, 0.5]
    """
    pmf = law.frame_pmf(frame_time)
    above = np.maximum(0.0, 1.0 - np.cumsum(pmf))[:-1]
    return np.asarray(np.convolve(pmf, above) / float(above.sum()), dtype=np.float64)


def free_running_ages(law: Law, frame_time: float, workers: int) -> NDArray[np.float64]:
    """Return P(A = j) of N workers that run back to back, each in its long run, independent of the others.

    Parameters
    ----------
    law, frame_time
        Inference time and seconds of a frame; for times that share a lattice with the frame, the mean over phases.
    workers
        N, at least 1.

    Raises
    ------
    InputError
        For a tail too heavy to tabulate.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> from regretlab.theory.loss import FrameLoss
    >>> ages = free_running_ages(parse_law("gamma(4, scale=0.8)"), 1.0, 4)
    >>> round(regret_at_ages(ages, FrameLoss(0.9)), 10)
    0.3113163886
    """
    frame, count = check_frame_time(frame_time), check_count(workers, "workers", 1)
    reach = 2.0 * law.quantile(1.0 - _TAIL) / frame
    if not reach <= _LONGEST:
        raise InputError(f"the tail of {law.text} reaches {reach:.3g} frames, and at most {_LONGEST} are tabulated")
    above = newest_ages(law, frame, count, math.ceil(reach) + 2)
    return np.asarray(np.concatenate([[0.0], -np.diff(above)]), dtype=np.float64)


def evenly_spaced_ages(delay: int, workers: int) -> NDArray[np.float64]:
    """Return P(A = j) of constant times of D whole frames with starts every D/N frames, on the frames.

    Parameters
    ----------
    delay
        D in frames.
    workers
        N, a divisor of D.

    Raises
    ------
    InputError
        Unless N divides D.

    Examples
    --------
    >>> evenly_spaced_ages(4, 2).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.5, 0.5]
    """
    frames, count = check_count(delay, "delay", 1), check_count(workers, "workers", 1)
    if frames % count:
        raise InputError(f"workers must divide the {frames} frames of the delay, and {count} do not")
    spacing = frames // count
    return np.concatenate([np.zeros(frames), np.full(spacing, 1.0 / spacing)])


def regret_at_ages(ages: NDArray[np.float64], loss: AgeLoss, *, chunk: float = math.inf) -> float:
    """Return the regret per frame at these ages of the action in force.

    Parameters
    ----------
    ages
        P(A = j), index = frames; what is missing to 1 loses g.
    loss
        What a frame loses by the age of its action.
    chunk
        H: past this age the default behaviour acts.

    Examples
    --------
    >>> from regretlab.theory.loss import FrameLoss
    >>> round(regret_at_ages(evenly_spaced_ages(2, 1), FrameLoss(0.9)), 4)
    0.2305
    """
    index = np.arange(len(ages))
    worth = np.where(index <= chunk, loss.worth(index), 0.0)
    return float(loss.gap_default - ages @ worth)
