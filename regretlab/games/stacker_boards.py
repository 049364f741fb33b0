"""Stacker's screens without the emulator: boards as its script leaves them, a falling piece, and every landing's value.

An emulated game shows some 70 boards a second, a network wants a hundred thousand. Here the script's games are played
without time (one step a piece) and drawn as the cartridge draws them; a test compares both with the emulator's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._kernels import all_landings, stacker_boards
from .stacker_player import piece_cells

__all__ = ["FIRST_COLUMN", "PLACES", "TURNS", "Boards", "draw_boards", "draw_pieces", "tile_pictures"]

FIRST_COLUMN = -2
"""Column of the box that place 0 stands for."""
PLACES = 12
TURNS = (2, 1, 4, 2, 2, 4, 4)
"""Turns of each piece that look different: a script needs no others."""
_CELLS = np.array([[piece_cells(piece, turn) for turn in range(4)] for piece in range(7)], np.int64)
_WALL = 8
_GRAYS = (255, 153, 85, 0)


@dataclass(frozen=True)
class Boards:
    """Boards, and what each piece would be worth on them.

    Attributes
    ----------
    tiles
        Shape (count, 18, 10): 0, or 1 + the piece that a cell is of.
    values
        Of landings, shape (count, 7, 4, 12) by piece, turn and place; -inf where there is none.
    rows
        Of the box after the landing, of the same shape; -1 where there is none.
    """

    tiles: NDArray[np.uint8]
    values: NDArray[np.float64]
    rows: NDArray[np.int64]


def draw_boards(count: int, generator: np.random.Generator, *, random: float = 0.1, ends: float = 0.02) -> Boards:
    """Return boards from games of the script in which up to one piece in ``1 / random`` lands anywhere.

    Examples
    --------
    >>> boards = draw_boards(100, np.random.default_rng(0))
    >>> boards.tiles.shape, int(boards.tiles[0].sum()), float(boards.values[0, 1].max())
    ((100, 18, 10), 0, -4.0)
    """
    tiles = np.zeros((count, 18, 10), np.uint8)
    stacker_boards(tiles, _CELLS, generator.random((count, 4)), random, ends)
    values, rows = np.empty((count, 7, 4, PLACES)), np.empty((count, 7, 4, PLACES), np.int64)
    all_landings(tiles > 0, _CELLS, values, rows)
    for piece, turns in enumerate(TURNS):
        values[:, piece, turns:] = -np.inf
    return Boards(tiles, values, rows)


def draw_pieces(
    boards: Boards, generator: np.random.Generator, *, none: float = 0.04, top: float = 0.6
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return screens of those boards with a falling piece each, and where it is.

    Parameters
    ----------
    boards
        The boards.
    generator
        Source of piece, turn, place, row and next piece.
    none, top
        Share of the screens without a falling piece, and of those where it is in one of the first two rows.

    Returns
    -------
    tuple
        Tiles of the screens, shape (count, 18, 20); and ((piece * 4 + turn) * 18 + row) * 12 + place, shape (count,),
        6048 where no piece falls.
    """
    count = len(boards.tiles)
    numbers = np.arange(count)
    piece = generator.integers(0, 7, count)
    lowest = boards.rows[numbers, piece]
    free = (lowest >= 0) & np.isfinite(boards.values[numbers, piece])
    chosen = np.where(free, generator.random((count, 4, PLACES)), -1.0).reshape(count, -1).argmax(axis=1)
    at_first = generator.random(count) < 0.2  # as it appears
    chosen = np.where(at_first & free[:, 0, 3 - FIRST_COLUMN], 3 - FIRST_COLUMN, chosen)
    turn, place = np.divmod(chosen, PLACES)
    deepest = np.where(generator.random(count) < top, 1, 18)
    row = (generator.random(count) * (np.minimum(np.maximum(lowest[numbers, turn, place], 0), deepest) + 1)).astype(int)
    there = free.reshape(count, -1).any(axis=1) & (generator.random(count) >= none)
    screens = np.zeros((count, 18, 20), np.uint8)
    screens[:, :, 1] = screens[:, :, 12] = _WALL
    screens[:, :, 2:12] = boards.tiles
    following = generator.integers(0, 7, count)
    cells = _CELLS[following, 0]
    screens[numbers[:, None], 13 + cells[..., 0], 15 + cells[..., 1]] = 1 + following[:, None]
    cells = _CELLS[piece, turn]
    down, across = cells[..., 0] + row[:, None], cells[..., 1] + (place + FIRST_COLUMN)[:, None]
    screens[numbers[there, None], down[there], 2 + across[there]] = 1 + piece[there, None]
    return screens, np.where(there, ((piece * 4 + turn) * 18 + row) * PLACES + place, 7 * 4 * 18 * PLACES)


def tile_pictures() -> NDArray[np.uint8]:
    """Return the tiles 0 to 8 as the cartridge draws them (empty, seven pieces, wall), shape (9, 8, 8), in gray."""
    pictures = np.full((9, 8, 8), 255, np.uint8)
    for number in range(8):
        for line in range(8):
            frame = 0xFF if line in (0, 7) else 0x81
            low = frame | (0x3C if number & 1 else 0) | (0x54 if number & 4 and line & 1 else 0)
            high = frame | (0x3C if number & 2 else 0) | (0x2A if number & 4 and not line & 1 else 0)
            if number == _WALL - 1:
                low, high = 0xAA if line & 1 else 0x55, 0xFF
            for bit in range(8):
                colour = (low >> (7 - bit) & 1) + 2 * (high >> (7 - bit) & 1)
                pictures[1 + number, line, bit] = _GRAYS[colour]
    return pictures
