"""Weights that workers read and learners change: no process sees half-written weights and none waits.

There are two copies. Readers use the current one, in place: a worker that begins an inference announces which copy it
reads and looks again whether that is still the current one. A publisher writes the other copy, only if no reader has
announced it, and then makes it the current one. If a reader still uses it (an inference that began before the last
change), publishing is left to the next update, so a copy is at most one inference older than it could be. Nothing is
copied by a reader, however large the network.

The announcement must be visible before the second look; on x86-64 a store may pass a later load, but for less time than
an interpreter takes from one to the other.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..system.arena import Arena

__all__ = ["WeightSnapshots", "snapshot_fields"]

_NONE, _CURRENT, _VERSION = -1, 0, 8


def snapshot_fields(readers: int, parameters: int) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Return the arena fields of snapshots of that many weights for that many readers."""
    return {
        "snapshot_control": (np.int64, (16,)),
        "snapshot_readers": (np.int64, (readers,)),
        "snapshots": (np.float32, (2, parameters)),
    }


class WeightSnapshots:
    """The two copies, seen by readers and by the publisher (one at a time: the holder of the learners' lock).

    Parameters
    ----------
    arena
        Memory with the fields of `snapshot_fields`.
    """

    def __init__(self, arena: Arena) -> None:
        self._control: NDArray[np.int64] = arena["snapshot_control"]
        self._readers: NDArray[np.int64] = arena["snapshot_readers"]
        self.copies: NDArray[np.float32] = arena["snapshots"]

    def prepare(self, weights: NDArray[np.float32]) -> None:
        """Set the first weights; once, before anybody reads."""
        self.copies[0] = weights
        self._readers[:] = _NONE

    def begin(self, reader: int) -> int:
        """Announce a reader; return which copy it is to read until `end`."""
        while True:
            copy = int(self._control[_CURRENT])
            self._readers[reader] = copy
            if self._control[_CURRENT] == copy:
                return copy

    def end(self, reader: int) -> None:
        """Take the announcement back (anybody may for a reader that is gone)."""
        self._readers[reader] = _NONE

    @property
    def version(self) -> int:
        """Number of snapshots published."""
        return int(self._control[_VERSION])

    def publish(self, weights: NDArray[np.float32]) -> bool:
        """Make these the current weights; return False, and change nothing, if the other copy is still being read."""
        other = 1 - int(self._control[_CURRENT])
        if (self._readers == other).any():
            return False
        self.copies[other] = weights
        self._control[_CURRENT] = other
        self._control[_VERSION] += 1
        return True
