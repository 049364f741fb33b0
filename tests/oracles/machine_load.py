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
        used = sum(seconds - self._others.get(process, seconds) for process, seconds in _others().items())
        return (used + _stolen() - self._stolen) / max(wall, 1.0 / _TICK)


def _others() -> dict[tuple[int, str], float]:
    """Return the processor seconds of each process without the mark, children that have ended included."""
    mark, own = f"{_MARK}={os.environ[_MARK]}".encode(), _ancestors()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in own:
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            kernel_thread = fields[1] in ("0", "2") and not (entry / "cmdline").read_bytes()
            if kernel_thread or mark in (entry / "environ").read_bytes():
                continue
        except PermissionError:  # another user's process
            pass
        except OSError:  # it has ended
            continue
        found[int(entry.name), fields[19]] = sum(map(int, fields[11:15])) / _TICK
    return found


def _ancestors() -> set[int]:
    """Return the numbers of this process and of those that started it, whose environment has no mark."""
    numbers, number = set(), os.getpid()
    while number > 1 and number not in numbers:
        numbers.add(number)
        number = int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
    return numbers


def _stolen() -> float:
    """Return the seconds for which the hypervisor ran other machines instead of this one."""
    return int(Path("/proc/stat").read_text().splitlines()[0].split()[8]) / _TICK
