"""A learner's process: draws batches, computes gradients, applies them in turn, until the run ends."""

import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from ...laws import Law
from ...policies.learning.settings import LearningSettings
from ...policies.spec import PolicySpec
from ..latencies import LEARNER_STREAM, LatencyStream
from ..system.arena import Arena
from ..system.board import EPOCH, STOP, Board
from ..system.clock import RealClock, sharpen_timers
from ..system.processes import become_child
from .steps import Gradients, LearningSteps

__all__ = ["NICENESS", "LearnerPlan", "learn", "take_steps"]

NICENESS = 5
"""A learner gives way to those who act."""
_POLL = 0.002  # seconds between two looks whether a batch is due
_LONGEST_SLEEP = 0.25


@dataclass(frozen=True)
class LearnerPlan:
    """What the learners receive.

    ``emulated_law`` pads every learning step to a law (None: as fast as this machine learns).
    """

    policy: PolicySpec
    settings: LearningSettings
    seed: int
    emulated_law: Law | None
    workers: int
    blocking: bool

    def steps(self, arena: Arena, learner: int, attempt: int, computer: Gradients | None = None) -> LearningSteps:
        """Return the learning steps of one learner; ``computer`` computes its gradients, or this process does."""
        stream = (self.seed, LEARNER_STREAM + learner, attempt)
        return LearningSteps(arena, self.policy, self.settings, learner, stream, computer)

    def latencies(self, learner: int, attempt: int) -> LatencyStream | None:
        """Return its emulated step times, None if they are measured."""
        return LatencyStream.of(self.emulated_law, self.seed, LEARNER_STREAM + learner, attempt)


def learn(arena: Arena, learning: Arena, plan: LearnerPlan, learner: int, attempt: int) -> None:
    """Run a learner's process (the target of its ``Process``); ``attempt`` counts the restarts of this slot."""
    become_child(f"rl-learner-{learner}")
    board = Board(arena)
    try:
        os.nice(NICENESS)
        sharpen_timers()
        steps = plan.steps(learning, learner, attempt)
        take_steps(board, learning, plan, learner, attempt, steps, time.process_time)
    except BaseException:
        board.report_error(board.learner_slot(learner), traceback.format_exc())
        raise SystemExit(1) from None


def take_steps(
    board: Board,
    learning: Arena,
    plan: LearnerPlan,
    learner: int,
    attempt: int,
    steps: LearningSteps,
    processor_time: Callable[[], float],
) -> None:
    """Get ready, wait for the start, then learn until the run ends.

    Parameters
    ----------
    board, learning, plan, learner, attempt
        Of the run; the slot, and how often it was filled before.
    steps
        The learner's steps.
    processor_time
        Returns the processor seconds that this learner has used.
    """
    control, busy, latencies = board.control, learning["learning_seconds"], plan.latencies(learner, attempt)
    steps.warm_up()
    learning["learners_ready"][learner] = 1
    while not control[EPOCH]:
        if control[STOP]:
            return
        time.sleep(0.001)
    clock = RealClock(int(control[EPOCH]))
    slot = plan.workers + 1 + learner
    before, used = float(board.arena["processor_seconds"][slot]), processor_time()
    free = clock.now()
    while not control[STOP]:
        if not steps.begin():
            time.sleep(_POLL)
            free = clock.now()
            continue
        began = free  # what lies between two steps is part of an emulated one
        steps.compute()
        free = max(clock.now(), began + latencies.next()) if latencies is not None else clock.now()
        while not control[STOP] and clock.now() < free:
            clock.sleep_until(min(free, clock.now() + _LONGEST_SLEEP), spin=0.0)
        busy[learner] += free - began
        ready, turn, applied = free, clock.now(), False
        while not control[STOP] and not (applied := steps.apply()):
            free = turn = clock.now()  # it waits for its turn
        if applied:
            steps.note(began, ready, turn, clock.now())
        if latencies is None:
            free = clock.now()
        board.arena["processor_seconds"][slot] = before + processor_time() - used
