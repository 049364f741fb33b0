"""Beacon: the K-symbol ring (a witness MDP of the theory) on a real cartridge, as a Gymnasium environment.

One step is one frame. The screen shows one of K symbols; with probability 1 - p it jumps uniformly to one of the
others, else it stays (or moves on by one, ``rotating``). Action 0 is the no-op and earns nothing; action 1 + s earns
1 if s is the symbol that was on the screen before the step. An agent without delay earns exactly 1 per frame; from
observations d frames old the best is 1/K + (1 - 1/K) lambda^d with lambda = (K p - 1)/(K - 1). Sources and work RAM:
``cartridges/``.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .emulated_game import OwnCartridge

__all__ = ["MAXIMUM_SYMBOLS", "ROM", "Beacon"]

ROM = Path(__file__).parent / "cartridges" / "beacon.gb"
MAXIMUM_SYMBOLS = 15
_BUTTONS = ("a", "b", "select", "start")  # bit 0 to 3 of a symbol's code, which is its number + 1

# work RAM, see cartridges/README.md
_SYMBOLS, _ROTATING, _JUMP_THRESHOLD, _SEED, _START = 0xC000, 0xC001, 0xC002, 0xC004, 0xC008
_SYMBOL, _OVERRUNS, _ALIVE, _SCORE, _FRAMES, _JUMPS = 0xC011, 0xC012, 0xC013, 0xC014, 0xC018, 0xC020


class Beacon(OwnCartridge):
    """The ring on the cartridge ``beacon``.

    Parameters
    ----------
    symbols
        K, 2 to 15.
    mode_probability
        p, from 1/K to 1; the cartridge counts in steps of 1/65536, so the attribute ``mode_probability`` holds what is
        played.
    rotating
        False: the mode is to stay; True: to move on to the next symbol.
    pixels
        False: do not draw; observations are blank. For long runs of policies that observe the symbol.
    rom
        Another build of the cartridge; None for the one that ships.
    render_mode
        None, or "rgb_array" for the whole screen.

    Attributes
    ----------
    default_action
        The no-op.
    frame_time
        Seconds of a frame.
    rom_sha256
        Digest of the ROM.

    Raises
    ------
    InputError
        For settings out of range and unusable ROM files.

    Examples
    --------
    >>> environment = Beacon(symbols=4, mode_probability=0.9)
    >>> _, info = environment.reset(seed=1)
    >>> sum(environment.step(1 + environment.symbol)[1] for _ in range(100))
    100.0
    >>> environment.close()
    """

    def __init__(
        self,
        symbols: int = MAXIMUM_SYMBOLS,
        mode_probability: float = 0.9,
        rotating: bool = False,
        pixels: bool = True,
        rom: str | Path | None = None,
        render_mode: str | None = None,
    ) -> None:
        if not 2 <= symbols <= MAXIMUM_SYMBOLS:
            raise InputError(f"beacon shows 2 to {MAXIMUM_SYMBOLS} symbols, not {symbols}")
        if not 1 / symbols - 1e-12 <= mode_probability <= 1:
            raise InputError(
                f"mode probability must lie in [1/{symbols}, 1] for {symbols} symbols, not {mode_probability}"
            )
        super().__init__(
            rom or ROM,
            1 + symbols,
            alive=_ALIVE,
            overruns=_OVERRUNS,
            frames=_FRAMES,
            pixels=pixels,
            render_mode=render_mode,
        )
        self._threshold = min(round((1 - mode_probability) * 65536), 65535)
        self.symbols, self.rotating = int(symbols), bool(rotating)
        self.mode_probability = 1 - self._threshold / 65536
        codes = [0, *range(1, self.symbols + 1)]
        self._held = [[name for bit, name in enumerate(_BUTTONS) if code >> bit & 1] for code in codes]
        self._score = 0

    @property
    def symbol(self) -> int:
        """The symbol on the screen."""
        return self._emulator.read(_SYMBOL)

    @property
    def jumps(self) -> int:
        """Jumps the cartridge has counted in this episode (one is decided ahead of the screen)."""
        return self._emulator.read(_JUMPS, 4)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Start an episode; the same seed gives the same screens to the byte."""
        super().reset(seed=seed)
        machine = self._emulator
        machine.restart()
        machine.write(_SYMBOLS, self.symbols)
        machine.write(_ROTATING, int(self.rotating))
        machine.write(_JUMP_THRESHOLD, self._threshold, 2)
        machine.write(_SEED, int(self.np_random.integers(1, 2**32)), 4)
        machine.write(_START, 1)
        machine.tick(render=False)  # the cartridge takes its settings
        machine.tick()  # and shows its first symbol
        if machine.read(_START) or self.frames:
            raise RuntimeError("the cartridge did not start when it was asked to")
        self._score = 0
        return self._observation(), self._info()

    def step(self, action: np.int64 | int) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Hold the action's buttons for one frame."""
        reward = self.advance(int(action), render=self._pixels)
        return self._observation(), reward, False, False, self._info()

    def advance(self, action: int, *, render: bool = True) -> float:
        """Play one frame and return its reward, without making an observation (for long runs of known symbols)."""
        machine = self._emulator
        machine.hold(self._held[action])
        machine.tick(render=render)
        score = machine.read(_SCORE, 4)
        reward, self._score = float(score - self._score), score
        return reward

    def _info(self) -> dict[str, Any]:
        return {"symbol": self._emulator.read(_SYMBOL), "score": self._score}
