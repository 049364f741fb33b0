"""Frozen result types: every number says what it is, where it comes from and what it assumes.

Shared by the theory (closed forms, series, simulation) and by the empirical side (measured summaries).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Estimate", "Method", "ServiceLaw"]

Method = Literal["closed-form", "series", "exact", "simulation", "measurement"]


@dataclass(frozen=True)
class Estimate:
    """A number with its origin.

    Attributes
    ----------
    value
        The number.
    standard_error
        Its standard error in the same unit; ``None`` where the number is not an estimate.
    method
        Where it comes from.
    assumptions
        What must hold for it to be right.
    """

    value: float
    standard_error: float | None = None
    method: Method = "closed-form"
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServiceLaw:
    """Who serves the frames: the long-run law of the delay of the action applied in a frame.

    Attributes
    ----------
    rule
        Name of the staggering rule.
    workers
        Number of inference workers; ``inf`` for the unlimited pool.
    frame_time
        Seconds of a frame.
    inaction_fraction
        phi, the long-run fraction of frames served by the default behaviour.
    delay_law
        Array of shape (J,): ``delay_law[j]`` = a_j, the fraction of frames served by an agent action of delay j frames
        (``delay_law[0]`` = 0). Sums to ``1 - inaction_fraction`` (up to a truncated tail below 1e-12).
    method
        "closed-form", "series", "exact" (a Markov chain solved), "simulation" or "measurement".
    mean_age
        Time-average age in seconds of the observation behind the newest applied action; ``None`` where unknown.
    peak_age
        Mean of the age in seconds just before it drops (mean peak age); ``None`` where unknown.
    standard_error
        Standard error of ``inaction_fraction`` where simulated or measured, else ``None``.
    assumptions
        What must hold for these figures to be right.
    """

    rule: str
    workers: float
    frame_time: float
    inaction_fraction: float
    delay_law: NDArray[np.float64]
    method: Method
    mean_age: float | None = None
    peak_age: float | None = None
    standard_error: float | None = None
    assumptions: tuple[str, ...] = ()

    def service_value(self, p: float) -> float:
        """Return S(p) = sum_j a_j p^j.

        Parameters
        ----------
        p
            Modal probability (or the ring's eigenvalue lambda) per frame, in [0, 1].

        Examples
        --------
        >>> law = ServiceLaw("sequential", 1, 1.0, 0.5, np.array([0.0, 0.0, 0.5]), "closed-form")
        >>> law.service_value(0.9)
        0.405
        """
        return float(self.delay_law @ np.power(float(p), np.arange(len(self.delay_law))))

    @property
    def interaction_time(self) -> float:
        """Mean seconds between agent actions, tau_I = frame_time / (1 - phi); ``inf`` if no frame is served."""
        served = 1.0 - self.inaction_fraction
        return self.frame_time / served if served > 0 else float("inf")

    @property
    def mean_delay_frames(self) -> float:
        """Mean delay in frames of the applied agent actions; NaN if no frame is served."""
        served = self.delay_law.sum()
        return float(self.delay_law @ np.arange(len(self.delay_law)) / served) if served > 0 else float("nan")
