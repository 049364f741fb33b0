"""The gateway's process: a thread for each worker, which runs the loop of a local worker with its network elsewhere."""

import contextlib
import os
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...cluster import AUTHENTICATION, OWN, open_cluster
from ...policies import PolicySpec
from ...policies.policy import Policy
from ..learning.acting import explore
from ..learning.state import WeightSnapshots
from ..system.arena import Arena
from ..system.board import HEAD, STOP, WORKERS, Board, Frame
from ..system.clock import OrdinaryPriority, sharpen_timers
from ..system.processes import become_child, compile_transitions
from ..worker_process import InferenceWorker, WorkerPlan
from .placement import ActorLost, keep_filled
from .seats import Seat, Seats
from .weights import WeightSender

__all__ = ["quantiles", "serve_cluster"]

_WEIGHTS_EVERY = 0.005
"""Seconds between two looks whether there are new weights to send."""
_LEARNERS_PATIENCE = 5.0
"""Seconds that learners get to let go of a cluster that ends with this process."""


class _SeatPolicy:
    """Stands where a local worker has its network."""

    def __init__(self, spec: PolicySpec, seat: Seat) -> None:
        self.spec, self._seat = spec, seat
        self.frame: Frame | None = None

    def act(self, observation: Any) -> int:
        """Let the actor infer on the frame that was looked at last."""
        assert self.frame is not None
        return self._seat.act(self.frame)


class RemoteWorker(InferenceWorker):
    """A worker whose network is an actor's."""

    def __init__(
        self, board: Board, plan: WorkerPlan, worker: int, attempt: int, seat: Seat, learning: Arena | None
    ) -> None:
        self._seat, self._remote = seat, _SeatPolicy(plan.policy, seat)
        policy: Policy = self._remote
        if learning is not None and plan.learner is not None:
            policy = explore(policy, learning, plan.learner, worker, attempt, lambda: int(board.control[HEAD]))
        super().__init__(board, plan, worker, attempt, policy, OrdinaryPriority())

    def act(self, frame: Frame) -> int | NDArray[np.int16]:
        """Let the actor infer."""
        self._remote.frame = frame
        return super().act(frame)

    def processor_time(self) -> float:
        """Return the processor seconds of the actor and of this thread."""
        return self._seat.processor_seconds + time.thread_time()


def serve_cluster(
    arena: Arena, plan: WorkerPlan, address: str | None, events: Connection, learning: Arena | None
) -> None:
    """Run the gateway (the target of its ``Process``); what happens to workers is reported through ``events``."""
    become_child("rl-gateway")
    sys.setswitchinterval(0.0005)  # a thread whose frame has come is not to wait for another's turn
    board = Board(arena)
    try:
        sharpen_timers()
        compile_transitions()
        with open_cluster(address) as ray:
            _Gateway(ray, board, plan, events, learning).run(address)
    except BaseException:
        board.report_error(0, traceback.format_exc())
        raise SystemExit(1) from None


class _Gateway:
    def __init__(self, ray: Any, board: Board, plan: WorkerPlan, events: Connection, learning: Arena | None) -> None:
        self._ray, self._board, self._plan, self._events, self._learning = ray, board, plan, events, learning
        frames = board.arena["frames"]
        self._sender = None if learning is None else WeightSender(ray, WeightSnapshots(learning))
        self._workers = len(board.arena["claims"])
        self._seats = Seats(
            ray,
            plan.policy,
            board.arena["parameters"],
            frames.shape[1:],
            frames.dtype,
            self._workers,
            self._sender,
        )
        self._telling = threading.Lock()
        self._failure: BaseException | None = None
        self._inside: list[float] = []

    def run(self, address: str | None) -> None:
        """Serve until the run ends or something fails."""
        self._board.report_priority(WORKERS, "threads of a gateway, ordinary")
        self._tell(
            kind="connected",
            address=self._ray.get_runtime_context().gcs_address if address in OWN else address,
            authentication=os.environ.get(AUTHENTICATION),
            own=address in OWN,
        )
        threads = [threading.Thread(target=self._serve, args=(worker,), daemon=True) for worker in range(self._workers)]
        for thread in threads:
            thread.start()
        told = False
        while any(thread.is_alive() for thread in threads) and self._failure is None:
            if not told and self._board.arena["ready"].all():
                told = True
                placement = self._seats.placement
                self._tell(kind="nodes", nodes=placement.nodes(), workers=list(placement.sitting.values()))
            self._seats.send_weights()
            time.sleep(_WEIGHTS_EVERY if self._sender is not None else 0.02)
        if self._failure is not None:
            raise self._failure
        self._tell(kind="end", **self._seats.received(), inside=quantiles(self._inside))
        if address in OWN and self._learning is not None:
            until = time.monotonic() + _LEARNERS_PATIENCE
            while self._learning["learners_ready"].any() and time.monotonic() < until:
                time.sleep(0.02)

    def _serve(self, worker: int) -> None:
        try:
            keep_filled(
                f"worker {worker}",
                lambda: bool(self._board.control[STOP]),
                lambda attempt, avoid: self._fill(worker, attempt, avoid),
                lambda loss: self._lost(worker, loss),
            )
        except BaseException as error:
            self._failure = error

    def _fill(self, worker: int, attempt: int, avoid: str | None) -> None:
        seat = self._seats.take(worker, avoid)
        try:
            RemoteWorker(self._board, self._plan, worker, attempt, seat, self._learning).run()
        finally:
            self._inside += seat.inside[1:]
            seat.leave()

    def _lost(self, worker: int, loss: ActorLost) -> str | None:
        node = self._seats.placement.sitting.get(worker)
        if node is not None:
            self._seats.suspect(node)
        arena = self._board.arena
        row = arena["in_flight"][worker : worker + 1].copy() if arena["busy"][worker] else None
        arena["busy"][worker] = 0
        arena["claims"][worker] = -1
        self._tell(kind="lost", worker=worker, cause=str(loss), node=node, row=row)
        return node

    def _tell(self, **event: Any) -> None:
        with self._telling, contextlib.suppress(BrokenPipeError):
            self._events.send(event)


def quantiles(seconds: list[float]) -> dict[str, float | None]:
    """Return median and 99 % quantile, None of nothing."""
    if not seconds:
        return {"p50": None, "p99": None}
    return {"p50": float(np.quantile(seconds, 0.5)), "p99": float(np.quantile(seconds, 0.99))}
