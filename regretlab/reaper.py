"""Ends what a killed process leaves behind: ``python -m regretlab.reaper``, started by the process itself.

A process that starts daemons of others (Ray's) can end them only while it lives. This one holds a pipe to it, notes its
children and theirs while it lives, and if the pipe closes without a word it kills those that are still there. (A mark
in their environment would not do: programs that set their title write over it.)
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

__all__ = ["reaped"]

_DONE = "done\n"
_LOOK_EVERY = 1.0  # seconds between two looks at who is there
_GRACE = 0.5  # seconds in which daemons may end by themselves
_LONGEST = 10.0


@contextmanager
def reaped() -> Iterator[None]:
    """Let what is started in the body, however far down, not outlive this process if it is killed there.

    A body that ends has ended its processes itself. What was started less than a second before a kill may be missed,
    and so is what a process that had already ended had started.
    """
    before = _descendants({os.getpid()})
    reaper = subprocess.Popen(
        [sys.executable, "-m", "regretlab.reaper", str(os.getpid())],
        stdin=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is for the others
        cwd=Path(__file__).parents[1],
    )
    assert reaper.stdin is not None
    _tell(reaper.stdin, "".join(f"{process} {start}\n" for process, start in before))
    try:
        yield
    finally:
        _tell(reaper.stdin, _DONE)
        reaper.communicate()


def _tell(pipe: IO[bytes], text: str) -> None:
    with suppress(OSError):  # it may have been killed itself
        pipe.write(text.encode())
        pipe.flush()


def _processes() -> dict[tuple[int, int], int]:
    """Return the parent of each living process, by process number and start time."""
    parents: dict[tuple[int, int], int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with suppress(OSError, IndexError):
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    parents[int(entry), int(fields[19])] = int(fields[1])
    return parents


def _descendants(of: set[int]) -> set[tuple[int, int]]:
    """Return the processes that descend from one of these."""
    parents, family = _processes(), set(of)
    found: set[tuple[int, int]] = set()
    while new := {key for key, parent in parents.items() if parent in family} - found:
        found |= new
        family |= {process for process, _ in new}
    return found


def _main(parent: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    seen: set[tuple[int, int]] = set()
    told = b""
    while True:
        seen |= _descendants({parent})
        if select.select([sys.stdin], [], [], _LOOK_EVERY)[0]:
            if not (piece := os.read(sys.stdin.fileno(), 1 << 16)):
                break
            told += piece
    words = told.decode()
    if not words.endswith(_DONE):
        others = {line for line in words.splitlines() if line}
        _end({key for key in seen if key[0] != os.getpid() and f"{key[0]} {key[1]}" not in others})


def _end(seen: set[tuple[int, int]]) -> None:
    """Kill these processes and what descends from them, after a moment in which they may end by themselves."""
    began = time.monotonic()
    while (left := seen & _processes().keys()) and time.monotonic() < began + _LONGEST:
        seen |= _descendants({process for process, _ in left})
        if time.monotonic() > began + _GRACE:
            for process, _ in left:
                with suppress(OSError):
                    os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
