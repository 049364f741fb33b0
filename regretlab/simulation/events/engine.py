"""Drives the event kernel: holds its arrays, feeds it inference times, gives it room for longer delays."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...compilation import Kernel, kernel, kernel_with
from ...errors import InputError
from ...laws.server import Server
from ...rules import store
from ...rules.rule import HoldObjective, StaggeringRule
from ...rules.state import BINS, CURSOR, NEXT_START, slot
from ._kernels import (
    BATCH,
    CONTROL,
    DISCIPLINE,
    DISPATCHED,
    DONE,
    FRAME,
    GIVEN_UP,
    GROWTH,
    HEAP,
    LOADED,
    NEEDED,
    NETWORK,
    OUT_OF_REACH,
    OUT_OF_STORE,
    OVERWRITTEN,
    SERIAL,
    SERVER,
    START,
    USED,
)
from ._kernels import enlarge as enlarge_rings
from ._kernels import serve as serve_frames

__all__ = ["LONGEST_RUN", "EventEngine", "Outputs"]

LONGEST_RUN = 10**8
"""Frames: beyond, double precision no longer resolves a time and its frame boundary to a part in 10^7 of a frame."""

LONGEST_DELAY = 2**22
"""Frames: what is in flight is kept by the frame it takes effect in."""

SHORTEST_CALENDAR = 256


@dataclass(frozen=True)
class Outputs:
    """What becomes of outputs that each act in one frame.

    Attributes
    ----------
    most
        Outputs kept unused at most; 0: dropped.
    limit
        Frames of age from which none acts.
    oldest_first
        Whether the oldest acts first, not the freshest.
    ranks
        By age from 1 on, the last for all later ones: the output of the highest rank acts first; empty: the freshest,
        or the oldest.
    """

    most: int = 0
    limit: int = store.NO_LIMIT
    oldest_first: bool = False
    ranks: tuple[int, ...] = ()


class EventEngine:
    """A run of a staggering rule, advanced a block of frames at a time.

    Parameters
    ----------
    rule
        The rule.
    workers
        Number of workers.
    frame_time
        Seconds of a frame.
    times
        Called for more inference times in seconds, an array of shape (n,), n >= 1; an empty one ends the run.
    alignment, hold, first_estimate
        As for ``StaggeringRule.new_state``.
    offsets
        Seconds by which the first start of each worker is later than the rule has it: a number, or shape (workers,).
    log
        For how many inferences to keep a log (0: none).
    outputs
        What becomes of outputs; dropped, each acting in one frame, if not given. A log needs dropped ones.
    cancel_after
        Seconds after which an inference is given up.
    threshold
        State of ``rules.cancelling``, which learns when to give one up.
    server
        The server that all workers ask, where it treats several in turn or together; then the times are those of lone
        requests. One of batches goes without thresholds.
    """

    def __init__(
        self,
        rule: StaggeringRule,
        workers: int,
        frame_time: float,
        times: Callable[[], NDArray[np.float64]],
        *,
        alignment: str | None = None,
        hold: int | HoldObjective = 0,
        first_estimate: float | None = None,
        offsets: float | NDArray[np.float64] = 0.0,
        log: int = 0,
        outputs: Outputs | None = None,
        cancel_after: float = math.inf,
        threshold: NDArray[np.float64] | None = None,
        server: Server | None = None,
    ) -> None:
        self.rule = rule
        self._kernel, self._identifier = _kernel_of(rule)
        self.frame_time = frame_time
        self._more_times = times
        self._times = np.empty(0)
        self.state = rule.new_state(workers, frame_time, alignment=alignment, hold=hold, first_estimate=first_estimate)
        self.state[slot(0) + NEXT_START : slot(workers) : slot(1) - slot(0)] += offsets
        self.state[CURSOR] += np.min(offsets)  # where workers claim their starts, the first is shifted like the others
        self._control = np.zeros(CONTROL, np.int64)
        self._control[HEAP] = workers
        self._time = np.zeros(workers)
        self._start = np.zeros(workers)
        self._kind = np.full(workers, START, np.int8)
        self._row = np.full(workers, -1, np.int64)
        self._head = np.full(_power_of_two(max(workers, SHORTEST_CALENDAR)), -1, np.int32)
        self._after = np.full(workers, -1, np.int32)
        self._heap = np.arange(workers, dtype=np.int32)
        self._control[LOADED] = 1  # frame 0 is loaded: every worker asks at time 0
        self.log_worker = np.full(log, -1, np.int32)
        self.log_time = np.full((log, 3), np.nan)
        self.log_frame = np.full((log, 2), -1, np.int64)
        self.log_overwritten = np.zeros(log, np.bool_)
        self._due: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int32]]
        self._due = _empty_rings(_power_of_two(8))
        self._keeps, self._cancel_after = outputs is not None and outputs.most > 0, float(cancel_after)
        self._threshold = np.empty(0) if threshold is None else threshold
        self._server = np.zeros(0 if server is None else SERVER)
        if server is not None:
            self._server[DISCIPLINE] = SERIAL if server.discipline == "serial" else BATCH
            self._server[GROWTH], self._server[NETWORK] = server.growth, server.network
        self._store = _empty_store(outputs or Outputs())
        self._ranks = np.array((outputs or Outputs()).ranks, np.int64)
        self._make_room(math.ceil((first_estimate or 0.0) / frame_time) + (hold if isinstance(hold, int) else BINS) + 4)

    @property
    def reach(self) -> int:
        """Upper bound, in frames, of every delay so far."""
        return len(self._due[0])

    @property
    def dispatched(self) -> int:
        """Inferences started so far."""
        return int(self._control[DISPATCHED])

    @property
    def overwritten(self) -> int:
        """Outputs displaced so far by a fresher one of the same frame."""
        return int(self._control[OVERWRITTEN])

    @property
    def given_up(self) -> int:
        """Inferences cancelled so far."""
        return int(self._control[GIVEN_UP])

    def serve(self, first: int, count: int, served: NDArray[np.int32], served_row: NDArray[np.int64]) -> int:
        """Serve the next block of frames.

        Parameters
        ----------
        first, count
            The frames ``first`` to ``first + count - 1``; ``first`` is where the last block ended.
        served
            Array of shape (count,) or longer: becomes the delay in frames each is served with, 0 for the default.
        served_row
            Likewise: becomes the number of the inference behind it, -1 for the default (only where there is a log).

        Returns
        -------
        int
            Frames served: ``count``, or fewer where the inference times came to an end.
        """
        while True:
            outcome = self._kernel(
                self._identifier, self.state, self.frame_time, self._times, self._control,
                self._time, self._start, self._kind, self._head, self._after, self._heap, *self._due,
                served, served_row, first, first + count, self._row,
                self.log_worker, self.log_time, self.log_frame, self.log_overwritten,
                self._cancel_after, self._keeps, *self._store, self._ranks, self._threshold,
                self._server,
            )  # fmt: skip
            if outcome == DONE:
                return count
            if outcome == OUT_OF_REACH:
                self._make_room(int(self._control[NEEDED]) + 1)
                continue
            if outcome == OUT_OF_STORE:
                self._store = _longer_store(*self._store)
                continue
            self._times = self._more_times()
            self._control[USED] = 0
            if self._times.size == 0:
                return int(self._control[FRAME]) - first

    def _make_room(self, reach: int) -> None:
        if reach <= len(self._due[0]):
            return
        if reach > LONGEST_DELAY:
            raise InputError(
                f"an inference takes {reach:.6g} frames to its effect: at most {LONGEST_DELAY} are simulated"
            )
        longer = _empty_rings(_power_of_two(reach))
        enlarge_rings(int(self._control[FRAME]), *self._due, *longer)
        self._due = longer


def _kernel_of(rule: StaggeringRule) -> tuple[Kernel, int]:
    """Return the kernel that runs a rule, and the rule's number there."""
    return (serve_frames, rule.identifier) if rule.is_built_in else (_kernel_for(rule), 0)


