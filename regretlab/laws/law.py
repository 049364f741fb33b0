"""What every inference-time law answers: the abstract ``Law``, and how a time becomes a delay in frames.

With x = T / frame_time, an inference that starts on a frame boundary takes effect D = ceil(x) >= 1 frames later
("frame" alignment); one that starts at a uniform phase u of a frame takes effect ceil(u + x) frames after the
boundary it observed ("uniform"). A constant or a sample within ``FRAME_TOLERANCE`` frames of a boundary is on it.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..results import Estimate, Method

if TYPE_CHECKING:
    from .server import Server

__all__ = [
    "FRAME_TOLERANCE",
    "LONGEST_PMF",
    "Law",
    "LawSummary",
    "MomentAlignment",
    "check_frame_time",
    "delay_frames",
    "frames_on_grid",
]

FRAME_TOLERANCE = 1e-7
"""Frames: how near to a boundary a constant or measured time counts as on it (the rules and clocks use the same)."""

LONGEST_PMF = 2**22
"""Frames: no law of the delay longer than this is tabulated."""

Alignment = Literal["frame", "uniform"]
MomentAlignment = Literal["frame", "uniform", "continuous", "poisson"]
Kind = Literal["constant", "scipy", "samples"]

SUMMARY_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)


def check_frame_time(frame_time: float) -> float:
    """Return ``frame_time`` as a float; raise ``InputError`` unless it is positive and finite."""
    value = float(frame_time)
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"frame time must be a positive, finite number of seconds, not {frame_time!r}")
    return value


def check_alignment(alignment: str, allowed: tuple[str, ...]) -> None:
    """Raise ``InputError`` unless ``alignment`` is one of those allowed."""
    if alignment not in allowed:
        raise InputError(f"alignment must be one of {', '.join(allowed)}, not {alignment!r}")


def frames_on_grid(seconds: ArrayLike, frame_time: float) -> NDArray[np.float64]:
    """Return times in frames, those within ``FRAME_TOLERANCE`` of a boundary put on it."""
    frames = np.asarray(seconds, dtype=np.float64) / frame_time
    nearest = np.rint(frames)
    return np.where(np.abs(frames - nearest) <= FRAME_TOLERANCE, nearest, frames)


def delay_frames(seconds: ArrayLike, frame_time: float) -> NDArray[np.int64]:
    """Return the delay D in frames of inferences that start on a frame boundary.

    Parameters
    ----------
    seconds
        Inference times in seconds, any shape.
    frame_time
        Seconds of a frame.

    Returns
    -------
    NDArray[np.int64]
        max(1, ceil(x - 1e-7)) of the same shape.

    Examples
    --------
    >>> delay_frames([0.05, 0.2, 0.301, 0.31], 0.1)
    array([1, 2, 4, 4])
    >>> int(delay_frames(0.1 + 0.2, 0.1))  # 0.30000000000000004 is on boundary 3
    3
    """
    frames = np.asarray(seconds, dtype=np.float64) / check_frame_time(frame_time)
    return np.maximum(1, np.ceil(frames - FRAME_TOLERANCE)).astype(np.int64)


@dataclass(frozen=True)
class LawSummary:
    """A law in a few numbers.

    Attributes
    ----------
    text
        The law as text.
    mean, std, maximum
        In seconds; ``maximum`` is the upper end of the support, may be ``inf``.
    quantiles
        Probability to seconds.
    frame_time
        Seconds of a frame, or ``None`` if none was given.
    mean_delay_frames
        E D in frames of an inference that starts on a boundary; ``None`` without a frame time.
    """

    text: str
    mean: float
    std: float
    maximum: float
    quantiles: dict[float, float]
    frame_time: float | None = None
    mean_delay_frames: float | None = None


@dataclass(frozen=True, eq=False)
class Law(ABC):
    """Law of an inference time T in seconds, positive with probability one and of finite mean.

    Attributes
    ----------
    text
        The law as a person writes it.
    kind
        "constant", "scipy" or "samples".
    server
        The one server that answers all workers, so that the law is that of a lone request; None: inferences are
        independent.
    """

    text: str
    server: "Server | None" = field(default=None, kw_only=True)
    kind: ClassVar[Kind]

    @property
    def memoryless(self) -> bool:
        """Whether T is exponential from zero on: how long an inference has run says nothing about the rest."""
        return False

    @property
    def caution(self) -> tuple[str, ...]:
        """What to say of figures that rest on the law."""
        return ()

    @abstractmethod
    def mean(self) -> float:
        """Return E T in seconds."""

    @abstractmethod
    def std(self) -> float:
        """Return the standard deviation of T in seconds; may be ``inf``."""

    @abstractmethod
    def maximum(self) -> float:
        """Return the upper end of the support in seconds; may be ``inf``."""

    @abstractmethod
    def quantile(self, q: float) -> float:
        """Return the smallest time t in seconds with P(T <= t) >= q."""

    @abstractmethod
    def cdf(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return P(T <= t), elementwise, for times in seconds."""

    @abstractmethod
    def survival(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return P(T > t), elementwise, for times in seconds; accurate where it is small."""

    @abstractmethod
    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Draw independent times in seconds."""

    @abstractmethod
    def mean_up_to(self, t: ArrayLike) -> NDArray[np.float64]:
        """Return E min(T, t) in seconds, elementwise, for times t >= 0 in seconds."""

    @abstractmethod
    def shifted(self, seconds: float) -> "Law":
        """Return the law of T + ``seconds``, ``seconds`` >= 0."""

    @abstractmethod
    def scaled(self, factor: float) -> "Law":
        """Return the law of ``factor`` * T (a slower machine, shared cores, contention)."""

    def _scaled_server(self, factor: float) -> "Server | None":
        return None if self.server is None else self.server.scaled(factor)

    @abstractmethod
    def mean_delay_frames(self, frame_time: float, *, alignment: Alignment = "frame") -> float:
        """Return E D, the mean delay in frames; E ceil(u + x) = E x + 1 for the uniform phase."""

    @abstractmethod
    def _pmf(self, frame_time: float, alignment: Alignment, tail: float) -> NDArray[np.float64]: ...

    @abstractmethod
    def _moment(self, p: float, frame_time: float, alignment: MomentAlignment) -> tuple[float, Method]: ...

    def frame_pmf(
        self, frame_time: float, *, alignment: Alignment = "frame", tail: float = 1e-13
    ) -> NDArray[np.float64]:
        """Return the law of the delay in frames.

        Parameters
        ----------
        frame_time
            Seconds of a frame.
        alignment
            "frame": the inference starts on a boundary, D = ceil(x). "uniform": at a uniform phase, ceil(u + x).
        tail
            Probability that may be cut off at the upper end, in (0, 1). Bounded laws are not cut as long as the table
            stays short. What is cut is dropped, not moved elsewhere, so the array sums to at least ``1 - tail``, and
            is not renormalised.

        Returns
        -------
        NDArray[np.float64]
            Shape (J+1,): index = frames, entry 0 is 0.

        Raises
        ------
        InputError
            For a bad argument, or if the table would be longer than ``LONGEST_PMF`` frames.

        Examples
        --------
        >>> from regretlab.laws import parse_law
        >>> parse_law("uniform(1, 2)").frame_pmf(1.0)
        array([0. , 0. , 0.5, 0.5])
        >>> parse_law("3.25").frame_pmf(1.0, alignment="uniform")
        array([0.  , 0.  , 0.  , 0.  , 0.75, 0.25])
        """
        frame_time = check_frame_time(frame_time)
        check_alignment(alignment, get_args(Alignment))
        if not 0 < tail < 1:
            raise InputError(f"tail must be a probability in (0, 1), not {tail!r}")
        return self._pmf(frame_time, alignment, float(tail))

    def moment(self, p: float, frame_time: float, *, alignment: MomentAlignment = "frame") -> Estimate:
        r"""Return E p^delay, the mean of the mode probability over the delay.

        Parameters
        ----------
        p
            Mode probability of a frame (or an eigenvalue), in [0, 1].
        frame_time
            Seconds of a frame.
        alignment
            "frame": E p^ceil(x) (starts on boundaries). "uniform": E p^ceil(u+x), u uniform in [0, 1].
            "continuous": E p^x. "poisson": boundaries of a Poisson process, p E exp(-(1-p) x).

        Returns
        -------
        Estimate
            ``method`` is "closed-form" (finite sums included) or "series" (infinite sum or integral, to about 1e-14).

        Raises
        ------
        InputError
            For p outside [0, 1], a frame time that is not positive, or an unknown alignment.

        Notes
        -----
        .. math:: E p^D = (1-p) \sum_{n \ge 1} p^n P(T \le n \tau_M), \qquad p\,E p^x \le E p^D \le E p^x

        Derived in docs/theory; special functions as in section "Moments of p^delay" there.

        Examples
        --------
        >>> from regretlab.laws import parse_law
        >>> round(1 - parse_law("expon(scale=2.5)").moment(0.9, 1.0).value, 11)
        0.25207205843
        """
        if not 0 <= p <= 1:
            raise InputError(f"mode probability must lie in [0, 1], not {p!r}")
        frame_time = check_frame_time(frame_time)
        check_alignment(alignment, get_args(MomentAlignment))
        if p == 0 or p == 1:
            return Estimate(float(p), method="closed-form")
        value, method = self._moment(float(p), frame_time, alignment)
        return Estimate(float(value), method=method)

    def summary(self, frame_time: float | None = None) -> LawSummary:
        """Return mean, deviation, maximum, quantiles and, given a frame time, E D.

        Parameters
        ----------
        frame_time
            Seconds of a frame, or ``None``.

        Examples
        --------
        >>> from regretlab.laws import parse_law
        >>> parse_law("constant(0.25)").summary(0.1).mean_delay_frames
        3.0
        """
        return LawSummary(
            text=self.text,
            mean=self.mean(),
            std=self.std(),
            maximum=self.maximum(),
            quantiles={q: self.quantile(q) for q in SUMMARY_QUANTILES},
            frame_time=None if frame_time is None else check_frame_time(frame_time),
            mean_delay_frames=None if frame_time is None else self.mean_delay_frames(frame_time),
        )


def check_factor(factor: float) -> float:
    """Return a factor to scale a law by; raise ``InputError`` unless it is positive and finite."""
    if not (math.isfinite(factor) and factor > 0):
        raise InputError(f"factor must be positive and finite, not {factor!r}")
    return float(factor)


def check_shift(seconds: float) -> float:
    """Return a time to add to a law; raise ``InputError`` unless it is finite and not negative."""
    if not (math.isfinite(seconds) and seconds >= 0):
        raise InputError(f"a law can be shifted by a finite time of at least 0 seconds, not {seconds!r}")
    return float(seconds)


def check_probability(q: float) -> float:
    """Return a quantile's probability; raise ``InputError`` unless it lies in [0, 1]."""
    if not 0 <= q <= 1:
        raise InputError(f"probability of a quantile must lie in [0, 1], not {q!r}")
    return float(q)


class LongTailError(InputError):
    """A law reaches too many frames to tabulate."""


def check_length(frames: float, text: str) -> int:
    """Return the length of a delay table; raise ``InputError`` if it is too long to tabulate."""
    if not frames <= LONGEST_PMF:
        raise LongTailError(
            f"the delay of {text} reaches {frames:.3g} frames and at most {LONGEST_PMF} are tabulated:"
            " give a longer frame time, a lighter tail, or a larger cut-off probability"
        )
    return int(frames)
