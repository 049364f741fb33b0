"""Scoring by PyBoy's own reader of a game (its game wrapper): score, level, game over, for the titles it knows.

A reader is chosen by the title in the cartridge's header. It has started the game before (``trial``), or the person
brings states to start from.
"""

from typing import Any

import numpy as np

from ..emulator import Emulator
from ..memory_map.model import GAME_BOY_ACTIONS

__all__ = ["Wrapped"]

_SPREAD = 60  # frames at most that an episode waits by its seed: games draw their chances from a timer


class Wrapped:
    """The increase of the score that PyBoy reads, until it reads that the game is over.

    Parameters
    ----------
    machine
        The emulator, with the reader running.
    title
        The game's title.
    states
        States to start from.
    """

    actions = GAME_BOY_ACTIONS

    def __init__(self, machine: Emulator, title: str, states: tuple[bytes, ...]) -> None:
        self._machine, self._reader, self._states = machine, machine.reader, states
        self.source = f"increase of the score that PyBoy reads in {title}"
        self._score = 0

    def begin(self, rng: np.random.Generator) -> None:
        """Go to the start of the game and wait for some frames, by the episode's seed."""
        self._machine.load(self._states[int(rng.integers(len(self._states)))])
        for _ in range(1 + int(rng.integers(_SPREAD))):
            self._machine.tick()
        self._score = int(self._reader.score)

    def frame(self) -> tuple[float, bool]:
        """Return the increase of the score and whether the game is over."""
        score = int(self._reader.score)
        reward, self._score = score - self._score, score
        return float(reward), _is_over(self._reader)

    def facts(self) -> dict[str, int]:
        """Return the score, and the level where there is one."""
        level = getattr(self._reader, "level", None)
        return {"score": self._score} | ({"level": int(level)} if isinstance(level, int) else {})


def _is_over(reader: Any) -> bool:
    try:
        return bool(reader.game_over())
    except NotImplementedError:
        return False
