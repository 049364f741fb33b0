"""One replication: a service that says what serves each frame, an environment played on it, and the tallies."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..progress import Progress, silent
from ..rules.store import NO_LIMIT, in_force
from .batches import BatchRun
from .draws import LANES, AliasTable, alias_table
from .events.service import EventRun
from .frames import FrameRun
from .independent import IndependentRun
from .setting import Setting
from .tallies import Counter, Rate, Tallies

__all__ = [
    "Environment",
    "FreshOutputs",
    "LastingOutputs",
    "Service",
    "Stop",
    "compile_kernels",
    "no_environment",
    "on_threads",
    "open_service",
    "play_replications",
]

Stop = Callable[[], None]
"""Called between blocks by what plays; raises if it should play no more."""
T = TypeVar("T")

BLOCK = 1 << 15
"""Frames played at a time; what a block needs stays in the second-level cache."""


class Service(Protocol):
    """Who serves which frame (``FrameRun``, ``IndependentRun``, ``EventRun``)."""

    @property
    def reach(self) -> int:
        """Upper bound of every delay so far, in frames."""

    def serve(self, count: int, row: NDArray[np.int64]) -> NDArray[np.int32]:
        """Serve the next frames; return their delays."""


class Environment(Protocol):
    """What is played in the frames (``WitnessChain``, ``MDPChain``)."""

    def play(
        self, served: NDArray[np.int32], count: int, acted: NDArray[np.int32], reach: int, counter: Counter
    ) -> None:
        """Play a block, served with delays up to ``reach`` and by the agent in frames ``acted``."""


def play_replications(
    setting: Setting,
    environment: Callable[[np.random.SeedSequence, int], Environment],
    *,
    rate: Rate,
    seed: int,
    replications: int,
    threads: int | None,
    progress: Progress = silent,
    together: bool = False,
) -> list[Tallies]:
    """Play independent replications on threads (the kernels hold no lock).

    Parameters
    ----------
    setting
        What to play.
    environment
        Makes a fresh environment of a seed, for blocks of so many frames.
    rate
        lambda or a curve, for ``Tallies.values``.
    seed
        Of all replications together.
    replications
        How many.
    threads
        Threads to use; default: all cores.
    progress
        Called after each replication with the number finished and the total.
    together
        Serve the batches of a short run of events in one go, which is faster. What is counted of inferences (not of
        frames) is then right in sum, but not batch by batch, so that it has no standard error.

    Returns
    -------
    list of Tallies
        One a replication, whatever the number of threads.
    """
    if replications < 1:
        raise InputError(f"replications must be at least 1, not {replications}")
    if seed < 0:
        raise InputError(f"seed must be a non-negative integer, not {seed}")
    if threads is not None and threads < 1:
        raise InputError(f"threads must be at least 1, not {threads}")
    table = alias_table(setting.law.frame_pmf(setting.frame_time)) if setting.in_whole_frames else None

    def task(own: np.random.SeedSequence) -> Callable[[Stop], Tallies]:
        return lambda stop: play_one(setting, table, environment, rate, own, stop, together)

    seeds = np.random.SeedSequence(seed).spawn(replications)
    return on_threads([task(own) for own in seeds], threads, progress)


def on_threads(tasks: Sequence[Callable[[Stop], T]], threads: int | None, progress: Progress = silent) -> list[T]:
    """Run tasks on threads and return their results in order; an error or Ctrl-C ends them all within a block."""
    told = threading.Event()

    def stop() -> None:
        if told.is_set():
            raise CancelledError

    if len(tasks) == 1:
        only = tasks[0](stop)
        progress(1, 1, "playing replications")
        return [only]
    with ThreadPoolExecutor(min(threads or os.cpu_count() or 1, len(tasks))) as pool:
        plays = [pool.submit(task, stop) for task in tasks]
        try:
            for done, finished in enumerate(as_completed(plays), 1):
                finished.result()
                progress(done, len(tasks), "playing replications")
        except BaseException:
            told.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [play.result() for play in plays]


def open_service(setting: Setting, table: AliasTable | None, seed: np.random.SeedSequence) -> tuple[Service, int]:
    """Return a run of the rule, and the most frames it serves at a time; ``table`` as for ``play_one``."""
    service: Service
    if setting.accelerator is not None:
        service, block = BatchRun(setting.accelerator, setting.outputs), BLOCK
    elif (
        setting.rule.independent
        and setting.law.server is None
        and not setting.worth
        and IndependentRun.plays(setting.workers, setting.outputs)
    ):
        block = BLOCK
        service = IndependentRun(
            setting.law, setting.frame_time, int(setting.workers), seed, block, setting.outputs, setting.cancel_after
        )
    elif table is None:
        block, asked = BLOCK, setting.in_frames()
        service = EventRun(
            asked.law, asked.frame_time, asked.rule, int(asked.workers), asked.alignment, asked.hold,
            asked.first_estimate, seed, block, asked.outputs, asked.cancel_after, asked.keeps_phases,
            asked.threshold(), longest=(asked.frames + 1.0) * asked.frame_time,
        )  # fmt: skip
    else:
        block = max(BLOCK, -(-table.longest // LANES) * LANES)
        service = FrameRun(setting.rule, setting.workers, setting.hold, table, seed, block)
    if setting.lasts or setting.repeats:
        service = LastingOutputs(service, setting.outputs.limit, setting.repeats)
    elif setting.outputs.limit < NO_LIMIT and setting.outputs.most == 0:
        service = FreshOutputs(service, setting.outputs.limit)
    return service, block


class LastingOutputs:
    """A service whose outputs act until a fresher one comes, or up to an age (``rules.store.in_force``).

    Parameters
    ----------
    service
        Says which output is the freshest of a frame.
    limit
        Frames of age from which none acts.
    repeats
        Whether the default behaviour repeats the last action: its frames then count as default ones.
    """

    def __init__(self, service: Service, limit: int, repeats: bool) -> None:
        self._service, self._limit, self._repeats = service, limit, repeats
        self._carry = np.zeros(2, np.int64)
        self._oldest = 0

    @property
    def reach(self) -> int:
        """Upper bound of every age so far, in frames."""
        return max(self._service.reach, self._oldest)

    def serve(self, count: int, row: NDArray[np.int64]) -> NDArray[np.int32]:
        """Serve the next frames; return the ages of their actions."""
        served = self._service.serve(count, row)
        self._oldest = max(self._oldest, in_force(served, count, self._carry, self._limit, self._repeats))
        return served


class FreshOutputs:
    """A service whose outputs act up to an age only, each in one frame.

    Parameters
    ----------
    service
        Says who serves a frame.
    limit
        Frames of age from which none acts.
    """

    def __init__(self, service: Service, limit: int) -> None:
        self._service, self._limit = service, limit

    @property
    def reach(self) -> int:
        """Upper bound of every delay so far, in frames."""
        return self._service.reach

    def serve(self, count: int, row: NDArray[np.int64]) -> NDArray[np.int32]:
        """Serve the next frames; return their delays."""
        served = self._service.serve(count, row)
        served[:count][served[:count] >= self._limit] = 0
        return served


def play_one(
    setting: Setting,
    table: AliasTable | None,
    environment: Callable[[np.random.SeedSequence, int], Environment],
    rate: Rate,
    seed: np.random.SeedSequence,
    stop: Stop,
    together: bool = False,
) -> Tallies:
    """Play one replication; ``table`` is the law of the delay for rules in whole frames."""
    service_seed, environment_seed = seed.spawn(2)
    service, block = open_service(setting, table, service_seed)
    played = environment(environment_seed, block)
    warm_up = Counter(1, rate)
    _play_batch(service, played, warm_up, block, setting.warmup, stop)
    counter = warm_up.continued(setting.batches)
    apart = table is not None or setting.rule.independent  # these draw their random numbers block by block
    if together and not apart and setting.batches * setting.batch_frames <= block:
        served = service.serve(setting.batches * setting.batch_frames, counter.row)
        for batch in range(setting.batches):
            own = served[batch * setting.batch_frames : (batch + 1) * setting.batch_frames]
            _count(own, setting.batch_frames, service.reach, played, counter)
            counter.end_batch()
        return counter.tallies
    for _ in range(setting.batches):
        _play_batch(service, played, counter, block, setting.batch_frames, stop)
        counter.end_batch()
    return counter.tallies


def _play_batch(
    service: Service, environment: Environment, counter: Counter, block: int, frames: int, stop: Stop
) -> None:
    while frames > 0:
        stop()
        count = min(frames, block)
        _count(service.serve(count, counter.row), count, service.reach, environment, counter)
        frames -= count


def _count(served: NDArray[np.int32], count: int, reach: int, environment: Environment, counter: Counter) -> None:
    """Count frames by what served them, and play them."""
    acted = counter.count(served, count, reach)
    environment.play(served, count, acted, reach, counter)


class _NoEnvironment:
    """Nothing is played: the service alone is counted."""

    def play(self, *_: object) -> None:
        """Do nothing."""


def no_environment(own: np.random.SeedSequence, block: int) -> _NoEnvironment:
    """Return an environment in which nothing is played."""
    return _NoEnvironment()


_COMPILED: set[tuple[object, ...]] = set()


def compile_kernels(setting: Setting, environment: Callable[[np.random.SeedSequence, int], Environment]) -> None:
    """Play one frame, once for each kind of setting, so that a clock started after it measures no compilation."""
    outputs = setting.outputs
    kind = (
        *(setting.rule.name, setting.in_whole_frames, setting.lasts, setting.repeats, setting.accelerator is None),
        *(outputs.most > 0, outputs.limit < NO_LIMIT, outputs.oldest_first, len(outputs.ranks) > 0),
        *(environment.__qualname__, environment.__module__),
        bool(setting.worth),
        setting.law.server is None,
    )
    if kind in _COMPILED:
        return
    _COMPILED.add(kind)
    short = replace(setting, workers=min(setting.workers, 2), warmup=0, batches=1, batch_frames=1)
    play_replications(short, environment, rate=0.0, seed=0, replications=1, threads=1)
