"""The environment's process: plays the emulator on absolute deadlines and never waits for anybody.

At boundary k it publishes frame k, applies the freshest output released by then (else the default behaviour) and
plays the frame; what that shows is published at boundary k + 1, when a real screen would show it.
"""

import gc
import time
import traceback
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from ..games import make_game
from .learning.telling import Teller
from .serving import DefaultBehaviour, FrameService, Output, PlayedFrame
from .system.arena import Arena
from .system.board import ENVIRONMENT_READY, EPOCH, MISSED, STOP, Board
from .system.clock import RealClock, raise_priority, sharpen_timers
from .system.processes import become_child, compile_transitions
from .system.synchronisation import SemaphoreRow

__all__ = ["LONGEST_CATCH_UP", "EnvironmentPlan", "play"]

LONGEST_CATCH_UP = 1.0
"""Seconds: after a longer gap (a suspended machine) the frames in it are counted as missed, not played in a burst."""


@dataclass(frozen=True)
class EnvironmentPlan:
    """What the environment's process needs: the game (with its registration), its length and the default behaviour."""

    environment: str
    options: dict[str, Any]
    frames: int
    frame_time: float
    default_behaviour: str
    seed: int
    workers: int
    discount: float = 1.0
    default_action: int | None = None
    registration: Any = None


def play(arena: Arena, plan: EnvironmentPlan, learning: Arena | None = None) -> None:
    """Run the environment's process (the target of its ``Process``); ``learning`` takes the frames to learn from."""
    become_child("rl-environment")
    board = Board(arena)
    try:
        _play(board, plan, learning)
    except BaseException:
        board.report_error(plan.workers, traceback.format_exc())
        raise SystemExit(1) from None


def _play(board: Board, plan: EnvironmentPlan, learning: Arena | None) -> None:
    control, claims = board.control, board.arena["claims"]
    semaphores = SemaphoreRow(board.arena["semaphores"])
    if plan.registration is not None:
        gymnasium.registry.setdefault(plan.registration.id, plan.registration)
    game = make_game(plan.environment, **plan.options)
    observation, info = game.reset(seed=plan.seed)
    default = DefaultBehaviour.of(game, plan.default_behaviour, plan.seed, plan.default_action)
    compile_transitions()
    for _ in range(60):  # touch every page and code path, then start over
        if any(game.step(default.action(None))[2:4]):
            game.reset()
    observation, info = game.reset(seed=plan.seed)
    service = FrameService(plan.frame_time)
    teller = None if learning is None else Teller(learning, plan.discount)
    board.report_error(plan.workers + 1, raise_priority())
    sharpen_timers()
    gc.collect()
    gc.freeze()
    gc.disable()  # nothing here makes cycles; a collection would come late
    control[ENVIRONMENT_READY] = 1
    while not control[EPOCH]:
        if control[STOP]:
            return
        time.sleep(0.005)
    clock = RealClock(int(control[EPOCH]))
    index, played, last, asleep = 0, 0, -1, 0.0
    used = time.process_time()
    while played < plan.frames and not control[STOP]:
        deadline = index * plan.frame_time
        clock.sleep_until(deadline)
        lateness = clock.now() - deadline
        if lateness > LONGEST_CATCH_UP:
            behind = int(lateness / plan.frame_time)
            control[MISSED] += behind
            index += behind
            continue
        if clock.suspended() - asleep > plan.frame_time:
            behind = int((clock.suspended() - asleep) / plan.frame_time)
            control[MISSED] += behind  # the clock stood still meanwhile, so the frames are counted on
            asleep += behind * plan.frame_time
        board.publish(index, observation, int(info.get("symbol", -1)))
        for worker in np.flatnonzero((claims > last) & (claims <= index)):
            semaphores.post(int(worker))
        last = index
        if teller is not None:
            teller.show(index, observation)
        for output in board.take():
            service.add(Output(*output))
        served = service.choose(index)
        for finished in service.finished():
            board.write_inference(finished)
        action = default.action(None if served is None else served.action)
        label = int(info.get("symbol", -1))
        observation, reward, terminated, truncated, info = game.step(action)
        outcome = (float(reward), bool(terminated), bool(truncated))
        frame = PlayedFrame.of(index, deadline, lateness, action, served, outcome, label)
        board.write_frame(frame)
        if teller is not None:
            teller.played(frame)
        if terminated or truncated:
            observation, info = game.reset()
        index += 1
        played += 1
        board.arena["processor_seconds"][plan.workers] = time.process_time() - used
    for unfinished in service.unfinished():
        board.write_inference(unfinished)
    game.close()
