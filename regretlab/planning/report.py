"""The plan as a result: what to run, what it loses, how far that is from the lower bound, and what was left out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ..curves import PredictedPlay, predicted_play
from ..laws.resampling import SamplingInterval
from ..results import Method, RegretParts, Result, ServiceLaw, flattened, listed
from ..scenario import Scenario, with_unit
from ..simulation.sampling import interval_from_samples
from ..theory.any_rule import LowerBound
from .candidates import NO_ACTION, SERVICE_OPTIONS, Candidate, candidate_in_words
from .regime import REGIME_WORDS, Regime

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Binding", "Plan"]

Binding = Literal["stochasticity", "workers", "cores"]


@dataclass(frozen=True, repr=False)
class Plan(Result):
    """What to run, and why not something else.

    Attributes
    ----------
    rule
        Staggering rule; None for not acting.
    workers
        N; 0 for not acting.
    hold
        Frames outputs are held to, for the rule that holds; else None.
    alignment
        Where starts lie; None for the rule's only way.
    regime
        "asynchronous", "sequential" or "do-not-act".
    regret
        Expected regret per frame, split.
    cost
        Of the workers, reward per frame.
    binds
        What keeps the regret from being less: "stochasticity" (the world moves on during inference: more workers would
        not help), "workers" (their number, or what they cost), "cores" (they slow each other down).
    largest_inference_time
        Seconds: the largest mean of an inference time of this shape at which the delay part stays within the target and
        serving every frame is worth its workers; None without limit.
    model_size
        In the units of the scaling law: with a quality law the size of least regret, else the largest within
        ``largest_inference_time``; None without a scaling law, without limit, or where no size is worth running.
    target_regret, meets_target
        eta, and whether the plan's regret is within it; None without a target.
    service
        Who serves the frames; None for not acting.
    method
        Where the figures come from.
    alternatives
        The best of each rule, and not acting.
    options
        What an output serves, as fields of a scenario, where they differ from their defaults.
    lower_bound
        What no path-blind rule of these workers can stay below in this service model; None for not acting.
    least_total
        Regret and cost that no path-blind rule without cancelling can stay below with any number of workers considered;
        None where the plan cancels, or considered more than 300 workers.
    most_workers
        Largest number of workers considered.
    most_workers_binds
        Whether more workers than that would lose less.
    not_computed
        Why a candidate could not be computed, by its words.
    other_services
        The best in each other service model (default behaviours, action chunks), where these were looked at.
    assumptions
        What must hold.
    scenario
        The scenario asked about, with what the plan chose in it; None for not acting.
    ignored
        Fields of the scenario asked about that the plan does not use, because it chooses them.
    model_size_words
        The model size as text, which distinguishes no limit from no size; None without a scaling law.
    slowdown
        How many times as long as alone an inference takes next to the other workers.
    """

    rule: str | None
    workers: float
    hold: int | None
    alignment: str | None
    regime: Regime
    regret: RegretParts
    cost: float
    binds: Binding
    largest_inference_time: float | None
    model_size: float | None
    target_regret: float | None
    meets_target: bool | None
    service: ServiceLaw | None = field(repr=False)
    method: Method
    alternatives: tuple[Candidate, ...] = field(repr=False)
    assumptions: tuple[str, ...] = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    lower_bound: LowerBound | None = field(default=None, repr=False)
    least_total: float | None = None
    most_workers: int = 1
    most_workers_binds: bool = False
    not_computed: Mapping[str, str] = field(default_factory=dict, repr=False)
    other_services: tuple[Candidate, ...] = field(default=(), repr=False)
    scenario: Scenario | None = field(default=None, repr=False)
    ignored: tuple[str, ...] = field(default=(), repr=False)
    model_size_words: str | None = field(default=None, repr=False)
    slowdown: float = field(default=1.0, repr=False)

    @property
    def total(self) -> float:
        """Regret and cost per frame."""
        return self.regret.total + self.cost

    @property
    def above_lower_bound(self) -> float | None:
        """Regret over the lower bound of the same workers and service model; None where that is 0 or nothing acts."""
        least = 0.0 if self.lower_bound is None else self.lower_bound.regret_per_frame
        return self.regret.total / least if least > 0.0 else None

    @cached_property
    def sampling_interval(self) -> SamplingInterval | None:
        """Interval of the plan's figures where the inference time is known from samples, else None."""
        chosen = self.scenario
        if chosen is None or chosen.inference_time is None:
            return None
        slower = chosen.replace(inference_time=chosen.inference_time.scaled(self.slowdown), cores=None)
        return interval_from_samples(
            slower, self.regret, 1.0 if self.service is None else self.service.inaction_fraction
        )

    @property
    def title(self) -> str:
        """What to do, in one line."""
        return f"plan: {REGIME_WORDS[self.regime] if self.rule is None else self.in_words()}"

    def in_words(self) -> str:
        """Return rule, workers, hold and alignment in words."""
        return candidate_in_words(self)

    @property
    def predicted(self) -> PredictedPlay | None:
        """What the policy of a measured loss curve earns under the plan; None for a witness, or for not acting."""
        if self.scenario is None or self.service is None:
            return None
        return predicted_play(self.scenario.loss, self.service)

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values, in the order to read them."""
        facts = [("play", REGIME_WORDS[self.regime])]
        if self.rule is not None:
            facts.append(("with", self.in_words()))
        if self.scenario is not None and self.scenario.inference_time is not None:
            facts.append(("inference time", with_unit(self.scenario.inference_time.text)))
        facts += [
            ("regret per frame", self.regret.words()),
            *(self.sampling_interval.facts() if self.sampling_interval is not None else ()),
            ("cost per frame", f"{self.cost:.6g}"),
            ("lower bound, any rule", self._distance_in_words()),
            ("what binds", self.binds),
        ]
        if self.predicted is not None:
            facts.append(("predicted for this policy", self.predicted.words()))
        if self.most_workers_binds:
            facts.append(("search limit", f"{self.most_workers} workers, and more would lose less (--most-workers)"))
        if self.meets_target is not None:
            met = "met" if self.meets_target else "not met"
            facts.append(("target", f"{self.target_regret:g} per frame: {met}"))
        slowest = "no limit" if self.largest_inference_time is None else f"{self.largest_inference_time:.6g} s"
        facts.append(("largest mean inference time", slowest))
        if self.model_size_words is not None:
            facts.append(("model size", self.model_size_words))
        others = sorted(self.alternatives, key=by_total)
        if self.ignored:
            facts.append(("replaced by the plan", f"{', '.join(self.ignored)} of the scenario"))
        return [
            *facts,
            *listed("regret and cost of each", [_in_a_line(each) for each in others]),
            *listed("if outputs served more", [_in_a_line(each) for each in self.other_services]),
            *listed("not computed", [f"{words}: {why}" for words, why in self.not_computed.items()]),
            ("method", self.method),
            *listed("assuming", self.assumptions),
        ]

    def _bars(self) -> list[tuple[str, RegretParts]]:
        others = sorted(self.alternatives, key=by_total)
        return [(candidate_in_words(each), each.regret) for each in others]

    def to_frame(self) -> "pd.DataFrame":
        """Return the best of each rule, and not acting, as a ``pandas.DataFrame``, the least regret and cost first."""
        import pandas as pd

        others = sorted(self.alternatives, key=by_total)
        return pd.DataFrame([flattened(each.to_json() | {"rule": each.rule or NO_ACTION}) for each in others])

    def to_json(self) -> dict[str, Any]:
        """Return the plan as the command line prints it."""
        return {
            "workers": None if self.workers == math.inf else int(self.workers),
            "hold": self.hold,
            "rule": self.rule,
            "alignment": self.alignment,
            "largest_inference_time": self.largest_inference_time,
            "regime": self.regime,
            "model_size": self.model_size,
            "regret_per_frame": self.regret.to_json(),
            "cost_per_frame": self.cost,
            "binds": self.binds,
            **({} if self.predicted is None else {"predicted": self.predicted._asdict()}),
            "target_regret": self.target_regret,
            "meets_target": self.meets_target,
            "inaction_fraction": 1.0 if self.service is None else self.service.inaction_fraction,
            "method": self.method,
            "alternatives": [candidate.to_json() for candidate in self.alternatives],
            "assumptions": list(self.assumptions),
            "ignored": list(self.ignored),
            **{name: _plain(self.options.get(name, getattr(Scenario, name))) for name in SERVICE_OPTIONS},
            "standard_error": self.regret.standard_errors.get("total"),
            "lower_bound": None if self.lower_bound is None else self.lower_bound.in_brief(),
            "above_lower_bound": self.above_lower_bound,
            "least_total": self.least_total,
            "most_workers": self.most_workers,
            "most_workers_binds": self.most_workers_binds,
            "not_computed": [{"candidate": words, "reason": why} for words, why in self.not_computed.items()],
            "other_services": [candidate.to_json() for candidate in self.other_services],
            "sampling_interval": None if self.sampling_interval is None else self.sampling_interval.to_json(),
        }

    def _distance_in_words(self) -> str:
        ratio, words = self.above_lower_bound, []
        if self.lower_bound is not None:
            times = "" if ratio is None else f" (this plan: {ratio:.4g} times as much)"
            words.append(f"{self.lower_bound.regret_per_frame:.6g} with these workers{times}")
        if self.least_total is not None:
            words.append(f"{self.least_total:.6g} with the best number of workers considered, cost included")
        return "; ".join(words) or "not computed"


def _in_a_line(candidate: Candidate) -> str:
    seen = candidate.error > 1e-9 * candidate.total  # below, it is the rounding of equal replications
    error = f" ± {candidate.error:.2g}" if seen else ""
    longer = candidate.with_unseen_time
    unseen = "" if longer is None or candidate.rule is None else f" ({longer:.4g} with a longer time than any seen)"
    return f"{candidate.total:.6g}{error}  {candidate_in_words(candidate)}{unseen}"


def by_total(candidate: Candidate) -> float:
    """Return what candidates are ordered by: regret and cost, for samples with a longer time than any seen."""
    return candidate.total if candidate.with_unseen_time is None else candidate.with_unseen_time


def _plain(value: Any) -> Any:
    return "inf" if value == math.inf else value
