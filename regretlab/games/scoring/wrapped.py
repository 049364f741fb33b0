"""Scoring by PyBoy's own reader of a game (its game wrapper): score, level, game over, for the titles it knows.

A reader goes by the title in the cartridge's header and waits for that game's screens without an end, so it is let
loose on a ROM only in a process of its own that is given some time; what comes back is the state at the game's start.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..emulator import Emulator
from ..memory_map.model import GAME_BOY_ACTIONS

__all__ = ["START_TIMEOUT", "Wrapped", "started_by_reader"]

START_TIMEOUT = 20.0
"""Seconds that a reader may take to get its game started."""
_STARTER = Path(__file__).with_name("start_wrapped_game.py")
_SPREAD = 60  # frames at most that an episode waits by its seed: games draw their chances from a timer

_started: dict[str, bytes | None] = {}


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


def started_by_reader(rom: str | Path, digest: str) -> bytes | None:
    """Return the state at the start of the game, or None if the reader does not get there.

    Parameters
    ----------
    rom
        The ROM's file.
    digest
        Its SHA-256: a process tries each ROM once.
    """
    if digest not in _started:
        program = [sys.executable, str(_STARTER), str(Path(rom).resolve())]
        try:
            done = subprocess.run(program, capture_output=True, timeout=START_TIMEOUT, check=True)
            _started[digest] = done.stdout
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
            _started[digest] = None
    return _started[digest]
