"""Compiled screen arithmetic."""

import numpy as np
from numpy.typing import NDArray

from ..compilation import kernel


@kernel
def area_average(screen: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Average a grayscale screen over areas, exactly in integers, rounded half up.

    A target cell covers rows / height by columns / width pixels; weights are counted in units of 1/height and
    1/width of a pixel, so all sums are whole numbers.
    """
    rows, columns = screen.shape
    across = np.zeros((rows, width), np.int64)
    for target in range(width):
        low, high = target * columns, (target + 1) * columns  # in units of 1/width pixel
        for pixel in range(low // width, (high + width - 1) // width):
            weight = min(high, (pixel + 1) * width) - max(low, pixel * width)
            for row in range(rows):
                across[row, target] += weight * screen[row, pixel]
    result = np.empty((height, width), np.uint8)
    total = rows * columns
    line = np.empty(width, np.int64)
    for target in range(height):
        line[:] = 0
        low, high = target * rows, (target + 1) * rows
        for pixel in range(low // height, (high + height - 1) // height):
            weight = min(high, (pixel + 1) * height) - max(low, pixel * height)
            for column in range(width):
                line[column] += weight * across[pixel, column]
        for column in range(width):
            result[target, column] = (2 * line[column] + total) // (2 * total)
    return result


@kernel
def stacker_landings(
    board: NDArray[np.bool_], cells: NDArray[np.int64], values: NDArray[np.float64], rows: NDArray[np.int64]
) -> None:
    """Judge every landing of a piece that comes from above: value -inf and row -1 where it has no room.

    ``cells``, shape (4, 4, 2), are row and column of its cells in its box for each turn; ``values`` and ``rows`` (the
    box's row after the landing), shape (4, 12), are filled for boxes at columns -2 to 9. The weights are those of
    ``regretlab.games.stacker_player``.
    """
    height, width = board.shape
    for turn in range(4):
        for place in range(12):
            column, row, room = place - 2, 0, True
            for k in range(4):
                across = cells[turn, k, 1] + column
                room = room and 0 <= across < width and not board[cells[turn, k, 0], across]
            values[turn, place], rows[turn, place] = -np.inf, -1
            if not room:
                continue
            while room:
                for k in range(4):
                    below = cells[turn, k, 0] + row + 1
                    room = room and below < height and not board[below, cells[turn, k, 1] + column]
                row += room
            for k in range(4):
                board[cells[turn, k, 0] + row, cells[turn, k, 1] + column] = True
            full = np.zeros(height, np.bool_)
            for line in range(height):
                full[line] = board[line].all()
            value, before = 7.0 * full.sum(), 0
            for across in range(width):
                tall = filled = 0
                for line in range(height):
                    if not full[line]:
                        filled += board[line, across]
                        tall += filled > 0
                value -= 8.0 * (tall - filled) + 0.5 * tall
                if across:
                    value -= abs(tall - before)
                before = tall
            values[turn, place], rows[turn, place] = value, row
            for k in range(4):
                board[cells[turn, k, 0] + row, cells[turn, k, 1] + column] = False


@kernel
def stacker_boards(
    boards: NDArray[np.uint8], cells: NDArray[np.int64], draws: NDArray[np.float64], random: float, ends: float
) -> None:
    """Play falling blocks without time: fill ``boards``, shape (count, 18, 10), with the board before each piece.

    Each piece takes the landing of largest value, in some games now and then any. ``draws``, shape (count, 4), uniform
    on [0, 1): the piece, whether it lands anywhere (with a probability of up to ``random``, another in each game), the
    end of a game (with probability ``ends``), and that probability in the next game. Numbers are 1 + the piece.
    """
    height, width = boards.shape[1:]
    board = np.zeros((height, width), np.uint8)
    values, rows = np.empty((4, 12)), np.empty((4, 12), np.int64)
    careless = random * draws[0, 3] ** 2
    for number in range(len(boards)):
        boards[number] = board
        piece = int(7 * draws[number, 0])
        stacker_landings(board > 0, cells[piece], values, rows)
        best, turn, place = -np.inf, -1, 0
        for choice in range(48):
            value = values[choice // 12, choice % 12]
            if value > -np.inf and draws[number, 1] < careless:
                value = (choice * 0.6180339887 + draws[number, 3]) % 1.0
            if value > best:
                best, turn, place = value, choice // 12, choice % 12
        if turn < 0 or draws[number, 2] < ends:
            board[:] = 0
            careless = random * draws[number, 3] ** 2
            continue
        for k in range(4):
            board[cells[piece, turn, k, 0] + rows[turn, place], cells[piece, turn, k, 1] + place - 2] = 1 + piece
        kept = height - 1
        for line in range(height - 1, -1, -1):
            if not board[line].all():
                board[kept] = board[line]
                kept -= 1
        board[: kept + 1] = 0


@kernel
def all_landings(
    boards: NDArray[np.bool_], cells: NDArray[np.int64], values: NDArray[np.float64], rows: NDArray[np.int64]
) -> None:
    """Judge every landing of every piece on every board: ``stacker_landings`` into arrays (count, 7, 4, 12)."""
    for number in range(len(boards)):
        for piece in range(7):
            stacker_landings(boards[number], cells[piece], values[number, piece], rows[number, piece])
