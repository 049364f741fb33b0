"""One replication of any rule in continuous time on a witness chain."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..draws import random_state
from ..witness import Tallies
from ..witness._kernels import CARRIED, DISPATCHED, OVERWRITTEN, find_acted, play, tally_service
from .engine import EventEngine

if TYPE_CHECKING:
    from ..setting import Setting

__all__ = ["play_events"]

BLOCK = 8192
FEWEST_TIMES = 1 << 12
MOST_TIMES = 1 << 18


def play_events(setting: "Setting", *, seed: np.random.SeedSequence) -> Tallies:
    """Play one replication.

    Where starts may lie anywhere ("uniform"), all of them are shifted by a uniform share of a frame, and free-running
    workers begin at independent uniform points of an inference time: the long run of a rule is meant over all phases.

    Parameters
    ----------
    setting
        What to play.
    seed
        Of this replication.
    """
    time_seed, chain_seed, phase_seed = seed.spawn(3)
    rng = np.random.default_rng(time_seed)
    sizes = iter(2**power for power in range(FEWEST_TIMES.bit_length() - 1, 64))

    def more_times() -> NDArray[np.float64]:
        times = setting.law.sample(rng, min(next(sizes), MOST_TIMES))
        if not times.min() > 0:
            raise InputError(f"inference times must be positive: {setting.law.text} gave {times.min():g}")
        return times

    phases = np.random.default_rng(phase_seed)
    workers = int(setting.workers)
    offsets: float | NDArray[np.float64] = 0.0
    if setting.rule.name == "free-running":
        offsets = phases.random(workers) * setting.law.mean()
    elif setting.alignment == "uniform":
        offsets = phases.random() * setting.frame_time
    engine = EventEngine(
        setting.rule,
        workers,
        setting.frame_time,
        more_times,
        alignment=setting.alignment,
        hold=setting.hold,
        first_estimate=setting.first_estimate,
        offsets=offsets,
    )
    witness = setting.witness
    repeat = setting.default_behaviour == "repeat"
    tallies = Tallies.empty(setting.batches, engine.reach)
    state = random_state(chain_seed)
    bits = np.empty(BLOCK, np.uint64)
    served = np.zeros(BLOCK, np.int32)
    acted = np.empty(BLOCK + 1, np.int32)
    carry = np.zeros(CARRIED, np.int64)
    chain = np.zeros(BLOCK + engine.reach, np.int32)
    nothing = np.empty(0, np.int64)
    frame = 0
    for batch in range(-1, setting.batches):
        left = setting.warmup if batch < 0 else setting.batch_frames
        row = tallies.columns[batch]
        dispatched, overwritten = engine.dispatched, engine.overwritten
        while left > 0:
            count = min(left, BLOCK)
            reach = engine.reach
            engine.serve(frame, count, served, nothing)
            if engine.reach > reach:
                tallies, chain = _extend(tallies, chain, reach, engine.reach)
                row = tallies.columns[batch]
            found = find_acted(served, count, acted)
            intervals = tallies.intervals[0 if batch >= 0 else 1]
            tally_service(served, count, acted, found, carry, row, tallies.delays[batch], intervals)
            play(
                witness.kind, repeat, served, count, acted, found, state, bits, witness.jump, witness.symbols or 0,
                chain, engine.reach, carry, row,
            )  # fmt: skip
            frame += count
            left -= count
        row[DISPATCHED] = engine.dispatched - dispatched
        row[OVERWRITTEN] = engine.overwritten - overwritten
    return tallies.counted()


def _extend(tallies: Tallies, chain: NDArray[np.int32], reach: int, longer: int) -> tuple[Tallies, NDArray[np.int32]]:
    """Make room for longer delays in the counts and in the chain's history (its last ``reach`` symbols are kept)."""
    more = longer - reach
    delays = np.pad(tallies.delays, ((0, 0), (0, more)))
    return Tallies(tallies.columns, delays, tallies.intervals), np.concatenate([np.zeros(more, np.int32), chain])
