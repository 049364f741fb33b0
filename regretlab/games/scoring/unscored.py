"""What a way of scoring offers, and the one for games of which nothing is known."""

from typing import Protocol

import numpy as np

from ..emulator import Emulator
from ..memory_map.model import GAME_BOY_ACTIONS

__all__ = ["Scoring", "Unscored"]


class Scoring(Protocol):
    """A way of scoring.

    Attributes
    ----------
    source
        Where rewards come from, for the record.
    actions
        Buttons of each action.
    """

    source: str
    actions: tuple[str, ...]

    def begin(self, rng: np.random.Generator) -> None:
        """Bring the machine to the start of an episode."""
        ...

    def frame(self) -> tuple[float, bool]:
        """Return what the frame just played earned, and whether it ended the episode."""
        ...

    def facts(self) -> dict[str, int]:
        """Return what is known of the game now."""
        ...


class Unscored:
    """No reward and no end: the game runs from its boot on.

    Parameters
    ----------
    machine
        The emulator.
    states
        States to start from; the boot if there are none.
    reason
        Why there is no reward.
    """

    actions = GAME_BOY_ACTIONS

    def __init__(self, machine: Emulator, states: tuple[bytes, ...], reason: str) -> None:
        self._machine, self._states = machine, states
        self.source = f"none ({reason}; a memory map can define one)"

    def begin(self, rng: np.random.Generator) -> None:
        """Go to the boot, or to one of the states by the episode's seed."""
        if self._states:
            self._machine.load(self._states[int(rng.integers(len(self._states)))])
        else:
            self._machine.restart()
        self._machine.tick()

    def frame(self) -> tuple[float, bool]:
        """Return no reward and no end."""
        return 0.0, False

    def facts(self) -> dict[str, int]:
        """Return nothing."""
        return {}
