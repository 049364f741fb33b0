"""One replication: a service that says what serves each frame, an environment played on it, and the tallies."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .draws import LANES, AliasTable, alias_table
from .events.service import EventService
from .frames import FrameService
from .setting import Setting
from .tallies import Tallies
from .tallies import _kernels as column

__all__ = ["Environment", "compile_kernels", "play_replications"]

BLOCK = 8192
"""Frames played at a time; what a block needs stays in the second-level cache."""


class Service(Protocol):
    """Who serves which frame (``FrameService``, ``EventService``)."""

    @property
    def reach(self) -> int:
        """Upper bound of every delay so far, in frames."""

    def serve(self, count: int, row: NDArray[np.int64]) -> NDArray[np.int32]:
        """Serve the next frames; return their delays."""


class Environment(Protocol):
    """What is played in the frames (``WitnessChain``, ``MDPChain``)."""

    def play(
        self,
        served: NDArray[np.int32],
        count: int,
        acted: NDArray[np.int32],
        found: int,
        reach: int,
        tallies: Tallies,
        batch: int,
    ) -> None:
        """Play a block into the tallies of a batch."""


def play_replications(
    setting: Setting,
    environment: Callable[[np.random.SeedSequence, int], Environment],
    *,
    seed: int,
    replications: int,
    cores: int | None,
) -> list[Tallies]:
    """Play independent replications on threads (the kernels hold no lock).

    Parameters
    ----------
    setting
        What to play.
    environment
        Makes a fresh environment of a seed, for blocks of so many frames.
    seed
        Of all replications together.
    replications
        How many.
    cores
        Threads to use; default: all cores.

    Returns
    -------
    list of Tallies
        One a replication, whatever the number of cores.
    """
    if replications < 1:
        raise InputError(f"replications must be at least 1, not {replications}")
    if seed < 0:
        raise InputError(f"seed must be a non-negative integer, not {seed}")
    if cores is not None and cores < 1:
        raise InputError(f"cores must be at least 1, not {cores}")
    table = alias_table(setting.law.frame_pmf(setting.frame_time)) if setting.in_whole_frames else None

    def play(own: np.random.SeedSequence) -> Tallies:
        return play_one(setting, table, environment, own)

    seeds = np.random.SeedSequence(seed).spawn(replications)
    with ThreadPoolExecutor(min(cores or os.cpu_count() or 1, replications)) as threads:
        return list(threads.map(play, seeds))


def play_one(
    setting: Setting,
    table: AliasTable | None,
    environment: Callable[[np.random.SeedSequence, int], Environment],
    seed: np.random.SeedSequence,
) -> Tallies:
    """Play one replication; ``table`` is the law of the delay for rules in whole frames."""
    service_seed, environment_seed = seed.spawn(2)
    block = BLOCK
    service: Service
    if table is not None:
        block = max(BLOCK, -(-table.longest // LANES) * LANES)
        service = FrameService(setting.rule, setting.workers, setting.hold, table, service_seed, block)
    else:
        service = EventService(
            setting.law, setting.frame_time, setting.rule, int(setting.workers), setting.alignment, setting.hold,
            setting.first_estimate, service_seed, block,
        )  # fmt: skip
    played = environment(environment_seed, block)
    acted = np.empty(block + 1, np.int32)
    carry = np.zeros(column.CARRIED, np.int64)
    _play_batches(service, played, acted, carry, block, 1, setting.warmup)  # counted and forgotten
    return _play_batches(service, played, acted, carry, block, setting.batches, setting.batch_frames)


def _play_batches(
    service: Service,
    environment: Environment,
    acted: NDArray[np.int32],
    carry: NDArray[np.int64],
    block: int,
    batches: int,
    batch_frames: int,
) -> Tallies:
    tallies = Tallies.empty(batches, service.reach)
    for batch in range(batches):
        left = batch_frames
        while left > 0:
            count = min(left, block)
            served = service.serve(count, tallies.columns[batch])
            if service.reach >= tallies.delays.shape[1]:
                tallies = tallies.reaching(service.reach)
            row, delays = tallies.columns[batch], tallies.delays[batch]
            found = column.tally(served, count, acted, carry, row, delays, tallies.intervals)
            environment.play(served, count, acted, found, service.reach, tallies, batch)
            left -= count
    return tallies


def compile_kernels(setting: Setting, environment: Callable[[np.random.SeedSequence, int], Environment]) -> None:
    """Play one frame, so that a clock started after it measures no compilation."""
    short = replace(setting, warmup=0, batches=1, batch_frames=1)
    play_replications(short, environment, seed=0, replications=1, cores=1)
