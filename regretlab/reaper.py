"""Ends the processes that others leave behind: those that a policy or an environment started, and daemons of Ray's.

A process can be made to inherit what its descendants leave (``adopt_orphans``) and end it (``end_descendants``), while
it lives. For the case that it is killed there is ``python -m regretlab.reaper``, started by the process itself, which
holds a pipe to it, notes its children and theirs while it lives, and if the pipe closes without a word it kills those
that are still there. (A mark in their environment would not do: programs that set their title write over it.)
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

__all__ = ["adopt_orphans", "descendants", "end", "end_descendants", "ended", "reaped"]

_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37
_DONE = "done\n"
_LOOK_EVERY = 1.0  # seconds between two looks at who is there
_GRACE = 0.5  # seconds in which daemons may end by themselves
_LONGEST = 10.0
_TRACKING = ("multiprocessing.resource_tracker", "joblib.externals.loky.backend.resource_tracker")


def adopt_orphans(adopt: bool = True) -> bool:
    """Make this process, or no longer, the parent of each process below it whose own parent ends (Linux only).

    Returns whether it was before.
    """
    before = ctypes.c_int(0)
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
        prctl(_PR_SET_CHILD_SUBREAPER, int(adopt), 0, 0, 0)
    return bool(before.value)


def end_descendants(process: int, besides: Set[tuple[int, int]] = frozenset()) -> None:
    """Kill what descends from a process, which may be this one, and wait until it is gone (Linux only).

    Complete where the process has adopted the orphans below it. Those ``besides`` are left alive.
    """
    until = time.monotonic() + _LONGEST
    while sys.platform == "linux" and time.monotonic() < until and (found := descendants({process}) - besides):
        end(found, grace=0.0)


@contextmanager
def ended() -> Iterator[None]:
    """End with the body what is started in it, however far down (Linux only).

    Also what other threads of this process start meanwhile. Python's trackers of shared memory stay, which clean up
    when this process ends.
    """
    before = descendants({os.getpid()}) if sys.platform == "linux" else set()
    adopted = adopt_orphans()
    try:
        yield
    finally:
        trackers = {getattr(sys.modules.get(name), "_resource_tracker", None) for name in _TRACKING}
        numbers = {getattr(tracker, "_pid", None) for tracker in trackers}
        if sys.platform == "linux":
            before |= {found for found in descendants({os.getpid()}) if found[0] in numbers}
        end_descendants(os.getpid(), besides=before)
        adopt_orphans(adopted)


@contextmanager
def reaped() -> Iterator[None]:
    """Let what is started in the body, however far down, not outlive this process if it is killed there.

    A body that ends has ended its processes itself. What was started less than a second before a kill may be missed,
    and so is what a process that had already ended had started.
    """
    before = descendants({os.getpid()})
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


def descendants(of: set[int]) -> set[tuple[int, int]]:
    """Return the living processes that descend from one of these: process numbers and start times."""
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
        seen |= descendants({parent})
        if select.select([sys.stdin], [], [], _LOOK_EVERY)[0]:
            if not (piece := os.read(sys.stdin.fileno(), 1 << 16)):
                break
            told += piece
    words = told.decode()
    if not words.endswith(_DONE):
        others = {line for line in words.splitlines() if line}
        end({key for key in seen if key[0] != os.getpid() and f"{key[0]} {key[1]}" not in others}, grace=_GRACE)


def end(seen: set[tuple[int, int]], *, grace: float) -> None:
    """Kill these processes and what descends from them, after ``grace`` seconds in which they may end by themselves."""
    began = time.monotonic()
    while (left := seen & _processes().keys()) and time.monotonic() < began + _LONGEST:
        seen |= descendants({process for process, _ in left})
        if time.monotonic() > began + grace:
            for process, _ in left:
                with suppress(OSError):
                    os.kill(process, signal.SIGKILL)
        time.sleep(0.01)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
