"""What to sweep: a TOML file, checked to the last key before anything is computed.

Such a file::

    [sweep]
    command = "bound"      # or simulate, solve, run (virtual clock)
    seed = 0

    [fixed]                # the same at every point
    rule = "frame-pool"
    frame_time = "gameboy"

    [grid]                 # a dimension each, in this order
    workers = [1, 2, 4, 8]
    mode_probability = { start = 0.8, stop = 0.999, num = 50 }
    inference_time = { template = "gamma(4, scale={})", start = 0.001, stop = 0.1, num = 40, spacing = "log" }
"""

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..errors import InputError, first_fault
from ..inputs import read_toml
from ..trust import refuse_foreign_code
from .commands import COMMANDS, Command

__all__ = ["Axis", "Settings", "SweepConfiguration", "read_configuration"]

MOST_POINTS = 10**9
MOST_VALUES = 10**7


class Settings(BaseModel):
    """The section ``[sweep]``.

    Attributes
    ----------
    command
        What is computed at each point: "bound", "simulate", "solve" or "run".
    seed
        Seed of the sweep; every point has a stream of its own, whatever the chunks and the engine.
    chunk
        Points computed and kept together, at least.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    command: Literal["bound", "simulate", "solve", "run"]
    seed: int = Field(default=0, ge=0, lt=2**63)
    chunk: int | None = Field(default=None, ge=1)


class _Range(BaseModel):
    """An axis as a range, or a list, or a template around either."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    start: float | None = None
    stop: float | None = None
    num: int | None = Field(default=None, ge=1, le=MOST_VALUES)
    spacing: Literal["linear", "log"] = "linear"
    values: list[float] | None = Field(default=None, min_length=1)
    template: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Axis:
    """A dimension of the grid.

    Attributes
    ----------
    name
        The parameter.
    values
        What the command is given, one a point of the axis.
    labels
        The coordinate: the same, or the numbers that were put into a template.
    unit
        Of the coordinate.
    template
        The text around the numbers, or None.
    """

    name: str
    values: tuple[Any, ...]
    labels: tuple[Any, ...]
    unit: str
    template: str | None = None


