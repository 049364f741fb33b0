"""What the simulator counts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._kernels import COLUMNS

__all__ = ["INTERVALS", "SUMS", "Tallies"]

INTERVALS = 1 << 14
"""Frames: action intervals this long or longer are counted as this long."""

SUMS = 3
"""Sums of an MDP's rewards, gaps of default frames and gaps of agent frames."""


@dataclass(frozen=True, eq=False)
class Tallies:
    """What was counted in a replication.

    Attributes
    ----------
    columns
        Array of shape (batches, COLUMNS), see ``tallies/_kernels.py``.
    delays
        Array of shape (batches, J + 1): frames by the delay they were served with, 0 for the default.
    intervals
        Array of shape (INTERVALS + 1,): agent actions by frames since the one before.
    sums
        Array of shape (batches, SUMS); zeros on witness chains, which need none.
    """

    columns: NDArray[Any]
    delays: NDArray[Any]
    intervals: NDArray[np.int64]
    sums: NDArray[np.float64]

    @classmethod
    def empty(cls, batches: int, longest: int) -> "Tallies":
        """Return zeros for so many batches and delays up to ``longest``."""
        return cls(
            np.zeros((batches, COLUMNS), np.int64),
            np.zeros((batches, longest + 1), np.int64),
            np.zeros(INTERVALS + 1, np.int64),
            np.zeros((batches, SUMS)),
        )

    def reaching(self, longest: int) -> "Tallies":
        """Return the same tallies with room for delays up to ``longest``."""
        more = longest + 1 - self.delays.shape[1]
        return Tallies(self.columns, np.pad(self.delays, ((0, 0), (0, more))), self.intervals, self.sums)
