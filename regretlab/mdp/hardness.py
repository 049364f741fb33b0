"""How hard an MDP is to learn and to act in: diameter, span of the bias, gaps, mixing time.

* Diameter (Jaksch, Ortner & Auer 2010, definition 1): max over pairs of states of the least expected number of frames
  from one to the other, each a stochastic shortest path; infinite unless the MDP is communicating.
* Span of the bias: at most (reward range) * diameter (Bartlett & Tewari 2009, REGAL).
* Gaps: largest gap*(s, a), and the least over states of the second-smallest gap*(s, .) (0 where two actions are best).
* Mixing time of a chain: the first t with total variation at most 1/4 from every start (Levin & Peres
  2017, section 4.5).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve

from ..errors import InputError
from .average_reward import AverageRewardSolution
from .model import FiniteMDP
from .multichain import solve_average_reward
from .policy_iteration import stationary_distribution
from .structure import almost_sure_reach, chain_structure, mdp_structure

__all__ = ["Hardness", "diameter", "gap_range", "hardness", "hitting_times", "mixing_time"]

_DENSE_STATES = 1500
_MIXING_STATES = 3000


@dataclass(frozen=True)
class Hardness:
    """Hardness of an MDP.

    Attributes
    ----------
    diameter
        In frames; ``inf`` if some state cannot be reached from another.
    bias_span
        Largest minus least bias, in units of reward.
    largest_gap
        Largest gap*(s, a).
    smallest_gap
        Least over states of the second-smallest gap*(s, .); ``inf`` with a single action.
    mixing_time
        Of the optimal policy's chain, in frames; ``inf`` if it is periodic.
    """

    diameter: float
    bias_span: float
    largest_gap: float
    smallest_gap: float
    mixing_time: float


def hardness(mdp: FiniteMDP, solution: AverageRewardSolution | None = None) -> Hardness:
    """Return diameter, span of the bias, gaps and mixing time of the optimal policy.

    Parameters
    ----------
    mdp
        A process whose optimal gain does not depend on the start state.
    solution
        Its solution, if it is at hand.

    References
    ----------
    See the module.

    Examples
    --------
    >>> from regretlab.mdp.families import parse_mdp
    >>> measures = hardness(parse_mdp("riverswim(6)").mdp)
    >>> print(round(measures.diameter, 4), measures.mixing_time)
    14.7223 13.0
    """
    solved = solve_average_reward(mdp) if solution is None else solution
    largest, smallest = gap_range(solved)
    return Hardness(
        diameter=diameter(mdp),
        bias_span=solved.bias_span,
        largest_gap=largest,
        smallest_gap=smallest,
        mixing_time=mixing_time(mdp.policy_matrix(solved.policy)),
    )


def gap_range(solution: AverageRewardSolution) -> tuple[float, float]:
    """Return the largest gap, and the least over states of the second-smallest gap (``inf`` with a single action).

    Parameters
    ----------
    solution
        A solved average-reward problem.

    References
    ----------
    Derived in docs/theory, theorem D (its Dmax and Dmin).

    Examples
    --------
    >>> swap = FiniteMDP([np.eye(2), np.eye(2)[::-1]], rewards=[[0.0, 0.0], [1.0, 0.0]])
    >>> gap_range(solve_average_reward(swap))
    (2.0, 1.0)
    """
    gaps = np.maximum(solution.gaps, 0.0)
    second = np.partition(gaps, 1, axis=1)[:, 1].min() if gaps.shape[1] > 1 else math.inf
    return float(gaps.max()), float(second)


def diameter(mdp: FiniteMDP) -> float:
    """Return the diameter in frames; ``inf`` unless the MDP is communicating; 0 with a single state.

    Parameters
    ----------
    mdp
        The process; one stochastic shortest path problem is solved for each state.

    References
    ----------
    Jaksch, Ortner & Auer 2010, definition 1.

    Examples
    --------
    >>> diameter(FiniteMDP([[[0.5, 0.5], [0.25, 0.75]]], np.zeros((2, 1))))
    4.0
    """
    if not mdp_structure(mdp, decide_unichain=0).communicating:
        return math.inf
    return max(float(hitting_times(mdp, target).max()) for target in range(mdp.states))


def hitting_times(mdp: FiniteMDP, target: int) -> NDArray[np.float64]:
    """Return the least expected number of frames to a state from each state, shape (S,); ``inf`` where it is infinite.

    Parameters
    ----------
    mdp
        The process.
    target
        The state to reach.

    References
    ----------
    Bertsekas & Tsitsiklis 1991, "An analysis of stochastic shortest path problems": policy iteration from a policy that
    reaches the target for sure; states from which none does have infinite time and are left out.

    Examples
    --------
    >>> fork = FiniteMDP([[[0, 1, 0], [0, 1, 0], [0, 0, 1]], [[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]]], np.zeros((3, 2)))
    >>> hitting_times(fork, 1)
    array([ 1.,  0., inf])
    """
    if not 0 <= target < mdp.states:
        raise InputError(f"target {target} is not a state 0..{mdp.states - 1}")
    sure, policy = almost_sure_reach(mdp, target)
    times = np.where(sure, 0.0, np.inf)
    travellers = np.flatnonzero(sure & (np.arange(mdp.states) != target))
    if travellers.size == 0:
        return times
    rows = (travellers[:, None] * mdp.actions + np.arange(mdp.actions)).ravel()
    leaving = mdp.transitions[rows]
    # Actions that may lead where the target cannot be reached for sure are not choices.
    possible = (leaving @ (~sure).astype(float) == 0).reshape(-1, mdp.actions)
    inner = sparse.csr_array(leaving[:, travellers])
    choice = policy[travellers]
    position = np.arange(travellers.size)
    while True:
        expected = _solve(inner[position * mdp.actions + choice])
        ahead = np.where(possible, 1.0 + (inner @ expected).reshape(-1, mdp.actions), np.inf)
        better = ahead.min(axis=1) < expected - 1e-10 * (1.0 + expected)
        if not better.any():
            break
        choice = np.where(better, ahead.argmin(axis=1), choice)
    times[travellers] = expected
    return times


def _solve(chain: sparse.csr_array) -> NDArray[np.float64]:
    """Return the expected number of frames before a substochastic chain ends."""
    size = chain.shape[0]
    ones = np.ones(size)
    if size <= _DENSE_STATES:
        return np.linalg.solve(np.eye(size) - chain.toarray(), ones)
    return np.asarray(spsolve(sparse.csc_array(sparse.eye_array(size) - chain), ones))


def mixing_time(matrix: sparse.csr_array, *, distance: float = 0.25, longest: int = 2**40) -> float:
    """Return the first t at which the chain is within ``distance`` of its stationary law from every start.

    Parameters
    ----------
    matrix
        Transition matrix, dense or sparse, of shape (S, S), S at most 3000.
    distance
        Total variation distance, in (0, 1).
    longest
        Mixing times beyond this count as infinite, in frames.

    Returns
    -------
    float
        In frames; ``inf`` if the chain has several recurrent classes or is periodic.

    References
    ----------
    Levin & Peres 2017, "Markov chains and mixing times", equation 4.30. The distance never grows with t: powers
    P, P^2, P^4, ... bracket the answer, and bisection in their products finds it.

    Examples
    --------
    >>> mixing_time(np.array([[0.9, 0.1], [0.1, 0.9]]))
    4.0
    """
    chain: sparse.csr_array = sparse.csr_array(matrix)
    size = chain.shape[0]
    if size > _MIXING_STATES:
        raise InputError(f"the mixing time of {size} states is not computed: at most {_MIXING_STATES}")
    if not 0 < distance < 1:
        raise InputError(f"distance {distance} is not in (0, 1)")
    structure = chain_structure(chain)
    if not structure.unichain or structure.periods[0] != 1:
        return math.inf
    stationary = stationary_distribution(chain, structure.recurrent_classes[0])

    def far(power: NDArray[np.float64]) -> bool:
        return bool(0.5 * np.abs(power - stationary).sum(axis=1).max() > distance)

    powers = [chain.toarray()]
    if not far(np.eye(size)):
        return 0.0
    while far(powers[-1]):
        if 2 ** len(powers) > longest:
            return math.inf
        powers.append(powers[-1] @ powers[-1])
    # P^frames is still far; add the largest steps that leave it so.
    frames, current = 0, np.eye(size)
    for exponent in range(len(powers) - 2, -1, -1):
        ahead = current @ powers[exponent]
        if far(ahead):
            frames, current = frames + 2**exponent, ahead
    return float(frames + 1)
