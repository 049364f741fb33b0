"""Regret curves of learners: the sum of the gaps paid, by who served the frame, against the horizon.

By the identity of docs/theory the regret up to a frame is the sum of gap*(s, a), up to the span of the bias. Frames of
the default behaviour are the inaction part. Of what the agent's frames cost, the *delay* part is what an informed agent
(the optimal policy on the same old observations, from runs of its own) pays there; the rest is *learning*.
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...laws import Law
from ...mdp import AsynchronousMDP, FiniteMDP, solve_average_reward
from ..draws import AliasTable, alias_table
from ..replication import open_service
from ..setting import Setting, resolve
from ..tallies import _kernels as column
from . import _kernels as kernels
from .learners import INFORMED, Learner

__all__ = ["LearningCurves", "simulate_learning"]

LARGEST_TABLE = 10**7
MOST_DELAY = 1 << 16


@dataclass(frozen=True, eq=False)
class LearningCurves:
    """Cumulative regret against the horizon.

    Attributes
    ----------
    learner
        Who learned.
    frames
        Horizons, shape (C,).
    regret, inaction, delay, learning
        Means over the replications, shape (C,); regret = inaction + delay + learning.
    regret_error, inaction_error, delay_error, learning_error
        Their standard errors.
    interactions, processed
        Mean number of agent frames, and of those learned from, shape (C,).
    reward
        Mean cumulative reward, shape (C,).
    gain
        rho*, optimal reward per frame.
    replications
        How many.
    """

    learner: Learner
    frames: NDArray[np.int64]
    regret: NDArray[np.float64]
    inaction: NDArray[np.float64]
    delay: NDArray[np.float64]
    learning: NDArray[np.float64]
    regret_error: NDArray[np.float64]
    inaction_error: NDArray[np.float64]
    delay_error: NDArray[np.float64]
    learning_error: NDArray[np.float64]
    interactions: NDArray[np.float64]
    processed: NDArray[np.float64]
    reward: NDArray[np.float64]
    gain: float
    replications: int


def simulate_learning(
    process: AsynchronousMDP | FiniteMDP,
    learner: Learner,
    *,
    law: Law | None = None,
    workers: float = 1,
    rule: str = "frame-pool",
    hold: int | None = None,
    alignment: str | None = None,
    maximum_time: float | None = None,
    share: float = 1.0,
    frames: int = 100_000,
    checkpoints: int = 20,
    bernoulli: bool = True,
    start: int = 0,
    replications: int = 16,
    seed: int = 0,
    cores: int | None = None,
) -> LearningCurves:
    """Play a tabular learner and an informed agent through a staggering rule.

    Parameters
    ----------
    process
        The MDP with its default behaviour and frame time. Its rewards must lie in [0, 1] if they are drawn.
    learner
        From ``learner_named``.
    law
        Law of the inference time; None for an environment that waits (every frame is served at once).
    workers, rule, hold, alignment, maximum_time
        As for ``simulate``. The run starts with all workers idle: there is no warm-up.
    share
        u in (0, 1]: the share of the agent's frames that the learners process (``bounds.learning.processed_share``).
    frames, checkpoints
        Longest horizon, and how many horizons to report, evenly spaced.
    bernoulli
        Draw rewards of 0 and 1 with the given means; otherwise the means are received.
    start
        First state.
    replications, seed, cores
        As for ``simulate``; the results are the same on any number of cores.

    Raises
    ------
    InputError
        For bad input, several recurrent classes of different gain, or a bandit learner on more than one state.

    Examples
    --------
    >>> from regretlab.mdp import parse_mdp
    >>> from regretlab.simulation.learning import learner_named
    >>> bandit = parse_mdp("single-state(actions=3, gap=0.5)").mdp
    >>> curves = simulate_learning(bandit, learner_named("thompson"), frames=2000, replications=4)
    >>> bool(curves.learning[-1] < 0.2 * 2000 * 0.5)
    True
    """
    whole = process if isinstance(process, AsynchronousMDP) else AsynchronousMDP(process)
    mdp = whole.mdp
    _check(whole, learner, share, frames, checkpoints, bernoulli, start, replications, seed, cores, law)
    solution = solve_average_reward(mdp)
    setting = None
    if law is not None:
        setting = resolve(
            law,
            whole.frame_time,
            rule=rule,
            workers=workers,
            hold=hold,
            alignment=alignment,
            maximum_time=maximum_time,
            frames=frames,
            warmup=0,
        )
    table = None
    if setting is not None and law is not None and setting.in_whole_frames:
        table = alias_table(law.frame_pmf(whole.frame_time))
    gaps = np.where(solution.gaps > 1e-10, solution.gaps, 0.0)  # the gap of an optimal action is zero up to rounding
    task = _Task(whole, gaps, np.asarray(solution.policy), setting, table, share, bernoulli, start)
    horizons = np.unique(np.linspace(frames / checkpoints, frames, checkpoints).round().astype(np.int64))
    seeds = np.random.SeedSequence(seed).spawn(2 * replications)
    pairs = [(learner, own) for own in seeds[:replications]] + [(INFORMED, own) for own in seeds[replications:]]
    with ThreadPoolExecutor(cores or os.cpu_count() or 1) as threads:
        played = list(threads.map(lambda pair: task.play(pair[0], horizons, pair[1]), pairs))
    learned, informed = np.stack(played[:replications]), np.stack(played[replications:])
    return _curves(learner, horizons, learned, informed, float(solution.gain))


@dataclass(frozen=True, eq=False)
class _Task:
    """One replication's worth of everything that does not change."""

    process: AsynchronousMDP
    gaps: NDArray[np.float64]
    policy: NDArray[np.int64]
    setting: Setting | None
    table: AliasTable | None
    share: float
    bernoulli: bool
    start: int

    def play(self, learner: Learner, horizons: NDArray[np.int64], seed: np.random.SeedSequence) -> NDArray[np.float64]:
        """Return the carried sums at each horizon, shape (C, carried)."""
        mdp = self.process.mdp
        states, actions = mdp.states, mdp.actions
        service_seed, own = seed.spawn(2)
        service, block = (
            (None, 1 << 15) if self.setting is None else open_service(self.setting, self.table, service_seed)
        )
        moves = np.cumsum(np.moveaxis(mdp.dense(), 0, 1), axis=2)
        beta = np.zeros((states, actions))
        if self.process.beta is not None and not self.process.repeats:
            beta = np.cumsum(np.asarray(self.process.beta, dtype=np.float64), axis=1)
        settings = learner.settings(self.share, self.bernoulli, self.process.repeats)
        height = settings[kernels.HORIZON_H]
        carried = np.zeros(kernels.CARRIED)
        carried[kernels.STATE] = self.start
        quality = np.full((states, actions), height if learner.code == kernels.Q_UCB else 0.0)
        arrays = (
            settings,
            self.policy.copy() if learner.code == kernels.INFORMED else np.zeros(states, np.int64),
            quality,
            quality.copy(),
            np.zeros((states, actions)),
            np.zeros((states, actions)),
            np.zeros((states, actions)),
            np.zeros((states, actions, states)),
            own.generate_state(1, np.uint64),
        )
        if learner.code == kernels.UCRL2:  # the first policy: everything is possible
            arrays[5][:] = 1.0  # counts begun in this episode reach max(1, 0): plan before the first action
        ring = np.zeros(MOST_DELAY, np.int64)
        row = np.zeros(column.COLUMNS, np.int64)
        at_once = np.zeros(block, np.int32)
        out = np.empty((len(horizons), kernels.CARRIED))
        frame = 0
        for index, horizon in enumerate(horizons):
            while frame < horizon:
                count = min(block, int(horizon) - frame)
                served = at_once
                if service is not None:
                    served = service.serve(count, row)
                    if service.reach >= MOST_DELAY:
                        raise InputError(f"delays of {service.reach} frames are beyond {MOST_DELAY - 1}")
                    served = np.where(served > 0, served, -1).astype(np.int32)
                kernels.play(
                    learner.code, served, count, frame, moves, mdp.rewards, self.gaps, beta, ring, carried, *arrays
                )
                frame += count
            out[index] = carried
        if self.process.beta is None and out[-1, kernels.ACTED] < frame:
            raise InputError("frames fell to the default behaviour and the process has none: give it one")
        return out


