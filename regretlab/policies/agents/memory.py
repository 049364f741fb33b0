"""Replay memory of one process: each observation once, n-step returns, uniform or prioritised draws.

Transitions come in the order in which they happened, so the observation that follows one is the next one's, unless the
episode ended in it. A truncated episode has no following observation: its last transitions cannot be drawn.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..learning.losses import Batch
from .sum_tree import SumTree

__all__ = ["ReplayMemory"]

_LEAST_PRIORITY = 1e-3


class ReplayMemory:
    """The last transitions of play.

    Parameters
    ----------
    capacity
        Transitions that it holds.
    shape, dtype
        Of an observation.
    steps
        n: successive transitions that a drawn one spans.
    prioritisation
        Exponent of the priorities; 0 draws uniformly.
    seed
        Of the draws.

    Examples
    --------
    >>> memory = ReplayMemory(8, (1,), np.float32, steps=2)
    >>> for number in range(4):
    ...     memory.add(np.array([number]), action=0, reward=1.0, discount=0.5)
    >>> batch = memory.read(np.array([1]))
    >>> float(batch.rewards[0]), float(batch.discounts[0]), float(batch.next_observations[0, 0])
    (1.5, 0.25, 3.0)
    """

    def __init__(
        self,
        capacity: int,
        shape: tuple[int, ...],
        dtype: Any,
        *,
        steps: int = 1,
        prioritisation: float = 0.0,
        seed: int = 0,
    ) -> None:
        self._size, self._steps, self._alpha = capacity + steps, steps, prioritisation
        self._observations: NDArray[Any] = np.zeros((self._size, *shape), dtype)
        self._actions = np.zeros(self._size, np.int64)
        self._rewards, self._discounts = np.zeros(self._size), np.zeros(self._size)
        self._ends = np.zeros(self._size, bool)  # nothing follows this one
        self._tree = SumTree(self._size)  # 0: cannot be drawn
        self._largest = 1.0
        self._generator = np.random.default_rng([seed, 0x3E3])
        self.written = 0

    def add(
        self, observation: NDArray[np.generic], action: int, reward: float, discount: float, *, last: bool = False
    ) -> None:
        """Take in a transition.

        Parameters
        ----------
        observation, action, reward
            What was seen, what was done, what it earned until the next action.
        discount
            Of what comes after; 0 if the episode ended.
        last
            The next transition does not follow on from this one (also if the episode ended).
        """
        row = self.written % self._size
        self._observations[row], self._actions[row] = observation, action
        self._rewards[row], self._discounts[row] = reward, discount
        self._ends[row] = last or discount == 0
        self.written += 1
        self._tree.set(np.array([row]), np.zeros(1))  # what was there is gone, what is there now has no end yet
        if self.written > self._steps:  # the transition whose span this observation completes
            start = np.array([(row - self._steps) % self._size])
            if not self._ends[(start[0] + np.arange(self._steps)) % self._size].any():
                self._open(start, self._largest)
        if self._ends[row] and discount == 0:  # those whose span the end of the episode cuts short
            mine = (row - np.arange(min(self._steps, self.written))) % self._size
            earlier = np.logical_or.accumulate(np.r_[False, self._ends[mine[1:]]])
            self._open(mine[~earlier], self._largest)

    def _open(self, rows: NDArray[np.int64], priority: float) -> None:
        self._tree.set(rows, np.full(len(rows), priority**self._alpha))

    @property
    def can_be_drawn(self) -> bool:
        """Whether any transition can be drawn yet."""
        return self._tree.total > 0

    @property
    def available(self) -> int:
        """Transitions taken in, as far as they are still there."""
        return min(self.written, self._size - self._steps)

    def draw(self, size: int, importance: float = 0.0) -> Batch:
        """Return transitions drawn with replacement, one from each of ``size`` equal shares of the priorities.

        Parameters
        ----------
        size
            How many.
        importance
            beta: the weight of a transition in the loss is (number * its probability)^-beta over the batch's largest.
        """
        points = (np.arange(size) + self._generator.random(size)) / size * self._tree.total
        rows = self._tree.find(points)
        if not self._alpha:
            return self.read(rows)
        weights = (self.available * self._tree.get(rows) / self._tree.total) ** -importance
        return self.read(rows, (weights / weights.max()).astype(np.float32))

    def read(self, rows: NDArray[np.int64], weights: NDArray[np.float32] | None = None) -> Batch:
        """Return the transitions of rows, each over up to n steps."""
        reward, discount = np.zeros(len(rows)), np.ones(len(rows))
        end, going = rows.copy(), np.ones(len(rows), bool)
        for _ in range(self._steps):
            reward += np.where(going, discount * self._rewards[end], 0.0)
            discount *= np.where(going, self._discounts[end], 1.0)
            going &= ~self._ends[end]
            end = np.where(going, (end + 1) % self._size, end)
        return Batch(
            observations=self._observations[rows],
            actions=self._actions[rows],
            rewards=reward.astype(np.float32),
            discounts=discount.astype(np.float32),
            next_observations=self._observations[end],
            rows=rows,
            weights=weights,
        )

    def learned(self, rows: NDArray[np.int64], errors: NDArray[np.float32]) -> None:
        """Set the priorities of drawn rows by how wrong their values were."""
        if self._alpha:
            priorities = np.abs(errors).astype(float) + _LEAST_PRIORITY
            self._largest = max(self._largest, float(priorities.max()))
            self._tree.set(rows, priorities**self._alpha)