@lru_cache(maxsize=8)
def _kernel_for(rule: StaggeringRule) -> Kernel:
    """Return the event kernel with the transitions of a rule from outside the package: compiled here, uncached."""
    own_start, own_dispatch, own_completion = rule.next_start, rule.on_dispatch, rule.on_completion

    def next_start(number: int, state: NDArray[np.float64], worker: int, now: float) -> float:
        return own_start(state, worker, now)

    def on_dispatch(number: int, state: NDArray[np.float64], worker: int, start: float) -> None:
        own_dispatch(state, worker, start)

    def on_completion(number: int, state: NDArray[np.float64], worker: int, start: float, completion: float) -> float:
        return own_completion(state, worker, start, completion)

    replaced = {f.__name__: kernel(f, allocates=False, cached=False) for f in (next_start, on_dispatch, on_completion)}
    return kernel_with(serve_frames, **replaced)


def _empty_rings(length: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int32]]:
    """Return rows, observations, starts and workers of outputs due: none."""
    return np.full(length, -1, np.int64), np.full(length, -1, np.int64), np.zeros(length), np.zeros(length, np.int32)


def _empty_store(outputs: Outputs) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the store of outputs as ``rules.store`` has it: none."""
    counts = np.zeros(store.COUNTS, np.int64)
    counts[store.MOST], counts[store.LIMIT], counts[store.OLDEST] = outputs.most, outputs.limit, outputs.oldest_first
    size = 1 << 10 if outputs.most else 1
    return counts, np.zeros((size, store.COLUMNS)), np.zeros((2 * size, store.COLUMNS))


def _longer_store(
    counts: NDArray[np.int64], waiting: NDArray[np.float64], kept: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return a store with twice the room."""
    longer = np.zeros((2 * len(waiting), store.COLUMNS)), np.zeros((2 * len(kept), store.COLUMNS))
    store.move_store(counts, waiting, kept, *longer)
    return counts, *longer


def _power_of_two(number: int) -> int:
    return 1 << max(0, int(number) - 1).bit_length()
