"""The errors that the command line distinguishes from faults of the package.

``InputError``: what was given cannot be used (one sentence, exit code 2). ``RunError``: a run broke off (exit code 1).
Anything else is a fault and shows its traceback.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = ["AnswerLost", "InferenceStopped", "InputError", "RunError", "first_fault"]

_WORDS = {
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid string": "text",
    "a valid boolean": "true or false",
    "a valid list": "a list",
    "a valid tuple": "a list",
    "a valid dictionary": "a table",
}
_LONGEST = 80  # characters of a value that a message repeats


class InputError(ValueError):
    """Input that cannot be used: the message is one sentence naming the value and what is allowed."""


class InferenceStopped(Exception):  # noqa: N818 - an event, not a fault
    """A forward pass was given up at a layer boundary, because its inference is cancelled."""


class RunError(RuntimeError):
    """A run that could not go on: the message says what happened and to whom."""


class AnswerLost(Exception):  # noqa: N818 - an event, not a fault of the program
    """An answer that will never be applied: its server went away, or it was cancelled."""

    def __init__(self, reason: str, *, cancelled: bool = False) -> None:
        super().__init__(reason)
        self.cancelled = cancelled


def first_fault(error: "ValidationError", keys: Iterable[str] = ()) -> tuple[str, str]:
    """Return where the first fault lies that pydantic found, and what is wrong, in the words of all other messages.

    Parameters
    ----------
    error
        What pydantic raised.
    keys
        The keys there are, for one that is not among them.

    Returns
    -------
    tuple of str
        The path of the fault ("experiment.seeds"; empty for the whole), and what is wrong with it.

    Examples
    --------
    >>> from pydantic import BaseModel, Field, ValidationError
    >>> class Play(BaseModel):
    ...     seeds: int = Field(ge=1)
    >>> try:
    ...     Play(seeds=0)
    ... except ValidationError as refused:
    ...     first_fault(refused)
    ('seeds', 'must be at least 1, not 0')
    """
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return where, "is missing"
    if first["type"] == "extra_forbidden":
        known = ", ".join(keys)
        return where, f"unknown key: there are {known}" if known else "unknown key"
    said = first["msg"]
    if said.startswith("Value error, "):  # one of our own, which names the value
        return where, said.removeprefix("Value error, ")
    for theirs, ours in _WORDS.items():
        said = said.replace(theirs, ours)
    given = repr(first["input"])
    given = given if len(given) <= _LONGEST else given[: _LONGEST - 3] + "..."
    return where, f"{said.replace('Input should be', 'must be')}, not {given}"
