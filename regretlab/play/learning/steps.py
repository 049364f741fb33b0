"""Learning steps by several processes on one shared state, in the order in which their batches were drawn.

Drawing takes a ticket and copies the weights; a gradient is applied when every earlier ticket has been. With equal step
times that is round-robin over the learners (Langford, Smola & Zinkevich 2009, "Slow learners are fast"): a gradient is
of weights at most N_L - 1 updates old. The only lock is among those who learn; environment and workers never take it. A
learner that dies leaves its ticket to the supervisor, which strikes it out.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...policies.learning.replay import BatchDrawer, ReplayStore
from ...policies.learning.settings import LearningSettings
from ...policies.learning.updates import Batch, GradientComputer
from ...policies.spec import PolicySpec
from ...records.schema import LEARNING_DTYPE, LearningRow
from ..system.arena import Arena
from ..system.synchronisation import LOCK_BYTES, SEMAPHORE_BYTES, RobustLock, SemaphoreRow
from .state import LearnedState

__all__ = ["DRAWN", "NO_TICKET", "Gradients", "LearningSteps", "steps_fields", "strike_out", "take_step_rows"]

NO_TICKET = -1
DRAWN = 0
"""Control word: batches drawn so far by all learners."""
STEP_ROWS = 1 << 12
"""Rows of the record a learner may be ahead of the recorder; older ones are written over."""
LONGEST_WAIT = 0.05
"""Seconds a learner waits for its turn before it looks whether the run has ended."""


def steps_fields(learners: int) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Return the arena fields that learners need among themselves."""
    return {
        "learning_control": (np.int64, (8,)),
        "learning_lock": (np.uint8, (LOCK_BYTES,)),
        "learning_semaphores": (np.uint8, (learners, SEMAPHORE_BYTES)),
        "tickets": (np.int64, (learners,)),
        "learners_ready": (np.uint8, (learners,)),
        "learning_seconds": (np.float64, (learners,)),
        "step_rows": (LEARNING_DTYPE, (learners, STEP_ROWS)),
        "step_heads": (np.int64, (learners,)),
        "step_tails": (np.int64, (learners,)),
    }


def take_step_rows(arena: Arena) -> NDArray[np.void]:
    """Return the rows of ``LEARNING_DTYPE`` noted since the last call, in the order of their batches."""
    rows, heads, tails = arena["step_rows"], arena["step_heads"].copy(), arena["step_tails"]
    taken = [
        rows[learner, np.arange(max(tails[learner], heads[learner] - STEP_ROWS), heads[learner]) % STEP_ROWS]
        for learner in range(len(heads))
    ]
    tails[:] = heads
    return np.sort(np.concatenate(taken), order="batch")


def strike_out(arena: Arena, learner: int) -> None:
    """Take a dead learner's ticket away and let the others go on."""
    lock, semaphores = RobustLock(arena["learning_lock"]), SemaphoreRow(arena["learning_semaphores"])
    with lock.hold():
        arena["tickets"][learner] = NO_TICKET
    for other in range(len(arena["tickets"])):
        semaphores.post(other)


class Gradients(Protocol):
    """What computes gradients; attributes as those of ``GradientComputer``."""

    weights: NDArray[np.float32]
    target: NDArray[np.float32]
    gradient: NDArray[np.float32]
    differences: NDArray[np.float32]
    version: tuple[int, int] | None

    def compute(self, batch: Batch) -> Any:
        """Fill in `gradient` and `differences`."""
        ...


class LearningSteps:
    """The learning steps of one process.

    Parameters
    ----------
    arena
        Memory of the run's learning.
    spec, settings
        The network and how it learns.
    learner
        Number of this learner.
    stream
        Seed of its draws.
    computer
        What computes the gradients; None for this process.
    """

    def __init__(
        self,
        arena: Arena,
        spec: PolicySpec,
        settings: LearningSettings,
        learner: int,
        stream: tuple[int, ...],
        computer: Gradients | None = None,
    ) -> None:
        self._learner, self._ticket = learner, NO_TICKET
        self._control: NDArray[np.int64] = arena["learning_control"]
        self._tickets: NDArray[np.int64] = arena["tickets"]
        self._lock = RobustLock(arena["learning_lock"])
        self._semaphores = SemaphoreRow(arena["learning_semaphores"])
        self._state = LearnedState(arena, settings)
        self._drawer = BatchDrawer(ReplayStore(arena, settings.steps), settings, stream)
        self._computer: Gradients = computer or GradientComputer(spec, settings.gradient_clip, double=settings.double)
        self._rows, self._heads = arena["step_rows"][learner], arena["step_heads"]
        self._targets = -1
        self._applied = NO_TICKET
        self._spec, self._settings = spec, settings

    def warm_up(self) -> None:
        """Compute a gradient of nothing, so that the first real one is not the slowest."""
        size = self._settings.batch
        frames = np.zeros((size, *self._spec.frame_shape), np.uint8)
        zeros = np.zeros(size, np.float32)
        self._computer.compute(Batch(frames, np.zeros(size, np.int64), zeros, zeros, frames, np.zeros(size, np.int64)))

    def begin(self) -> bool:
        """Take a ticket and the present weights if a batch is due; return whether one is."""
        if not self._drawer.is_due(int(self._control[DRAWN])):
            return False
        with self._lock.hold():
            if not self._drawer.is_due(int(self._control[DRAWN])):
                return False
            self._ticket = int(self._control[DRAWN])
            self._tickets[self._learner] = self._ticket
            self._control[DRAWN] = self._ticket + 1
            np.copyto(self._computer.weights, self._state.weights)
            if self._targets != self._state.targets:
                np.copyto(self._computer.target, self._state.target)
                self._targets = self._state.targets
            self._computer.version = self._state.updates, self._targets
        return True

    def compute(self) -> None:
        """Draw the batch and compute its gradient."""
        batch = self._drawer.draw()
        self._computer.compute(batch)
        self._drawer.learned(batch, self._computer.differences)

    def apply(self) -> bool:
        """Apply the gradient if it is next, else wait a while for that; return whether it was applied."""
        with self._lock.hold():
            if self._is_next():
                self._state.apply(self._computer.gradient)
                self._tickets[self._learner] = NO_TICKET
                waiting = np.flatnonzero(self._tickets > self._ticket)
                self._applied, self._ticket = self._ticket, NO_TICKET
            else:
                waiting = None
        if waiting is None:
            self._semaphores.wait(self._learner, LONGEST_WAIT)
            return False
        for learner in waiting:
            self._semaphores.post(int(learner))
        return True

    def note(self, began: float, ready: float, turn: float, applied: float) -> None:
        """Hand the recorder the times of the step that was applied last (see ``regretlab.records.schema``)."""
        head = int(self._heads[self._learner])
        self._rows[head % STEP_ROWS] = LearningRow(
            learner=self._learner, batch=self._applied, began=began, ready=ready, turn=turn, applied=applied
        )
        self._heads[self._learner] = head + 1

    def _is_next(self) -> bool:
        drawn = self._tickets[self._tickets != NO_TICKET]
        return bool(self._ticket <= drawn.min())
