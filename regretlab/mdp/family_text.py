"""Read ``name(key=value, ...)`` without evaluating anything."""

import re

from ..errors import InputError

__all__ = ["Argument", "split_call"]

Argument = int | float | str

_CALL = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:\(([^()]*)\))?\s*")
_PAIR = re.compile(r"(?:([A-Za-z_][A-Za-z0-9_]*)\s*=\s*)?([^\s=]+)")
_WORD = re.compile(r"[A-Za-z][A-Za-z-]*")


def split_call(text: str) -> tuple[str, list[Argument], dict[str, Argument]]:
    """Return name, positional and keyword arguments of a call written as text.

    Parameters
    ----------
    text
        For example ``ring(p=0.9, symbols=4)``; values are numbers or plain words.

    Raises
    ------
    InputError
        If the text is not such a call.

    Examples
    --------
    >>> split_call("ring(0.9, symbols=4, mode=rotating)")
    ('ring', [0.9], {'symbols': 4, 'mode': 'rotating'})
    """
    call = _CALL.fullmatch(text)
    if call is None:
        raise InputError(f"MDP {text!r} is not of the form name(key=value, ...), such as ring(p=0.9, symbols=4)")
    name, inside = call.group(1), (call.group(2) or "").strip()
    positional: list[Argument] = []
    named: dict[str, Argument] = {}
    for part in inside.split(",") if inside else []:
        pair = _PAIR.fullmatch(part.strip())
        if pair is None:
            raise InputError(f"{part.strip()!r} in {text!r} is not a value or key=value")
        key, value = pair.group(1), _value(pair.group(2), text)
        if key is None:
            if named:
                raise InputError(f"the value {pair.group(2)} in {text!r} follows a key=value: give it its key")
            positional.append(value)
        elif key in named:
            raise InputError(f"{key} is given twice in {text!r}")
        else:
            named[key] = value
    return name, positional, named


def _value(text: str, whole: str) -> Argument:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    if _WORD.fullmatch(text):
        return text
    raise InputError(f"{text!r} in {whole!r} is not a number or a plain word")
