"""When to give up an inference: the one threshold of the least lower bound over all rules."""

import math

import numpy as np
from numpy.typing import NDArray

from ..laws import Law
from ..laws.law import check_frame_time
from .any_rule import Completions, arrival_rate, chunk_length, earned_by_age, most_served
from .loss import AgeLoss

__all__ = ["best_threshold"]

_EACH = 64
_LONGEST = 2.0**20
_GAIN = 1e-9
_MOST_AGES = 10_000


def best_threshold(
    law: Law,
    frame_time: float,
    loss: AgeLoss,
    *,
    workers: float = 1,
    service_model: str = "once",
    chunk: float | None = None,
) -> float:
    """Return after how many seconds, a whole number of frames, to cancel: where the lower bound is least.

    Thresholds inside a frame are left out: an inference that starts again in the same frame sees the same observation.

    Parameters
    ----------
    law, frame_time, loss, workers, service_model, chunk
        As for ``lower_bound_of_law``.

    Returns
    -------
    float
        ``inf`` where no threshold has a lower bound below that of rules that never cancel.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    One half of the inferences take one frame, the others five: give up after the first.

    >>> from regretlab.laws import law_from_samples
    >>> from regretlab.theory.loss import FrameLoss
    >>> best_threshold(law_from_samples([1.0, 5.0]), 1.0, FrameLoss(0.9))
    1.0
    """
    frame = check_frame_time(frame_time)

    length = chunk_length(service_model, chunk)

    def bound(after: float | None, rate: float) -> float:
        return loss.gap_default - most_served(Completions(law, frame, after), loss, rate, length)[0]

    longest = min(law.quantile(1.0 - 1e-6) / frame, _LONGEST)
    counts = np.unique(np.concatenate([np.arange(1, _EACH), np.rint(np.geomspace(1, max(1.0, longest), _EACH))]))
    thresholds = frame * counts[counts <= math.ceil(longest)]
    rates = workers * frame / law.mean_up_to(thresholds)  # all at once: an integral over the law takes long
    if length == 0 and loss.monotone and min(longest, loss.settled_age) < _MOST_AGES:
        values = loss.gap_default - _most_served_once(law, frame, loss, thresholds, rates)
    else:
        each = zip(thresholds.tolist(), rates.tolist(), strict=True)
        values = np.array([bound(after, rate) for after, rate in each])
    least = float(values.min())
    if least >= bound(None, arrival_rate(law, frame, workers)) - _GAIN:
        return math.inf
    return float(thresholds[values <= least + 1e-12].min())


def _most_served_once(
    law: Law, frame: float, loss: AgeLoss, thresholds: NDArray[np.float64], rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return S of Theorem A for one frame each, at all thresholds at once."""
    frames = np.rint(thresholds / frame)
    ages = np.arange(1, int(min(frames[-1], loss.settled_age)) + 1)
    completed = Completions(law, frame, float(thresholds[-1])).up_to(len(ages))[1:]
    in_all = law.cdf(thresholds)
    completed = np.where(ages < frames[:, None], completed, in_all[:, None])
    filled, in_all = np.minimum(1.0, rates[:, None] * completed), np.minimum(1.0, rates * in_all)
    return np.asarray(earned_by_age(loss.worth(ages), loss.worth_at_infinity, filled, in_all))
