"""The report of a regret bound: the parts in every unit, what they rest on, and how they are printed."""

import math
from dataclasses import dataclass, field
from typing import Any

from ..results import Method, ServiceLaw
from ..rules.service.frame_service import TAU_MAX_QUANTILE
from .learning import LearningBound

__all__ = ["RegretParts", "RegretReport"]


@dataclass(frozen=True)
class RegretParts:
    """Regret split by its cause, in reward (per frame, per second or over a horizon, as the field's name says).

    Attributes
    ----------
    inaction, delay
        Of the frames served by the default behaviour, and of those served by an agent action.
    learning
        Of the agent actions, while the environment is being learned; None where no bound was asked for.
    """

    inaction: float
    delay: float
    learning: float | None = None

    @property
    def total(self) -> float:
        """The sum of the parts (without learning where that is not asked for)."""
        return self.inaction + self.delay + (self.learning or 0.0)

    def scaled(self, factor: float) -> "RegretParts":
        """Return all parts times ``factor``."""
        learning = None if self.learning is None else self.learning * factor
        return RegretParts(self.inaction * factor, self.delay * factor, learning)

    def to_json(self) -> dict[str, float | None]:
        """Return the parts as plain values; ``learning`` is null where it was not asked for."""
        return {"inaction": self.inaction, "delay": self.delay, "learning": self.learning, "total": self.total}


@dataclass(frozen=True)
class RegretReport:
    """A regret bound with everything it rests on.

    Attributes
    ----------
    per_frame
        Regret per frame. Its learning part is the mean over the horizon: it falls as the root of time.
    service
        Inaction fraction and served delays.
    service_value
        S(p), or S(lambda) on the ring.
    mode_probability, symbols
        p, and K of the ring (None: the shift register).
    gap_default, gap_delay
        g and Delta, reward per frame, as they enter the sum.
    horizon
        Seconds, or None.
    witness
        The MDP that attains the bound.
    workers_for_zero_inaction
        N_I* under max-time; None where no number suffices (a law without an upper end).
    workers_for_quantile
        Workers that fill every frame under max-time while tau_max is the 99.9 % quantile of the law.
    method
        Where the figures come from.
    standard_error
        Of the total per frame where it was given; else of the inaction fraction, if simulated or measured.
    assumptions
        What must hold.
    hold
        Frames outputs are held to, for the rule that holds; else None.
    learning
        The learning bound in full; None where none was asked for.
    learners_to_keep_up
        N_L*, learners that process every interaction; None without a time per batch.
    symbolic
        LaTeX of the total per frame where a closed form exists, else None.
    """

    per_frame: RegretParts
    service: ServiceLaw
    service_value: float
    mode_probability: float
    symbols: int | None
    gap_default: float
    gap_delay: float
    horizon: float | None
    witness: str
    workers_for_zero_inaction: int | None
    workers_for_quantile: int
    method: Method
    standard_error: float | None
    assumptions: tuple[str, ...]
    hold: int | None = None
    learning: LearningBound | None = None
    learners_to_keep_up: int | None = None
    symbolic: str | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        service, parts = self.service, self.per_frame
        learning = "" if parts.learning is None else f" + {parts.learning:.6g} learning"
        return (
            f"RegretReport({service.rule}, workers={service.workers:g}: {parts.total:.6g} per frame"
            f" = {parts.inaction:.6g} inaction + {parts.delay:.6g} delay{learning}, {self.method})"
        )

    @property
    def total(self) -> float:
        """Total regret per frame."""
        return self.per_frame.total

    @property
    def inaction_fraction(self) -> float:
        """Fraction of frames served by the default behaviour, phi."""
        return self.service.inaction_fraction

    @property
    def interaction_time(self) -> float:
        """Mean seconds between agent actions, tau_I; ``inf`` if there are none."""
        return self.service.interaction_time

    @property
    def per_second(self) -> RegretParts:
        """Regret per second."""
        return self.per_frame.scaled(1.0 / self.service.frame_time)

    @property
    def over_horizon(self) -> RegretParts | None:
        """Regret over the horizon; None without one."""
        return None if self.horizon is None else self.per_frame.scaled(self.horizon / self.service.frame_time)

    def _repr_latex_(self) -> str:
        parts = self.per_frame
        formula = f"{self.symbolic} = " if self.symbolic else ""
        learning = "" if parts.learning is None else f" + {parts.learning:.6g}"
        return f"${formula}{parts.inaction:.6g} + {parts.delay:.6g}{learning} = {parts.total:.6g}$ per frame"

    def to_json(self) -> dict[str, Any]:
        """Return the report as the command line prints it (``hold``, ``learning_bound`` only where there is one)."""
        over = self.over_horizon
        values: dict[str, Any] = {
            "inaction_fraction": self.service.inaction_fraction,
            "delay_law": [float(a) for a in self.service.delay_law],
            "service_value": self.service_value,
            "interaction_time": self.interaction_time if math.isfinite(self.interaction_time) else None,
            "workers_for_zero_inaction": self.workers_for_zero_inaction,
            "workers_for_quantile": {"quantile": TAU_MAX_QUANTILE, "workers": self.workers_for_quantile},
            "regret_per_frame": self.per_frame.to_json(),
            "regret_per_second": self.per_second.to_json(),
            "regret": None if over is None else over.to_json(),
            "method": self.method,
            "standard_error": self.standard_error,
            "assumptions": list(self.assumptions),
            "witness": self.witness,
            "symbolic": self.symbolic,
        }
        if self.hold is not None:
            values["hold"] = self.hold
        if self.learning is not None:
            values["learning_bound"] = {
                "name": self.learning.name,
                "interactions": self.learning.interactions,
                "share": self.learning.share,
                "constant": self.learning.constant,
                "reward_range": self.learning.reward_range,
                "reference": self.learning.reference,
            }
        if self.learners_to_keep_up is not None:
            values["learners_to_keep_up"] = self.learners_to_keep_up
        return values
