"""What the simulator counts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._kernels import CARRIED, COLUMNS, tally

__all__ = ["INTERVALS", "SUMS", "Counter", "Rate", "Tallies", "lengthened"]

Rate = float | Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""What an agent frame counts, by the age of its action: powers of a number, or a curve."""

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
    values
        Array of shape (batches,): sum over the agent frames of lambda^delay, or of what a curve says.
    sums
        Array of shape (batches, SUMS); zeros on witness chains, which need none.
    delays, delay_squares
        Arrays of shape (J + 1,): frames by the delay they were served with, 0 for the default, and the sum over the
        batches of the square of their number in the batch.
    intervals
        Array of shape (INTERVALS + 1,): agent actions by frames since the one before.
    """

    columns: NDArray[np.int64]
    values: NDArray[np.float64]
    sums: NDArray[np.float64]
    delays: NDArray[np.float64]
    delay_squares: NDArray[np.float64]
    intervals: NDArray[np.int64]


def lengthened(counts: NDArray[Any], length: int) -> NDArray[Any]:
    """Return an array with zeros after it (``np.pad`` takes ten times as long)."""
    longer = np.zeros(length, counts.dtype)
    longer[: len(counts)] = counts
    return longer


class Counter:
    """Fills in the tallies of a replication, batch by batch.

    Parameters
    ----------
    batches
        Their number.
    rate
        lambda, the eigenvalue of the chain played (or any base for ``Tallies.values``), or a curve over ages.
    """

    def __init__(self, batches: int, rate: Rate) -> None:
        self._rate = rate
        self._carry = np.zeros(CARRIED, np.int64)
        self._delays = np.zeros(1, np.int64)
        self._acted = np.empty(0, np.int32)
        self._worth = np.empty(0)
        self._batch = 0
        self.tallies = Tallies(
            np.zeros((batches, COLUMNS), np.int64),
            np.zeros(batches),
            np.zeros((batches, SUMS)),
            np.zeros(1),
            np.zeros(1),
            np.zeros(INTERVALS + 1, np.int64),
        )

    @property
    def row(self) -> NDArray[np.int64]:
        """Columns of the current batch."""
        return self.tallies.columns[self._batch]

    @property
    def sums(self) -> NDArray[np.float64]:
        """Sums of the current batch."""
        return self.tallies.sums[self._batch]

    def count(self, served: NDArray[np.int32], frames: int, reach: int) -> NDArray[np.int32]:
        """Count a block of frames served with delays up to ``reach``; return those with an agent action."""
        if reach >= len(self._delays):
            self._delays = lengthened(self._delays, reach + 1)
        if frames >= len(self._acted):
            self._acted = np.empty(frames + 1, np.int32)
        found = tally(served, frames, self._acted, self._carry, self.row, self._delays, self.tallies.intervals)
        return self._acted[:found]

    def end_batch(self) -> None:
        """Close the current batch."""
        seen = np.flatnonzero(self._delays)
        longest = int(seen[-1]) if seen.size else 0
        counts = self._delays[: longest + 1].astype(np.float64)
        if longest >= len(self._worth):
            ages = np.arange(longest + 1)
            self._worth = self._rate(ages) if callable(self._rate) else np.power(self._rate, ages)
        self.tallies.values[self._batch] = counts[1:] @ self._worth[1 : longest + 1]
        if longest >= len(self.tallies.delays):
            self.tallies = replace(
                self.tallies,
                delays=lengthened(self.tallies.delays, longest + 1),
                delay_squares=lengthened(self.tallies.delay_squares, longest + 1),
            )
        self.tallies.delays[: longest + 1] += counts
        self.tallies.delay_squares[: longest + 1] += counts**2
        self._delays[: longest + 1] = 0
        self._batch += 1

    def continued(self, batches: int) -> "Counter":
        """Return a counter that goes on with the same run and has counted nothing yet."""
        fresh = Counter(batches, self._rate)
        fresh._carry = self._carry
        return fresh
