"""A command as a sweep sees it: its parameters, its outputs, and how to evaluate a group of points."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ...rules import DEFAULT_RULE

__all__ = ["Command", "Evaluate", "Output", "Parameters", "Stakes", "parameter"]

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


class Stakes(Parameters):
    """What ``bound`` and ``simulate`` are asked: slowness, stakes and workers (see the command line)."""

    inference_time: float | str = parameter(..., "s")
    mode_probability: float = parameter(..., "1")
    frame_time: float | str = parameter("gameboy", "s")
    symbols: int | None = parameter(None)
    gap_default: float = parameter(1.0, "reward/frame")
    gap_delay: float = parameter(1.0, "reward/frame")
    maximum_time: float | None = parameter(None, "s")
    cores: float | None = parameter(None)
    workers: int | float = parameter(1)
    rule: str = parameter(DEFAULT_RULE, "")
    hold: int | str | None = parameter(None, "frame")
    alignment: str | None = parameter(None, "")
    horizon: float | None = parameter(None, "s")


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
        """Tell whether a parameter is counted."""
        return "int" in str(self.parameters.model_fields[parameter].annotation)
