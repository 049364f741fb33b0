"""The witness chains as the simulator plays them, and what it counts while it does."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ._kernels import COLUMNS, FRESH_STATES, RING

__all__ = ["INTERVALS", "Tallies", "Witness"]

INTERVALS = 1 << 14
"""Frames: action intervals this long or longer are counted as this long."""


@dataclass(frozen=True)
class Witness:
    """A witness chain: the ring of K symbols, or the chain of fresh states where ``symbols`` is ``None``.

    Attributes
    ----------
    p
        Modal probability per frame.
    symbols
        K, or ``None``.
    """

    p: float
    symbols: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise InputError(f"modal probability must lie in [0, 1], not {self.p!r}")
        if self.symbols is not None:
            if self.symbols < 2:
                raise InputError(f"symbols must be at least 2, not {self.symbols}")
            if self.p < 1 / self.symbols:
                raise InputError(f"modal probability of {self.symbols} symbols must be at least 1/{self.symbols}")

    @property
    def kind(self) -> int:
        """Number of the chain in the kernels."""
        return FRESH_STATES if self.symbols is None else RING

    @property
    def jump(self) -> np.uint64:
        """Random 64-bit numbers below this are a jump."""
        return np.uint64(min(round((1.0 - self.p) * 2.0**64), 2**64 - 1))

    def describe(self) -> str:
        """Return the chain in a phrase."""
        if self.symbols is None:
            return "fresh states W1: a move is modal with probability p, else to a state not seen before"
        return (
            f"ring W2: {self.symbols} symbols, the shown one stays with probability p, else jumps uniformly to another"
        )

    def eigenvalue(self) -> float:
        """The chain's lambda: right with 1/K + (1-1/K) lambda^d after d frames; p itself without symbols."""
        return self.p if self.symbols is None else (self.symbols * self.p - 1) / (self.symbols - 1)

    def guess_right(self) -> float:
        """Probability that an action drawn uniformly is right: 1/K, and 0 among infinitely many."""
        return 0.0 if self.symbols is None else 1.0 / self.symbols


@dataclass(frozen=True, eq=False)
class Tallies:
    """What was counted in a replication.

    Attributes
    ----------
    columns
        Array of shape (batches, COLUMNS), see ``witness/_kernels.py``.
    delays
        Array of shape (batches, J + 1): frames by the delay they were served with, 0 for the default.
    intervals
        int64 array of shape (INTERVALS + 1,): agent actions by frames since the one before.
    """

    columns: NDArray[Any]
    delays: NDArray[Any]
    intervals: NDArray[np.int64]

    @classmethod
    def empty(cls, batches: int, longest: int) -> "Tallies":
        """Return zeros for so many batches and delays up to ``longest``, and a last row for the warm-up."""
        return cls(
            np.zeros((batches + 1, COLUMNS), np.int64),
            np.zeros((batches + 1, longest + 1), np.int64),
            np.zeros((2, INTERVALS + 1), np.int64),
        )

    def counted(self) -> "Tallies":
        """Return the tallies without the warm-up's rows."""
        return Tallies(self.columns[:-1], self.delays[:-1], self.intervals[0])
