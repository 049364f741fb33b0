"""A sum tree: draws in proportion to priorities in time that grows with the logarithm of their number."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["SumTree"]


class SumTree:
    """Non-negative priorities, their sum, and where a point of it falls.

    A binary tree in one array: node i has the children 2i and 2i + 1 and holds their sum, the root is node 1.

    Parameters
    ----------
    size
        Number of priorities; all 0 at first.

    References
    ----------
    Schaul, Quan, Antonoglou & Silver 2016, "Prioritized experience replay", appendix B.2.1.

    Examples
    --------
    >>> tree = SumTree(3)
    >>> tree.set(np.array([0, 2]), np.array([1.0, 3.0]))
    >>> tree.total, tree.find(np.array([0.5, 1.0, 3.9])).tolist()
    (4.0, [0, 2, 2])
    """

    def __init__(self, size: int) -> None:
        self._leaves = 1 << max(0, (size - 1).bit_length())
        self._nodes = np.zeros(2 * self._leaves)

    @property
    def total(self) -> float:
        """The sum of all priorities."""
        return float(self._nodes[1])

    def get(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the priorities of rows."""
        return self._nodes[rows + self._leaves]

    def set(self, rows: NDArray[np.int64], priorities: NDArray[np.float64]) -> None:
        """Set the priorities of rows (the last one counts where a row is there twice)."""
        nodes = rows + self._leaves
        self._nodes[nodes] = priorities
        while nodes[0] > 1:
            nodes = np.unique(nodes // 2)
            self._nodes[nodes] = self._nodes[2 * nodes] + self._nodes[2 * nodes + 1]

    def find(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the row in whose share of [0, total) each point lies."""
        nodes, rest = np.ones(len(points), np.int64), points.astype(float)
        while nodes[0] < self._leaves:
            left = self._nodes[2 * nodes]
            right = (rest >= left) & (self._nodes[2 * nodes + 1] > 0)
            rest = np.where(right, rest - left, rest)
            nodes = 2 * nodes + right
        return nodes - self._leaves
