"""What is learned, in shared memory: weights, target weights, Adam's moments and counters, and how an update changes
them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...policies.learning.adam import adam_step
from ...policies.learning.settings import LearningSettings
from ..system.arena import Arena
from .snapshots import WeightSnapshots, snapshot_fields

__all__ = ["LearnedState", "StateCopy", "state_fields"]

UPDATES, TARGETS, PAST_FRAMES, DRAWN = 0, 1, 2, 3
_ARRAYS = ("weights", "target", "first_moment", "second_moment")


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
        """Return a copy, with that many frames played in this run; no process may be changing it."""
        arrays = {name: array.copy() for name, array in self._arrays.items()}
        return StateCopy(**arrays, updates=self.updates, targets=self.targets, frames=self.past_frames + frames)
