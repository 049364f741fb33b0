"""Rules whose starts lie on frame boundaries, in whole frames: the fast path of the simulator."""

import numpy as np
from numpy.typing import NDArray

from ...rules.rule import StaggeringRule
from ..draws import AliasTable, random_state
from ._kernels import CARRIED, CURSOR, IDLE, POOL, SEQUENTIAL, UNLIMITED_POOL, serve

__all__ = ["FrameRun"]


class FrameRun:
    """A run of a rule in whole frames, served a block at a time.

    Parameters
    ----------
    rule
        A rule that depends on the inference time only through the delay in whole frames.
    workers
        Number of workers, may be ``inf``.
    hold
        Frames the pool's outputs are held for at least.
    table
        Law of the delay D in frames.
    seed
        Of the delays.
    block
        Frames of the longest block, a multiple of the random lanes.
    """

    def __init__(
        self,
        rule: StaggeringRule,
        workers: float,
        hold: int,
        table: AliasTable,
        seed: np.random.SeedSequence,
        block: int,
    ) -> None:
        if rule.cycle_rest is not None:
            self._mode = SEQUENTIAL + rule.cycle_rest
        else:  # with as many workers as the longest delay, one is always idle
            self._mode = POOL if workers < table.longest else UNLIMITED_POOL
        self._hold, self._table = hold, table
        self.reach = max(table.longest, hold)
        self._state = random_state(seed)
        self._bits = np.empty(block, np.uint64)
        self._delays = np.empty(block, np.int32)
        self._ahead = np.zeros(block + self.reach + 1, np.int32)
        self._freed = np.zeros(block + self.reach + 1, np.int32)
        self._carry = np.zeros(CARRIED, np.int64)
        self._carry[IDLE] = int(min(workers, table.longest))
        self._carry[CURSOR] = block
        self._last = 0

    def serve(self, count: int, row: NDArray[np.int64]) -> NDArray[np.int32]:
        """Serve the next ``count`` frames; return their delays, 0 for the default, valid until the next call."""
        serve(
            self._mode, self._hold, self._table.thresholds, self._table.aliases, self._state, self._bits,
            self._delays, self._last, count, self.reach, self._ahead, self._freed, self._carry, row,
        )  # fmt: skip
        self._last = count
        return self._ahead
