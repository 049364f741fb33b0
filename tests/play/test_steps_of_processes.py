"""What a worker's and the environment's process do, step by step in this process and on a clock that stands still."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from regretlab.play import environment_process, worker_process
from regretlab.play.system.arena import Arena
from regretlab.play.system.board import EPOCH, STOP, Board, board_fields
from regretlab.play.system.synchronisation import RobustLock, SemaphoreRow
from regretlab.rules import get_rule


class _Clock:
    """Stands still but for what sleeps until an instant, or moves it on."""

    time = 0.0

    def now(self):
        return self.time

    def sleep_until(self, instant, *, spin=0.0):
        self.time = max(self.time, instant)

    def suspended(self):
        return 0.0


@pytest.fixture
def board():
    arena = Arena(board_fields(3, (1,), np.uint8, 0))
    board = Board(arena)
    board.prepare()
    SemaphoreRow(arena["semaphores"], create=True)
    RobustLock(arena["rule_lock"], create=True)
    board.control[EPOCH] = 1
    yield board
    arena.close()


@pytest.fixture
def clock(monkeypatch):
    clock = _Clock()
    for process in (worker_process, environment_process):
        monkeypatch.setattr(process, "RealClock", lambda epoch: clock)
    return clock


def test_an_answer_after_the_threshold_is_posted_as_cancelled(board, clock):
    rule, takes = get_rule("free-running"), [0.5, 2.5, 1.0, 3.0]
    rule.new_state(1, 1.0, out=board.arena["rule_state"])
    board.publish(0, np.zeros(1, np.uint8), 4)

    class Policy:
        spec = SimpleNamespace(name="slow", horizon=1, action_row=None)
        calls = 0

        def act(self, observation):
            clock.time += takes[self.calls]
            self.calls += 1
            board.control[STOP] = self.calls == len(takes)
            return self.calls

    plan = worker_process.WorkerPlan(
        SimpleNamespace(observes_symbol=False), rule, False, 1.0, 9, 0, emulated_law=None, cancel_after=2.0
    )
    priority = SimpleNamespace(take=lambda: None, give_back=lambda: None, is_granted=False)
    worker_process.InferenceWorker(board, plan, 0, 0, Policy(), priority).play(0.0)
    rows = board.take()
    assert [(row.scheduled, row.cancelled) for row in rows] == [(0.0, False), (0.5, True), (3.0, False), (4.0, True)]
    assert [row.action for row in rows] == [1, -1, 3, -1]
    assert [row.completion for row in rows] == pytest.approx([0.5, math.nan, 4.0, math.nan], nan_ok=True)
    assert [row.freed for row in rows] == pytest.approx([math.nan, 3.0, math.nan, 7.0], nan_ok=True)
    assert not board.arena["busy"].any()


def test_a_frame_wakes_those_who_claimed_it_or_one_left_out_before_it(board, clock):
    shown = environment_process._WallClock(board, 1.0, None)
    semaphores = SemaphoreRow(board.arena["semaphores"])
    board.arena["claims"][:] = [0, 1, 3]
    woken = []
    for index in (0, 1, 4, 5):  # 2 and 3 were missed
        shown.show(index, np.zeros(1, np.uint8), 0)
        woken.append([worker for worker in range(3) if semaphores.wait(worker, 0.0)])
    assert woken == [[0], [1], [2], []]
