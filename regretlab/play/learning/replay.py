"""The replay store in shared memory: the last frames of play, each once, and the transitions among them.

One process writes (the environment's), any number read, nobody waits: the store is two rings, and a reader that has
copied looks whether what it copied may have been written over meanwhile. A frame of 84 x 84 bytes takes 7,056 bytes
and a transition 44 with its priority, so 1,000,000 of each take 7.10 GB; the memory is anonymous and a page costs
nothing until it is first written, so a short run in a large store is a small one.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...policies.learning.losses import Batch
from ..system.arena import Arena
from .transitions import Transition

__all__ = ["RESERVE", "TRANSITION_DTYPE", "ReplayStore", "replay_fields"]

TRANSITION_DTYPE = np.dtype(
    [
        ("observation_frame", np.int64),
        ("effect_frame", np.int64),
        ("next_observation_frame", np.int64),
        ("reward", np.float32),
        ("frames", np.int32),
        ("action", np.int16),
    ],
    align=True,
)
RESERVE = 64
"""Frames kept beyond those asked for: what the writer may write while a reader copies."""

_FRAMES, _ROWS, _OLDEST = 0, 8, 16  # control words, all the environment's


def replay_fields(
    capacity: int, frame_shape: tuple[int, ...], frame_dtype: Any
) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Return the arena fields of a store of that many frames.

    Examples
    --------
    >>> fields = replay_fields(1_000_000, (84, 84), np.uint8)
    >>> sum(np.dtype(dtype).itemsize * int(np.prod(shape)) for dtype, shape in fields.values()) / 1e9 < 8
    True
    """
    slots = capacity + RESERVE
    return {
        "replay_control": (np.int64, (24,)),
        "replay_frames": (frame_dtype, (slots, *frame_shape)),
        "replay_rows": (TRANSITION_DTYPE, (slots,)),
        "replay_priorities": (np.float32, (slots + 1,)),
    }


class ReplayStore:
    """The store, seen by its writer and its readers.

    Parameters
    ----------
    arena
        Memory with the fields of `replay_fields`.
    discount
        Of the reward one frame later.
    steps
        Successive transitions that a drawn one spans.
    """

    def __init__(self, arena: Arena, discount: float, steps: int = 1) -> None:
        self._control: NDArray[np.int64] = arena["replay_control"]
        self._frames, self._rows = arena["replay_frames"], arena["replay_rows"]
        self._priorities: NDArray[np.float32] = arena["replay_priorities"]  # the last: largest so far, 0 before any
        self._discount, self._steps, self._slots = discount, steps, len(self._rows)

    # the writer

    def put_frame(self, index: int, pixels: NDArray[Any]) -> None:
        """Keep frame ``index``; indices increase, with gaps perhaps."""
        self._control[_FRAMES] = index + 1  # first: whoever copies the slot's old frame finds it out of date
        self._frames[index % self._slots] = pixels
        rows, last, oldest = self._rows, int(self._control[_ROWS]), int(self._control[_OLDEST])
        gone = index + 1 - self._slots + RESERVE
        while oldest < last and int(rows[oldest % self._slots]["observation_frame"]) < gone:
            oldest += 1
        self._control[_OLDEST] = oldest

    def put_transition(self, transition: Transition) -> None:
        """Keep a transition between frames that were put before."""
        count = int(self._control[_ROWS])
        row = transition
        self._rows[count % self._slots] = (
            row.observation_frame,
            row.effect_frame,
            row.next_observation_frame,
            row.reward,
            row.frames,
            row.action,
        )
        self._priorities[count % self._slots] = self._priorities[-1] or 1.0  # a new one is soon drawn
        self._control[_ROWS] = count + 1

    # readers

    @property
    def written(self) -> int:
        """Transitions written so far."""
        return int(self._control[_ROWS])

    @property
    def available(self) -> int:
        """Transitions that can be drawn."""
        return max(0, self.written - self._steps + 1 - self._oldest())

    def _oldest(self) -> int:
        return max(int(self._control[_OLDEST]), self.written - self._slots + RESERVE, 0)

    def draw(
        self, generator: np.random.Generator, size: int, prioritisation: float = 0.0, importance: float = 0.0
    ) -> Batch:
        """Return transitions drawn with replacement; some must be `available`.

        Parameters
        ----------
        generator
            Source of the draws.
        size
            How many.
        prioritisation
            alpha: a transition is drawn in proportion to its priority^alpha; 0 for uniformly. (The sums are computed
            for each batch, in time proportional to what is available: 4 ms for a million.)
        importance
            beta: its weight in the loss is (number available * its probability)^-beta, divided by the batch's largest.

        References
        ----------
        Schaul, Quan, Antonoglou & Silver 2016, "Prioritized experience replay", equation 1 and section 3.4.
        """
        while True:
            first, last = self._oldest(), self.written - self._steps + 1
            weights = None
            if prioritisation == 0.0:
                numbers = generator.integers(first, last, size)
            else:
                share = np.cumsum(
                    self._priorities[np.arange(first, last) % self._slots].astype(float) ** prioritisation
                )
                picked = np.searchsorted(share, generator.random(size) * share[-1], side="right")
                numbers = first + np.minimum(picked, last - first - 1)
                probability = np.diff(share, prepend=0.0)[numbers - first] / share[-1]
                weights = ((last - first) * probability) ** -importance
                weights = (weights / weights.max()).astype(np.float32)
            batch = self.read(numbers)
            if batch is not None:
                return batch if weights is None else replace(batch, weights=weights)

    def set_priorities(self, numbers: NDArray[np.int64], priorities: NDArray[Any]) -> None:
        """Set the priorities of transitions, positive numbers; those written over meanwhile are left alone."""
        there = numbers > self.written - self._slots
        self._priorities[numbers[there] % self._slots] = priorities[there]
        self._priorities[-1] = max(self._priorities[-1], priorities.max(initial=0.0))

    def read(self, numbers: NDArray[np.int64]) -> Batch | None:
        """Return the transitions of these numbers (counted from the first ever written), shape (size,).

        With ``steps`` n each goes on over the n - 1 transitions that follow it, as far as they are one chain. None if
        one of them was written over meanwhile.
        """
        start = self._rows[numbers % self._slots]
        rewards = start["reward"].astype(np.float64)
        spans = start["frames"].astype(np.int64)
        end = start.copy()
        for step in range(1, self._steps):
            following = self._rows[(numbers + step) % self._slots]
            goes_on = (following["effect_frame"] == start["effect_frame"] + spans) & (
                end["next_observation_frame"] >= 0
            )
            rewards += np.where(goes_on, self._discount**spans * following["reward"], 0.0)
            spans += np.where(goes_on, following["frames"], 0)
            end = np.where(goes_on, following, end)
        ended = end["next_observation_frame"] < 0
        next_frames = np.where(ended, start["observation_frame"], end["next_observation_frame"])
        batch = Batch(
            observations=self._frames[start["observation_frame"] % self._slots],
            actions=start["action"].astype(np.int64),
            rewards=rewards.astype(np.float32),
            discounts=np.where(ended, 0.0, self._discount**spans).astype(np.float32),
            next_observations=self._frames[next_frames % self._slots],
            rows=numbers,
        )
        oldest_frame = int(self._control[_FRAMES]) - self._slots
        whole = min(start["observation_frame"].min(), next_frames.min()) >= oldest_frame
        return batch if whole and numbers.min() > self.written - self._slots else None
