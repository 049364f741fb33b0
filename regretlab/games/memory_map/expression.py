"""Sums and differences of named values: all that a reward may be. Text is parsed here and never evaluated."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import InputError

__all__ = ["Sum", "parse_sum"]

_TOKEN = re.compile(r"\s*(?:([A-Za-z_]\w*)|([+-]))")


@dataclass(frozen=True)
class Sum:
    """A sum of named values, each with its sign.

    Attributes
    ----------
    terms
        Pairs of +1 or -1 and a name.
    """

    terms: tuple[tuple[int, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names in it."""
        return tuple(name for _, name in self.terms)

    def of(self, values: Mapping[str, int]) -> int:
        """Return the sum for these values."""
        return sum(sign * values[name] for sign, name in self.terms)


def parse_sum(text: str) -> Sum:
    """Read a sum or difference of names.

    Raises
    ------
    InputError
        If it is anything else.

    Examples
    --------
    >>> parse_sum("score + bonus - fines").of({"score": 10, "bonus": 5, "fines": 1})
    14
    >>> parse_sum("2 * score")
    Traceback (most recent call last):
    regretlab.errors.InputError: '2 * score' is not a sum or difference of named values, such as score + bonus - fines
    """
    terms: list[tuple[int, str]] = []
    sign: int | None = 1  # a sign may stand before the first name, and must before each other
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _refusal(text)
        name, operator = match.groups()
        if name is not None:
            if sign is None:
                raise _refusal(text)
            terms.append((sign, name))
            sign = None
        else:
            if sign is not None and (terms or position):
                raise _refusal(text)
            sign = 1 if operator == "+" else -1
        position = match.end()
    if sign is not None:
        raise _refusal(text)
    return Sum(tuple(terms))


def _refusal(text: str) -> InputError:
    return InputError(f"'{text}' is not a sum or difference of named values, such as score + bonus - fines")
