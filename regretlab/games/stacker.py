"""Stacker: falling blocks on a cartridge of our own, as a Gymnasium environment.

One step is one frame; the reward is the increase of the score, and the episode ends when the game is over. Late or
missing actions cost: pieces fall whether or not anybody steers. Sources and work RAM: ``cartridges/``.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .emulated_game import OwnCartridge

__all__ = ["BUTTONS", "HIGHEST_LEVEL", "ROM", "Stacker"]

ROM = Path(__file__).parent / "cartridges" / "stacker.gb"
BUTTONS = (None, "a", "b", "left", "up", "right", "down")
"""The button of each action; the first is the no-op."""
HIGHEST_LEVEL = 20

# work RAM, see cartridges/README.md
_SEED, _START, _START_LEVEL, _ALIVE, _OVER, _SCORE, _LEVEL = 0xC000, 0xC004, 0xC005, 0xC006, 0xC007, 0xC008, 0xC00B
_LINES, _OVERRUNS, _FRAMES = 0xC00C, 0xC00E, 0xC010
_PIECE, _TURN, _X, _Y, _NEXT, _PHASE, _PIECES = 0xC018, 0xC019, 0xC01A, 0xC01B, 0xC01C, 0xC01D, 0xC01E
_BOARD, _WIDTH, _HEIGHT = 0xC020, 10, 18


class Stacker(OwnCartridge):
    """Falling blocks on the cartridge ``stacker``.

    Actions are no-op, A, B, Left, Up, Right, Down, held for one frame. An observation is what the screen shows, which
    is what work RAM held one frame before.

    Parameters
    ----------
    level
        The level to start at, 0 to 20: the higher, the faster pieces fall.
    pixels
        False: do not draw; observations are blank.
    rom
        Another build of the cartridge; None for the one that ships.
    render_mode
        None, or "rgb_array" for the whole screen.

    Raises
    ------
    InputError
        For settings out of range and unusable ROM files.

    Examples
    --------
    >>> game = Stacker(level=0)
    >>> _, info = game.reset(seed=1)
    >>> info["score"], info["level"], game.board.shape
    (0, 0, (18, 10))
    >>> game.close()
    """

    def __init__(
        self,
        level: int = 0,
        pixels: bool = True,
        rom: str | Path | None = None,
        render_mode: str | None = None,
    ) -> None:
        if not 0 <= level <= HIGHEST_LEVEL:
            raise InputError(f"stacker starts at level 0 to {HIGHEST_LEVEL}, not {level}")
        super().__init__(
            rom or ROM,
            len(BUTTONS),
            alive=_ALIVE,
            overruns=_OVERRUNS,
            frames=_FRAMES,
            pixels=pixels,
            render_mode=render_mode,
        )
        self._level = int(level)
        self._score = 0

    @property
    def score(self) -> int:
        """The score, decoded from binary-coded decimal."""
        return int(f"{self._emulator.read(_SCORE, 3):x}")

    @property
    def level(self) -> int:
        """The level now."""
        return int(f"{self._emulator.read(_LEVEL):x}")

    @property
    def lines(self) -> int:
        """Rows cleared."""
        return self._emulator.read(_LINES, 2)

    @property
    def over(self) -> bool:
        """Whether the game is over."""
        return self._emulator.read(_OVER) == 1

    @property
    def falling(self) -> bool:
        """Whether a piece falls and takes buttons (not while rows are checked or drawn)."""
        return self._emulator.read(_PHASE) == 1

    @property
    def pieces(self) -> int:
        """Pieces locked so far, modulo 256."""
        return self._emulator.read(_PIECES)

    @property
    def next_piece(self) -> int:
        """Number of the piece that comes next, as in ``piece``."""
        return self._emulator.read(_NEXT)

    @property
    def piece(self) -> tuple[int, int, int, int]:
        """Number (0 to 6: I O T S Z J L), turn, and column and row of the box of the falling piece."""
        read = self._emulator.read
        column = read(_X)
        return read(_PIECE), read(_TURN), column - 256 if column > 127 else column, read(_Y)

    @property
    def board(self) -> NDArray[np.uint8]:
        """Locked cells, shape (18, 10) from the top: 0 empty, else 1 + number of the piece."""
        cells = [self._emulator.read(_BOARD + index) for index in range(_WIDTH * _HEIGHT)]
        return np.array(cells, np.uint8).reshape(_HEIGHT, _WIDTH)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Start a game; the same seed gives the same pieces."""
        super().reset(seed=seed)
        machine = self._emulator
        machine.restart()
        machine.write(_SEED, int(self.np_random.integers(1, 2**32)), 4)
        machine.write(_START_LEVEL, self._level)
        machine.write(_START, 1)
        for _ in range(20):  # the cartridge draws its screen with the display off
            machine.tick()
            if not machine.read(_START) and self.frames == 1:
                break
        else:
            raise RuntimeError("the cartridge did not start when it was asked to")
        self._score = 0
        return self._observation(), self._info()

    def step(self, action: np.int64 | int) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Hold the action's button for one frame."""
        button = BUTTONS[int(action)]
        self._emulator.hold([] if button is None else [button])
        self._emulator.tick(render=self._pixels)
        score = self.score
        reward, self._score = float(score - self._score), score
        return self._observation(), reward, self.over, False, self._info()

    def _info(self) -> dict[str, Any]:
        return {"score": self._score, "level": self.level, "lines": self.lines}
