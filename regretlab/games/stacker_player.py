"""A scripted player of stacker that reads work RAM: it tries every column and turn and takes the least bad landing.

A landing is judged by rows completed, holes, heights and unevenness, in the manner of the usual one-piece search
players of falling-blocks games; the weights are round numbers, not tuned.
"""

import numpy as np
from numpy.typing import NDArray

from .stacker import Stacker

__all__ = ["SearchPlayer", "best_landing", "piece_cells"]

# the pieces in boxes of 4, 2 or 3 cells, turn 0; (row, column); as in cartridges/stacker/pictures.c
_PIECES = (
    (4, ((1, 0), (1, 1), (1, 2), (1, 3))),
    (0, ((0, 1), (0, 2), (1, 1), (1, 2))),
    (3, ((0, 1), (1, 0), (1, 1), (1, 2))),
    (3, ((0, 1), (0, 2), (1, 0), (1, 1))),
    (3, ((0, 0), (0, 1), (1, 1), (1, 2))),
    (3, ((0, 0), (1, 0), (1, 1), (1, 2))),
    (3, ((0, 2), (1, 0), (1, 1), (1, 2))),
)
_NOOP, _A, _LEFT, _RIGHT, _DOWN = 0, 1, 3, 5, 6


def piece_cells(piece: int, turn: int) -> tuple[tuple[int, int], ...]:
    """Return row and column of the four cells of a piece in its box after ``turn`` clockwise quarter turns.

    Examples
    --------
    >>> piece_cells(2, 2)
    ((2, 1), (1, 2), (1, 1), (1, 0))
    """
    size = _PIECES[piece][0]
    cells: tuple[tuple[int, int], ...] = _PIECES[piece][1]
    for _ in range(turn if size else 0):
        cells = tuple((column, size - 1 - row) for row, column in cells)
    return cells


def _landing(board: NDArray[np.bool_], piece: int, turn: int, column: int, row: int) -> float | None:
    """Return the value of dropping the piece there, None where it has no room."""
    cells = [(r + row, c + column) for r, c in piece_cells(piece, turn)]
    if any(not 0 <= c < board.shape[1] or board[r, c] for r, c in cells):
        return None
    while all(r + 1 < board.shape[0] and not board[r + 1, c] for r, c in cells):
        cells = [(r + 1, c) for r, c in cells]
    after = board.copy()
    for r, c in cells:
        after[r, c] = True
    full = after.all(axis=1)
    after = np.vstack([np.zeros((int(full.sum()), board.shape[1]), bool), after[~full]])
    covered = np.maximum.accumulate(after, axis=0)
    heights = covered.sum(axis=0)
    holes = int((covered & ~after).sum())
    return 7.0 * full.sum() - 8.0 * holes - 0.5 * heights.sum() - 2.0 * np.abs(np.diff(heights)).sum() / 2


def best_landing(board: NDArray[np.bool_], piece: int, row: int) -> tuple[int, int]:
    """Return turn and column of the least bad landing of a piece whose box is at ``row``.

    Examples
    --------
    >>> board = np.zeros((18, 10), bool)
    >>> board[17, :9] = True
    >>> best_landing(board, 0, 0)
    (1, 7)
    """
    best, choice = -np.inf, (0, 3)
    for turn in range(4):
        for column in range(-2, 10):
            value = _landing(board, piece, turn, column, row)
            if value is not None and value > best:
                best, choice = value, (turn, column)
    return choice


class SearchPlayer:
    """Plays stacker well: decides where the piece goes when it appears, then turns, shifts and drops it.

    Examples
    --------
    >>> game = Stacker(pixels=False)
    >>> _ = game.reset(seed=1)
    >>> player = SearchPlayer()
    >>> total = sum(float(game.step(player.action(game))[1]) for _ in range(2000))
    >>> total > 100
    True
    >>> game.close()
    """

    def __init__(self) -> None:
        self._target: tuple[int, int] | None = None
        self._pieces = -1
        self._pressed = False

    def action(self, game: Stacker) -> int:
        """Return the action for the coming frame."""
        if not game.falling:
            self._pressed = False
            return _NOOP
        piece, turn, column, row = game.piece
        if self._target is None or self._pieces != game.pieces:
            self._target, self._pieces = best_landing(game.board > 0, piece, row), game.pieces
        wanted_turn, wanted_column = self._target
        if (turn, column) == (wanted_turn, wanted_column):
            self._pressed = False
            return _DOWN
        self._pressed = not self._pressed  # a button counts when it goes down, so let go between presses
        if not self._pressed:
            return _NOOP
        if turn != wanted_turn:
            return _A
        return _LEFT if column > wanted_column else _RIGHT
