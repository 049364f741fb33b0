"""The learners of a run on a cluster, as the supervisor has them: one process here, gradients anywhere."""

import contextlib
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from ...errors import RunError
from ..learning.group import LearnerGroup, Spawn
from ..system.arena import Arena
from ..system.board import Board
from .learner_gateway import serve_learners

__all__ = ["RemoteLearners", "heard"]


def heard(events: Connection | None) -> list[dict[str, Any]]:
    """Return what a gateway has reported since the last call."""
    told: list[dict[str, Any]] = []
    if events is not None:
        with contextlib.suppress(EOFError, OSError):  # the gateway may be gone
            while events.poll():
                told.append(events.recv())
    return told


class RemoteLearners(LearnerGroup):
    """Learners whose gradients are computed by actors; they start when there is a cluster (`connect`)."""

    _events: Connection | None = None

    def start(self, board: Arena, spawn: Spawn) -> None:
        """Remember how to start."""
        self._board, self._spawn = board, spawn

    def connect(self, address: str, authentication: str | None, own: bool) -> None:
        """Start the learners' gateway, with what the workers' gateway has got in by; the cluster may be its ``own``."""
        self._events, theirs = Pipe(duplex=False)
        arguments = (self._board, self.arena, self.plan, self._count, address, authentication, own, theirs)
        self.processes = [self._spawn(serve_learners, arguments)]
        theirs.close()

    def replace_dead(
        self, note: Callable[..., None], obituary: Callable[[str, BaseProcess, int], RunError], *, restart: bool
    ) -> None:
        """Raise what the gateway died of; it replaces learners itself."""
        for process in self.processes:
            if process.exitcode is None or (process.exitcode == 0 and not restart):
                continue
            raise obituary("the learners' gateway to the cluster", process, Board(self._board).learner_slot(0))

    def hear(self) -> list[dict[str, Any]]:
        """Return what the gateway has reported since the last call."""
        told = heard(self._events)
        for event in told:
            if event["kind"] == "lost":
                self._attempts[event["learner"]] += 1
        return told

    def close(self) -> None:
        """Listen no more."""
        if self._events is not None:
            self._events.close()
