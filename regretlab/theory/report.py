"""The report of a regret bound: the parts in every unit, what they rest on, and how they are printed."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..curves import PredictedPlay
from ..laws import Law
from ..laws.resampling import SamplingInterval
from ..results import Method, RegretParts, Result, ServiceLaw, delays_in_words, listed
from ..rules.service.frame_service import TAU_MAX_QUANTILE
from ..scenario import Scenario, frames_of
from .any_rule import LowerBound
from .learning import LearningBound

__all__ = ["RegretReport"]


@dataclass(frozen=True, repr=False)
class RegretReport(Result):
    """A regret bound with everything it rests on.

    Attributes
    ----------
    scenario
        What was asked.
    regret
        Regret per frame. Its learning part is the mean over the horizon: it falls as the root of time.
    service
        Inaction fraction and served delays.
    service_value
        S(p), or S(lambda) on the ring.
    mode_probability, symbols
        p, and K of the ring (None: the shift register); both None for a measured loss curve.
    gap_default, gap_delay
        g and Delta, reward per frame, as they enter the sum.
    horizon
        Seconds, or None.
    witness
        The MDP that attains the bound.
    workers_for_zero_inaction
        Fewest workers with which the rule leaves no frame without an action; None where no number suffices.
    workers_for_quantile
        The same if inferences that would take longer took the 99.9 % quantile of the law; why it is not known where
        only a simulation would give it.
    lower_bound
        What no path-blind rule of these workers can stay below.
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
    law
        Law of the inference time on the cores there are; None where the service law was given.
    service_given
        Whether the caller gave the service law: the figures then do not rest on the law of the inference time alone.
    predicted
        What the policy of a measured loss curve earns; None for a witness, or a curve of losses alone.
    """

    scenario: Scenario
    regret: RegretParts
    service: ServiceLaw
    service_value: float
    mode_probability: float | None
    symbols: int | None
    gap_default: float
    gap_delay: float
    horizon: float | None
    witness: str
    workers_for_zero_inaction: int | None
    workers_for_quantile: int | str | None
    lower_bound: LowerBound
    method: Method
    standard_error: float | None
    assumptions: tuple[str, ...]
    hold: int | None = None
    learning: LearningBound | None = None
    learners_to_keep_up: int | None = None
    law: Law | None = field(default=None, repr=False)
    service_given: bool = field(default=False, repr=False)
    predicted: PredictedPlay | None = None

    @property
    def title(self) -> str:
        """What was asked, in one line."""
        return self.scenario.title

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values, in the order to read them."""
        facts = [
            ("regret per frame", self.regret.words()),
            ("lower bound, any rule", self._lower_bound_in_words()),
            ("regret per second", f"{self.per_second.total:.6g}"),
        ]
        if self.predicted is not None:
            facts.append(("predicted for this policy", self.predicted.words()))
        if self.over_horizon is not None:
            facts.append((f"regret over {self.horizon:g} s", f"{self.over_horizon.total:.6g}"))
        facts += [
            ("frames without an action", f"{100 * self.inaction_fraction:.4g} %"),
            ("frames by delay in frames", delays_in_words(self.service.delay_law)),
            ("mean time between actions", f"{self.interaction_time:.6g} s"),
        ]
        if self.hold is not None:
            facts.append(("outputs are held to", frames_of(self.hold)))
        if self.learners_to_keep_up is not None:
            facts.append(("learners to keep up", f"{self.learners_to_keep_up}"))
        return [
            *facts,
            ("workers for zero inaction", self._workers_in_words()),
            *(self.sampling_interval.facts() if self.sampling_interval is not None else ()),
            ("method", self.method),
            ("attained by", self.witness),
            *listed("assuming", self.assumptions),
        ]

    def _lower_bound_in_words(self) -> str:
        least, ratio = self.lower_bound.regret_per_frame, self.above_lower_bound
        threshold = self.lower_bound.cancel_after
        over = f", of those that cancel after {threshold:g} s" if isinstance(threshold, float) else ""
        return f"{least:.6g}{over}" + ("" if ratio is None else f" (this rule: {ratio:.4g} times as much)")

    def _workers_in_words(self) -> str:
        said = str(self.scenario.rule) if self.scenario.batch_law is None else "batches"
        if self.workers_for_zero_inaction is not None:
            return f"{self.workers_for_zero_inaction} ({said})"
        if not isinstance(self.workers_for_quantile, int):
            return f"no number ({said})"
        quantile = f"{100 * TAU_MAX_QUANTILE:g} % quantile"
        return f"no number ({said}; the law has no upper end), {self.workers_for_quantile} up to its {quantile}"

    def _for_quantile(self) -> dict[str, Any]:
        number, known = self.workers_for_quantile, isinstance(self.workers_for_quantile, int)
        reason = f"only a simulation gives it: {number}" if isinstance(number, str) else "no number of workers suffices"
        return {"quantile": TAU_MAX_QUANTILE, "workers": number if known else None, "reason": None if known else reason}

    @property
    def above_lower_bound(self) -> float | None:
        """Inaction and delay part over the lower bound over all path-blind rules; None where that is 0."""
        least = self.lower_bound.regret_per_frame
        return (self.regret.inaction + self.regret.delay) / least if least > 0.0 else None

    def _bars(self) -> list[tuple[str, RegretParts]]:
        return [(self.title, self.regret)]

    @cached_property
    def sampling_interval(self) -> SamplingInterval | None:
        """Interval of the figures where the inference time is known from samples, else None; imports the simulator."""
        if self.service_given:
            return None
        from ..simulation.sampling import interval_from_samples

        asked = self.scenario if self.hold is None else self.scenario.replace(hold=self.hold)
        return interval_from_samples(asked, self.regret, self.inaction_fraction)

    @cached_property
    def symbolic(self) -> str | None:
        """LaTeX of the total per frame where a closed form exists, else None; imports SymPy."""
        if self.law is None:
            return None
        from .symbolic.formulas import total_regret_latex

        asked = self.scenario
        return total_regret_latex(
            self.law,
            asked.rule,
            workers=asked.workers,
            symbols=asked.symbols,
            alignment=asked.alignment,
            hold=self.hold,
        )

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
        return self.regret.scaled(1.0 / self.service.frame_time)

    @property
    def over_horizon(self) -> RegretParts | None:
        """Regret over the horizon; None without one."""
        return None if self.horizon is None else self.regret.scaled(self.horizon / self.service.frame_time)

    def _repr_latex_(self) -> str:
        parts = self.regret
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
            "workers_for_quantile": self._for_quantile(),
            "regret_per_frame": self.regret.to_json(),
            "regret_per_second": self.per_second.to_json(),
            "regret": None if over is None else over.to_json(),
            "method": self.method,
            "standard_error": self.standard_error,
            "assumptions": list(self.assumptions),
            "witness": self.witness,
            "symbolic": self.symbolic,
            "lower_bound": self.lower_bound.in_brief(),
            "above_lower_bound": self.above_lower_bound,
            "sampling_interval": None if self.sampling_interval is None else self.sampling_interval.to_json(),
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
        if self.predicted is not None:
            values["predicted"] = self.predicted._asdict()
        if self.learners_to_keep_up is not None:
            values["learners_to_keep_up"] = self.learners_to_keep_up
        return values
