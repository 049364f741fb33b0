"""The Game Boy emulator as the games use it: boot once, press buttons, play one frame, read the screen and work RAM.

A thin layer over PyBoy (the only module that imports it): no window, no sound, no files next to the ROM. The state
right after the boot sequence is kept for each ROM and process, so that a reset takes a millisecond.

PyBoy has readers (game wrappers) of some games' score, level and end, chosen by the title in the header. They run
at every frame and can fail on another game of that title, so they are left out unless asked for.
"""

import hashlib
import io
import logging
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ._kernels import area_average
from .rom import check_rom, runs_in_colour, without_title

__all__ = ["FRAME_RATE", "FRAME_TIME", "OBSERVATION_SHAPE", "SCREEN_SHAPE", "Emulator", "downsample", "reads_score"]

FRAME_RATE = 59.7275
"""Frames a second of a Game Boy (4194304 Hz / 70224 cycles, to four decimals)."""
FRAME_TIME = 1 / FRAME_RATE
SCREEN_SHAPE = (144, 160)
OBSERVATION_SHAPE = (84, 84)

_BUTTONS = ("a", "b", "select", "start", "up", "down", "left", "right")
_LUMA = np.array([299, 587, 114])  # of red, green and blue, in thousandths (ITU-R BT.601)
_BOOT_LIMIT = 3000  # frames after which a cartridge that has not reported for duty is given up

_booted: dict[tuple[str, str], bytes] = {}


def downsample(screen: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the grayscale screen averaged over areas, (144, 160) to (84, 84), rounded to the nearest level.

    Examples
    --------
    >>> int(downsample(np.full(SCREEN_SHAPE, 200, np.uint8)).min())
    200
    """
    return np.asarray(area_average(screen, *OBSERVATION_SHAPE))


class Emulator:
    """A running cartridge.

    Parameters
    ----------
    rom
        Path of the ROM image; checked before it is opened.
    ready
        Returns, given work RAM, whether the cartridge has booted; None: a boot of a fixed length.
    condition
        A name for ``ready``, where different ones are used for one ROM.
    reader
        Let PyBoy's reader of the score run, if there is one for this title.

    Raises
    ------
    InputError
        If the file is not a whole Game Boy image, or of a kind that PyBoy does not emulate.
    RuntimeError
        If the cartridge does not get ready.
    """

    def __init__(
        self,
        rom: str | Path,
        ready: Callable[["Emulator"], bool] | None = None,
        condition: str = "",
        reader: bool = False,
    ) -> None:
        image = check_rom(rom)
        self.digest = hashlib.sha256(image).hexdigest()
        self._machine = _switched_on(rom, image)
        if not reader and _reader_of(self._machine) is not None:
            self._machine.stop(save=False)
            self._machine = _switched_on(rom, without_title(image))
        self._machine.set_emulation_speed(0)
        self._memory = self._machine.memory
        self._gray = np.empty((*SCREEN_SHAPE, 4), np.uint8)[:, :, 0] if runs_in_colour(image) else None
        self._held: frozenset[str] = frozenset()
        self._key = (self.digest, condition if ready is not None else "a fixed length")
        if self._key not in _booted:
            self._boot(ready)
            _booted[self._key] = self.save()
        self.restart()

    def _boot(self, ready: Callable[["Emulator"], bool] | None) -> None:
        for frame in range(_BOOT_LIMIT):
            self._machine.tick(1, False, False)
            if ready is not None and ready(self):
                return
            if ready is None and frame == 400:
                return
        raise RuntimeError(f"the cartridge did not get ready within {_BOOT_LIMIT} frames")

    def restart(self) -> None:
        """Go back to the state right after the boot, all buttons released."""
        self.load(_booted[self._key])

    def save(self) -> bytes:
        """Return the state of the whole machine."""
        state = io.BytesIO()
        self._machine.save_state(state)
        return state.getvalue()

    def load(self, state: bytes) -> None:
        """Go to a state that this emulator saved, all buttons released."""
        self._machine.load_state(io.BytesIO(state))
        for button in _BUTTONS:  # any of them may have been held when the state was saved
            self._machine.button_release(button)
        self._held = frozenset()

    def hold(self, buttons: Iterable[str]) -> None:
        """Hold exactly these buttons ("a", "b", "select", "start", "up", ...) from the next frame on."""
        wanted = frozenset(buttons)
        if wanted != self._held:
            for button in self._held - wanted:
                self._machine.button_release(button)
            for button in wanted - self._held:
                self._machine.button_press(button)
            self._held = wanted

    def tick(self, *, render: bool = True) -> None:
        """Play one frame; without ``render`` the screen keeps what it showed before."""
        self._machine.tick(1, render, False)

    def screen(self) -> NDArray[np.uint8]:
        """Return the screen in grayscale, shape (144, 160): a view that the next frame changes."""
        pixels = np.asarray(self._machine.screen.ndarray)
        if self._gray is None:
            return pixels[:, :, 0]
        self._gray[...] = (pixels[:, :, :3] @ _LUMA + 500) // 1000
        return self._gray

    def read(self, address: int, size: int = 1) -> int:
        """Return the little-endian number of ``size`` bytes at an address."""
        if size == 1:
            return int(self._memory[address])
        return int.from_bytes(bytes(self._memory[address : address + size]), "little")

    def read_bytes(self, address: int, size: int) -> bytes:
        """Return the ``size`` bytes at an address."""
        return bytes(self._memory[address : address + size])

    @property
    def reader(self) -> Any:
        """PyBoy's reader of this game's score, level and end (a game wrapper), where one runs."""
        return self._machine.game_wrapper

    def write(self, address: int, value: int, size: int = 1) -> None:
        """Store a little-endian number of ``size`` bytes at an address."""
        for offset, byte in enumerate(value.to_bytes(size, "little")):
            self._memory[address + offset] = byte

    def close(self) -> None:
        """End the machine; nothing is saved."""
        self._machine.stop(save=False)


def reads_score(rom: str | Path) -> bool:
    """Return whether PyBoy has a reader of the score for the title of a ROM (no frame is played).

    The reader of 2048 does not count: it needs the symbols of the build next to the ROM.
    """
    machine = _switched_on(rom, check_rom(rom))
    try:
        found = _reader_of(machine)
        return isinstance(getattr(found, "score", None), int) and type(found).__name__ != "GameWrapper2048"
    finally:
        machine.stop(save=False)


def _switched_on(rom: str | Path, image: bytes) -> Any:
    """Return PyBoy with the image in it; from memory, because next to a file it would look for others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyBoy's window library announces itself as a warning
        from pyboy import PyBoy
    logging.getLogger("pyboy").setLevel(logging.CRITICAL)
    try:
        return PyBoy(io.BytesIO(image), window="null", sound_emulated=False, log_level="CRITICAL")
    except Exception as error:
        raise InputError(f"ROM '{rom}' cannot be emulated: {' '.join(str(error).split())}") from None


def _reader_of(machine: Any) -> Any:
    found = machine.game_wrapper
    return None if type(found).__name__ == "PyBoyGameWrapper" else found
