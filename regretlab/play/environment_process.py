"""The environment's process: plays the emulator on absolute deadlines and never waits for any worker."""

import gc
import time
import traceback
from typing import Any

import numpy as np

from ..records.schema import FrameRow, InferenceRow
from .learning.transitions import TransitionWriter
from .loop import DefaultBehaviour, EnvironmentPlan, FrameLoop
from .system.arena import Arena
from .system.board import ENVIRONMENT, ENVIRONMENT_READY, EPOCH, MISSED, STOP, Board
from .system.clock import RealClock, raise_priority, sharpen_timers
from .system.processes import become_child, compile_transitions
from .system.synchronisation import SemaphoreRow

__all__ = ["LONGEST_CATCH_UP", "play"]

LONGEST_CATCH_UP = 1.0
"""Seconds: after a longer gap (a suspended machine) the frames in it are counted as missed, not played in a burst."""


def play(arena: Arena, plan: EnvironmentPlan, learning: Arena | None = None) -> None:
    """Run the environment's process (the target of its ``Process``); ``learning`` takes the frames to learn from."""
    become_child("rl-environment")
    board = Board(arena)
    try:
        _play(board, plan, learning)
    except BaseException:
        board.report_error(board.environment_slot, traceback.format_exc())
        raise SystemExit(1) from None


def _play(board: Board, plan: EnvironmentPlan, learning: Arena | None) -> None:
    game = plan.open()
    game.reset(seed=plan.seed)
    default = DefaultBehaviour.of(plan, game)
    compile_transitions()
    for _ in range(60):  # touch every page and code path, then start over
        if any(game.step(default.action(None))[2:4]):
            game.reset()
    loop = FrameLoop(plan, game)
    transitions = None if learning is None else TransitionWriter(learning, plan.learning)
    board.report_priority(ENVIRONMENT, raise_priority())
    sharpen_timers()
    gc.collect()
    gc.freeze()
    gc.disable()  # nothing here makes cycles; a collection would come late
    board.control[ENVIRONMENT_READY] = 1
    while not board.control[EPOCH]:
        if board.control[STOP]:
            return
        time.sleep(0.005)
    loop.run(_WallClock(board, plan.frame_time, transitions))
    game.close()


class _WallClock:
    """The wall clock: absolute deadlines, frames to the board, outputs and rows from it (a ``FrameClock``)."""

    def __init__(self, board: Board, frame_time: float, transitions: TransitionWriter | None) -> None:
        self._board, self._frame_time, self._transitions = board, frame_time, transitions
        self._control, self._claims = board.control, board.arena["claims"]
        self._semaphores = SemaphoreRow(board.arena["semaphores"])
        self._seconds = board.arena["processor_seconds"]
        self._clock = RealClock(int(self._control[EPOCH]))
        self._next, self._shown, self._asleep = 0, -1, 0.0
        self._used = time.process_time()

    def boundary(self, played: int) -> tuple[int, float] | None:
        """Wait for the next boundary; frames in a long gap are counted as missed."""
        while not self._control[STOP]:
            deadline = self._next * self._frame_time
            self._clock.sleep_until(deadline)
            lateness = self._clock.now() - deadline
            if lateness > LONGEST_CATCH_UP:
                behind = int(lateness / self._frame_time)
                self._control[MISSED] += behind
                self._next += behind
                continue
            if (asleep := self._clock.suspended() - self._asleep) > self._frame_time:
                behind = int(asleep / self._frame_time)
                self._control[MISSED] += behind  # the clock stood still meanwhile, so the frames are counted on
                self._asleep += behind * self._frame_time
            self._next += 1
            return self._next - 1, lateness
        return None

    def show(self, index: int, observation: Any, label: int) -> None:
        """Publish a frame and wake the workers that have claimed it."""
        self._board.publish(index, observation, label)
        for worker in np.flatnonzero((self._claims > self._shown) & (self._claims <= index)):
            self._semaphores.post(int(worker))
        self._shown = index
        if self._transitions is not None:
            self._transitions.show(index, observation)

    def released(self, index: int) -> list[InferenceRow]:
        """Return the outputs that were posted; some may be for later (emulated times)."""
        rows = self._board.take()
        for cancelled in (row for row in rows if row.cancelled):
            self._board.write_inference(cancelled)
        return [row for row in rows if not row.cancelled]

    def within(self, index: int) -> tuple[InferenceRow, ...]:
        """Return nothing: what completes later is posted later."""
        return ()

    def played(self, frame: FrameRow, finished: list[InferenceRow]) -> None:
        """Hand rows to the recorder and to those who learn."""
        for inference in finished:
            self._board.write_inference(inference)
        self._board.write_frame(frame)
        if self._transitions is not None:
            self._transitions.played(frame)
        self._seconds[self._board.environment_slot] = time.process_time() - self._used

    def ended(self, unfinished: list[InferenceRow]) -> None:
        """Hand the recorder what never reached a frame."""
        for inference in unfinished:
            self._board.write_inference(inference)
