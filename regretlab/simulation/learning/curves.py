"""Regret curves of learners: the sum of the gaps paid, against the horizon.

By the identity of docs/theory the regret up to a frame is the sum of gap*(s, a), up to the span of the bias. What an
informed agent (``informed``) pays on the same old observations, in runs of its own, is *inaction* in frames of the
default behaviour and *delay* in its own; what the learner pays beyond is *learning*.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...mdp import AsynchronousMDP, FiniteMDP, solve_average_reward
from ...progress import Progress, silent
from ...scenario import Scenario
from ..draws import alias_table
from ..replication import Stop, on_threads
from ..setting import resolve_on
from . import _kernels as kernels
from .informed import InformedAgent, informed_agent
from .learners import Learner
from .playing import Game

__all__ = ["LearningCurves", "simulate_learning"]

LARGEST_TABLE = 10**7


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
    delay_method
        "exact" if no agent on the same observations has less delay and inaction in the long run; "upper bound" where
        that optimum is not known: the learning part is then at least what is shown.
    informed
        What the informed agent plays, in words.
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
    delay_method: Literal["exact", "upper bound"]
    informed: str


def simulate_learning(
    process: AsynchronousMDP | FiniteMDP,
    learner: Learner,
    scenario: Scenario | None = None,
    *,
    share: float = 1.0,
    credit: Literal["observation", "state"] = "observation",
    frames: int = 100_000,
    checkpoints: int = 20,
    bernoulli: bool = True,
    start: int = 0,
    replications: int = 16,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress = silent,
) -> LearningCurves:
    """Play a tabular learner and an informed agent through a staggering rule.

    Parameters
    ----------
    process
        The MDP with its default behaviour and frame time. Its mean rewards must lie in [0, 1] if they are drawn, and
        for every learner but "q-epsilon", whose optimism rests on that.
    learner
        From ``learner_named``.
    scenario
        Inference time, workers and rule; None for an environment that waits (every frame is served at once). The world
        and its frame time are those of the process. The run starts with all workers idle: there is no warm-up.
    share
        u in (0, 1]: the share of the agent's frames that the learners process (``bounds.learning.processed_share``).
    credit
        What an action and its reward are booked on: "observation", the state it was chosen for (a learner then finds
        what is best to do on old observations where transitions ignore the actions), or "state", that of the frame it
        was applied in (it then learns the model, and acts as if there were no delay).
    frames, checkpoints
        Longest horizon, and how many horizons to report, evenly spaced.
    bernoulli
        Draw rewards of 0 and 1 with the given means; otherwise the means are received.
    start
        First state.
    replications, seed, threads
        As for ``simulate``; the results are the same on any number of threads.
    progress
        Called with the replications done and their number.

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
    _check(whole, learner, share, credit, frames, checkpoints, bernoulli, start, replications, seed, threads, scenario)
    solution = solve_average_reward(mdp)
    setting, table = None, None
    if scenario is not None:
        setting = resolve_on(whole, scenario, frames=frames, warmup=0)
        if setting.in_whole_frames:
            table = alias_table(setting.law.frame_pmf(whole.frame_time))
    gaps = np.where(solution.gaps > 1e-10, solution.gaps, 0.0)  # the gap of an optimal action is zero up to rounding
    game = Game(whole, gaps, setting, table, bernoulli, start)
    horizons = np.unique(np.linspace(frames / checkpoints, frames, checkpoints).round().astype(np.int64))
    informed_seed, *seeds = np.random.SeedSequence(seed).spawn(2 * replications + 1)
    informed = informed_agent(game, np.asarray(solution.policy), informed_seed)

    def learning(own: np.random.SeedSequence) -> Callable[[Stop], NDArray[np.float64]]:
        return lambda stop: game.learn(learner, share, horizons, own, to_state=credit == "state", stop=stop)

    def knowing(own: np.random.SeedSequence) -> Callable[[Stop], NDArray[np.float64]]:
        return lambda stop: game.known(informed.policy, horizons, own, stop=stop)

    tasks = [learning(own) for own in seeds[:replications]] + [knowing(own) for own in seeds[replications:]]
    played = np.stack(on_threads(tasks, threads, progress))
    learned, known = played[:replications], played[replications:]
    return _curves(learner, horizons, learned, known, float(solution.gain), informed)


