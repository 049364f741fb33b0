"""The empirical law of measured inference times: every moment is a mean over the samples."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..results import Method
from .law import (
    Alignment,
    Kind,
    Law,
    MomentAlignment,
    check_factor,
    check_frame_time,
    check_length,
    check_probability,
    check_shift,
    delay_frames,
    frames_on_grid,
)

__all__ = ["SampleLaw", "law_from_samples"]


@dataclass(frozen=True, eq=False)
class SampleLaw(Law):
    """Each inference takes one of the measured times, all equally likely.

    Attributes
    ----------
    seconds
        The samples, shape (n,), sorted, read-only.
    """

    seconds: NDArray[np.float64]
    kind: ClassVar[Kind] = "samples"

    def mean(self) -> float:
        """Return the mean of the samples."""
        return float(self.seconds.mean())

    def std(self) -> float:
        """Return the standard deviation of the empirical law (divisor n)."""
        return float(self.seconds.std())

    def maximum(self) -> float:
        """Return the largest sample."""
        return float(self.seconds[-1])

    def quantile(self, q: float) -> float:
        """Return the smallest sample t with at least a share q of the samples at or below it."""
        return float(np.quantile(self.seconds, check_probability(q), method="inverted_cdf"))

    def cdf(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return the share of samples at or below t."""
        count = np.searchsorted(self.seconds, np.asarray(t, dtype=np.float64), side="right")
        return np.asarray(count / len(self.seconds), dtype=np.float64)

    def survival(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return the share of samples above t."""
        count = np.searchsorted(self.seconds, np.asarray(t, dtype=np.float64), side="right")
        return np.asarray((len(self.seconds) - count) / len(self.seconds), dtype=np.float64)

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Draw from the samples with replacement."""
        return self.seconds[rng.integers(len(self.seconds), size=size)]

    def mean_up_to(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return the mean of min(sample, t)."""
        limit = np.asarray(t, dtype=np.float64)
        sums = np.concatenate([[0.0], np.cumsum(self.seconds)])
        below = np.searchsorted(self.seconds, limit, side="right")
        return np.asarray((sums[below] + limit * (len(self.seconds) - below)) / len(self.seconds), dtype=np.float64)

    def shifted(self, seconds: float) -> "SampleLaw":
        """Return the samples plus ``seconds``."""
        return law_from_samples(self.seconds + check_shift(seconds), text=f"{self.text} + {seconds:g}")

    def scaled(self, factor: float) -> "SampleLaw":
        """Return the samples times ``factor``."""
        values, text = self.seconds * check_factor(factor), f"{factor:g} * {self.text}"
        if not (values[0] > 0.0 and math.isfinite(values[-1])):
            return law_from_samples(values, text=text)  # which names the one that is not
        values.flags.writeable = False  # in order as before: nothing else is to check
        return SampleLaw(text, values, server=self._scaled_server(factor))

    def mean_delay_frames(self, frame_time: float, *, alignment: Alignment = "frame") -> float:
        """Return the mean of ceil(x), or of x + 1 from a uniform phase."""
        if alignment == "frame":
            return float(delay_frames(self.seconds, frame_time).mean())
        return float(frames_on_grid(self.seconds, check_frame_time(frame_time)).mean()) + 1.0

    def _pmf(self, frame_time: float, alignment: Alignment, tail: float) -> NDArray[np.float64]:
        check_length(self.maximum() / frame_time, self.text)
        share = 1.0 / len(self.seconds)
        if alignment == "frame":
            return np.asarray(np.bincount(delay_frames(self.seconds, frame_time)) * share, dtype=np.float64)
        frames = frames_on_grid(self.seconds, frame_time)
        whole = np.floor(frames)
        fraction = frames - whole
        first = whole.astype(np.int64) + 1
        length = int(first[-1]) + 2
        pmf = np.bincount(first, weights=1.0 - fraction, minlength=length)
        pmf += np.bincount(first + 1, weights=fraction, minlength=length)
        return np.asarray(pmf[: np.flatnonzero(pmf)[-1] + 1] * share)

    def _moment(self, p: float, frame_time: float, alignment: MomentAlignment) -> tuple[float, Method]:
        log_p = np.log(p)
        frames = self.seconds / frame_time
        if alignment == "continuous":
            values = np.exp(log_p * frames)
        elif alignment == "poisson":
            values = p * np.exp(-(1.0 - p) * frames)
        elif alignment == "frame":
            values = np.exp(log_p * delay_frames(self.seconds, frame_time))
        else:
            frames = frames_on_grid(self.seconds, frame_time)
            whole = np.floor(frames)
            values = np.exp(log_p * (whole + 1.0)) * (1.0 - (1.0 - p) * (frames - whole))
        return float(values.mean()), "closed-form"


def law_from_samples(samples: ArrayLike, *, text: str = "samples") -> SampleLaw:
    """Return the empirical law of measured times.

    Parameters
    ----------
    samples
        Times in seconds, shape (n,), n >= 1, all positive and finite.
    text
        Where they come from, for messages and records.

    Raises
    ------
    InputError
        If there are none, or one is not a positive, finite number.

    Examples
    --------
    >>> law_from_samples([0.1, 0.3]).mean_delay_frames(0.1)
    2.0
    """
    try:
        values = np.array(samples)
        if values.dtype.kind not in "iuf":
            raise TypeError
    except (TypeError, ValueError):
        raise InputError(f"{text}: samples must be numbers (seconds)") from None
    values = values.astype(np.float64)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InputError(f"{text}: samples must be one column of seconds, not an array of shape {values.shape}")
    if values.size == 0:
        raise InputError(f"{text}: there are no samples, at least one is needed")
    bad = ~(np.isfinite(values) & (values > 0))
    if bad.any():
        where = int(np.argmax(bad))
        raise InputError(f"{text}: sample {where} is {values[where]:g}, every time must be positive and finite")
    values.sort()
    values.flags.writeable = False
    return SampleLaw(text, values)
