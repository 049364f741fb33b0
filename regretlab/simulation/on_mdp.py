"""Simulate a staggering rule on any finite MDP under a policy table.

The inferences serve the frames as in ``simulate``; in an agent frame of delay d the action is the policy's for the
state observed d frames before, in the others the default behaviour acts. With a solution of the average-reward problem
the regret per frame is split by the exact identity of docs/theory: rho* - reward = E gap*(s, a), default and agent
frames apart.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..defaults import REPLICATIONS, SIMULATED_FRAMES
from ..errors import InputError
from ..mdp import AsynchronousMDP, AverageRewardSolution
from ..results import Estimate, ServiceLaw
from ..scenario import Scenario
from .estimates import Ratio, ratio, stack, summed_service
from .finite_mdps import MDPChain, tabulate
from .finite_mdps._kernels import AGENT_GAP, DEFAULT_GAP, REWARD
from .replication import compile_kernels, play_replications
from .setting import resolve_on
from .tallies import _kernels as column

__all__ = ["MDPSimulationResult", "simulate_mdp"]

LARGE = 1 << 20


@dataclass(frozen=True, eq=False)
class MDPSimulationResult:
    """What a simulation of an MDP measured.

    Attributes
    ----------
    service
        The service law of the rule.
    reward_per_frame
        Mean reward of a frame.
    regret_per_frame
        rho* minus the reward per frame; ``None`` where the optimum was not given.
    inaction_regret, agent_regret
        Gaps paid in default and in agent frames, per frame of all; ``None`` where the optimum was not given. Their sum
        is the regret per frame up to the span of the bias over the length of the run.
    frames, replications
        Frames counted over all replications; number of replications.
    transitions
        Moves of the MDP in the frames counted: frames times ``chains``.
    transitions_per_second
        Moves played a second, warm-up included, all cores together.
    """

    service: ServiceLaw
    reward_per_frame: Estimate
    regret_per_frame: Estimate | None
    inaction_regret: Estimate | None
    agent_regret: Estimate | None
    frames: int
    replications: int
    transitions: int
    transitions_per_second: float


def simulate_mdp(
    process: AsynchronousMDP,
    policy: ArrayLike,
    scenario: Scenario,
    *,
    solution: AverageRewardSolution | None = None,
    start: int = 0,
    chains: int | None = None,
    frames: int = SIMULATED_FRAMES,
    warmup: int | None = None,
    seed: int = 0,
    replications: int = REPLICATIONS,
    threads: int | None = None,
) -> MDPSimulationResult:
    """Simulate a rule on a finite MDP.

    Parameters
    ----------
    process
        The MDP, its default behaviour and the time of a frame.
    policy
        Integer array of shape (S,): the action for an observation; or (J, S): for an observation and a delay of 1..J
        frames (the last row also for longer ones).
    scenario
        Inference time, workers and rule. The world and its frame time are those of the process.
    frames, warmup, seed, replications, threads
        As for ``simulate``.
    solution
        The solved MDP, to measure regret against.
    start
        State of the first frame.
    chains
        Independent copies of the MDP that each replication plays on the same service, in turns, so that one moves while
        another waits for memory; default: 4 where the transitions take more than a megabyte, else 1.

    Returns
    -------
    MDPSimulationResult
        Figures with standard errors.

    Raises
    ------
    InputError
        For bad input, or if frames fell to a default behaviour that the process does not have.

    References
    ----------
    The identity of the regret with the gaps: derived in docs/theory.

    Examples
    --------
    >>> from regretlab.mdp import FiniteMDP
    >>> lazy = np.array([[0.9, 0.1], [0.1, 0.9]])  # the action names the state and does not move it
    >>> mdp = FiniteMDP([lazy, lazy], rewards=[[1.0, 0.0], [0.0, 1.0]])
    >>> result = simulate_mdp(AsynchronousMDP(mdp, beta=0), [0, 1], Scenario(0.5), frames=50_000)
    >>> round(result.reward_per_frame.value, 2)
    0.9
    """
    setting = resolve_on(process, scenario, frames=frames, warmup=warmup)
    if not 0 <= start < process.mdp.states:
        raise InputError(f"start must be a state between 0 and {process.mdp.states - 1}, not {start}")
    if chains is not None and chains < 1:
        raise InputError(f"chains must be at least 1, not {chains}")
    tables = tabulate(process, policy, None if solution is None else solution.gaps)

    copies = chains or (4 if tables.transitions.words.nbytes > LARGE else 1)

    def environment(own: np.random.SeedSequence, block: int) -> MDPChain:
        return MDPChain(tables, start, copies, own, block)

    compile_kernels(setting, environment)
    begin = time.perf_counter()
    tallies = stack(
        play_replications(setting, environment, rate=0.0, seed=seed, replications=replications, threads=threads)
    )
    speed = replications * setting.frames * copies / (time.perf_counter() - begin)
    played = tallies.columns[..., column.FRAMES]
    if process.beta is None and tallies.columns[..., column.DEFAULT].any():
        raise InputError("frames fell to the default behaviour, which the process does not define: give it one")
    assumptions = setting.assumptions()
    service, _ = summed_service(tallies, setting.rule.name, setting.workers, setting.frame_time, assumptions)
    reward = ratio(tallies.sums[..., REWARD], played)

    def estimate(part: Ratio, value: float | None = None) -> Estimate:
        shown = part.value if value is None else value
        return Estimate(shown, part.standard_error, "simulation", assumptions, part.degrees)

    def gap(which: int) -> Estimate | None:
        return None if solution is None else estimate(ratio(tallies.sums[..., which], played))

    return MDPSimulationResult(
        service=service,
        reward_per_frame=estimate(reward),
        regret_per_frame=None if solution is None else estimate(reward, solution.gain - reward.value),
        inaction_regret=gap(DEFAULT_GAP),
        agent_regret=gap(AGENT_GAP),
        frames=int(played.sum()),
        replications=len(played),
        transitions=int(played.sum()) * copies,
        transitions_per_second=speed,
    )
