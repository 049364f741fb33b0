"""A scripted player of stacker for late actions: it plans on what it saw and counts in what it did since.

`SearchPlayer` steers by what it sees now and overshoots when its actions come late. This player receives which of its
actions take effect after what it saw, works out where the piece will be by then, and steers from there. Seeing the
present with nothing on its way it does what any player of single presses does. It is a script, not a learned policy:
what it loses to delay or to missing actions is due to them alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .stacker import Stacker
from .stacker_player import best_landing, piece_cells

__all__ = ["StackerPlanner", "StackerState", "StackerWatcher", "planned_press"]

_NOOP, _A, _B, _LEFT, _RIGHT, _DOWN = 0, 1, 2, 3, 5, 6
_DROP_FRAMES = 3  # frames of Down that move the piece one row
_CHECKING_FRAMES = 4  # frames after a landing in which the cartridge ignores buttons


@dataclass(frozen=True)
class StackerState:
    """What a player knows of stacker in one frame.

    Attributes
    ----------
    falling
        Whether a piece falls.
    pieces
        Pieces locked so far, modulo 256.
    piece
        Number, turn, column and row of the falling piece.
    next_piece
        Number of the piece that comes next.
    board
        Locked cells, shape (18, 10), bool.
    """

    falling: bool
    pieces: int
    piece: tuple[int, int, int, int]
    next_piece: int
    board: NDArray[np.bool_]


class StackerWatcher:
    """Reads the state of a game frame by frame; the board only when it has changed."""

    def __init__(self) -> None:
        self._key: tuple[int, bool] | None = None
        self._board = np.zeros((18, 10), bool)

    def state(self, game: Stacker) -> StackerState:
        """Return the state of the game now."""
        falling, pieces = game.falling, game.pieces
        if self._key != (pieces, falling):
            self._key, self._board = (pieces, falling), game.board > 0
        return StackerState(falling, pieces, game.piece, game.next_piece, self._board)


class StackerPlanner:
    """Plays stacker from old states.

    Examples
    --------
    >>> game, watcher, player = Stacker(pixels=False), StackerWatcher(), StackerPlanner()
    >>> _ = game.reset(seed=1)
    >>> states, waiting = [watcher.state(game)], [0] * 5  # five frames late
    >>> for _ in range(3000):
    ...     waiting.append(player.action(states[-1], waiting))
    ...     _ = game.step(waiting.pop(0))
    ...     states.append(watcher.state(game))
    >>> game.score > 500
    True
    >>> game.close()
    """

    def __init__(self) -> None:
        self._pieces = -1
        self._target = (0, 3, 18)
        self._last = _NOOP

    def action(self, seen: StackerState, under_way: Sequence[int]) -> int:
        """Return the next action.

        Parameters
        ----------
        seen
            What the player saw.
        under_way
            The actions of the frames from what it saw to the one that this action is for, in their order; frames of
            the default behaviour included.
        """
        self._last = self._choose(seen, list(under_way), under_way[-1] if under_way else self._last)
        return self._last

    def _choose(self, seen: StackerState, under_way: list[int], before: int) -> int:
        if not seen.falling:
            self._pieces = -1
            return _NOOP
        piece, turn, column, row = seen.piece
        if self._pieces != seen.pieces:
            self._pieces, self._target = seen.pieces, _plan(seen.board, piece, row)
        wanted_turn, wanted_column, lowest = self._target
        return planned_press(wanted_turn - turn, wanted_column - column, lowest - row, under_way, before)


def planned_press(turns: int, columns: int, rows: int, under_way: list[int], before: int) -> int:
    """Return the next button for a piece that was so many turns, columns and rows from where it is to land.

    Parameters
    ----------
    turns, columns, rows
        What was missing when the piece was seen.
    under_way
        The actions since.
    before
        The action of the frame before.
    """
    turns = (turns - _presses(under_way, _A) + _presses(under_way, _B)) % 4
    columns += _presses(under_way, _LEFT) - _presses(under_way, _RIGHT)
    if turns == 0 and columns == 0:
        frames = _DROP_FRAMES * (max(rows, 0) + 1) + _CHECKING_FRAMES // 2
        return _DOWN if under_way.count(_DOWN) < frames else _NOOP
    press = (_A if turns <= 2 else _B) if turns else (_RIGHT if columns > 0 else _LEFT)
    return press if before != press else _NOOP  # a button counts when it goes down, so let go between presses


def _presses(actions: list[int], button: int) -> int:
    """Return how often a button goes down in the frames after the first one's predecessor."""
    before, times = _NOOP, 0
    for action in actions:
        times += action == button != before
        before = action
    return times


def _plan(board: NDArray[np.bool_], piece: int, row: int) -> tuple[int, int, int]:
    """Return turn, column and lowest row of the box for the best landing."""
    turn, column = best_landing(board, piece, row)
    cells = piece_cells(piece, turn)

    def fits(at: int) -> bool:
        places = [(r + at, c + column) for r, c in cells]
        return all(r < board.shape[0] and 0 <= c < board.shape[1] and not board[r, c] for r, c in places)

    while fits(row + 1):
        row += 1
    return turn, column, row
