"""Any Game Boy cartridge, brought by its owner, as a Gymnasium environment.

Tetris and Pokemon are recognised by the SHA-256 of the ROM; what else there is to score comes from a memory map, or from
PyBoy's own readers of some games; failing all of these a ROM runs without reward and without end, and says so
(``reward_source``). One step is one frame.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .emulator import FRAME_RATE, FRAME_TIME, OBSERVATION_SHAPE, SCREEN_SHAPE, Emulator, downsample
from .memory_map import MemoryMap, read_memory_map
from .memory_map.model import held
from .scoring import Scoring, Unscored
from .scoring.mapped import Mapped
from .scoring.pokemon import Pokemon
from .scoring.wrapped import Wrapped

__all__ = ["RECOGNISED", "Cartridge", "Recognised"]

_TETRIS = Path(__file__).parent / "memory_map" / "maps" / "tetris.toml"


@dataclass(frozen=True)
class Recognised:
    """A cartridge that is known by its digest.

    Attributes
    ----------
    title
        What it is called.
    game
        "tetris" or "pokemon".
    shift
        Of addresses, against the first of its kind.
    """

    title: str
    game: str
    shift: int = 0


RECOGNISED = {
    "0d6535aef23969c7e5af2b077acaddb4a445b3d0df7bf34c8acef07b51b015c3": Recognised("Tetris (World, Rev 1)", "tetris"),
    "5ca7ba01642a3b27b0cc0b5349b52792795b62d3ed977e98a09390659af96b7b": Recognised("Pokemon Red", "pokemon"),
    "2a951313c2640e8c2cb21f25d1db019ae6245d9c7121f754fa61afd7bee6452d": Recognised("Pokemon Blue", "pokemon"),
    "8cbaa499397e4f1a679c992ea9382a2dd7942ab398b48c19829c2d9529de47bf": Recognised("Pokemon Yellow", "pokemon", -1),
}
"""Known cartridges by the SHA-256 of their ROMs."""


class Cartridge(gymnasium.Env[NDArray[np.uint8], np.int64]):
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
        For a file that is no ROM, no map or no state, and a ROM that is another than was asked for.

    Examples
    --------
    >>> from regretlab.games.stacker import ROM
    >>> game = Cartridge(ROM)
    >>> game.reset(seed=0)[0].shape, game.reward_source
    ((84, 84), 'none: no reward is defined for this ROM')
    >>> game.close()
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": FRAME_RATE}
    frame_time = FRAME_TIME

    def __init__(
        self,
        rom: str | Path | None = None,
        game: str | None = None,
        memory_map: str | Path | None = None,
        state: str | Path | list[str] | None = None,
        setting: str | None = None,
        pixels: bool = True,
        render_mode: str | None = None,
    ) -> None:
        if rom is None:
            raise InputError(f"{game or 'a cartridge'} needs the file of its ROM: give --rom FILE")
        if render_mode not in (None, "rgb_array"):
            raise InputError(f"render_mode must be None or 'rgb_array', not '{render_mode}'")
        if setting not in (None, "battle", "catch"):
            raise InputError(f"setting must be battle or catch, not '{setting}'")
        self._pixels, self.render_mode = bool(pixels), render_mode
        self._blank = np.zeros(OBSERVATION_SHAPE, np.uint8)
        rules = None if memory_map is None else read_memory_map(memory_map)
        self._emulator = _open(rom, rules)
        self.rom_sha256 = self._emulator.digest
        try:
            known = self._check(rom, game, rules, setting)
            states = _read_states(self._emulator, [state] if isinstance(state, str | Path) else state or [])
            self._scoring = self._choose(rom, known, rules, states, setting, str(memory_map or ""))
        except BaseException:
            self._emulator.close()
            raise
        self.reward_source = self._scoring.source
        self._held = [held(buttons) for buttons in self._scoring.actions]
        self.default_action = self._scoring.actions.index("") if "" in self._scoring.actions else None
        self.observation_space = gymnasium.spaces.Box(0, 255, OBSERVATION_SHAPE, np.uint8)
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

    def render(self) -> NDArray[np.uint8] | None:
        """Return the screen, shape (144, 160, 3), in render mode "rgb_array"."""
        if self.render_mode is None:
            return None
        return np.repeat(self._emulator.screen().reshape(*SCREEN_SHAPE, 1), 3, axis=2)

    def close(self) -> None:
        """End the emulator."""
        self._emulator.close()

    def _observation(self) -> NDArray[np.uint8]:
        return downsample(self._emulator.screen()) if self._pixels else self._blank

    def _check(
        self, rom: str | Path, game: str | None, rules: MemoryMap | None, setting: str | None
    ) -> Recognised | None:
        """Return what the ROM is known as; refuse one that is another than it should be."""
        known = RECOGNISED.get(self.rom_sha256)
        if game is not None and (known is None or known.game != game):
            wanted = "; ".join(
                f"{entry.title} is {digest}" for digest, entry in RECOGNISED.items() if entry.game == game
            )
            raise InputError(f"ROM '{rom}' has SHA-256 {self.rom_sha256}, and {wanted}")
        if rules is not None and rules.sha256 is not None and rules.sha256 != self.rom_sha256:
            raise InputError(
                f"ROM '{rom}' has SHA-256 {self.rom_sha256}, and the memory map of {rules.game} is for {rules.sha256}"
            )
        if setting is not None and (known is None or known.game != "pokemon" or rules is not None):
            raise InputError(f"setting '{setting}' is one of Pokemon's, and ROM '{rom}' is not played as Pokemon")
        return known

    def _choose(
        self,
        rom: str | Path,
        known: Recognised | None,
        rules: MemoryMap | None,
        states: tuple[bytes, ...],
        setting: str | None,
        name: str,
    ) -> Scoring:
        """Return the way of scoring: a map that was given, what is known of the ROM, PyBoy's reader, or none."""
        machine = self._emulator
        if rules is not None:
            return Mapped(machine, rules, states, name)
        if known is not None and known.game == "tetris":
            return Mapped(machine, read_memory_map(_TETRIS), states)
        if known is not None and known.game == "pokemon":
            if not states:
                raise InputError(f"{known.title} needs a state of PyBoy to start encounters from: give --state FILE")
            return Pokemon(machine, "catch" if setting == "catch" else "battle", states, known.shift)
        if isinstance(getattr(machine.wrapper, "score", None), int):
            return Wrapped(machine, rom, states)
        return Unscored(machine, states)


def _open(rom: str | Path, rules: MemoryMap | None) -> Emulator:
    """Return the booted machine."""
    if rules is None or rules.ready is None:
        return Emulator(rom)
    ready, value = rules.ready, rules.values[rules.ready.value]
    try:
        return Emulator(rom, lambda machine: ready.holds(value.read(machine)), f"{value!r} {ready}")
    except RuntimeError as error:
        raise InputError(f"ROM '{rom}': {error} ('{ready}' in the memory map)") from None


def _read_states(machine: Emulator, files: list[str] | list[str | Path]) -> tuple[bytes, ...]:
    """Return the states in the files, each tried."""
    states = []
    for file in files:
        try:
            states.append(Path(file).read_bytes())
            machine.load(states[-1])
            machine.tick()
        except OSError as error:
            raise InputError(f"state '{file}' cannot be read: {error.strerror}") from None
        except Exception as error:
            raise InputError(f"'{file}' is no state of PyBoy: {' '.join(str(error).split())}") from None
    return tuple(states)
