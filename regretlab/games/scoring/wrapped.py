"""Scoring by PyBoy's own reader of a game (its game wrapper): score, level, game over, for the titles it knows.

A wrapper goes by the title in the cartridge's header and waits for that game's screens without an end, so it is let
loose on a ROM only in a process of its own that is given some time; what comes back is the state at the game's start.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ..emulator import Emulator
from ..memory_map.model import GAME_BOY_ACTIONS

__all__ = ["START_TIMEOUT", "Wrapped"]

START_TIMEOUT = 60.0
"""Seconds that a wrapper may take to get its game started."""
_STARTER = Path(__file__).with_name("start_wrapped_game.py")
_SPREAD = 60  # frames at most that an episode waits by its seed: games draw their chances from a timer

_started: dict[str, bytes] = {}


class Wrapped:
    """The increase of the score that PyBoy reads, until it reads that the game is over.

    Parameters
    ----------
    machine
        The emulator, of a ROM that PyBoy has a wrapper with a score for.
    rom
        Its file.
    states
        States to start from; where the wrapper starts the game if there are none.

    Raises
    ------
    InputError
        If the wrapper does not get the game started.
    """

    actions = GAME_BOY_ACTIONS

    def __init__(self, machine: Emulator, rom: str | Path, states: tuple[bytes, ...] = ()) -> None:
        self._machine, self._wrapper = machine, machine.wrapper
        self.source = f"increase of the score that PyBoy reads in {machine.title}"
        self._states = states or (_start(machine, rom),)
        self._score = 0

    def begin(self, rng: np.random.Generator) -> None:
        """Go to the start of the game and wait for some frames, by the episode's seed."""
        self._machine.load(self._states[int(rng.integers(len(self._states)))])
        for _ in range(1 + int(rng.integers(_SPREAD))):
            self._machine.tick()
        self._score = int(self._wrapper.score)

    def frame(self) -> tuple[float, bool]:
        """Return the increase of the score and whether the game is over."""
        score = int(self._wrapper.score)
        reward, self._score = score - self._score, score
        return float(reward), _is_over(self._wrapper)

    def facts(self) -> dict[str, int]:
        """Return the score, and the level where there is one."""
        level = getattr(self._wrapper, "level", None)
        return {"score": self._score} | ({"level": int(level)} if isinstance(level, int) else {})


def _is_over(wrapper: Any) -> bool:
    try:
        return bool(wrapper.game_over())
    except NotImplementedError:
        return False


def _start(machine: Emulator, rom: str | Path) -> bytes:
    """Return the state at the start of the game."""
    if machine.digest in _started:
        return _started[machine.digest]
    refusal = f"PyBoy knows the title {machine.title} but cannot start the game in ROM '{rom}': give --memory-map"
    try:
        done = subprocess.run(
            [sys.executable, str(_STARTER), str(Path(rom).resolve())],
            capture_output=True,
            timeout=START_TIMEOUT,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        raise InputError(refusal) from None
    _started[machine.digest] = done.stdout
    return done.stdout
