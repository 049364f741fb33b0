"""The gateway's process: a thread for each worker, which runs the loop of a local worker with its network elsewhere."""

import contextlib
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from ...cluster import open_cluster
from ...errors import RunError
from ..arena import Arena
from ..board import STOP, Board, Frame
from ..clock import OrdinaryPriority, sharpen_timers
from ..processes import become_child
from ..warming import compile_transitions
from ..worker_process import InferenceWorker, WorkerPlan
from .seats import Seat, Seats, WorkerLost

__all__ = ["MOST_LOSSES", "serve_cluster"]

MOST_LOSSES = 10
"""How often one worker may be lost before the run gives up."""


@dataclass(frozen=True)
class _NoPolicy:
    """Stands where a local worker has its network."""

    def act(self, pixels: Any, label: int) -> int:
        raise NotImplementedError


class RemoteWorker(InferenceWorker):
    """A worker whose network is an actor's."""

    def __init__(self, board: Board, plan: WorkerPlan, worker: int, attempt: int, seat: Seat) -> None:
        super().__init__(board, plan, worker, attempt, _NoPolicy(), OrdinaryPriority())  # type: ignore[arg-type]
        self._seat = seat

    def act(self, frame: Frame) -> int:
        """Let the actor infer."""
        return self._seat.act(frame)

    def processor_time(self) -> float:
        """Return the actor's processor seconds."""
        return self._seat.processor_seconds


def serve_cluster(arena: Arena, plan: WorkerPlan, address: str | None, events: Connection) -> None:
    """Run the gateway (the target of its ``Process``); what happens to workers is told through ``events``."""
    become_child("rl-gateway")
    sys.setswitchinterval(0.0005)  # a thread whose frame has come is not to wait for another's turn
    board = Board(arena)
    try:
        sharpen_timers()
        compile_transitions()
        with open_cluster(address) as ray:
            _Gateway(ray, board, plan, events).run()
    except BaseException:
        board.report_error(0, traceback.format_exc())
        raise SystemExit(1) from None


class _Gateway:
    def __init__(self, ray: Any, board: Board, plan: WorkerPlan, events: Connection) -> None:
        self._board, self._plan, self._events = board, plan, events
        frames = board.arena["frames"]
        self._seats = Seats(ray, plan.policy, board.arena["parameters"], frames.shape[1:], frames.dtype)
        self._telling = threading.Lock()
        self._failure: BaseException | None = None
        self._inside: list[float] = []

    def run(self) -> None:
        """Serve until the run ends or something fails."""
        self._board.report_error(len(self._board.arena["claims"]) + 2, "threads of a gateway, ordinary")
        workers = len(self._board.arena["claims"])
        threads = [threading.Thread(target=self._serve, args=(worker,), daemon=True) for worker in range(workers)]
        for thread in threads:
            thread.start()
        told = False
        while any(thread.is_alive() for thread in threads) and self._failure is None:
            if not told and self._board.arena["ready"].all():
                told = True
                self._tell(kind="nodes", nodes=self._seats.nodes(), sitting=dict(self._seats.sitting))
            time.sleep(0.02)
        if self._failure is not None:
            raise self._failure
        self._tell(kind="end", frames_sent=self._seats.frames_received(), inside=_quantiles(self._inside))

    def _serve(self, worker: int) -> None:
        attempt, avoid = 0, None
        while not self._board.control[STOP]:
            seat = None
            try:
                seat = self._seats.take(worker, avoid)
                RemoteWorker(self._board, self._plan, worker, attempt, seat).run()
            except WorkerLost as lost:
                if self._board.control[STOP]:
                    return
                attempt += 1
                avoid = self._seats.sitting.get(worker)
                if avoid is not None:
                    self._seats.forget(avoid)
                self._tell_lost(worker, str(lost), avoid)
                if attempt > MOST_LOSSES:
                    self._failure = RunError(f"worker {worker} was lost {attempt} times: the cluster is not fit to run")
                    return
            except BaseException as error:
                self._failure = error
                return
            finally:
                if seat is not None:
                    self._inside += seat.inside[1:]
                    seat.leave()

    def _tell_lost(self, worker: int, cause: str, node: str | None) -> None:
        arena = self._board.arena
        row = arena["in_flight"][worker : worker + 1].copy() if arena["busy"][worker] else None
        arena["busy"][worker] = 0
        arena["claims"][worker] = -1
        self._tell(kind="lost", worker=worker, cause=cause, node=node, row=row)

    def _tell(self, **event: Any) -> None:
        with self._telling, contextlib.suppress(BrokenPipeError):
            self._events.send(event)


def _quantiles(seconds: list[float]) -> dict[str, float | None]:
    if not seconds:
        return {"p50": None, "p99": None}
    return {"p50": float(np.quantile(seconds, 0.5)), "p99": float(np.quantile(seconds, 0.99))}
