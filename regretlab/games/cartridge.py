"""Any Game Boy cartridge, brought by its owner, as a Gymnasium environment.

Tetris and Pokemon are recognised by the SHA-256 of the ROM; what else there is to score comes from a memory map, or
from PyBoy's own readers of some games; without any of these a ROM runs without reward and without an end of episodes,
and reports it (``reward_source``). One step is one frame.
"""

import hashlib
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..inputs import read_file
from .emulated_game import EmulatedGame
from .emulator import Emulator, reads_score
from .memory_map import MemoryMap, read_memory_map
from .memory_map.model import held
from .recognised import RECOGNISED, Recognised, digests_of
from .rom import check_rom, title_of
from .scoring import Scoring, Unscored
from .scoring.mapped import Mapped
from .scoring.pokemon import Pokemon, Setting
from .scoring.wrapped import Wrapped
from .trial import TRIAL_TIMEOUT, try_out

__all__ = ["Cartridge"]

_TETRIS = Path(__file__).parent / "memory_map" / "maps" / "tetris.toml"


class Cartridge(EmulatedGame):
    """A cartridge.

    Parameters
    ----------
    rom
        The ROM's file.
    game
        "tetris" or "pokemon" if it must be one of these; None for any.
    memory_map
        A memory map (`regretlab.games.memory_map.model`), which then goes before all else.
    state
        States of PyBoy to start episodes from, one file or several; the boot if not given.
    setting
        "battle" or "catch" (Pokemon only; battle if not given).
    pixels
        False: do not draw; observations are blank.
    render_mode
        None, or "rgb_array" for the whole screen.

    Attributes
    ----------
    reward_source
        Where rewards come from, in words.

    Raises
    ------
    InputError
        For a file that is not a ROM, a map or a state, and a ROM other than the one that was asked for.

    Examples
    --------
    >>> from regretlab.games.stacker import ROM
    >>> game = Cartridge(ROM)
    >>> game.reset(seed=0)[0].shape, game.reward_source
    ((84, 84), 'none (no reward is known for the title STACKER; a memory map can define one)')
    >>> game.close()
    """

    def __init__(
        self,
        rom: str | Path | None = None,
        game: str | None = None,
        memory_map: str | Path | None = None,
        state: str | Path | list[str] | None = None,
        setting: Setting | None = None,
        pixels: bool = True,
        render_mode: str | None = None,
    ) -> None:
        if rom is None:
            raise InputError(f"{game or 'a cartridge'} needs the file of its ROM: give --rom FILE")
        super().__init__(pixels, render_mode)
        if setting not in (None, "battle", "catch"):
            raise InputError(f"setting must be battle or catch, not '{setting}'")
        image = check_rom(rom)
        self.rom_sha256 = hashlib.sha256(image).hexdigest()
        rules = None if memory_map is None else read_memory_map(memory_map)
        if memory_map is not None:
            self.memory_map_sha256 = hashlib.sha256(Path(memory_map).read_bytes()).hexdigest()
        known = self._recognise(rom, game, rules, setting)
        if rules is None and known is not None and known.game == "tetris":
            rules = read_memory_map(_TETRIS)
        has_reader = known is None and reads_score(rom)  # refuses what is of a kind that is not emulated
        if known is None and try_out(rom, self.rom_sha256, "boot") is None:
            raise InputError(
                f"ROM '{rom}' hangs the emulator: its first seconds take it over {TRIAL_TIMEOUT:g} s of processor time"
            )
        files = [state] if isinstance(state, str | Path) else list(state or [])
        if rules is not None:
            self._emulator = _booted(rom, rules)
            self._scoring: Scoring = Mapped(self._emulator, rules, self._states(files), str(memory_map or ""))
        elif known is not None:
            if not files:
                raise InputError(f"{known.title} needs a state of PyBoy to start encounters from: give --state FILE")
            self._emulator = Emulator(rom)
            self._scoring = Pokemon(self._emulator, setting or "battle", self._states(files), known.shift)
        else:
            self._scoring = self._read_by_pyboy(rom, title_of(image), has_reader, files)
        self.reward_source = self._scoring.source
        self._held = [held(buttons) for buttons in self._scoring.actions]
        self.default_action = self._scoring.actions.index("") if "" in self._scoring.actions else None
        self.action_space = gymnasium.spaces.Discrete(len(self._held))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Start an episode."""
        super().reset(seed=seed)
        self._scoring.begin(self.np_random)
        return self._observation(), self._scoring.facts()

    def step(self, action: np.int64 | int) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Hold the action's buttons for one frame."""
        self._emulator.hold(self._held[int(action)])
        self._emulator.tick(render=self._pixels)
        reward, over = self._scoring.frame()
        return self._observation(), reward, over, False, self._scoring.facts()

    def _recognise(
        self, rom: str | Path, game: str | None, rules: MemoryMap | None, setting: str | None
    ) -> Recognised | None:
        """Return what the ROM is known as; refuse one that is another than it should be."""
        known = RECOGNISED.get(self.rom_sha256)
        if game is not None and (known is None or known.game != game):
            raise InputError(f"ROM '{rom}' has SHA-256 {self.rom_sha256}, and {digests_of(game)}")
        if rules is not None and rules.sha256 is not None and rules.sha256 != self.rom_sha256:
            raise InputError(
                f"ROM '{rom}' has SHA-256 {self.rom_sha256}, and the memory map of {rules.game} is for {rules.sha256}"
            )
        if setting is not None and (known is None or known.game != "pokemon" or rules is not None):
            raise InputError(f"setting '{setting}' is one of Pokemon's, and ROM '{rom}' is not played as Pokemon")
        return known

    def _read_by_pyboy(self, rom: str | Path, title: str, has_reader: bool, files: list[Any]) -> Scoring:
        """Return PyBoy's reading of the score, or none: homebrew may bear the title of a game that it knows."""
        start = None
        if not has_reader:
            reason = f"no reward is known for the title {title}"
        elif files or (start := try_out(rom, self.rom_sha256, "start")) is not None:
            self._emulator = Emulator(rom, reader=True)
            return Wrapped(self._emulator, title, self._states(files) if start is None else (start,))
        else:
            reason = f"PyBoy knows a game of the title {title} but could not start this one"
        self._emulator = Emulator(rom)
        return Unscored(self._emulator, self._states(files), reason)

    def _states(self, files: list[Any]) -> tuple[bytes, ...]:
        """Return the states in the files, each tried; end the emulator if one is none."""
        states = []
        for file in files:
            try:
                states.append(read_file(file, "state"))
                self._emulator.load(states[-1])
                self._emulator.tick()
            except InputError:
                self._emulator.close()
                raise
            except Exception as error:
                self._emulator.close()
                said = " ".join(str(error).split()) or type(error).__name__
                raise InputError(f"'{file}' is not a state of PyBoy for this ROM: {said}") from None
        return tuple(states)


def _booted(rom: str | Path, rules: MemoryMap) -> Emulator:
    """Return the machine when the map says that it is ready."""
    if rules.ready is None:
        return Emulator(rom)
    ready, value = rules.ready, rules.values[rules.ready.value]
    try:
        return Emulator(rom, lambda machine: ready.holds(value.read(machine)), f"{value!r} {ready}")
    except RuntimeError as error:
        raise InputError(f"ROM '{rom}': {error} ('{ready}' in the memory map)") from None
