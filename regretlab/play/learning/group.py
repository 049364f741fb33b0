"""The learners of a realtime run, as the supervisor has them: started, watched, replaced, checkpointed, ended."""

import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import RunError
from ...policies.learning.replay import ReplayStore, replay_fields
from ..configuration import RunConfiguration
from ..preparation import Prepared
from ..system.arena import Arena
from ..system.board import Board
from ..system.synchronisation import RobustLock, SemaphoreRow
from .checkpoints import first_state, save_checkpoint
from .learner_process import LearnerPlan, learn
from .state import LearnedState, StateCopy, state_fields
from .steps import DRAWN, NO_TICKET, steps_fields, strike_out, take_step_rows

__all__ = ["LearnerGroup"]

Spawn = Callable[[Callable[..., None], tuple[Any, ...]], BaseProcess]


class LearnerGroup:
    """The processes and the memory of a run's learning.

    Parameters
    ----------
    configuration, prepared
        The run. With blocking learning there is no process, only the memory.
    most_restarts
        How often one learner's slot is filled again before the run gives up.

    Attributes
    ----------
    arena
        The memory, for the environment's and the workers' processes.
    plan
        What the learners receive.
    """

    def __init__(self, configuration: RunConfiguration, prepared: Prepared, most_restarts: int) -> None:
        environment, settings = prepared.environment, configuration.learning
        self._count, self._most_restarts = configuration.learners, most_restarts
        self.arena = Arena(
            {
                **replay_fields(settings.replay, environment.frame_shape, environment.frame_dtype),
                **state_fields(configuration.workers, prepared.parameter_count),
                **steps_fields(max(1, self._count)),
            }
        )
        self.arena["tickets"][:] = NO_TICKET
        self._lock = RobustLock(self.arena["learning_lock"], create=True)
        SemaphoreRow(self.arena["learning_semaphores"], create=True)
        self._state = LearnedState(self.arena, settings)
        start = first_state(prepared.policy, configuration.resume)
        self._state.prepare(start)
        self._first_updates = start.updates
        self._store = ReplayStore(self.arena, settings.steps)
        self.plan = LearnerPlan(
            policy=prepared.policy,
            settings=settings,
            seed=configuration.seed,
            emulated_law=configuration.learning_law(),
            workers=configuration.workers,
            blocking=configuration.blocking_learning,
        )
        self.processes: list[BaseProcess] = []
        self._attempts = [0] * self._count
        self._checkpointed = time.monotonic()

    def start(self, board: Arena, spawn: Spawn) -> None:
        """Start the processes."""
        self._board, self._spawn = board, spawn
        self.processes = [self._started(learner) for learner in range(self._count)]

    @property
    def is_ready(self) -> bool:
        """Whether all learners wait for the run to begin."""
        return bool(self.arena["learners_ready"][: self._count].all())

    def replace_dead(
        self, note: Callable[..., None], obituary: Callable[[str, BaseProcess, int], RunError], *, restart: bool
    ) -> None:
        """Start killed learners again if allowed, noting each; raise what one died of otherwise."""
        for learner, process in enumerate(self.processes):
            if process.exitcode is None or (process.exitcode == 0 and not restart):
                continue
            if process.exitcode >= 0 or not restart:
                raise obituary(f"learner {learner}", process, Board(self._board).learner_slot(learner))
            if self._attempts[learner] >= self._most_restarts:
                raise RunError(
                    f"learner {learner} was killed {self._most_restarts + 1} times: something on this machine ends it"
                )
            strike_out(self.arena, learner)
            self._attempts[learner] += 1
            note(learner=learner, signal=-process.exitcode)
            self.processes[learner] = self._started(learner)

    def forget_worker(self, worker: int) -> None:
        """Free the weights that a dead worker was reading, and the ticket it had if it learned itself."""
        self._state.snapshots.end(worker)
        if self.plan.blocking:
            strike_out(self.arena, 0)

    def checkpoint_if_due(self, folder: Path, frames: int) -> bool:
        """Write a checkpoint if the last one is old enough; return whether it did."""
        if time.monotonic() - self._checkpointed < self.plan.settings.checkpoint_every:
            return False
        self.checkpoint(folder, frames)
        return True

    def checkpoint(self, folder: Path, frames: int) -> None:
        """Write a checkpoint of the present state."""
        with self._lock.hold():
            state: StateCopy = self._state.copy(frames)
        save_checkpoint(folder, self.plan.policy, state)
        self._checkpointed = time.monotonic()

    def read_steps(self) -> NDArray[np.void]:
        """Return the rows of all learning steps applied since the last call."""
        return take_step_rows(self.arena)

    def figures(self) -> dict[str, Any]:
        """Return what the record says about the learning."""
        return {
            "transitions": self._store.written,
            "counted": self.plan.settings.counted(self._store.written),
            "batches": int(self.arena["learning_control"][DRAWN]),
            "updates": self._state.updates - self._first_updates,
            "busy_seconds": round(float(self.arena["learning_seconds"].sum()), 6),
            "snapshots": self._state.snapshots.version,
            "restarts": sum(self._attempts),
        }

    def _started(self, learner: int) -> BaseProcess:
        return self._spawn(learn, (self._board, self.arena, self.plan, learner, self._attempts[learner]))
