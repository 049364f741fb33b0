"""What is learned, in shared memory: weights, target weights, Adam's moments and counters, and how an update changes
them.

Workers read the weights while learners change them: no worker sees half-written weights and none waits. There are two
copies. A worker uses the current one, in place: it announces which copy it reads and then checks that this is still the
current one. A publisher writes the other copy, only if no worker has announced it, and then makes it the current one.
If a worker still reads it (an inference that began before the last change), publishing is left to the next update, so a
copy is at most one inference older than it could be. A reader copies nothing, however large the network.

The announcement must be visible before the second look; on x86-64 a store may pass a later load, but for less time than
an interpreter takes from one to the other.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...policies.learning.settings import LearningSettings
from ...policies.learning.updates import adam_step
from ..system.arena import Arena

__all__ = ["LearnedState", "StateCopy", "WeightSnapshots", "snapshot_fields", "state_fields"]

_NONE, _CURRENT, _VERSION = -1, 0, 8
UPDATES, TARGETS, PAST_FRAMES, DRAWN = 0, 1, 2, 3
_ARRAYS = ("weights", "target", "first_moment", "second_moment")


def snapshot_fields(readers: int, parameters: int) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Return the arena fields of snapshots of that many weights for that many readers."""
    return {
        "snapshot_control": (np.int64, (16,)),
        "snapshot_readers": (np.int64, (readers,)),
        "snapshots": (np.float32, (2, parameters)),
    }


class WeightSnapshots:
    """The two copies, seen by readers and by the publisher (one at a time, under the learners' lock).

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


def state_fields(readers: int, parameters: int) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Return the arena fields of what is learned."""
    arrays = dict.fromkeys(_ARRAYS, (np.float32, (parameters,)))
    return {"learned_counters": (np.int64, (8,)), **arrays, **snapshot_fields(readers, parameters)}


@dataclass(frozen=True)
class StateCopy:
    """What is learned at one moment: flat arrays of shape (count,) and counters.

    Attributes
    ----------
    weights, target, first_moment, second_moment
        Of the network, the target network and Adam.
    updates
        Gradients applied.
    targets
        Copies of the weights to the target network.
    frames
        Frames played while learning, in this run and those it resumes.
    """

    weights: NDArray[np.float32]
    target: NDArray[np.float32]
    first_moment: NDArray[np.float32]
    second_moment: NDArray[np.float32]
    updates: int = 0
    targets: int = 0
    frames: int = 0


class LearnedState:
    """What is learned, seen by those who change it (one at a time) and by those who copy it.

    Parameters
    ----------
    arena
        Memory with the fields of `state_fields`.
    settings
        Learning rate and how often the target network follows.
    """

    def __init__(self, arena: Arena, settings: LearningSettings) -> None:
        self.counters: NDArray[np.int64] = arena["learned_counters"]
        self._arrays = {name: arena[name] for name in _ARRAYS}
        self._settings = settings
        self.snapshots = WeightSnapshots(arena)

    def prepare(self, start: StateCopy) -> None:
        """Set the first state; once, before anybody looks."""
        for name in _ARRAYS:
            self._arrays[name][:] = getattr(start, name)
        self.counters[:3] = start.updates, start.targets, start.frames
        self.snapshots.prepare(start.weights)

    @property
    def weights(self) -> NDArray[np.float32]:
        """The weights that gradients are applied to."""
        return self._arrays["weights"]

    @property
    def target(self) -> NDArray[np.float32]:
        """The target network's weights."""
        return self._arrays["target"]

    @property
    def updates(self) -> int:
        """Gradients applied."""
        return int(self.counters[UPDATES])

    @property
    def targets(self) -> int:
        """Copies of the weights to the target network."""
        return int(self.counters[TARGETS])

    @property
    def past_frames(self) -> int:
        """Frames played in the runs that this one resumes."""
        return int(self.counters[PAST_FRAMES])

    def apply(self, gradient: NDArray[np.float32]) -> None:
        """Take a step against a gradient, move the target if it is time, and publish the weights."""
        arrays = self._arrays
        step = self.updates + 1
        first, second = arrays["first_moment"], arrays["second_moment"]
        adam_step(arrays["weights"], gradient, first, second, step, self._settings.learning_rate)
        if step % self._settings.target_every == 0:
            arrays["target"][:] = arrays["weights"]
            self.counters[TARGETS] += 1
        self.counters[UPDATES] = step
        self.snapshots.publish(arrays["weights"])

    def copy(self, frames: int) -> StateCopy:
        """Return a copy, with that many frames played in this run; the caller holds the learners' lock."""
        arrays = {name: array.copy() for name, array in self._arrays.items()}
        return StateCopy(**arrays, updates=self.updates, targets=self.targets, frames=self.past_frames + frames)
