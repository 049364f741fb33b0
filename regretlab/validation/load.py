"""How much of this machine something else uses while a realtime run plays: what a claim that fails then must report."""

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["BUSY", "BusyRun", "LoadWatch"]

BUSY = 0.25
"""Cores used by others from which on a machine counts as busy."""
_STAT = Path("/proc/stat")


@dataclass(frozen=True)
class BusyRun:
    """A realtime run during which the machine was busy with something else.

    Attributes
    ----------
    run
        Its name.
    others, stolen
        Mean number of cores that other processes used, and that the hypervisor gave to other machines.
    repeated
        Whether it was played again because a claim about it did not hold.
    """

    run: str
    others: float
    stolen: float
    repeated: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def __str__(self) -> str:
        again = "; a claim about it did not hold, so it was played again" if self.repeated else ""
        return (
            f"{self.run}: other processes used {self.others:.2f} cores while it played, and {self.stolen:.2f} were "
            f"stolen by other machines on the host{again}"
        )


class LoadWatch:
    """Processor time of the whole machine from construction on; nothing is seen where there is no /proc/stat."""

    def __init__(self) -> None:
        self._began, self._used = time.monotonic(), _machine_seconds()

    def cores(self, own_seconds: float) -> tuple[float, float]:
        """Return the mean number of cores used by others than those who used ``own_seconds``, and stolen."""
        wall = max(time.monotonic() - self._began, 1e-9)
        busy, stolen = (now - then for now, then in zip(_machine_seconds(), self._used, strict=True))
        return max(0.0, busy - own_seconds) / wall, stolen / wall


def _machine_seconds() -> tuple[float, float]:
    """Return the seconds that all cores were busy since the start of the machine, and the stolen ones."""
    try:
        fields = [int(field) for field in _STAT.read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0.0, 0.0
    user, nice, system, _, _, interrupts, soft, stolen = fields
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + interrupts + soft) / tick, stolen / tick
