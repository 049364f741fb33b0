"""A learner's process: draws batches, computes gradients, applies them in turn, until the run ends."""

import os
import time
import traceback
from dataclasses import dataclass

from ...laws import Law
from ...policies.learning.settings import LearningSettings
from ...policies.spec import PolicySpec
from ..arena import Arena
from ..board import EPOCH, STOP, Board
from ..clock import RealClock, sharpen_timers
from ..latencies import LEARNER_STREAM, LatencyStream
from ..processes import become_child
from .steps import LearningSteps

__all__ = ["LearnerPlan", "learn"]

_POLL = 0.002  # seconds between two looks whether a batch is due
_NICENESS = 5  # a learner gives way to those who act
_LONGEST_SLEEP = 0.25


@dataclass(frozen=True)
class LearnerPlan:
    """What those who learn are told.

    ``emulated_law`` pads every learning step to a law (None: as fast as this machine learns).
    """

    policy: PolicySpec
    settings: LearningSettings
    seed: int
    emulated_law: Law | None
    workers: int
    blocking: bool

    def steps(self, arena: Arena, learner: int, attempt: int) -> LearningSteps:
        """Return the learning steps of one process."""
        stream = (self.seed, LEARNER_STREAM + learner, attempt)
        return LearningSteps(arena, self.policy, self.settings, learner, stream)

    def latencies(self, learner: int, attempt: int) -> LatencyStream | None:
        """Return its emulated step times, None if they are measured."""
        return LatencyStream.of(self.emulated_law, self.seed, LEARNER_STREAM + learner, attempt)


def learn(arena: Arena, learning: Arena, plan: LearnerPlan, learner: int, attempt: int) -> None:
    """Run a learner's process (the target of its ``Process``); ``attempt`` counts the restarts of this slot."""
    become_child(f"rl-learner-{learner}")
    board = Board(arena)
    try:
        _learn(board, learning, plan, learner, attempt)
    except BaseException:
        board.report_error(plan.workers + 3 + learner, traceback.format_exc())
        raise SystemExit(1) from None


def _learn(board: Board, learning: Arena, plan: LearnerPlan, learner: int, attempt: int) -> None:
    os.nice(_NICENESS)
    sharpen_timers()
    control, busy, latencies = board.control, learning["learning_seconds"], plan.latencies(learner, attempt)
    steps = plan.steps(learning, learner, attempt)
    steps.warm_up()
    learning["learners_ready"][learner] = 1
    while not control[EPOCH]:
        if control[STOP]:
            return
        time.sleep(0.001)
    clock = RealClock(int(control[EPOCH]))
    slot = plan.workers + 1 + learner
    before, used = float(board.arena["processor_seconds"][slot]), time.process_time()
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
        board.arena["processor_seconds"][slot] = before + time.process_time() - used
