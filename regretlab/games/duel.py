"""Duel: turn-based encounters on a cartridge of our own, as a Gymnasium environment.

One step is one frame. Nothing moves while the game waits for a button, so that a late or missing action costs no more
than time: the contrast to ``stacker``. Sources and work RAM: ``cartridges/``.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .emulated_game import OwnCartridge

__all__ = ["BUTTONS", "ENCOUNTERS", "PHASES", "ROM", "SETTINGS", "Duel", "DuelState", "Side"]

ROM = Path(__file__).parent / "cartridges" / "duel.gb"
BUTTONS = (None, "a", "b", "left", "up", "right", "down")
"""The button of each action; the first is the no-op."""
ENCOUNTERS = 10
"""Encounters, in order of difficulty from 1."""
SETTINGS = ("battle", "catch")
PHASES = ("title", "drawing", "typing", "reading", "menu", "moves", "draining", "falling", "over")
"""What the game does; it waits for a button in "reading", "menu" and "moves", and ignores buttons in the others."""

# work RAM, see cartridges/README.md
_SEED, _START, _SETTING, _ENCOUNTER, _ALIVE, _OVER, _OVERRUNS = 0xC000, 0xC004, 0xC005, 0xC006, 0xC007, 0xC008, 0xC009
_PHASE, _FRAMES, _NEXT_ENCOUNTER = 0xC00B, 0xC00C, 0xC017
_FOE_FAINTED, _OWN_FAINTED, _CAUGHT = 0xC018, 0xC019, 0xC01A
_BLOCK, _BLOCK_SIZE = 0xC006, 0xC038 - 0xC006  # from the encounter to the end


class Side(NamedTuple):
    """A monster.

    Attributes
    ----------
    species
        Its number, 0 to 9.
    type
        0 to 4: EMBER, MOSS, SLATE, GALE, TIDE; each beats the next, the last the first.
    hp
        Hit points left.
    most
        Hit points of it when fresh.
    strength
        What its blows are multiplied by, in 64ths.
    moves
        Numbers of its four moves.
    """

    species: int
    type: int
    hp: int
    most: int
    strength: int
    moves: tuple[int, ...]


class DuelState(NamedTuple):
    """What a player of duel may know of a moment.

    Attributes
    ----------
    phase
        One of ``PHASES``.
    cursor
        Line of the menu.
    texts
        Texts begun since the start, modulo 256.
    turns
        Turns begun, modulo 256.
    nets
        Nets left.
    catching
        Whether the setting is "catch".
    encounter
        1 to 10.
    own, foe
        The two sides.
    """

    phase: str
    cursor: int
    texts: int
    turns: int
    nets: int
    catching: bool
    encounter: int
    own: Side
    foe: Side


class Duel(OwnCartridge):
    """Encounters on the cartridge ``duel``.

    An episode is one encounter: it ends when the last text about it was read. Actions are no-op, A, B, Left, Up,
    Right, Down, held for one frame; a button counts when it goes down. An observation is what the screen shows, which
    is what work RAM held one frame before.

    Parameters
    ----------
    setting
        "battle": +1 when the opposing monster faints, -1 when one's own does. "catch": +1 for a catch.
    encounter
        The encounter to play, 1 to 10: the higher, the harder.
    advance
        True: the next episode is the next encounter after a success, the one before after one's own monster fainted,
        and else the same; a reset with a seed goes back to ``encounter``.
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
    >>> game = Duel(setting="battle", encounter=3)
    >>> _, info = game.reset(seed=1)
    >>> info["encounter"], info["foe_hp"], game.state().own.hp
    (3, 60, 64)
    >>> game.close()
    """

    def __init__(
        self,
        setting: str = "battle",
        encounter: int = 1,
        advance: bool = False,
        pixels: bool = True,
        rom: str | Path | None = None,
        render_mode: str | None = None,
    ) -> None:
        if setting not in SETTINGS:
            raise InputError(f"setting must be battle or catch, not '{setting}'")
        if not 1 <= encounter <= ENCOUNTERS:
            raise InputError(f"duel has encounters 1 to {ENCOUNTERS}, not {encounter}")
        super().__init__(
            rom or ROM,
            len(BUTTONS),
            alive=_ALIVE,
            overruns=_OVERRUNS,
            frames=_FRAMES,
            pixels=pixels,
            render_mode=render_mode,
        )
        self.setting, self._first, self._advance = setting, int(encounter), bool(advance)
        self._score, self._next = 0, self._first

    @property
    def over(self) -> bool:
        """Whether the encounter has ended."""
        return self._emulator.read(_OVER) == 1

    @property
    def encounter(self) -> int:
        """The encounter that is played, 1 to 10."""
        return self._emulator.read(_ENCOUNTER)

    @property
    def next_encounter(self) -> int:
        """The encounter that comes next in a person's game; the same as ``encounter`` until that is over."""
        return self._emulator.read(_NEXT_ENCOUNTER)

    def state(self) -> DuelState:
        """Return what a player may know of this moment, from work RAM."""
        ram = self._emulator.read_bytes(_BLOCK, _BLOCK_SIZE)

        def side(at: int) -> Side:
            species, kind, hp, most, strength = ram[at - _BLOCK : at - _BLOCK + 5]
            return Side(species, kind, hp, most, strength, tuple(ram[at - _BLOCK + 5 : at - _BLOCK + 9]))

        return DuelState(
            phase=PHASES[ram[_PHASE - _BLOCK]],
            cursor=ram[0xC014 - _BLOCK],
            texts=ram[0xC01C - _BLOCK],
            turns=ram[0xC016 - _BLOCK],
            nets=ram[0xC015 - _BLOCK],
            catching=self.setting == "catch",
            encounter=ram[0],
            own=side(0xC024),
            foe=side(0xC02E),
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Start an encounter; the same seed gives the same monsters and the same chances."""
        super().reset(seed=seed)
        machine = self._emulator
        if seed is not None or not self._advance:
            self._next = self._first
        elif self.over:
            self._next = self.next_encounter
        machine.restart()
        machine.write(_SEED, int(self.np_random.integers(1, 2**32)), 4)
        machine.write(_SETTING, SETTINGS.index(self.setting))
        machine.write(_ENCOUNTER, self._next)
        machine.write(_START, 1)
        for _ in range(30):  # the cartridge draws its screen with the display off
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
        score = self._counted()
        reward, self._score = float(score - self._score), score
        return self._observation(), reward, self.over, False, self._info()

    def _counted(self) -> int:
        """Return what the setting pays for, in this encounter."""
        if self.setting == "catch":
            return self._emulator.read(_CAUGHT)
        return self._emulator.read(_FOE_FAINTED) - self._emulator.read(_OWN_FAINTED)

    def _info(self) -> dict[str, Any]:
        read = self._emulator.read
        return {"encounter": self.encounter, "own_hp": read(0xC026), "foe_hp": read(0xC030), "over": self.over}
