"""A command as a sweep sees it: its parameters, its outputs, and how to evaluate a group of points."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial, reduce
from operator import or_
from typing import Annotated, Any, get_args

from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from ...laws.resampling import SamplingInterval
from ...scenario import SERVICE_FIELDS, Scenario

__all__ = [
    "SAMPLING", "STAKES", "Command", "Evaluate", "Output", "Parameters", "asked", "parameter", "sampling_ends",
    "sampling_outputs", "scenario_fields",
]  # fmt: skip

Evaluate = Callable[
    [Mapping[str, Any], Mapping[str, Sequence[Any]], Sequence[int]], Mapping[str, "NDArray[Any] | float"]
]
"""Evaluate a group: parameters that are the same over it, lists of those that are not, and a seed for each point."""


def parameter(default: Any, unit: str = "1", meaning: str = "") -> Any:
    """Return a field with its unit; ``...`` as the default makes it required."""
    return Field(default=default, description=meaning, json_schema_extra={"unit": unit})


class Parameters(BaseModel):
    """Base of the parameters of a command."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def asked(
    name: str,
    base: type[Parameters],
    fields_of: Mapping[str, Any],
    *,
    required: tuple[str, ...] = (),
    **own: Any,
) -> type[Parameters]:
    """Return the parameters of a command: fields of a dataclass with their kinds, defaults and units, and its own.

    Parameters
    ----------
    name, base
        Of the class.
    fields_of
        Dataclass fields by name; metadata "takes" and "unit" say what is read and in what unit it counts.
    required
        Fields without a default.
    own
        Parameters of the command alone: (kind, ``parameter(...)``).
    """
    made: dict[str, Any] = {}
    for each in fields_of.values():
        kind = each.metadata.get("takes", each.type)
        default = ... if each.name in required else str(each.default) if isinstance(each.default, str) else each.default
        if each.name in required:
            kind = reduce(or_, (part for part in get_args(kind) if part is not type(None)))
        if "read" in each.metadata and each.name != "inference_time":  # a law is read where it is used
            kind = Annotated[kind, AfterValidator(partial(_readable, each.name, each.metadata["read"]))]
        made[each.name] = (kind, parameter(default, each.metadata.get("unit", "1")))
    return create_model(name, __base__=base, **made, **own)


def _readable(name: str, read: Callable[[Any, str], Any], value: Any) -> Any:
    """Return a value as it was given if it can be read; raise ``InputError`` otherwise."""
    if value is not None:
        read(value, name)
    return value


STAKES = (
    "inference_time",
    "mode_probability",
    "loss",
    "frame_time",
    "symbols",
    "gap_default",
    "gap_delay",
    "maximum_time",
    "cores",
    "workers",
    "rule",
    "hold",
    "alignment",
    "horizon",
    *SERVICE_FIELDS,
)
"""Fields of a scenario that ``bound`` and ``simulate`` are swept over."""


def scenario_fields(*names: str) -> dict[str, Any]:
    """Return fields of ``Scenario`` by name."""
    known = {each.name: each for each in fields(Scenario)}
    return {name: known[name] for name in names}


@dataclass(frozen=True)
class Output:
    """A variable of the dataset.

    Attributes
    ----------
    unit
        Its unit.
    meaning
        What it is, in a few words.
    """

    unit: str
    meaning: str


SAMPLING: dict[str, Any] = {
    "sampling_interval": (bool, parameter(False, meaning="whether points with sampled times get intervals"))
}
"""The parameter of ``bound`` and ``simulate`` that asks for ``sampling_outputs``, a hundred simulations each."""


def sampling_outputs() -> dict[str, Output]:
    """Return the variables with the ends of the sampling intervals."""
    ends = {"low": "lower", "high": "upper"}
    known = {"regret": ("reward/frame", "regret per frame"), "inaction_fraction": ("1", "frames by default behaviour")}
    return {
        f"{name}_{end}": Output(unit, f"{ends[end]} end of the sampling interval of {meaning}, nan where not asked for")
        for name, (unit, meaning) in known.items()
        for end in ends
    }


def sampling_ends(found: SamplingInterval | None) -> dict[str, float]:
    """Return the values of those variables at a point; nan for a law that is not known from samples."""
    if found is None:
        return dict.fromkeys(sampling_outputs(), math.nan)
    of = {"regret": "regret_per_frame.total", "inaction_fraction": "inaction_fraction"}
    ends = {name: found.intervals[figure] for name, figure in of.items()}
    return {f"{name}_{end}": ends[name][place] for name in of for place, end in enumerate(("low", "high"))}


@dataclass(frozen=True)
class Command:
    """What is computed at each point.

    Attributes
    ----------
    name
        As on the command line.
    parameters
        Its parameters with their types and defaults.
    outputs
        What it gives, by name.
    fast
        Parameters that ``evaluate`` takes many values of at a time, because the rest of the work is shared.
    evaluate
        Evaluates a group of points.
    seeded
        Whether a point draws random numbers.
    chunk
        Points worth handing out at a time.
    """

    name: str
    parameters: type[Parameters]
    outputs: dict[str, Output]
    fast: tuple[str, ...]
    evaluate: Evaluate
    seeded: bool
    chunk: int

    def unit(self, parameter: str) -> str:
        """Return the unit of a parameter ("" for words)."""
        extra = self.parameters.model_fields[parameter].json_schema_extra
        return str(extra["unit"]) if isinstance(extra, dict) else ""

    def is_whole(self, parameter: str) -> bool:
        """Return whether a parameter is counted."""
        return "int" in str(self.parameters.model_fields[parameter].annotation)
