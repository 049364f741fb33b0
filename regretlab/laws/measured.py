"""Profiles of a network, read back from disk: the law of its inference time and how workers slow each other down.

`regretlab profile` writes the samples and, next to them, a JSON file with its findings. Theory takes both from
there as data; nothing that measures is imported.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..inputs import read_json
from .fitting import REFUTED
from .law import Law
from .parsing import parse_law
from .sample_law import SampleLaw

__all__ = ["MeasuredContention", "MeasuredProfile", "MeasuredSlowdown", "read_profile"]


@dataclass(frozen=True)
class MeasuredSlowdown:
    """How many times as long inference takes under concurrent workers: measured, and straight lines in between.

    Beyond the largest number measured the last line goes on.

    Attributes
    ----------
    workers
        Numbers of workers, rising, the first of them 1.
    factors
        Time over that of a lone worker, never falling.

    Examples
    --------
    >>> slowdown = MeasuredSlowdown((1, 2, 4), (1.0, 1.0, 2.0))
    >>> slowdown(2), slowdown(3), slowdown(6)
    (1.0, 1.5, 3.0)
    """

    workers: tuple[int, ...]
    factors: tuple[float, ...]

    def __call__(self, workers: float) -> float:
        """Return the factor for a number of workers."""
        if workers <= self.workers[-1]:
            return float(np.interp(workers, self.workers, self.factors))
        slope = (self.factors[-1] - self.factors[-2]) / (self.workers[-1] - self.workers[-2])
        return self.factors[-1] + slope * (workers - self.workers[-1])


@dataclass(frozen=True)
class MeasuredContention:
    """What a profile says of concurrent workers.

    Attributes
    ----------
    share
        chi: share of the lone time that each further worker adds.
    lower, upper
        Its limits.
    workers
        Numbers of workers it was measured with.
    line_p_value
        Small if the times do not lie on a line; None where that cannot be tested.
    slowdown
        The times themselves.
    """

    share: float
    lower: float
    upper: float
    workers: tuple[int, ...]
    line_p_value: float | None
    slowdown: MeasuredSlowdown

    @property
    def on_a_line(self) -> bool:
        """Whether nothing speaks against the line T(N) = T_1 (1 + chi (N - 1))."""
        return self.line_p_value is None or self.line_p_value >= REFUTED

    @property
    def taken(self) -> float | MeasuredSlowdown:
        """What to plan with: chi, or the times themselves where they are on no line."""
        return self.share if self.on_a_line else self.slowdown


@dataclass(frozen=True)
class MeasuredProfile:
    """What a profile says to a plan.

    Attributes
    ----------
    policy
        The network.
    samples
        Inference times of a lone worker, seconds.
    fitted
        The best of the fitted laws; None if there were too few samples to fit one.
    fit_p_value
        The smaller p-value of its two tests; None where it was not judged.
    contention
        Under concurrent workers; None if it was not measured.
    """

    policy: str
    samples: SampleLaw
    fitted: Law | None
    fit_p_value: float | None
    contention: MeasuredContention | None

    @property
    def fits(self) -> bool:
        """Whether a law was fitted and nothing speaks against it."""
        return self.fitted is not None and self.fit_p_value is not None and self.fit_p_value >= REFUTED

    def law(self, which: str = "auto") -> Law:
        """Return the law to plan with.

        Parameters
        ----------
        which
            "samples" (or "auto"), which carry their sampling interval into what follows, or "fitted".

        Raises
        ------
        InputError
            For another word, or a fitted law where there is none.
        """
        if which not in ("auto", "samples", "fitted"):
            raise InputError(f"law must be auto, samples or fitted, not '{which}'")
        if which == "fitted" and self.fitted is None:
            count = len(self.samples.seconds)
            raise InputError(
                f"the profile of {self.policy} holds no fitted law for its {count} samples (too few, or its tests "
                "rejected every family): give samples"
            )
        return self.fitted if which == "fitted" and self.fitted is not None else self.samples


def read_profile(path: str | Path) -> MeasuredProfile:
    """Read the samples of a profile and the summary next to them.

    Parameters
    ----------
    path
        The .npy or .csv file that ``regretlab profile --out`` wrote, with or without an @ before it.

    Raises
    ------
    InputError
        If a file is missing or damaged, or the two do not belong together.

    Examples
    --------
    >>> read_profile("nowhere.npy")
    Traceback (most recent call last):
    regretlab.errors.InputError: samples file 'nowhere.npy' does not exist
    """
    name = str(path).removeprefix("@")
    law = parse_law(f"@{name}")
    summary = Path(name).with_suffix(".json")
    if not isinstance(law, SampleLaw) or not summary.is_file():
        raise InputError(f"profile '{name}' has no summary next to it: '{summary}' does not exist")
    try:
        found = read_json(summary, "summary")
        policy, samples = str(found["policy"]), found["samples"]
        fitted, fit = _best_fit(found.get("fits"))
        shared = found.get("contention")
        contention = None if shared is None else _contention(shared)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
        raise InputError(f"summary '{summary}' is not one that regretlab profile wrote") from None
    if samples != len(law.seconds):
        raise InputError(f"summary '{summary}' speaks of {samples} samples, and '{name}' holds {len(law.seconds)}")
    return MeasuredProfile(policy, law, fitted, fit, contention)


def _best_fit(fits: Any) -> tuple[Law | None, float | None]:
    """Return the first fitted law and the smaller of its p-values."""
    if not fits:
        return None, None
    best = fits[0]
    text = str(best["text"])
    if text.startswith("@"):  # a summary names laws, no further files
        raise ValueError(text)
    tests = [_number(best[name]) for name in ("p_value", "anderson_darling_p_value") if best.get(name) is not None]
    return parse_law(text), min(tests, default=None)


def _contention(shared: Mapping[str, Any]) -> MeasuredContention:
    numbers = [int(number) for number in shared["workers"]]
    times = [_number(mean) for mean in shared["means"]]
    if len(numbers) != len(times) or len(numbers) < 2 or numbers[0] < 1 or (np.diff(numbers) <= 0).any():
        raise ValueError(shared)
    alone = times[0] if numbers[0] == 1 else _number(shared["lone_time"])
    if numbers[0] != 1:
        numbers, times = [1, *numbers], [alone, *times]
    if not alone > 0:
        raise ValueError(alone)
    factors = np.maximum.accumulate(np.maximum(np.array(times) / alone, 1.0))
    p_value = shared["line_p_value"]
    return MeasuredContention(
        share=_number(shared["contention"]),
        lower=_number(shared["contention_lower"]),
        upper=_number(shared["contention_upper"]),
        workers=tuple(int(number) for number in shared["workers"]),
        line_p_value=None if p_value is None else _number(p_value),
        slowdown=MeasuredSlowdown(tuple(numbers), tuple(map(float, factors))),
    )


def _number(value: Any) -> float:
    number = float(value)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(value)
    return number
