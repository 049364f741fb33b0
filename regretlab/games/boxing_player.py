"""A scripted player of Atari Boxing that reads the console's memory: it keeps its distance and punches.

Where both boxers stand is in the console's RAM. Blows landed by random play show where a punch reaches: 22 to 28
columns away from the opponent and 5 to 9 rows off his line (on the same line gloves meet). The script goes there and
punches in every second frame. It is a script, not a learned policy: what it loses to delay or to missing actions is due
to them alone. Without sticky actions the game is deterministic, so one action in twenty is random, from a seed.
"""

from typing import Any

import numpy as np

__all__ = ["BoxingScout", "boxing_action"]

_PLACES = (32, 33, 34, 35)  # own column, opponent's column, own row, opponent's row
_NEAREST, _FARTHEST = 22, 28
_LEAST_OFF, _MOST_OFF = 5, 9
_REACH_COLUMNS, _REACH_ROWS = 32, 15
_RANDOM = 0.05
# by vertical move (up, none, down), horizontal (left, none, right) and fire; as ale-py numbers the 18 actions
_ACTIONS = (
    ((7, 2, 6), (4, 0, 3), (9, 5, 8)),
    ((15, 10, 14), (12, 1, 11), (17, 13, 16)),
)


class BoxingScout:
    """Says where the boxers stand.

    Parameters
    ----------
    game
        An environment of ``regretlab.games.atari`` that plays boxing.
    """

    def __init__(self, game: Any) -> None:
        self._game = game

    def places(self) -> tuple[int, int]:
        """Return how far the opponent is to the right of and below oneself."""
        memory = self._game.memory()
        own_column, column, own_row, row = (int(memory[place]) for place in _PLACES)
        return column - own_column, row - own_row


def boxing_action(right: int, below: int, frame: int, generator: np.random.Generator) -> int:
    """Return the script's action.

    Parameters
    ----------
    right, below
        Where the opponent was seen.
    frame
        Number of the frame: punches go out in odd ones.
    generator
        Source of the random actions.

    Examples
    --------
    >>> boxing_action(60, 7, 0, np.random.default_rng(0))  # far to the right: go there
    3
    >>> boxing_action(25, 7, 1, np.random.default_rng(0))  # in reach: punch
    1
    """
    if generator.random() < _RANDOM:
        return int(generator.integers(18))
    off, away = abs(below), abs(right)
    vertical = (1 if below > 0 else -1) if off > _MOST_OFF else 0
    if off < _LEAST_OFF:
        vertical = -1 if below >= 0 else 1
    horizontal = (1 if right > 0 else -1) if away > _FARTHEST else 0
    if away < _NEAREST:
        horizontal = -1 if right > 0 else 1
    punches = frame % 2 == 1 and away <= _REACH_COLUMNS and off <= _REACH_ROWS
    return _ACTIONS[int(punches)][vertical + 1][horizontal + 1]
