"""A buffer that slides along a run: a block of frames and, before it, the states of the last frames."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["SlidingStates"]


class SlidingStates:
    """States of the frames of a run, the last ``history`` of them kept.

    What is kept moves to the front only when the buffer is full, so keeping a long history costs no more a frame than
    keeping a short one.

    Parameters
    ----------
    block
        Frames of the longest block.
    start
        State of every frame before the first.
    width
        Chains side by side: a frame has as many states.

    Attributes
    ----------
    states
        Array of int32.
    first
        Where in it the states of the next block's first frame begin.
    """

    def __init__(self, block: int, start: int = 0, width: int = 1) -> None:
        self._block, self._width = block * width, width
        self._history = 0
        self.first = 0
        self.states: NDArray[np.int32] = np.full(self._block + width, start, np.int32)

    def keep(self, history: int) -> None:
        """Make room for a block with that many frames before it (never fewer than before)."""
        history = max(history * self._width, self._history)
        end = self.first + self._width
        if history == self._history and end + self._block <= len(self.states):
            return
        kept = self.states[self.first - self._history : end].copy()
        if history > self._history:
            self.states = np.full(2 * history + 4 * self._block + self._width, kept[0], np.int32)
        self.states[history - self._history : history + self._width] = kept
        self._history = self.first = history

    def advance(self, count: int) -> None:
        """Move on by the ``count`` frames of a block."""
        self.first += count * self._width
