"""Seeded streams of random bits and alias tables for the compiled simulator."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import InputError
from ._kernels import LANES

__all__ = ["LANES", "AliasTable", "alias_table", "random_state"]


@dataclass(frozen=True, eq=False)
class AliasTable:
    """A discrete law on 0..J prepared for drawing.

    Attributes
    ----------
    thresholds
        Array of shape (columns,): a column's own outcome is drawn if the random number's high bits are below this.
    aliases
        Array of shape (columns,): the outcome drawn otherwise.
    longest
        J, the largest outcome.
    """

    thresholds: NDArray[np.uint64]
    aliases: NDArray[np.int32]
    longest: int

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The law the table draws from, shape (columns,), exact up to 2^-64 a column."""
        columns = len(self.thresholds)
        own = self.thresholds / 2.0 ** (64 - (columns - 1).bit_length())
        return (own + np.bincount(self.aliases, weights=1.0 - own, minlength=columns)) / columns


def alias_table(probabilities: ArrayLike) -> AliasTable:
    """Return the alias table of a discrete law (Vose's method).

    Parameters
    ----------
    probabilities
        Array of shape (J + 1,), non-negative, with a positive sum; it is normalised.

    Raises
    ------
    InputError
        For anything else.

    References
    ----------
    Vose 1991, "A linear algorithm for generating random numbers with a given distribution".

    Examples
    --------
    >>> alias_table([0.0, 0.25, 0.75]).probabilities
    array([0.  , 0.25, 0.75, 0.  ])
    """
    weights = np.asarray(probabilities, dtype=np.float64)
    if weights.ndim != 1 or not np.all(np.isfinite(weights)) or np.any(weights < 0) or not weights.sum() > 0:
        raise InputError("probabilities must be a list of non-negative numbers with a positive sum")
    bits = max(1, (len(weights) - 1).bit_length())
    columns = 1 << bits
    share = np.zeros(columns)
    share[: len(weights)] = weights * (columns / weights.sum())
    aliases = np.arange(columns, dtype=np.int32)
    small = [int(column) for column in np.flatnonzero(share < 1.0)]
    large = [int(column) for column in np.flatnonzero(share >= 1.0)]
    while small and large:
        poor, rich = small.pop(), large[-1]
        aliases[poor] = rich
        share[rich] -= 1.0 - share[poor]
        if share[rich] < 1.0:
            small.append(large.pop())
    for column in (*small, *large):  # what rounding has left over: full columns
        share[column] = 1.0
    scale = 2.0 ** (64 - bits)
    return AliasTable(np.minimum(np.round(share * scale), scale).astype(np.uint64), aliases, len(weights) - 1)


def random_state(seed: np.random.SeedSequence) -> NDArray[np.uint64]:
    """Return the state of a stream of random bits, shape (4, LANES), from its own seed.

    Examples
    --------
    >>> random_state(np.random.SeedSequence(3)).shape
    (4, 16)
    """
    return seed.generate_state(4 * LANES, np.uint64).astype(np.uint64, copy=False).reshape(4, LANES)
