"""Replay and the schedule of updates, the same for agents in one process and for learners next to staggered workers.

The store holds the last observations of play, each once, and the transitions between them. One process writes, any
number read, and no process waits: the store is two rings, and a reader that has copied checks whether what it copied
may have been written over meanwhile. A frame of 84 x 84 bytes takes 7,056 bytes and a transition 36 with its priority,
so 1,000,000 of each take 7.09 GB; a page of memory costs nothing until it is first written.
"""

from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .settings import LearningSettings
from .updates import Batch

__all__ = [
    "LEAST_PRIORITY",
    "RESERVE",
    "TRANSITION_DTYPE",
    "BatchDrawer",
    "ReplayStore",
    "is_due",
    "private_arrays",
    "replay_fields",
]

TRANSITION_DTYPE = np.dtype(
    [
        ("observation", np.int64),
        ("next_observation", np.int64),
        ("reward", np.float32),
        ("discount", np.float32),
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


class Arrays(Protocol):
    """Arrays by name: shared memory, or a dictionary."""

    def __getitem__(self, name: str, /) -> NDArray[Any]:
        """Return the array of that name."""


def private_arrays(fields: dict[str, tuple[Any, tuple[int, ...]]]) -> dict[str, NDArray[Any]]:
    """Return arrays of zeros with those fields, for a store of one process."""
    return {name: np.zeros(shape, dtype) for name, (dtype, shape) in fields.items()}


class ReplayStore:
    """The store, seen by its writer and its readers.

    Parameters
    ----------
    arrays
        Memory with the fields of `replay_fields`.
    steps
        Successive transitions that a drawn one spans.

    Examples
    --------
    >>> store = ReplayStore(private_arrays(replay_fields(8, (1,), np.float32)), steps=2)
    >>> for number in range(4):
    ...     store.put_frame(number, np.array([number]))
    ...     if number:
    ...         store.put_transition(number - 1, action=0, reward=1.0, discount=0.5, next_observation=number)
    >>> batch = store.read(np.array([1]))
    >>> float(batch.rewards[0]), float(batch.discounts[0]), float(batch.next_observations[0, 0])
    (1.5, 0.25, 3.0)
    """

    def __init__(self, arrays: Arrays, steps: int = 1) -> None:
        self._control: NDArray[np.int64] = arrays["replay_control"]
        self._frames, self._rows = arrays["replay_frames"], arrays["replay_rows"]
        self._priorities: NDArray[np.float32] = arrays["replay_priorities"]  # the last: largest so far, 0 before any
        self._steps, self._slots = steps, len(self._rows)

    # the writer

    def put_frame(self, index: int, pixels: NDArray[Any]) -> None:
        """Keep frame ``index``; indices increase, with gaps perhaps."""
        self._control[_FRAMES] = index + 1  # first: a reader that copies the old frame of the slot finds it out of date
        self._frames[index % self._slots] = pixels
        rows, last, oldest = self._rows, int(self._control[_ROWS]), int(self._control[_OLDEST])
        gone = index + 1 - self._slots + RESERVE
        while oldest < last and int(rows[oldest % self._slots]["observation"]) < gone:
            oldest += 1
        self._control[_OLDEST] = oldest

    def put_transition(
        self, observation: int, action: int, reward: float, discount: float, next_observation: int
    ) -> None:
        """Keep a transition between two frames that were put before.

        Parameters
        ----------
        observation, next_observation
            Numbers of the frames; -1 for the second if the episode ended.
        action, reward
            What was chosen, and the reward until the next decision.
        discount
            Of what follows; 0 if the episode ended.
        """
        count = int(self._control[_ROWS])
        self._rows[count % self._slots] = (observation, next_observation, reward, discount, action)
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
        rewards, discounts = start["reward"].astype(np.float64), start["discount"].astype(np.float64)
        end = start["next_observation"].copy()
        goes_on = end >= 0
        for step in range(1, self._steps):
            following = self._rows[(numbers + step) % self._slots]
            goes_on &= (following["observation"] == end) & (end >= 0)
            rewards += np.where(goes_on, discounts * following["reward"], 0.0)
            discounts *= np.where(goes_on, following["discount"], 1.0)
            end = np.where(goes_on, following["next_observation"], end)
        next_frames = np.where(end < 0, start["observation"], end)
        batch = Batch(
            observations=self._frames[start["observation"] % self._slots],
            actions=start["action"].astype(np.int64),
            rewards=rewards.astype(np.float32),
            discounts=discounts.astype(np.float32),
            next_observations=self._frames[next_frames % self._slots],
            rows=numbers,
        )
        oldest_frame = int(self._control[_FRAMES]) - self._slots
        whole = min(start["observation"].min(), next_frames.min()) >= oldest_frame
        return batch if whole and numbers.min() > self.written - self._slots else None


LEAST_PRIORITY = 1e-3
"""Added to the priority of a transition, so that one whose value is right is still drawn now and then."""


def is_due(written: int, available: int, batches: int, settings: LearningSettings) -> bool:
    """Return whether another batch may be drawn: often enough for the transitions since a first batch was possible.

    Transitions before that are in the store but are not caught up with, so learning begins without a burst.

    Parameters
    ----------
    written, available
        Transitions written so far, and those that can be drawn.
    batches
        Batches drawn so far in this run, by all learners.
    settings
        Size of a batch and the replay ratio.

    Examples
    --------
    One batch of 4 for each transition, once there are 4:

    >>> settings = LearningSettings(batch=4, replay_ratio=4, minimum=4)
    >>> [is_due(written, written, 0, settings) for written in (3, 4)]
    [False, True]
    >>> is_due(10, 10, 7, settings), is_due(11, 11, 7, settings)
    (False, True)
    """
    since = settings.counted(written)
    return available > 0 and (batches + 1) * settings.batch <= since * settings.draws_per_transition


class BatchDrawer:
    """Draws the batches of one learner.

    Parameters
    ----------
    store
        Where from.
    settings
        Size of a batch and the replay ratio.
    stream
        Seed of the draws, a few whole numbers.
    """

    def __init__(self, store: ReplayStore, settings: LearningSettings, stream: tuple[int, ...]) -> None:
        self._store, self._settings = store, settings
        self._generator = np.random.default_rng([*stream, 0xBA7C])

    def is_due(self, batches: int) -> bool:
        """Return whether another batch may be drawn when all learners together have drawn that many."""
        return is_due(self._store.written, self._store.available, batches, self._settings)

    def draw(self, importance: float | None = None) -> Batch:
        """Return a batch; ``importance`` if it is not the settings'."""
        settings = self._settings
        beta = settings.importance if importance is None else importance
        return self._store.draw(self._generator, settings.batch, settings.prioritisation, beta)

    def learned(self, batch: Batch, differences: NDArray[np.float32]) -> None:
        """Note by how much the values of a batch were off, where that decides what is drawn next."""
        if self._settings.prioritisation:
            self._store.set_priorities(batch.rows, np.abs(differences) + LEAST_PRIORITY)
