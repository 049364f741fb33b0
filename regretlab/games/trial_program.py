"""Play the beginning of a ROM in a process of its own, which can be given up: see ``trial``.

It stands alone: ``python trial_program.py ROM boot SECONDS`` plays frames and says nothing; ``... ROM start SECONDS``
has PyBoy's reader of this title start the game and writes the machine's state to standard output. The kernel ends it
when the emulator has used so many seconds of processor time.
"""

import io
import math
import resource
import sys
import warnings
from pathlib import Path

FRAMES = 600


def main(rom: str, way: str, seconds: str) -> None:
    """Play the beginning of the ROM in a file."""
    warnings.simplefilter("ignore")
    from pyboy import PyBoy

    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime + float(seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))

    machine = PyBoy(io.BytesIO(Path(rom).read_bytes()), window="null", sound_emulated=False, log_level="CRITICAL")
    machine.set_emulation_speed(0)
    if way == "boot":
        for _ in range(FRAMES):
            machine.tick(1, False, False)
    else:
        machine.game_wrapper.start_game(timer_div=0)
        state = io.BytesIO()
        machine.save_state(state)
        sys.stdout.buffer.write(state.getvalue())
        sys.stdout.buffer.flush()
    machine.stop(save=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
