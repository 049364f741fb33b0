"""How much of this machine other processes use while something is timed here.

Processor time is read from /proc twice. The descendants of this process count as its own; all others count together
with what their ended children used, and with what the hypervisor took away. Where there is no /proc nothing is known.
"""

import os
import time
from pathlib import Path

__all__ = ["BUSY", "MachineLoad", "busy_warning"]

BUSY = 0.25
"""Cores used by others from which on the machine counts as busy."""
_KERNEL_THREADS = 2  # the process that they descend from


class MachineLoad:
    """Processor time of other processes from construction on.

    Parameters
    ----------
    proc
        Where the kernel lists processes.

    Examples
    --------
    >>> load = MachineLoad()
    >>> used = load.cores_of_others()
    >>> used is None or used >= 0
    True
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc, self._began, self._used = proc, time.monotonic(), _used_by_others(proc)

    def cores_of_others(self) -> float | None:
        """Return the mean number of cores that others used since then; None where that is not known."""
        now, wall = _used_by_others(self._proc), time.monotonic() - self._began
        if now is None or self._used is None:
            return None
        return max(0.0, now - self._used) / max(wall, 0.01)


def busy_warning(cores: float | None, what: str) -> str | None:
    """Return a sentence where others used so much of the machine that it counts as busy, else None.

    Examples
    --------
    >>> busy_warning(0.1, "inference times") is None
    True
    >>> busy_warning(1.5, "inference times")
    'the machine was busy: other processes used 1.5 of its ... cores, and the inference times include that'
    """
    if cores is None or cores < BUSY:
        return None
    return (
        f"the machine was busy: other processes used {cores:.1f} of its {os.cpu_count()} cores, and the {what} "
        "include that"
    )


def _used_by_others(proc: Path) -> float | None:
    """Return the processor seconds of all other processes and their ended children; None without /proc.

    The time of a process that ends passes to its parent, so the difference of two sums is what was used in between.
    """
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    try:
        stolen = int((proc / "stat").read_text().splitlines()[0].split()[8])
        entries = [entry for entry in os.listdir(proc) if entry.isdigit()]
    except (OSError, IndexError, ValueError):
        return None
    for entry in entries:
        try:
            fields = (proc / entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(entry)], ticks[int(entry)] = int(fields[1]), sum(map(int, fields[11:15]))
    own = {os.getpid(), _KERNEL_THREADS}
    others = sum(used for number, used in ticks.items() if own.isdisjoint(_line(number, parents)))
    return (others + stolen) / os.sysconf("SC_CLK_TCK")


def _line(number: int, parents: dict[int, int]) -> list[int]:
    """Return a process, its parent, that one's parent, and so on."""
    line = [number]
    while (number := parents.get(number, 0)) > 1 and number not in line:
        line.append(number)
    return line
