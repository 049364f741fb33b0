"""The learners' gateway: a thread for each learner, which runs the loop of a local learner with its gradients computed
elsewhere.

It is a process of its own, so that those who act share no interpreter with those who learn.
"""

import contextlib
import os
import threading
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

from ...cluster import AUTHENTICATION, open_cluster
from ..learning.learner_process import NICENESS, LearnerPlan, take_steps
from ..learning.steps import strike_out
from ..system.arena import Arena
from ..system.board import STOP, Board
from ..system.clock import sharpen_timers
from ..system.processes import become_child
from .gateway import quantiles
from .gradients import GradientSeats
from .placement import ActorLost, keep_filled

__all__ = ["serve_learners"]

_CONNECT_PATIENCE = 60.0
"""Seconds to go on trying to reach a cluster that the workers' gateway has reached."""
_END_PATIENCE = 2.0
"""Seconds that gradients under way get when the run has ended."""


def serve_learners(
    arena: Arena,
    learning: Arena,
    plan: LearnerPlan,
    learners: int,
    address: str,
    authentication: str | None,
    own: bool,
    events: Connection,
) -> None:
    """Run the learners' gateway (the target of its ``Process``); what happens is reported through ``events``."""
    become_child("rl-learners")
    os.nice(NICENESS)
    if authentication is not None:
        os.environ[AUTHENTICATION] = authentication
    board = Board(arena)
    try:
        sharpen_timers()
        with open_cluster(address, patience=_CONNECT_PATIENCE, own=own) as ray:
            _LearnerGateway(ray, board, learning, plan, learners, events).run()
    except BaseException:
        if not board.control[STOP]:
            board.report_error(board.learner_slot(0), traceback.format_exc())
            raise SystemExit(1) from None
    finally:
        learning["learners_ready"][:] = 0


class _LearnerGateway:
    def __init__(
        self, ray: Any, board: Board, learning: Arena, plan: LearnerPlan, learners: int, events: Connection
    ) -> None:
        self._board, self._learning, self._plan, self._learners = board, learning, plan, learners
        self._seats = GradientSeats(
            ray, plan.policy, plan.settings.gradient_clip, learners, double=plan.settings.double
        )
        self._events, self._telling = events, threading.Lock()
        self._failure: BaseException | None = None
        self._inside: list[float] = []
        self._round_trip: list[float] = []

    def run(self) -> None:
        """Serve until the run ends or something fails."""
        threads = [threading.Thread(target=self._serve, args=(learner,)) for learner in range(self._learners)]
        for thread in threads:
            thread.daemon = True
            thread.start()
        told = False
        while any(thread.is_alive() for thread in threads) and not self._stopped() and self._failure is None:
            if not told and self._learning["learners_ready"][: self._learners].all():
                told = True
                placement = self._seats.placement
                self._tell(kind="nodes", nodes=placement.nodes(), learners=list(placement.sitting.values()))
            time.sleep(0.02)
        if self._failure is not None:
            raise self._failure
        until = time.monotonic() + _END_PATIENCE
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._tell(
            kind="end",
            gradients={"inside": quantiles(self._inside), "round_trip": quantiles(self._round_trip)},
            weights_put=self._seats.shelf.puts,
        )

    def _stopped(self) -> bool:
        return bool(self._board.control[STOP])

    def _serve(self, learner: int) -> None:
        try:
            keep_filled(
                f"learner {learner}",
                self._stopped,
                lambda attempt, avoid: self._fill(learner, attempt, avoid),
                lambda loss: self._lost(learner, loss),
            )
        except BaseException as error:
            self._failure = error

    def _fill(self, learner: int, attempt: int, avoid: str | None) -> None:
        gradient = self._seats.take(learner, avoid)
        try:
            steps = self._plan.steps(self._learning, learner, attempt, gradient)
            take_steps(
                self._board,
                self._learning,
                self._plan,
                learner,
                attempt,
                steps,
                lambda: gradient.processor_seconds + time.thread_time(),
            )
        finally:
            self._inside += gradient.inside[1:]
            self._round_trip += gradient.round_trip[1:]
            with contextlib.suppress(Exception):  # it may be gone already
                gradient.leave()

    def _lost(self, learner: int, loss: ActorLost) -> str | None:
        strike_out(self._learning, learner)
        node = self._seats.placement.sitting.get(learner)
        self._tell(kind="lost", learner=learner, cause=str(loss), node=node)
        return node

    def _tell(self, **event: Any) -> None:
        with self._telling, contextlib.suppress(BrokenPipeError):
            self._events.send(event)