def _curves(
    learner: Learner,
    horizons: NDArray[np.int64],
    learned: NDArray[np.float64],
    informed: NDArray[np.float64],
    gain: float,
) -> LearningCurves:
    def mean(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        number = len(values)
        error = values.std(axis=0, ddof=1) / math.sqrt(number) if number > 1 else np.full(values.shape[1:], np.nan)
        return values.mean(axis=0), error

    inaction, inaction_error = mean(learned[:, :, kernels.INACTION])
    agent, agent_error = mean(learned[:, :, kernels.AGENT])
    regret, regret_error = mean(learned[:, :, kernels.INACTION] + learned[:, :, kernels.AGENT])
    delay, delay_error = mean(informed[:, :, kernels.AGENT])
    return LearningCurves(
        learner=learner,
        frames=horizons,
        regret=regret,
        inaction=inaction,
        delay=delay,
        learning=agent - delay,
        regret_error=regret_error,
        inaction_error=inaction_error,
        delay_error=delay_error,
        learning_error=np.hypot(agent_error, delay_error),
        interactions=learned[:, :, kernels.ACTED].mean(axis=0),
        processed=learned[:, :, kernels.PROCESSED].mean(axis=0),
        reward=learned[:, :, kernels.REWARD].mean(axis=0),
        gain=gain,
        replications=len(learned),
    )


def _check(
    process: AsynchronousMDP,
    learner: Learner,
    share: float,
    frames: int,
    checkpoints: int,
    bernoulli: bool,
    start: int,
    replications: int,
    seed: int,
    cores: int | None,
    law: Law | None,
) -> None:
    mdp = process.mdp
    if learner.one_state and mdp.states != 1:
        raise InputError(
            f"learner '{learner.name}' is for one state, and this MDP has {mdp.states}: use ucrl2 or q-ucb"
        )
    if not 0 < share <= 1:
        raise InputError(f"share must lie in (0, 1], not {share!r}")
    for name, value in (("frames", frames), ("checkpoints", checkpoints), ("replications", replications)):
        if value < 1:
            raise InputError(f"{name} must be at least 1, not {value!r}")
    if cores is not None and cores < 1:
        raise InputError(f"cores must be at least 1, not {cores}")
    if seed < 0:
        raise InputError(f"seed must be a non-negative integer, not {seed}")
    if checkpoints > frames:
        raise InputError(f"checkpoints must be at most the {frames} frames, not {checkpoints}")
    if not 0 <= start < mdp.states:
        raise InputError(f"start must be a state between 0 and {mdp.states - 1}, not {start}")
    if bernoulli and (mdp.rewards.min() < 0 or mdp.rewards.max() > 1):
        raise InputError(
            f"rewards must lie in [0, 1] to be drawn, not in [{mdp.rewards.min():g}, {mdp.rewards.max():g}]"
        )
    size = mdp.states * mdp.states * mdp.actions
    if size > LARGEST_TABLE:
        raise InputError(
            f"{mdp.states} states and {mdp.actions} actions make a table of {size:,}: at most {LARGEST_TABLE:,}"
        )
    if law is not None and process.beta is None:
        raise InputError("slow inference needs a default behaviour, and the process has none: give it one")
