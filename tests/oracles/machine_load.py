"""How much of this machine other processes use while a test runs: what a timing test needs to know about a failure."""

import os
import time
import uuid
from pathlib import Path

__all__ = ["BUSY", "Watch", "mark_this_session"]

BUSY = 0.25
"""Cores used by others from which on the machine counts as busy."""
_MARK = "REGRETLAB_TEST_SESSION"
_TICK = os.sysconf("SC_CLK_TCK")
_KERNEL_THREADS = 2  # the process that they descend from


def mark_this_session() -> None:
    """Put a mark into the environment that every process started by this test session inherits."""
    os.environ.setdefault(_MARK, uuid.uuid4().hex)


class Watch:
    """Processor time of processes without the mark, from construction on, and what the hypervisor took away."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._others, self._stolen = _others(), _stolen()

    def cores_used_by_others(self) -> float:
        """Return the mean number of cores that other processes, or other machines on the host, used since then."""
        wall = time.monotonic() - self._began
        used = sum(seconds - self._others.get(process, 0.0) for process, seconds in _others().items())
        return (used + _stolen() - self._stolen) / max(wall, 1.0 / _TICK)


def _others() -> dict[tuple[int, str], float]:
    """Return the processor seconds of each process of others, children that have ended included.

    This session's processes carry the mark in their environment. Ray's workers overwrite theirs, so the children of a
    marked process count as marked.
    """
    mark = f"{_MARK}={os.environ[_MARK]}".encode()
    parents: dict[int, int] = {}
    own = {os.getpid()}
    found: dict[tuple[int, str], float] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        number = int(entry.name)
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if mark in (entry / "environ").read_bytes():
                own.add(number)
        except PermissionError:  # another user's process
            pass
        except OSError:  # it has ended
            continue
        parents[number] = int(fields[1])
        found[number, fields[19]] = sum(map(int, fields[11:15])) / _TICK
    not_others = own | {_KERNEL_THREADS}
    ignored = {1, *_line(os.getpid(), parents)}  # those that started this session, which have no mark
    return {
        process: seconds
        for process, seconds in found.items()
        if process[0] not in ignored and not_others.isdisjoint(_line(process[0], parents))
    }


def _line(number: int, parents: dict[int, int]) -> list[int]:
    """Return a process, its parent, that one's parent, and so on."""
    line = [number]
    while (number := parents.get(number, 0)) > 1:
        line.append(number)
    return line


def _stolen() -> float:
    """Return the seconds for which the hypervisor ran other machines instead of this one."""
    return int(Path("/proc/stat").read_text().splitlines()[0].split()[8]) / _TICK
