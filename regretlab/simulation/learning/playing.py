"""One replication of a learner, or of the informed agent, through a staggering rule."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...mdp import AsynchronousMDP
from ..draws import AliasTable
from ..replication import Stop, open_service
from ..setting import Setting
from ..tallies import _kernels as column
from . import _kernels as kernels
from .learners import Learner

__all__ = ["MOST_DELAY", "Game", "KnownPolicy"]

MOST_DELAY = 1 << 16
BLOCK = 1 << 15


@dataclass(frozen=True, eq=False)
class KnownPolicy:
    """The table of an agent that does not learn.

    Attributes
    ----------
    actions
        Action for each place of the table: ((state * A + action in force) or state) * C**m + code of the actions in
        flight, the first to take effect in the highest place.
    numbers
        Number of each action in that code, below C, shape (A,).
    waiting, every
        m, actions in flight that it knows, and I, the frames between them.
    with_last
        Whether the action in force is part of a row.
    """

    actions: NDArray[np.int64]
    numbers: NDArray[np.int64]
    waiting: int = 0
    every: int = 1
    with_last: bool = False


@dataclass(frozen=True, eq=False)
class Game:
    """What is played: a process, and who serves its frames.

    Attributes
    ----------
    process
        The MDP with its default behaviour.
    gaps
        Of each state and action, shape (S, A).
    setting, table
        The staggering rule; None where the environment waits. The law of the delay for rules in whole frames.
    bernoulli
        Whether rewards are drawn.
    start
        First state.
    """

    process: AsynchronousMDP
    gaps: NDArray[np.float64]
    setting: Setting | None
    table: AliasTable | None
    bernoulli: bool
    start: int

    def learn(
        self,
        learner: Learner,
        share: float,
        horizons: NDArray[np.int64],
        seed: np.random.SeedSequence,
        *,
        to_state: bool = False,
        stop: Stop = lambda: None,
    ) -> NDArray[np.float64]:
        """Play a learner; return the carried sums at each horizon, shape (C, carried)."""
        settings = learner.settings(share, self.bernoulli, self.process.repeats)
        settings[kernels.TO_STATE] = to_state
        states, actions = self.process.mdp.states, self.process.mdp.actions
        first = settings[kernels.HORIZON_H] if learner.code == kernels.Q_UCB else 0.0
        return self._play(
            learner.code,
            settings,
            np.zeros(states, np.int64),
            np.zeros(actions, np.int64),
            np.full((states, actions), first),
            horizons,
            seed,
            np.zeros((1, 1)),
            stop,
        )

    def known(
        self,
        policy: KnownPolicy,
        horizons: NDArray[np.int64],
        seed: np.random.SeedSequence,
        pairs: NDArray[np.float64] | None = None,
        *,
        stop: Stop = lambda: None,
    ) -> NDArray[np.float64]:
        """Play a known policy; ``pairs``, shape (S, S), counts states observed against states acted on."""
        settings = np.zeros(kernels.SETTINGS)
        settings[kernels.BERNOULLI] = self.bernoulli
        settings[kernels.REPEATS] = self.process.repeats
        settings[kernels.WAITING], settings[kernels.EVERY] = policy.waiting, policy.every
        settings[kernels.NUMBERS] = policy.numbers.max() + 1
        settings[kernels.LAST_IN_ROW] = policy.with_last
        settings[kernels.PAIRS] = pairs is not None
        counted = np.zeros((1, 1)) if pairs is None else pairs
        nothing = np.zeros((self.process.mdp.states, self.process.mdp.actions))
        return self._play(
            kernels.INFORMED, settings, policy.actions, policy.numbers, nothing, horizons, seed, counted, stop
        )

    def _play(
        self,
        code: int,
        settings: NDArray[np.float64],
        policy: NDArray[np.int64],
        numbers: NDArray[np.int64],
        quality: NDArray[np.float64],
        horizons: NDArray[np.int64],
        seed: np.random.SeedSequence,
        pairs: NDArray[np.float64],
        stop: Stop,
    ) -> NDArray[np.float64]:
        mdp = self.process.mdp
        states, actions = mdp.states, mdp.actions
        service_seed, own = seed.spawn(2)
        service, block = (None, BLOCK) if self.setting is None else open_service(self.setting, self.table, service_seed)
        moves = np.cumsum(np.moveaxis(mdp.dense(), 0, 1), axis=2)
        beta = np.zeros((states, actions))
        if self.process.beta is not None and not self.process.repeats:
            beta = np.cumsum(np.asarray(self.process.beta, dtype=np.float64), axis=1)
        carried = np.zeros(kernels.CARRIED)
        carried[kernels.STATE] = self.start
        fresh = np.zeros((states, actions))
        if code == kernels.UCRL2:  # counts begun in this episode reach max(1, 0): plan before the first action
            fresh[:] = 1.0
        learned = code != kernels.INFORMED
        successors = np.zeros((states, actions, states) if learned else (1, 1, 1))
        arrays = (
            settings, policy, quality, quality.copy(), np.zeros((states, actions)), fresh, np.zeros((states, actions)),
            successors, own.generate_state(1, np.uint64), numbers, np.zeros(MOST_DELAY, np.int64), pairs,
        )  # fmt: skip
        ring = np.zeros(MOST_DELAY, np.int64)
        row = np.zeros(column.COLUMNS, np.int64)
        at_once = np.zeros(block, np.int32)
        out = np.empty((len(horizons), kernels.CARRIED))
        frame = 0
        for index, horizon in enumerate(horizons):
            while frame < horizon:
                stop()
                count = min(block, int(horizon) - frame)
                served = at_once
                if service is not None:
                    served = service.serve(count, row)
                    if service.reach >= MOST_DELAY:
                        raise InputError(f"delays of {service.reach} frames are beyond {MOST_DELAY - 1}")
                    served = np.where(served > 0, served, -1).astype(np.int32)
                kernels.play(code, served, count, frame, moves, mdp.rewards, self.gaps, beta, ring, carried, *arrays)
                frame += count
            out[index] = carried
        if self.process.beta is None and out[-1, kernels.ACTED] < frame:
            raise InputError("frames fell to the default behaviour and the process has none: give it one")
        return out

    def served(self, frames: int, seed: np.random.SeedSequence) -> NDArray[np.int64]:
        """Return the delays of the frames of a run (0: the default behaviour), or zeros where no action is late."""
        if self.setting is None:
            return np.zeros(frames, np.int64)
        service, block = open_service(self.setting, self.table, seed)
        row = np.zeros(column.COLUMNS, np.int64)
        played = np.empty(frames, np.int64)
        for first in range(0, frames, block):
            count = min(block, frames - first)
            played[first : first + count] = service.serve(count, row)[:count]
        return played
