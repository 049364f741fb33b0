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
from .draws import LANES, AliasTable, alias_table
from .events.service import EventRun
from .frames import FrameRun
from .setting import Setting
from .tallies import Counter, Tallies

__all__ = [
    "Environment",
    "Service",
    "Stop",
    "compile_kernels",
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
    """Who serves which frame (``FrameRun``, ``EventRun``)."""

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
    rate: float,
    seed: int,
    replications: int,
    threads: int | None,
    progress: Progress = silent,
) -> list[Tallies]:
    """Play independent replications on threads (the kernels hold no lock).

    Parameters
    ----------
    setting
        What to play.
    environment
        Makes a fresh environment of a seed, for blocks of so many frames.
    rate
        lambda, for ``Tallies.values``.
    seed
        Of all replications together.
    replications
        How many.
    threads
        Threads to use; default: all cores.
    progress
        Called after each replication with the number finished and the total.

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
    table = alias_table(setting.law.frame_pmf(setting.frame_time)) if setting.rule.in_whole_frames else None

    def task(own: np.random.SeedSequence) -> Callable[[Stop], Tallies]:
        return lambda stop: play_one(setting, table, environment, rate, own, stop)

    seeds = np.random.SeedSequence(seed).spawn(replications)
    return on_threads([task(own) for own in seeds], threads, progress)


def on_threads(tasks: Sequence[Callable[[Stop], T]], threads: int | None, progress: Progress = silent) -> list[T]:
    """Run tasks on threads and return their results in order; an error or Ctrl-C ends them all within a block."""
    told = threading.Event()

    def stop() -> None:
        if told.is_set():
            raise CancelledError

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
    if table is None:
        block = BLOCK
        return EventRun(
            setting.law, setting.frame_time, setting.rule, int(setting.workers), setting.alignment, setting.hold,
            setting.first_estimate, seed, block,
        ), block  # fmt: skip
    block = max(BLOCK, -(-table.longest // LANES) * LANES)
    return FrameRun(setting.rule, setting.workers, setting.hold, table, seed, block), block


def play_one(
    setting: Setting,
    table: AliasTable | None,
    environment: Callable[[np.random.SeedSequence, int], Environment],
    rate: float,
    seed: np.random.SeedSequence,
    stop: Stop,
) -> Tallies:
    """Play one replication; ``table`` is the law of the delay for rules in whole frames."""
    service_seed, environment_seed = seed.spawn(2)
    service, block = open_service(setting, table, service_seed)
    played = environment(environment_seed, block)
    warm_up = Counter(1, rate)
    _play_batch(service, played, warm_up, block, setting.warmup, stop)
    counter = warm_up.continued(setting.batches)
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
        served = service.serve(count, counter.row)
        acted = counter.count(served, count, service.reach)
        environment.play(served, count, acted, service.reach, counter)
        frames -= count


def compile_kernels(setting: Setting, environment: Callable[[np.random.SeedSequence, int], Environment]) -> None:
    """Play one frame, so that a clock started after it measures no compilation."""
    short = replace(setting, workers=min(setting.workers, 2), warmup=0, batches=1, batch_frames=1)
    play_replications(short, environment, rate=0.0, seed=0, replications=1, threads=1)
