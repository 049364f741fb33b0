"""Rules whose starts lie on frame boundaries, in whole frames: the fast path of the simulator."""

from typing import TYPE_CHECKING

import numpy as np

from ..draws import LANES, AliasTable, random_state
from ..witness import Tallies
from ._kernels import POOL, SEQUENTIAL, SEQUENTIAL_STRICT, UNLIMITED_POOL, run_frames

if TYPE_CHECKING:
    from ..setting import Setting

__all__ = ["FRAME_RULES", "play_frames"]

FRAME_RULES = ("sequential", "sequential-strict", "frame-pool", "frame-hold")
"""Rules that depend on the inference time only through the delay D in frames."""

BLOCK = 4096


def play_frames(setting: "Setting", *, table: AliasTable, seed: np.random.SeedSequence) -> Tallies:
    """Play one replication.

    Parameters
    ----------
    setting
        What to play; its rule one of ``FRAME_RULES``.
    table
        Law of the delay D in frames.
    seed
        Of this replication.
    """
    longest = table.longest
    if setting.rule.name == "sequential":
        mode = SEQUENTIAL
    elif setting.rule.name == "sequential-strict":
        mode = SEQUENTIAL_STRICT
    else:  # with as many workers as the longest delay, one is always idle
        mode = POOL if setting.workers < longest else UNLIMITED_POOL
    reach = max(longest, setting.hold)
    delay_seed, chain_seed = seed.spawn(2)
    tallies = Tallies.empty(setting.batches, reach)
    witness = setting.witness
    run_frames(
        mode, int(min(setting.workers, longest)), setting.hold,
        table.thresholds, table.aliases, random_state(delay_seed),
        witness.kind, setting.default_behaviour == "repeat", witness.jump, witness.symbols or 0,
        random_state(chain_seed), max(BLOCK, -(-reach // LANES) * LANES), reach,
        setting.warmup, setting.batch_frames, tallies.columns, tallies.delays, tallies.intervals,
    )  # fmt: skip
    return tallies.counted()
