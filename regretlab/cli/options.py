"""The application that the commands register with, and the kinds of options they share."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter

from .. import __version__

__all__ = ["Flag", "Json", "Whole", "app"]

app = App(
    name="regretlab",
    help="How much regret slow inference costs, how many staggered workers bring it down, and a run that shows it. "
    "With --debug every command prints the traceback before its error message.",
    version=__version__,
    suppress_keyboard_interrupt=False,
)


def _whole(_: Any, tokens: Sequence[Any]) -> int:
    """Read a whole number; 1e6 is one, 2.5 is refused instead of cut."""
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
        if value == int(value):
            return int(value)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"must be a whole number, not '{text}'")


Whole = Annotated[int, Parameter(converter=_whole)]
Flag = Annotated[bool, Parameter(negative="", show_default=False)]
Json = Annotated[
    bool,
    Parameter(negative="", show_default=False, help="Print one JSON object on standard output and nothing else there."),
]
