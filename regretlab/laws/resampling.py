r"""The sampling interval of whatever is computed from a law that is known from samples only.

With n samples the law below and above each sample is known up to a Dirichlet law (Hill 1968; Rubin 1981, the Bayesian
bootstrap): a resample gives the n samples, and one time that was not seen, weights that are exponential variables over
their sum. The unseen time lies below all samples in one half of the resamples, and above in the other, where it is
twice the longest: a rule that keeps to the longest time, and frames that only slow inferences lose, would otherwise
seem certain. For the share of times above a limit the ends are those of Clopper & Pearson (1934), whose interval covers
for every n. Ends are quantiles of what the resamples give: the lower one of the fast half, the upper one of the slow.
The seed is fixed: the same samples give the same interval.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .law import Law
from .load_law import LoadLaw
from .sample_law import SampleLaw, law_from_samples

__all__ = ["LEVEL", "UNSEEN", "SamplingInterval", "sampling_interval", "with_unseen_time", "without_longest"]

LEVEL = 0.95
"""Confidence of a sampling interval."""
UNSEEN = 2.0
"""How many times as long as the longest sample a time that was not seen is taken to be."""
_MISHAP = 0.05  # of the mean
_RESAMPLES, _SEED = 60, 20_260_101
_POINTS, _MOST_POINTS = 4, 4_000


@dataclass(frozen=True)
class SamplingInterval:
    """Intervals of figures that rest on samples.

    Attributes
    ----------
    samples
        How many there are.
    level
        Confidence of each interval.
    unseen_time
        Seconds that the slow resamples add to the samples.
    intervals
        The two ends of each figure, by its name; a name with a full stop is a part of another figure.
    """

    samples: int
    level: float
    unseen_time: float
    intervals: Mapping[str, tuple[float, float]]

    def to_json(self) -> dict[str, Any]:
        """Return the intervals as plain values, parts within their figure."""
        values: dict[str, Any] = {"samples": self.samples, "level": self.level, "unseen_time": self.unseen_time}
        values["workers_for_zero_inaction"] = None  # unless the rule has a number
        for name, ends in self.intervals.items():
            figure, _, part = name.partition(".")
            if part:
                values.setdefault(figure, {})[part] = list(ends)
            else:
                values[figure] = list(ends)
        return values

    def facts(self) -> list[tuple[str, str]]:
        """Return the interval of regret and inaction in one line."""
        total, idle = self.intervals["regret_per_frame.total"], self.intervals["inaction_fraction"]
        said = f"regret per frame in [{total[0]:.6g}, {total[1]:.6g}], frames without an action in "
        said += f"[{100 * idle[0]:.4g}, {100 * idle[1]:.4g}] % ({100 * self.level:g} %)"
        return [(f"from {self.samples} sample{'' if self.samples == 1 else 's'}", said)]


def with_unseen_time(law: SampleLaw) -> SampleLaw:
    """Return the samples and one more, ``UNSEEN`` times the longest: what a longer time than any seen would do.

    Examples
    --------
    >>> with_unseen_time(law_from_samples([0.1, 0.3])).seconds
    array([0.1, 0.3, 0.6])
    """
    return _each(law, lambda seconds: np.append(seconds, UNSEEN * seconds[-1]))


def without_longest(law: SampleLaw) -> SampleLaw:
    """Return the samples without the longest, which may be an outlier, unless it matters how long that took.

    A choice made from the samples that are left and one ``UNSEEN`` times their longest is the same with and without
    an outlier. All are returned where that would move their mean by more than 5 %: of a time as long as many others
    together its length counts, and one of few samples says much.

    Examples
    --------
    >>> outlier = law_from_samples([0.15] * 199 + [0.35])
    >>> without_longest(outlier).maximum(), without_longest(law_from_samples([0.1, 0.3])).maximum()
    (0.15, 0.3)
    """
    if len(law.seconds) < 2:
        return law
    rest = _each(law, lambda seconds: seconds[:-1])
    return rest if abs(with_unseen_time(rest).mean() / law.mean() - 1.0) <= _MISHAP else law


def sampling_interval(law: Law | None, figures: Callable[[Law], Mapping[str, float]]) -> SamplingInterval | None:
    """Return the sampling interval of figures; None for a law that is not known from samples.

    Parameters
    ----------
    law
        The law that the figures were computed from.
    figures
        Computes the same figures, by name, from another law; called on several threads.

    References
    ----------
    Rubin 1981, "The Bayesian bootstrap"; Hill 1968, "Posterior distribution of percentiles"; Clopper & Pearson 1934.

    Examples
    --------
    >>> law = law_from_samples([0.1] * 60)
    >>> found = sampling_interval(law, lambda other: {"late": float(other.survival(0.15))})
    >>> found.intervals["late"][0], 0.04 < found.intervals["late"][1] < 0.08  # exactly 1 - 0.025**(1/60) = 0.0596
    (0.0, True)
    """
    if not isinstance(law, SampleLaw):
        return None
    here = figures(law)  # compiles what the others need
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        fast, slow = (list(pool.map(figures, laws)) for laws in zip(*_resampled(law), strict=True))
    tail = (1.0 - LEVEL) / 2.0
    intervals = {}
    for name, value in here.items():
        ends = [np.quantile([each[name] for each in side], [tail, 1.0 - tail]) for side in (fast, slow)]
        intervals[name] = float(min(value, ends[0][0], ends[1][0])), float(max(value, ends[0][1], ends[1][1]))
    return SamplingInterval(len(law.seconds), LEVEL, UNSEEN * law.maximum(), intervals)


def _resampled(law: SampleLaw) -> Iterator[tuple[SampleLaw, SampleLaw]]:
    """Yield a fast and a slow resample: as many points of equal weight as come near the weights drawn."""
    random, samples = np.random.default_rng(_SEED), law.seconds
    count = min(_MOST_POINTS, _POINTS * (len(samples) + 1))
    places = (np.arange(count) + 0.5) / count
    fastest, slowest = 0.5 * samples[:1], UNSEEN * samples[-1:]
    for _ in range(_RESAMPLES):
        reach = np.cumsum(random.exponential(size=len(samples) + 1))
        chosen = np.searchsorted(reach / reach[-1], places)
        yield (
            _law(law, np.concatenate([fastest, samples])[chosen]),
            _law(law, np.concatenate([samples, slowest])[chosen]),
        )


def _law(law: SampleLaw, seconds: NDArray[np.float64]) -> SampleLaw:
    return replace(law_from_samples(seconds, text=law.text), server=law.server)


def _each(law: SampleLaw, changed: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> SampleLaw:
    """Return the law with other samples, under each number of requests in flight that was measured."""
    if isinstance(law, LoadLaw):
        others = {number: changed(times) for number, times in law.measured.items()}
        return LoadLaw(law.text, changed(law.seconds), law.in_flight, others)
    return _law(law, changed(law.seconds))
