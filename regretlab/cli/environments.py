"""How commands name environments and the options that several of them ask of an environment and its policy."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ..errors import InputError
from .options import Whole

__all__ = [
    "DefaultAction",
    "ModeProbability",
    "ObservationKey",
    "RequestFormFile",
    "Sticky",
    "Symbols",
    "Weights",
    "default_action_of",
    "environment_id",
    "environment_options",
]

Symbols = Annotated[Whole | None, Parameter(help="Symbols that beacon shows, 2 to 15.")]
ModeProbability = Annotated[
    float | None, Parameter(help="How likely beacon's symbol stays from one frame to the next.")
]
Sticky = Annotated[
    float | None,
    Parameter(help="How likely an Atari game takes the last frame's action instead of this one's (0)."),
]
DefaultAction = Annotated[
    str | None,
    Parameter(
        help="The action that does nothing, where the environment does not say which does: its number, or its numbers "
        "with commas between them (0.5,-1)."
    ),
]
Weights = Annotated[Path | None, Parameter(help="Weights of the policy's network, a .safetensors file.")]
ObservationKey = Annotated[
    str | None,
    Parameter(help="Key under which a policy server is sent the observation: what its metadata say, else observation."),
]


def default_action_of(text: str | None) -> int | list[float] | None:
    """Return the value of ``--default-action``: a whole number, or a row of numbers."""
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"default action '{text}' is neither a number nor numbers with commas between them") from None


RequestFormFile = Annotated[
    Path | None,
    Parameter(help="JSON file that says how a server is asked by HTTP, such as a chat endpoint, and where it answers."),
]


def environment_id(name: str) -> str:
    """Return the Gymnasium id of a short name; other names are ids already."""
    from ..games import environment_id as known

    return known(name)


def environment_options(**options: Any) -> dict[str, Any]:
    """Return the options that were given, for the environment to check."""
    return {name: value for name, value in options.items() if value is not None}
