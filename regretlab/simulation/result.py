"""The result of a simulation: figures with standard errors, as attributes and under the JSON names of ``bound``."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..curves import PredictedPlay, predicted_play
from ..laws.resampling import SamplingInterval
from ..results import RegretParts, Result, ServiceLaw, delays_in_words, listed
from ..scenario import Scenario

__all__ = ["SimulationResult"]


@dataclass(frozen=True, eq=False, repr=False)
class SimulationResult(Result, Mapping[str, Any]):
    """What a simulation measured; also a mapping of JSON values.

    Attributes
    ----------
    scenario
        What was played.
    service
        The service law: inaction fraction, delay law, ages.
    service_value
        S(p) of the simulated delay law (p is the ring's eigenvalue lambda for a ring of K symbols).
    regret
        Regret per frame by its causes, with standard errors (no ``learning``: the simulated agent acts optimally
        on what it observed).
    over_horizon
        The same over the horizon; ``None`` without one.
    reward_per_frame
        1 - total regret per frame: the optimal gain of the witness chain is 1.
    action_interval
        ``mean``, ``std``, ``p99`` in seconds between agent actions that take effect.
    interval_law
        ``interval_law[g]`` = fraction of these intervals that last g frames, shape (G + 1,); 16,384 stands for longer.
    overwritten_fraction
        Outputs displaced by a fresher one of the same frame, of all that came to effect or were displaced.
    out_of_order_fraction
        Agent frames whose observation is older than one acted on before.
    blocking_fraction
        Boundaries at which the pool found no worker idle; ``None`` for rules that do not start on every boundary.
    inferences_per_frame
        Inferences started per frame.
    frames
        Frames counted, over all replications.
    replications
        Independent replications.
    standard_errors
        Standard errors under the same names (lists and dictionaries where the figure is one).
    frames_per_second
        Frames played a second, warm-up included, all cores together.
    workers_for_zero_inaction
        Fewest with which the rule leaves no frame without an action (by closed form, not measured), or None.
    witness
        The chain played.
    assumptions
        What must hold for the figures to mean what they say.
    """

    scenario: Scenario
    service: ServiceLaw
    service_value: float
    regret: RegretParts
    over_horizon: RegretParts | None
    reward_per_frame: float
    action_interval: dict[str, float | None]
    interval_law: NDArray[np.float64]
    overwritten_fraction: float
    out_of_order_fraction: float
    blocking_fraction: float | None
    inferences_per_frame: float
    frames: int
    replications: int
    standard_errors: dict[str, Any]
    frames_per_second: float
    workers_for_zero_inaction: int | None
    witness: str
    assumptions: tuple[str, ...]

    @property
    def inaction_fraction(self) -> float:
        """Fraction of frames served by the default behaviour, phi."""
        return self.service.inaction_fraction

    @property
    def delay_law(self) -> NDArray[np.float64]:
        """a_j, shape (J + 1,)."""
        return self.service.delay_law

    @property
    def interaction_time(self) -> float:
        """Mean seconds between agent actions."""
        return self.service.interaction_time

    @property
    def title(self) -> str:
        """What was asked, in one line."""
        return self.scenario.title

    @property
    def predicted(self) -> PredictedPlay | None:
        """What the policy of a measured loss curve earns; None for a witness, or a curve of losses alone."""
        return predicted_play(self.scenario.loss, self.service)

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values, in the order to read them."""
        errors = self.standard_errors
        parts = [
            (label, _measured(self.regret.estimate(name).value, self.regret.standard_errors.get(name)))
            for label, name in (("regret per frame", "total"), ("  inaction", "inaction"), ("  delay", "delay"))
        ]
        if self.over_horizon is not None:
            over = self.over_horizon.estimate()
            parts.append(
                (
                    f"regret over {self.scenario.horizon:g} s",
                    _measured(over.value, self.over_horizon.standard_errors.get("total")),
                )
            )
        phi, error = 100 * self.inaction_fraction, errors["inaction_fraction"]
        if self.predicted is not None:
            parts.append(("predicted for this policy", self.predicted.words()))
        return [
            *parts,
            ("frames without an action", _measured(phi, None if error is None else 100 * error, " %")),
            ("frames by delay in frames", delays_in_words(self.delay_law)),
            ("mean time between actions", _measured(self.interaction_time, errors["interaction_time"], " s")),
            *(self.sampling_interval.facts() if self.sampling_interval is not None else ()),
            ("outputs overwritten", f"{100 * self.overwritten_fraction:.4g} %"),
            (
                "played",
                f"{self.frames:,} frames in {self.replications} replications, {self.frames_per_second:.3g} a second",
            ),
            ("method", "simulation (± one standard error)"),
            ("on", self.witness),
            *listed("assuming", self.assumptions),
        ]

    @cached_property
    def sampling_interval(self) -> SamplingInterval | None:
        """Interval of the figures where the inference time is known from samples, else None."""
        from .sampling import interval_from_samples

        return interval_from_samples(self.scenario, self.regret, self.inaction_fraction)

    def _bars(self) -> list[tuple[str, RegretParts]]:
        return [(self.title, self.regret)]

    def to_json(self) -> dict[str, Any]:
        """Return the figures as the command line prints them; ``standard_error`` is that of the total per frame."""
        sampled = None if self.sampling_interval is None else self.sampling_interval.to_json()
        return {**self._values(), "sampling_interval": sampled}

    def _values(self) -> dict[str, Any]:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        service, errors = values.pop("service"), values.pop("standard_errors")
        del values["scenario"], values["regret"]
        over = values.pop("over_horizon")
        value_of_service = values.pop("service_value")
        return {
            "rule": service.rule,
            "workers": None if math.isinf(service.workers) else int(service.workers),
            "inaction_fraction": service.inaction_fraction,
            "delay_law": service.delay_law.tolist(),
            "interaction_time": None if math.isinf(service.interaction_time) else service.interaction_time,
            "mean_age": service.mean_age,
            "peak_age": service.peak_age,
            "service_value": value_of_service,
            "regret_per_frame": self.regret.to_json(),
            "regret": None if over is None else over.to_json(),
            **values,
            "interval_law": self.interval_law.tolist(),
            "regret_per_second": self.regret.scaled(1.0 / service.frame_time).to_json(),
            "assumptions": list(self.assumptions),
            "method": "simulation",
            "standard_error": errors["regret_per_frame"]["total"],
            "standard_errors": errors,
            "symbolic": None,
            **({} if self.predicted is None else {"predicted": self.predicted._asdict()}),
        }

    def __getitem__(self, key: str) -> Any:
        return self.to_json()[key] if key == "sampling_interval" else self._values()[key]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._values(), "sampling_interval"])

    def __len__(self) -> int:
        return len(self._values()) + 1


def _measured(value: float, error: float | None, unit: str = "") -> str:
    if error is None:
        return f"{value:.6g}{unit}"
    return f"{value:.6g} ± {error:.2g}{unit}"
