"""An untrusted ROM is tried in a separate process before it is played, because it may hang the emulator.

PyBoy never comes back from a frame in which the game ran into an instruction that does not exist (a console hangs,
too), and its readers of a score wait without an end for the screens of the game that they take a ROM for.
"""

import subprocess
import sys
from pathlib import Path
from typing import Literal

__all__ = ["TRIAL_TIMEOUT", "try_out"]

TRIAL_TIMEOUT = 10.0
"""Seconds of processor time that a trial may take; it takes less than one. (A busy machine must not fail it.)"""
_GIVEN_UP = 300.0
"""Seconds on the clock after which a trial is given up that never gets to use its processor time."""
_PROGRAM = Path(__file__).with_name("trial_program.py")

_tried: dict[tuple[str, str], bytes | None] = {}


def try_out(rom: str | Path, digest: str, way: Literal["boot", "start"]) -> bytes | None:
    """Play the beginning of a ROM; None if it does not come to an end.

    Parameters
    ----------
    rom
        The ROM's file.
    digest
        Its SHA-256: a process tries each ROM once.
    way
        "boot": play ten seconds. "start": let PyBoy's reader of the title start the game.

    Returns
    -------
    bytes or None
        The machine's state at the start of the game ("boot": nothing in it).
    """
    if (digest, way) not in _tried:
        program = [sys.executable, str(_PROGRAM), str(Path(rom).resolve()), way, str(TRIAL_TIMEOUT)]
        try:
            done = subprocess.run(program, capture_output=True, timeout=_GIVEN_UP, check=True)
            _tried[digest, way] = done.stdout
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
            _tried[digest, way] = None
    return _tried[digest, way]
