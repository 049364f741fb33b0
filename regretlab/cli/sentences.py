"""Parse errors in one sentence each: what was given, and what is allowed.

Cyclopts says the same in a panel of its own; here every message of the command line has one form, whichever part
refuses.
"""

import difflib
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

__all__ = ["say"]

_KINDS = {int: "a whole number", float: "a number", bool: "true or false"}


def say(error: Exception) -> str:
    """Return a parse error in one sentence.

    Parameters
    ----------
    error
        A ``CycloptsError``.

    Returns
    -------
    str
        The sentence, without a full stop.
    """
    from cyclopts import exceptions as of

    if isinstance(error, of.UnknownCommandError) and error.unused_tokens:
        given, known = error.unused_tokens[0], sorted(_commands(error.app))
        if given.startswith("-"):
            return f"unknown option '{given}': --help lists those there are"
        return f"unknown command '{given}'{_near(given, known)}: choose one of {', '.join(known)}"
    if isinstance(error, of.UnknownOptionError):
        name = error.token.keyword or error.token.value
        options = [] if error.argument_collection is None else [str(each.name) for each in error.argument_collection]
        return f"unknown option '{name}'{_near(name, options)}: --help lists those there are"
    if isinstance(error, of.UnusedCliTokensError) and error.unused_tokens:
        return f"'{error.unused_tokens[0]}' is left over: every value follows its option, such as --workers 3"
    if isinstance(error, of.RepeatArgumentError):
        return f"{error.token.keyword} is given more than once: give it one value"
    if isinstance(error, of.MissingArgumentError) and error.argument is not None and not error.argument.tokens:
        option = error.argument.name
        if any(word.split("=")[0] == option for word in error.root_input_tokens or ()):
            return f"{option} needs a value"
        placed = error.argument.index is not None  # given by its place, without a name
        return f"{option.removeprefix('--').upper() if placed else option} is missing"
    if isinstance(error, of.CoercionError) and error.token is not None and error.argument is not None:
        name, wanted = error.token.keyword or error.argument.name, _wanted(error)
        if isinstance(error.msg, str) and error.msg.startswith("must be "):  # raised by a converter of ours
            return f"{name} {error.msg}"
        if wanted is not None:
            return f"{name} must be {wanted}, not '{error.token.value}'"
    return str(error)


_OTHER_NAMES = {"--inference-time": "--emulate-latency", "--emulate-latency": "--inference-time"}
"""Options that one command has under one name and the next under another."""


def _near(given: str, known: Iterable[str]) -> str:
    known = list(known)
    if (other := _OTHER_NAMES.get(given.partition("=")[0])) in known:
        return f" (did you mean {other}?)"
    near = difflib.get_close_matches(given, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _commands(app: Any) -> list[str]:
    return [] if app is None else [name for name in app if not name.startswith("-")]


def _wanted(error: Any) -> str | None:
    """Return what the option takes, in words."""
    kind = error.target_type
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    return _KINDS.get(kind) if isinstance(kind, type) else None
