"""The options of the commands that ask about a scenario, made from the fields of ``Scenario``.

Names, defaults, kinds and help texts are the fields' own: a field that is added there is an option of each command that
names it here.
"""

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args, get_origin

from cyclopts import Parameter

from ..errors import InputError
from ..scenario import SERVICE_FIELDS, Scenario, meaning_of, meanings
from .options import Whole

__all__ = ["FieldOptions", "PlanningWorld", "ScenarioOptions", "from_class", "with_fields"]

_FIELDS = {each.name: each for each in dataclasses.fields(Scenario)}


class FieldOptions:
    """Base of the groups of options that are fields of a dataclass."""

    def given(self) -> dict[str, Any]:
        """Return the options by the names of the fields, those without a value left out."""
        values = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in values.items() if value is not None}

    def scenario(self, **more: Any) -> Scenario:
        """Return the scenario that was asked about."""
        return Scenario(**(self.given() | more))


def _kind(name: str) -> Any:
    """Return what the command line reads for a field: text where the scenario reads text, else its kind."""
    takes = _FIELDS[name].metadata["takes"]
    kinds = set(get_args(takes)) - {type(None)} if get_origin(takes) is not Literal else {takes}
    kind: Any = next(iter(kinds), takes)
    if str in kinds:
        kind = str
    elif int in kinds or kind is int:
        kind = Whole
    return kind if _FIELDS[name].default is not None else kind | None


def with_fields(*names: str, required: tuple[str, ...] = ()) -> Callable[[type[Any]], type[Any]]:
    """Return a decorator that makes a class of options from fields of a scenario.

    Parameters
    ----------
    names
        The fields, in the order of the help; "fps" stands for the frame time given as a rate, "execution_horizon" for
        a rule.
    required
        Those that must be given.
    """

    def decorate(kind: type[Any]) -> type[Any]:
        made: list[Any] = []
        for name in names:
            if name in ("fps", "execution_horizon"):
                given = str if name == "fps" else Whole
                made.append((name, Annotated[given | None, Parameter(help=meaning_of(name))], None))
                continue
            asked = str if name in required and _kind(name) == str | None else _kind(name)
            if name in required and asked == float | None:
                asked = float
            default = dataclasses.MISSING if name in required else _FIELDS[name].default
            if asked is str and default is not dataclasses.MISSING and not isinstance(default, str):
                default = str(default)
            entry: list[Any] = [name, Annotated[asked, Parameter(help=meaning_of(name))]]
            made.append(entry if default is dataclasses.MISSING else [*entry, dataclasses.field(default=default)])
        options = dataclasses.make_dataclass(kind.__name__, made, bases=(kind,), frozen=True, kw_only=True)
        options.__doc__ = kind.__doc__
        options.__module__ = kind.__module__
        return Parameter(name="*")(options)

    return decorate


def from_class(source: type[Any], group: str) -> Callable[[type[Any]], type[Any]]:
    """Return a decorator that makes a group of options from all fields of a dataclass of plain values."""

    def decorate(kind: type[Any]) -> type[Any]:
        said = meanings(source)
        made: list[Any] = []
        for each in dataclasses.fields(source):
            whole = each.type in (int, int | None)
            asked = (Whole | None if each.default is None else Whole) if whole else each.type
            made.append((each.name, Annotated[asked, Parameter(help=said[each.name])], each.default))
        options = dataclasses.make_dataclass(kind.__name__, made, bases=(kind,), frozen=True, kw_only=True)
        options.__doc__ = kind.__doc__
        options.__module__ = kind.__module__
        return Parameter(name="*", group=group)(options)

    return decorate


class WorldOptions(FieldOptions):
    """Options that say how fast a world moves: its mode probability, or a measured loss curve."""

    def scenario(self, **more: Any) -> Scenario:
        """Return the scenario that was asked about."""
        given = self.given()
        if "mode_probability" not in given and "loss" not in given:
            raise InputError("--mode-probability is missing: give it, or --loss with the file of a delay curve")
        return super().scenario(**more)


_WORLD = (
    "mode_probability",
    "loss",
    "frame_time",
    "fps",
    "symbols",
    "gap_default",
    "gap_delay",
    "maximum_time",
    "cores",
)


@with_fields(
    *_WORLD,
    "inference_time",
    "workers",
    "rule",
    "execution_horizon",
    "hold",
    "alignment",
    *SERVICE_FIELDS,
    "horizon",
)
class ScenarioOptions(WorldOptions):
    """Workers under a staggering rule in a world."""

    def scenario(self, **more: Any) -> Scenario:
        """Return the scenario that was asked about, which has an inference time or batches."""
        if not {"inference_time", "batch_law"} & set(self.given()):
            raise InputError("--inference-time is missing")
        return super().scenario(**more)


@with_fields(*_WORLD, *SERVICE_FIELDS)
class PlanningWorld(WorldOptions):
    """How fast the world moves, and what it costs to be late."""
