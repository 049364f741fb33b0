"""The constant inference time: E p^D = p^ceil(x), or p^(floor(x)+1) (1 - f + f p) from a uniform phase, f = x mod 1."""

import math
from dataclasses import dataclass, replace
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

__all__ = ["ConstantLaw", "constant"]


@dataclass(frozen=True, eq=False)
class ConstantLaw(Law):
    """Every inference takes ``seconds``.

    Attributes
    ----------
    seconds
        The time, positive and finite.
    """

    seconds: float
    kind: ClassVar[Kind] = "constant"

    def mean(self) -> float:
        """Return the time."""
        return self.seconds

    def std(self) -> float:
        """Return 0."""
        return 0.0

    def maximum(self) -> float:
        """Return the time."""
        return self.seconds

    def quantile(self, q: float) -> float:
        """Return the time, for every probability."""
        check_probability(q)
        return self.seconds

    def cdf(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return 1 from the time on, 0 before."""
        return (np.asarray(t, dtype=np.float64) >= self.seconds).astype(np.float64)

    def survival(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return 1 before the time, 0 from then on."""
        return (np.asarray(t, dtype=np.float64) < self.seconds).astype(np.float64)

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Return the time, repeated."""
        return np.full(size, self.seconds)

    def mean_up_to(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return min(T, t)."""
        return np.minimum(np.asarray(t, dtype=np.float64), self.seconds)

    def shifted(self, seconds: float) -> "ConstantLaw":
        """Return the constant that is ``seconds`` longer."""
        return constant(self.seconds + check_shift(seconds))

    def scaled(self, factor: float) -> "ConstantLaw":
        """Return the constant ``factor`` times as long."""
        return replace(constant(self.seconds * check_factor(factor)), server=self._scaled_server(factor))

    def mean_delay_frames(self, frame_time: float, *, alignment: Alignment = "frame") -> float:
        """Return ceil(x), or x + 1 from a uniform phase."""
        if alignment == "frame":
            return float(delay_frames(self.seconds, frame_time))
        return self._frames(check_frame_time(frame_time)) + 1.0

    def _frames(self, frame_time: float) -> float:
        return float(frames_on_grid(np.float64(self.seconds), frame_time))

    def _pmf(self, frame_time: float, alignment: Alignment, tail: float) -> NDArray[np.float64]:
        check_length(self.seconds / frame_time, self.text)
        if alignment == "frame":
            delay = int(delay_frames(self.seconds, frame_time))
            pmf = np.zeros(delay + 1)
            pmf[delay] = 1.0
            return pmf
        frames = self._frames(frame_time)
        whole = math.floor(frames)
        fraction = frames - whole
        pmf = np.zeros(whole + (3 if fraction > 0 else 2))
        pmf[whole + 1] = 1.0 - fraction
        if fraction > 0:
            pmf[whole + 2] = fraction
        return pmf

    def _moment(self, p: float, frame_time: float, alignment: MomentAlignment) -> tuple[float, Method]:
        frames = self.seconds / frame_time
        if alignment == "continuous":
            return p**frames, "closed-form"
        if alignment == "poisson":
            return p * math.exp(-(1.0 - p) * frames), "closed-form"
        if alignment == "frame":
            return p ** int(delay_frames(self.seconds, frame_time)), "closed-form"
        frames = self._frames(frame_time)
        whole = math.floor(frames)
        return p ** (whole + 1) * (1.0 - (1.0 - p) * (frames - whole)), "closed-form"


def constant(seconds: float, *, text: str | None = None) -> ConstantLaw:
    """Return the law of a constant inference time.

    Parameters
    ----------
    seconds
        The time, positive and finite.
    text
        How it was written, if otherwise than ``constant(seconds)``.

    Raises
    ------
    InputError
        If the time is not positive and finite.

    Examples
    --------
    >>> constant(0.32).moment(0.9, 0.1).value == 0.9**4
    True
    """
    value = float(seconds)
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"inference time must be a positive, finite number of seconds, not {seconds!r}")
    return ConstantLaw(text or f"constant({value!r})", value)
