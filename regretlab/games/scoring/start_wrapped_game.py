"""Start the game of a ROM by PyBoy's reader and write the machine's state to standard output: a program of its own.

It stands alone (``python start_wrapped_game.py ROM``) so that it can be given up.
"""

import io
import sys
import warnings
from pathlib import Path


def main(rom: str) -> None:
    """Start the game in the file ``rom``."""
    warnings.simplefilter("ignore")
    from pyboy import PyBoy

    machine = PyBoy(io.BytesIO(Path(rom).read_bytes()), window="null", sound_emulated=False, log_level="CRITICAL")
    machine.set_emulation_speed(0)
    machine.game_wrapper.start_game(timer_div=0)
    state = io.BytesIO()
    machine.save_state(state)
    sys.stdout.buffer.write(state.getvalue())
    sys.stdout.buffer.flush()
    machine.stop(save=False)


if __name__ == "__main__":
    main(sys.argv[1])
