"""Scoring of the first Pokemon games from their memory: battles and catches, as in Riemer et al. (2024).

``battle``: +1 when an opposing monster faints, -1 when one's own does. ``catch``: +1 for a catch. An episode is one
encounter: it ends when the battle does. Addresses are those of the public disassemblies of Red and Blue; Yellow keeps
the same things one byte lower. A game cannot be asked from its boot where an encounter is, so a state to start
from is needed (PyBoy saves one with ``save_state``).
"""

from typing import Literal

import numpy as np

from ..emulator import Emulator
from ..memory_map.model import GAME_BOY_ACTIONS

__all__ = ["Pokemon", "Setting"]

Setting = Literal["battle", "catch"]

# addresses in Red and Blue
_IN_BATTLE = 0xD057  # 0 none, 1 wild, 2 trainer, 0xFF lost
_OWN_COUNT, _OWN_HP = 0xD163, 0xD16C
_FOE_COUNT, _FOE_HP = 0xD89C, 0xD8A5  # of a trainer's monsters
_WILD_HP = 0xCFE6
_BOX_COUNT = 0xDA80
_STRIDE, _PARTY = 44, 6
_WILD, _TRAINER = 1, 2
_SPREAD = 60  # frames at most that an episode waits by its seed: the game draws its chances from a timer


class Pokemon:
    """One encounter.

    Parameters
    ----------
    machine
        The emulator.
    setting
        "battle" or "catch".
    states
        States to start from, in a battle or before one.
    shift
        What to add to the addresses of Red and Blue.
    """

    actions = GAME_BOY_ACTIONS

    def __init__(self, machine: Emulator, setting: Setting, states: tuple[bytes, ...], shift: int) -> None:
        self._machine, self._setting, self._states, self._shift = machine, setting, states, shift
        self.source = f"Pokemon, {setting}"
        self._fighting = False
        self._healthy: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())
        self._owned = 0

    def begin(self, rng: np.random.Generator) -> None:
        """Go to a state, by the episode's seed, and wait for some frames."""
        self._machine.load(self._states[int(rng.integers(len(self._states)))])
        for _ in range(1 + int(rng.integers(_SPREAD))):
            self._machine.tick()
        self._fighting = self._kind() in (_WILD, _TRAINER)
        self._healthy, self._owned = self._look(), self._count()

    def frame(self) -> tuple[float, bool]:
        """Return the reward of the frame just played and whether the encounter is over."""
        was_fighting, kind = self._fighting, self._kind()
        self._fighting = kind in (_WILD, _TRAINER)
        (own, foes), owned = self._look(), self._count()
        reward = 0.0
        if was_fighting and self._setting == "catch":
            reward = float(owned > self._owned)
        elif was_fighting and self._fighting:
            lost, won = self._healthy[0] - own, self._healthy[1] - foes
            reward = float(len(won) - len(lost))
        self._healthy, self._owned = (own, foes), owned
        return reward, was_fighting and not self._fighting

    def facts(self) -> dict[str, int]:
        """Return how many monsters can fight on either side, and whether there is a battle."""
        own, foes = self._healthy
        return {"in_battle": int(self._fighting), "own": len(own), "foes": len(foes), "owned": self._owned}

    def _kind(self) -> int:
        return self._machine.read(_IN_BATTLE + self._shift)

    def _count(self) -> int:
        return self._machine.read(_OWN_COUNT + self._shift) + self._machine.read(_BOX_COUNT + self._shift)

    def _look(self) -> tuple[frozenset[int], frozenset[int]]:
        """Return the places of one's own and of the opposing monsters that have hit points."""
        own = self._alive(_OWN_HP, self._machine.read(_OWN_COUNT + self._shift))
        if self._kind() == _WILD:
            return own, self._alive(_WILD_HP, 1)
        return own, self._alive(_FOE_HP, self._machine.read(_FOE_COUNT + self._shift))

    def _alive(self, address: int, count: int) -> frozenset[int]:
        read = self._machine.read_bytes
        places = range(min(count, _PARTY))
        return frozenset(place for place in places if any(read(address + self._shift + _STRIDE * place, 2)))
