"""What every game on the emulated Game Boy shares: observations, the picture, and how our own cartridges report.

Our own cartridges say in work RAM that they are ready, and count the frames whose work they did not finish in time
(``cartridges/README.md``).
"""

from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .emulator import FRAME_RATE, FRAME_TIME, OBSERVATION_SHAPE, SCREEN_SHAPE, Emulator, downsample

__all__ = ["EmulatedGame", "OwnCartridge"]


class EmulatedGame(gymnasium.Env[NDArray[np.uint8], np.int64]):
    """A game whose frames an emulator plays; a class that derives from it opens ``_emulator``.

    Parameters
    ----------
    pixels
        False: do not draw; observations are blank.
    render_mode
        None, or "rgb_array" for the whole screen.

    Raises
    ------
    InputError
        For another render mode.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": FRAME_RATE}
    frame_time = FRAME_TIME
    _emulator: Emulator

    def __init__(self, pixels: bool, render_mode: str | None) -> None:
        if render_mode not in (None, "rgb_array"):
            raise InputError(f"render_mode must be None or 'rgb_array', not '{render_mode}'")
        self._pixels, self.render_mode = bool(pixels), render_mode
        self._blank = np.zeros(OBSERVATION_SHAPE, np.uint8)
        self.observation_space = gymnasium.spaces.Box(0, 255, OBSERVATION_SHAPE, np.uint8)

    def render(self) -> NDArray[np.uint8] | None:
        """Return the screen in gray, shape (144, 160, 3), in render mode "rgb_array"."""
        if self.render_mode is None:
            return None
        return np.repeat(self._emulator.screen().reshape(*SCREEN_SHAPE, 1), 3, axis=2)

    def close(self) -> None:
        """End the emulator."""
        self._emulator.close()

    def _observation(self) -> NDArray[np.uint8]:
        return downsample(self._emulator.screen()) if self._pixels else self._blank


class OwnCartridge(EmulatedGame):
    """A game on a cartridge of our own.

    Parameters
    ----------
    rom
        The build of the cartridge.
    actions
        The number of actions; the first is the no-op.
    alive, overruns, frames
        Where in work RAM the cartridge says that it is ready (1), counts the frames it was late for (1 byte) and the
        frames of the episode (4 bytes).
    pixels, render_mode
        See `EmulatedGame`.

    Attributes
    ----------
    rom_sha256
        Digest of the ROM.

    Raises
    ------
    InputError
        For another render mode and unusable ROM files.
    """

    default_action = 0

    def __init__(
        self,
        rom: str | Path,
        actions: int,
        *,
        alive: int,
        overruns: int,
        frames: int,
        pixels: bool,
        render_mode: str | None,
    ) -> None:
        super().__init__(pixels, render_mode)
        self._overruns, self._frames = overruns, frames
        self._emulator = Emulator(rom, lambda machine: machine.read(alive) == 1)
        self.rom_sha256 = self._emulator.digest
        self.action_space = gymnasium.spaces.Discrete(actions)

    @property
    def frames(self) -> int:
        """Frames the cartridge has counted in this episode."""
        return self._emulator.read(self._frames, 4)

    def _observation(self) -> NDArray[np.uint8]:
        if self._emulator.read(self._overruns):
            raise RuntimeError("the cartridge was late for a frame: its figures are not to be trusted")
        return super()._observation()
