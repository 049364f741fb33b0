"""Actions that are rows of numbers: a Box, flattened, or a MultiDiscrete or MultiBinary space.

All of the harness holds such an action as a row of float64, which holds every float32 and every whole number of these
spaces exactly; the environment gets it back in the shape and type of its space (`regretlab.games.rows_of_actions`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

__all__ = ["MOST_NUMBERS", "ActionRow"]

MOST_NUMBERS = 256
"""Numbers that an action has at most: each is a column of a record."""


@dataclass(frozen=True)
class ActionRow:
    """What the numbers of an action may be.

    Attributes
    ----------
    low, high
        Least and largest value of each number; infinite where it has none.
    whole
        Whether they are whole numbers, each a choice of its own.

    Examples
    --------
    >>> torque = ActionRow((-2.0,), (2.0,))
    >>> torque.checked([0.5]).tolist(), torque.checked([7.0]).tolist()
    ([0.5], [2.0])
    >>> ActionRow((0.0, 0.0), (2.0, 1.0), whole=True).checked([1, 2])
    Traceback (most recent call last):
    ValueError: the policy chose [1.0, 2.0]; an action is 2 whole numbers from [0, 0] to [2, 1]
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    whole: bool = False

    @property
    def count(self) -> int:
        """Numbers of an action."""
        return len(self.low)

    @property
    def is_bounded(self) -> bool:
        """Whether every number has a least and a largest value."""
        return all(math.isfinite(value) for value in (*self.low, *self.high))

    @property
    def nothing(self) -> NDArray[np.float64] | None:
        """The action that does nothing: zero, None where that is not allowed or only one of several choices."""
        binary = set(self.low) == {0.0} and set(self.high) == {1.0}
        if (self.whole and not binary) or min(self.high) < 0.0 or max(self.low) > 0.0:
            return None
        return np.zeros(self.count)

    def __str__(self) -> str:
        def several(values: Sequence[float]) -> str:
            return f"[{', '.join(f'{value:g}' for value in values[:6])}{', ...' if len(values) > 6 else ''}]"

        kind = ("whole number" if self.whole else "number") + ("s" if self.count > 1 else "")
        return f"{self.count} {kind} from {several(self.low)} to {several(self.high)}"

    def checked(self, answer: Any) -> NDArray[np.float64]:
        """Return an answer as one action, shape (count,): see ``checked_chunk``."""
        actions = self.checked_chunk(answer)
        if len(actions) != 1:
            raise ValueError(f"the policy chose {len(actions)} actions where one is due")
        return actions[0]

    def checked_chunk(self, answer: Any) -> NDArray[np.float64]:
        """Return an answer as actions, shape (H, count).

        Parameters
        ----------
        answer
            One action, shape (count,), or a chunk of H of them, shape (H, count); of one number each, shape (H,) too.

        Returns
        -------
        ndarray
            Numbers beyond the bounds are clipped to them; whole numbers are not, since each is a choice of its own.

        Raises
        ------
        ValueError
            If it is anything else, not finite, or not whole where that is due.
        """
        try:
            numbers = np.array(answer, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"the policy chose {_short(answer)}; an action is {self}") from None
        if numbers.ndim <= 1 and self.count == 1:
            numbers = numbers.reshape(-1, 1)
        elif numbers.ndim == 1:
            numbers = numbers[np.newaxis]
        if numbers.ndim != 2 or numbers.shape[1] != self.count or not len(numbers):
            raise ValueError(f"the policy chose numbers of shape {np.shape(answer)}; an action is {self}")
        if not np.isfinite(numbers).all():
            raise ValueError(f"the policy chose {_short(answer)}, which is not finite; an action is {self}")
        if not self.whole:
            return np.clip(numbers, self.low, self.high, out=numbers)
        if not ((numbers == np.rint(numbers)) & (numbers >= self.low) & (numbers <= self.high)).all():
            raise ValueError(f"the policy chose {_short(numbers.squeeze(0).tolist())}; an action is {self}")
        return numbers

    def draw(self, generator: np.random.Generator) -> NDArray[np.float64]:
        """Return a random action, uniform between the bounds.

        Raises
        ------
        InputError
            If a number has no bound.
        """
        if not self.is_bounded:
            raise InputError(f"no action can be drawn at random: it is {self}, and one of them has no bound")
        if self.whole:
            return generator.integers(np.array(self.low, int), np.array(self.high, int), endpoint=True).astype(
                np.float64
            )
        return generator.uniform(self.low, self.high)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; null where a number has no bound."""

        def plain(values: Sequence[float]) -> list[float | None]:
            return [value if math.isfinite(value) else None for value in values]

        return {"low": plain(self.low), "high": plain(self.high), "whole": self.whole}


def _short(answer: Any) -> str:
    return " ".join(repr(answer).split())[:80]