def _curves(
    learner: Learner,
    horizons: NDArray[np.int64],
    learned: NDArray[np.float64],
    known: NDArray[np.float64],
    gain: float,
    informed: InformedAgent,
) -> LearningCurves:
    def mean(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        number = len(values)
        error = values.std(axis=0, ddof=1) / math.sqrt(number) if number > 1 else np.full(values.shape[1:], np.nan)
        return values.mean(axis=0), error

    paid = learned[:, :, kernels.INACTION] + learned[:, :, kernels.AGENT]
    regret, regret_error = mean(paid)
    inaction, inaction_error = mean(known[:, :, kernels.INACTION])
    delay, delay_error = mean(known[:, :, kernels.AGENT])
    both, both_error = mean(known[:, :, kernels.INACTION] + known[:, :, kernels.AGENT])
    return LearningCurves(
        learner=learner,
        frames=horizons,
        regret=regret,
        inaction=inaction,
        delay=delay,
        learning=regret - both,
        regret_error=regret_error,
        inaction_error=inaction_error,
        delay_error=delay_error,
        learning_error=np.hypot(regret_error, both_error),
        interactions=learned[:, :, kernels.ACTED].mean(axis=0),
        processed=learned[:, :, kernels.PROCESSED].mean(axis=0),
        reward=learned[:, :, kernels.REWARD].mean(axis=0),
        gain=gain,
        replications=len(learned),
        delay_method=informed.method,
        informed=informed.what,
    )


def _check(
    process: AsynchronousMDP,
    learner: Learner,
    share: float,
    credit: str,
    frames: int,
    checkpoints: int,
    bernoulli: bool,
    start: int,
    replications: int,
    seed: int,
    threads: int | None,
    scenario: Scenario | None,
) -> None:
    mdp = process.mdp
    if learner.one_state and mdp.states != 1:
        raise InputError(
            f"learner '{learner.name}' is for one state, and this MDP has {mdp.states}: use ucrl2 or q-ucb"
        )
    if credit not in ("observation", "state"):
        raise InputError(f"credit must be 'observation' or 'state', not {credit!r}")
    if not 0 < share <= 1:
        raise InputError(f"share must lie in (0, 1], not {share!r}")
    for name, value in (("frames", frames), ("checkpoints", checkpoints), ("replications", replications)):
        if value < 1:
            raise InputError(f"{name} must be at least 1, not {value!r}")
    if threads is not None and threads < 1:
        raise InputError(f"threads must be at least 1, not {threads}")
    if seed < 0:
        raise InputError(f"seed must be a non-negative integer, not {seed}")
    if checkpoints > frames:
        raise InputError(f"checkpoints must be at most the {frames} frames, not {checkpoints}")
    if not 0 <= start < mdp.states:
        raise InputError(f"start must be a state between 0 and {mdp.states - 1}, not {start}")
    outside = mdp.rewards.min() < 0 or mdp.rewards.max() > 1
    if outside and (bernoulli or learner.code != kernels.Q_EPSILON):
        why = "to be drawn" if bernoulli else f"for learner '{learner.name}'"
        raise InputError(
            f"mean rewards must lie in [0, 1] {why}, not in [{mdp.rewards.min():g}, {mdp.rewards.max():g}]"
        )
    size = mdp.states * mdp.states * mdp.actions
    if size > LARGEST_TABLE:
        raise InputError(
            f"{mdp.states} states and {mdp.actions} actions make a table of {size:,}: at most {LARGEST_TABLE:,}"
        )
    if scenario is not None and process.beta is None:
        raise InputError("slow inference needs a default behaviour, and the process has none: give it one")