@dataclass(frozen=True)
class SweepConfiguration:
    """A sweep, checked.

    Attributes
    ----------
    settings
        Command, seed and chunk.
    fixed
        Parameters that are the same at every point.
    axes
        The dimensions, in the order of the file.
    files
        SHA-256 of the files that parameters name (samples, MDPs, policies), by the parameter's text.
    """

    settings: Settings
    fixed: dict[str, Any]
    axes: tuple[Axis, ...]
    files: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def command(self) -> Command:
        """What is computed at each point."""
        return COMMANDS[self.settings.command]

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    @property
    def points(self) -> int:
        """Number of grid points."""
        return math.prod(self.shape)

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as plain values."""
        return {
            "sweep": self.settings.model_dump(exclude={"chunk"}),
            "fixed": self.fixed,
            "grid": {
                axis.name: {"values": list(axis.values), "labels": list(axis.labels), "template": axis.template}
                for axis in self.axes
            },
            "files": self.files,
        }

    def digest(self) -> str:
        """Return a digest that differs for every other sweep and for other versions of the package."""
        from .. import __version__

        text = json.dumps([__version__, self.to_json()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def read_configuration(source: str | Path | dict[str, Any], *, trust: bool = False) -> SweepConfiguration:
    """Read a sweep.

    Parameters
    ----------
    source
        A TOML file, or what it would hold as a dictionary.
    trust
        Accept a file that names Python code to run; a dictionary is the caller's own.

    Raises
    ------
    InputError
        For a file that cannot be read, an unknown key, a wrong type or an empty grid; the message names the place.

    Examples
    --------
    >>> sweep = read_configuration({
    ...     "sweep": {"command": "bound"},
    ...     "fixed": {"inference_time": 0.1, "rule": "frame-pool"},
    ...     "grid": {"workers": [3, 6], "mode_probability": {"start": 0.9, "stop": 1.0, "num": 3}},
    ... })
    >>> sweep.shape, sweep.axes[1].values
    ((2, 3), (0.9, 0.95, 1.0))
    """
    name = "sweep" if isinstance(source, dict) else str(source)
    content = source if isinstance(source, dict) else read_toml(source, "configuration")
    for section in content:
        if section not in ("sweep", "fixed", "grid"):
            raise InputError(f"{name}: unknown section '{section}': there are sweep, fixed and grid")
    if "sweep" not in content:
        raise InputError(f"{name}: section [sweep] with its command is missing")
    settings = _checked(Settings, content["sweep"], f"{name}: sweep")
    command = COMMANDS[settings.command]
    fixed = content.get("fixed", {})
    grid = content.get("grid", {})
    for section, values in (("fixed", fixed), ("grid", grid)):
        if not isinstance(values, dict):
            raise InputError(f"{name}: {section} must be a section of parameters, not {values!r}")
        for parameter in values:
            _check_parameter(command, parameter, f"{name}: {section}.{parameter}")
    both = sorted(set(fixed) & set(grid))
    if both:
        raise InputError(f"{name}: '{both[0]}' is fixed and in the grid: one of the two")
    if not grid:
        raise InputError(f"{name}: the grid is empty: give at least one parameter more than one value under [grid]")
    for parameter, option in command.parameters.model_fields.items():
        if option.is_required() and parameter not in fixed and parameter not in grid:
            raise InputError(f"{name}: command '{settings.command}' needs '{parameter}' under [fixed] or [grid]")
    if "inference_time" in command.parameters.model_fields and not {"inference_time", "batch_law"} & {*fixed, *grid}:
        raise InputError(f"{name}: command '{settings.command}' needs 'inference_time' under [fixed] or [grid]")
    if "loss" in command.parameters.model_fields and not {"mode_probability", "loss"} & {*fixed, *grid}:
        raise InputError(
            f"{name}: command '{settings.command}' needs 'mode_probability' (or 'loss') under [fixed] or [grid]"
        )
    checked = {key: _value(command, key, value, f"{name}: fixed.{key}") for key, value in fixed.items()}
    axes = tuple(_axis(command, key, value, f"{name}: grid.{key}") for key, value in grid.items())
    if not trust and not isinstance(source, dict):
        refuse_foreign_code(checked, f"{name}: fixed")
        refuse_foreign_code({axis.name: axis.values for axis in axes}, f"{name}: grid")
    sweep = SweepConfiguration(settings, checked, axes, _files(checked, axes))
    if sweep.points > MOST_POINTS:
        raise InputError(f"{name}: the grid has {sweep.points:,} points: at most {MOST_POINTS:,}")
    return sweep


def _files(fixed: dict[str, Any], axes: tuple[Axis, ...]) -> dict[str, str]:
    """Return the digests of the files that parameters name: other contents under the same name are another sweep."""
    texts = {value for value in fixed.values() if isinstance(value, str)}
    texts.update(value for axis in axes for value in axis.values if isinstance(value, str))
    found = {text: _contents(text) for text in sorted(texts)}
    return {text: digest for text, digest in found.items() if digest is not None}


def _contents(text: str) -> str | None:
    """Return the digest of the file in ``FILE``, ``@FILE``, ``KIND:FILE`` or ``KIND:FILE:NAME``, None without one."""
    for name in (text.removeprefix("@"), text.partition(":")[2], text.partition(":")[2].rpartition(":")[0]):
        path = Path(name.strip())
        try:
            if name.strip() and path.is_file():
                return hashlib.sha256(path.read_bytes()).hexdigest()
            if text.startswith("@") and path.is_dir():  # a record
                parts = [(inside.name, inside.read_bytes()) for inside in sorted(path.iterdir()) if inside.is_file()]
                named = [(inside, hashlib.sha256(content).hexdigest()) for inside, content in parts]
                return hashlib.sha256(json.dumps(named).encode()).hexdigest()
        except OSError:
            continue
    return None


def _checked(model: type[Any], values: Any, place: str) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        where, said = first_fault(error, model.model_fields)
        raise InputError(f"{place}{'.' if where else ''}{where}: {said}") from None


def _check_parameter(command: Command, parameter: str, place: str) -> None:
    if parameter not in command.parameters.model_fields:
        known = ", ".join(command.parameters.model_fields)
        raise InputError(f"{place}: command '{command.name}' has no such parameter: it has {known}")


def _value(command: Command, parameter: str, value: Any, place: str) -> Any:
    field = command.parameters.model_fields[parameter]
    kind: Any = field.annotation
    for check in field.metadata:
        kind = Annotated[kind, check]
    adapter: TypeAdapter[Any] = TypeAdapter(kind, config=ConfigDict(strict=True))
    if isinstance(value, float) and math.isnan(value):
        raise InputError(f"{place}: must be a number, not nan")
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise InputError(f"{place}: {first_fault(error)[1]}") from None


def _axis(command: Command, name: str, given: Any, place: str) -> Axis:
    unit = command.unit(name)
    if isinstance(given, list):
        if not given:
            raise InputError(f"{place}: is empty: an axis needs at least one value")
        values = tuple(_value(command, name, value, f"{place}[{index}]") for index, value in enumerate(given))
        return Axis(name, _distinct(values, place), values, unit)
    if not isinstance(given, dict):
        raise InputError(f"{place}: must be a list or a range {{start, stop, num}}, not {given!r}")
    chosen = _checked(_Range, given, place)
    numbers = _numbers(chosen, place)
    if chosen.template is None:
        whole = [int(n) if command.is_whole(name) and n == int(n) else n for n in numbers]
        values = tuple(_value(command, name, n, f"{place}[{index}]") for index, n in enumerate(whole))
        return Axis(name, _distinct(values, place), values, chosen.unit or unit)
    if chosen.template.count("{}") != 1:
        raise InputError(f"{place}.template: must hold {{}} once, where the number goes, not {chosen.template!r}")
    texts = tuple(chosen.template.replace("{}", repr(n)) for n in numbers)
    values = tuple(_value(command, name, text, f"{place}[{index}]") for index, text in enumerate(texts))
    return Axis(name, _distinct(values, place), tuple(numbers), chosen.unit or unit, chosen.template)


def _numbers(chosen: _Range, place: str) -> list[float]:
    ends = (chosen.start, chosen.stop, chosen.num)
    if chosen.values is not None:
        if any(end is not None for end in ends):
            raise InputError(f"{place}: give values or start, stop and num, not both")
        return list(chosen.values)
    if chosen.start is None or chosen.stop is None or chosen.num is None:
        raise InputError(f"{place}: a range needs start, stop and num (or values)")
    for end in (chosen.start, chosen.stop):
        if not math.isfinite(end):
            raise InputError(f"{place}: a range needs finite ends, not {end!r}")
    if chosen.spacing == "linear":
        # rounded in the fifteenth digit, so that 0.9 to 1 in three steps has the 0.95 that a reader expects
        return [float(f"{n:.15g}") for n in np.linspace(chosen.start, chosen.stop, chosen.num)]
    if chosen.start <= 0 or chosen.stop <= 0:
        raise InputError(f"{place}: a logarithmic range needs positive ends, not {chosen.start!r} and {chosen.stop!r}")
    return [float(f"{n:.15g}") for n in np.geomspace(chosen.start, chosen.stop, chosen.num)]


def _distinct(values: tuple[Any, ...], place: str) -> tuple[Any, ...]:
    seen: set[Any] = set()
    for index, value in enumerate(values):
        if value in seen:
            raise InputError(f"{place}[{index}]: {value!r} is there twice")
        seen.add(value)
    return values
