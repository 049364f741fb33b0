"""Howard's policy iteration for the average reward, in MDPs with one maximal end component.

A policy met on the way may have several recurrent classes. Its best class is kept and every other state is led there
(possible, since all of the component can reach it): the policy then has one class and the equations

    g + h(s) = r(s, pi(s)) + (P_pi h)(s),  h(reference) = 0

have one solution. The gain never falls; a step that changes an action only outside the recurrent class raises the bias,
a step that makes a new recurrent class raises the gain, so no policy comes back (Haviv & Puterman 1991).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve

from .average_reward import AverageRewardSolution, action_value_table, certified_solution
from .model import FiniteMDP
from .structure import chain_structure

__all__ = ["chain_gain_and_bias", "policy_iteration", "stationary_distribution"]

_DENSE_STATES = 1500


def policy_iteration(mdp: FiniteMDP, *, max_improvements: int = 10_000) -> AverageRewardSolution:
    """Return the solution by policy iteration; the process must have one maximal end component.

    Parameters
    ----------
    mdp
        The process.
    max_improvements
        A guard only: the number of policies is finite and none comes twice.

    References
    ----------
    Howard 1960; Haviv & Puterman 1991, "An improved algorithm for solving communicating average reward Markov decision
    processes".

    Examples
    --------
    >>> swap = FiniteMDP([np.eye(2), np.eye(2)[::-1]], rewards=[[0.0, 0.0], [1.0, 0.0]])
    >>> policy_iteration(swap)
    AverageRewardSolution(gain=1, gain_error=..., states=2, method='policy-iteration', iterations=1)
    """
    states = np.arange(mdp.states)
    policy = mdp.rewards.argmax(axis=1)
    bias = np.zeros(mdp.states)
    improvements = 0
    while improvements < max_improvements:
        improvements += 1
        policy, reference = _single_class(mdp, policy)
        _, bias = chain_gain_and_bias(mdp.policy_matrix(policy), mdp.policy_rewards(policy), reference)
        table = action_value_table(mdp, bias)
        current = table[states, policy]
        # Ties within rounding keep the action, or the search would not end.
        margin = 1e-12 * (1.0 + float(np.abs(bias).max()) + float(np.abs(mdp.rewards).max()))
        better = table.max(axis=1) > current + margin
        if not better.any():
            break
        policy = np.where(better, table.argmax(axis=1), policy)
    return certified_solution(mdp, bias, "policy-iteration", improvements)


def chain_gain_and_bias(
    matrix: sparse.csr_array, rewards: NDArray[np.float64], reference: int
) -> tuple[float, NDArray[np.float64]]:
    """Return gain and bias (0 at the reference) of a chain with rewards and one recurrent class.

    Parameters
    ----------
    matrix
        Sparse transition matrix of shape (S, S).
    rewards
        Array of shape (S,).
    reference
        A recurrent state.

    References
    ----------
    Puterman 1994, equation 8.6.2 to 8.6.5.

    Examples
    --------
    >>> chain_gain_and_bias(sparse.csr_array([[0.0, 1.0], [1.0, 0.0]]), np.array([1.0, 0.0]), 0)
    (0.5, array([ 0. , -0.5]))
    """
    size = matrix.shape[0]
    if size <= _DENSE_STATES:
        system = np.eye(size) - matrix.toarray()
        system[:, reference] = 1.0
        solution = np.linalg.solve(system, rewards)
    else:
        # The reference column of I - P is not needed (its unknown is 0); the gain takes its place.
        columns = np.ones(size)
        columns[reference] = 0.0
        system = (sparse.eye_array(size) - matrix) @ sparse.diags_array(columns)
        ones = sparse.csr_array((np.ones(size), (np.arange(size), np.full(size, reference))), shape=(size, size))
        solution = spsolve(sparse.csc_array(system + ones), rewards)
    gain = float(solution[reference])
    bias = np.array(solution)
    bias[reference] = 0.0
    return gain, bias


def stationary_distribution(matrix: sparse.csr_array, recurrent: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the stationary distribution of one recurrent class, shape (S,), zero outside it.

    Parameters
    ----------
    matrix
        Sparse transition matrix of shape (S, S).
    recurrent
        Integer array: the states of the class.

    Examples
    --------
    >>> stationary_distribution(sparse.csr_array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 1]))
    array([0.66666667, 0.33333333])
    """
    inside = matrix[recurrent][:, recurrent]
    size = len(recurrent)
    if size <= _DENSE_STATES:
        system = np.eye(size) - inside.toarray().T
        system[-1] = 1.0
        weights = np.linalg.solve(system, np.eye(size)[-1])
    else:
        system = sparse.lil_array(sparse.eye_array(size) - inside.T)
        system[-1] = 1.0
        weights = spsolve(sparse.csc_array(system), np.eye(1, size, size - 1).ravel())
    distribution = np.zeros(matrix.shape[0])
    distribution[recurrent] = np.maximum(weights, 0.0) / np.maximum(weights, 0.0).sum()
    return distribution


def _single_class(mdp: FiniteMDP, policy: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Lead every state to the policy's best recurrent class; return that policy and a state of the class."""
    matrix = mdp.policy_matrix(policy)
    classes = chain_structure(matrix).recurrent_classes
    if len(classes) == 1:
        return policy, int(classes[0][0])
    rewards = mdp.policy_rewards(policy)
    gains = [float(stationary_distribution(matrix, states)[states] @ rewards[states]) for states in classes]
    best = classes[int(np.argmax(gains))]
    changed = policy.copy()
    led = np.zeros(mdp.states, dtype=bool)
    led[best] = True
    # States the policy already leads there keep their actions; the others take one step of a shortest way.
    for own in (True, False):
        rows = np.arange(mdp.states) * mdp.actions + policy if own else np.arange(mdp.states * mdp.actions)
        backward = sparse.csr_array(mdp.transitions[rows].T)
        per_state = 1 if own else mdp.actions
        frontier = np.flatnonzero(led)
        while frontier.size:
            before = np.unique(backward[frontier].indices)
            before = before[~led[before // per_state]]
            frontier, first = np.unique(before // per_state, return_index=True)
            if not own:
                changed[frontier] = before[first] % mdp.actions
            led[frontier] = True
    return changed, int(best[0])
