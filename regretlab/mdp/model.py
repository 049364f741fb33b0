"""Finite decision processes: the MDP of the environment, and the asynchronous MDP that adds frames without an agent.

Components (theory, section 1):

* ``FiniteMDP``: states 0..S-1, actions 0..A-1, ``p(s'|s, a)``, r(s, a) (the expected reward of a frame).
* ``AsynchronousMDP``: the same with the default behaviour ``beta(a|s)`` of the frames that no agent action reaches,
  and the time of a frame in seconds.

Transitions are held as one sparse matrix in compressed rows, shape (S * A, S), row ``s * A + a``: the rows of a state
lie side by side, which is the order in which a sweep over the states reads them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..errors import InputError

__all__ = ["ROW_SUM_TOLERANCE", "AsynchronousMDP", "FiniteMDP"]

ROW_SUM_TOLERANCE = 1e-9
"""How far the sum of a transition row may lie from 1."""


@dataclass(frozen=True, eq=False, repr=False)
class FiniteMDP:
    """A finite Markov decision process in which every action is available in every state.

    Parameters
    ----------
    transitions
        Either one matrix of shape (S, S) for each action (a sequence of dense or sparse matrices, or an array of shape
        (A, S, S)), or all rows stacked: a dense or sparse matrix of shape (S * A, S) with row ``s * A + a``.
    rewards
        Array of shape (S, A): expected reward of a frame.
    labels
        Array of shape (S,): what each state was called before states were left out or renumbered; default 0..S-1.
    name
        How messages call the process.

    Attributes
    ----------
    transitions
        Sparse array of shape (S * A, S) in compressed rows, sorted, without stored zeros; row ``s * A + a``.
    rewards
        Array of shape (S, A).

    Raises
    ------
    InputError
        If a row is not a probability distribution (the message names state, action and sum), if a reward is not
        finite, or if the shapes do not fit.

    Examples
    --------
    >>> stay, leave = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> FiniteMDP([stay, leave], rewards=[[0, 0], [1, 0]])
    FiniteMDP(states=2, actions=2, transitions=4)
    >>> FiniteMDP([stay, 0.9 * leave], rewards=[[0, 0], [1, 0]])
    Traceback (most recent call last):
    regretlab.errors.InputError: the transition row of state 0, action 1 sums to 0.9: a row must sum to 1 within 1e-09
    """

    transitions: Any
    rewards: Any
    labels: Any = None
    name: str = ""

    def __post_init__(self) -> None:
        rewards = _checked_rewards(self.rewards)
        transitions = _stacked_rows(self.transitions, rewards.shape)
        states = rewards.shape[0]
        labels = np.arange(states) if self.labels is None else np.asarray(self.labels)
        if labels.shape != (states,):
            raise InputError(f"labels have shape {labels.shape}: one for each of the {states} states is needed")
        object.__setattr__(self, "rewards", rewards)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "transitions", _stochastic(transitions, rewards.shape[1]))

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        return f"FiniteMDP({name}states={self.states}, actions={self.actions}, transitions={self.transitions.nnz})"

    @property
    def states(self) -> int:
        """Number of states S."""
        return int(self.rewards.shape[0])

    @property
    def actions(self) -> int:
        """Number of actions A."""
        return int(self.rewards.shape[1])

    @property
    def title(self) -> str:
        """How a message calls this process."""
        return f"the MDP {self.name!r}" if self.name else "the MDP"

    def matrix(self, action: int) -> sparse.csr_array:
        """Return the transition matrix of an action, sparse, shape (S, S)."""
        return self.transitions[np.arange(action, self.states * self.actions, self.actions)]

    def dense(self) -> NDArray[np.float64]:
        """Return all transitions as a dense array of shape (A, S, S)."""
        stacked = self.transitions.toarray().reshape(self.states, self.actions, self.states)
        return np.ascontiguousarray(stacked.transpose(1, 0, 2))

    def policy_matrix(self, policy: ArrayLike) -> sparse.csr_array:
        """Return the transition matrix under a policy, sparse, shape (S, S).

        Parameters
        ----------
        policy
            Integer array of shape (S,), or array of shape (S, A) with the probability of each action.

        Examples
        --------
        >>> mdp = FiniteMDP([np.eye(2), np.eye(2)[::-1]], rewards=np.zeros((2, 2)))
        >>> mdp.policy_matrix([[0.5, 0.5], [1, 0]]).toarray()
        array([[0.5, 0.5],
               [0. , 1. ]])
        """
        chosen = self._checked_policy(policy)
        if chosen.ndim == 1:
            return self.transitions[np.arange(self.states) * self.actions + chosen]
        states = np.repeat(np.arange(self.states), self.actions)
        rows = np.arange(self.states * self.actions)
        return sparse.csr_array((chosen.ravel(), (states, rows))) @ self.transitions

    def policy_rewards(self, policy: ArrayLike) -> NDArray[np.float64]:
        """Return the expected reward of each state under a policy (as in ``policy_matrix``), shape (S,)."""
        chosen = self._checked_policy(policy)
        if chosen.ndim == 1:
            return self.rewards[np.arange(self.states), chosen]
        return np.einsum("sa,sa->s", chosen, self.rewards)

    @cached_property
    def kernel_classes(self) -> NDArray[np.int64]:
        """Array of shape (A,): actions with the same number move all states alike (numbers 0, 1, ... in order)."""
        found: list[sparse.csr_array] = []
        numbers = np.empty(self.actions, dtype=np.int64)
        for action in range(self.actions):
            matrix = self.matrix(action)
            for number, other in enumerate(found):
                if _same_matrix(matrix, other):
                    numbers[action] = number
                    break
            else:
                numbers[action] = len(found)
                found.append(matrix)
        return numbers

    def restricted(self, states: ArrayLike) -> "FiniteMDP":
        """Return the process on some of the states, which no action may leave.

        Parameters
        ----------
        states
            Integer array of the states to keep; their numbers become 0, 1, ... in this order, ``labels`` keep the old.

        Raises
        ------
        InputError
            If an action leads out of these states.

        Examples
        --------
        >>> FiniteMDP([np.eye(3)], rewards=np.zeros((3, 1))).restricted([2, 0]).labels
        array([2, 0])
        """
        kept = np.asarray(states, dtype=np.int64)
        rows = (kept[:, None] * self.actions + np.arange(self.actions)).ravel()
        inside = self.transitions[rows][:, kept]
        lost = 1.0 - np.asarray(inside.sum(axis=1)).ravel()
        if lost.size and lost.max() > ROW_SUM_TOLERANCE:
            state, action = divmod(int(lost.argmax()), self.actions)
            raise InputError(
                f"action {action} leaves the kept states from state {kept[state]} with probability {lost.max():.6g}: "
                "keep a set of states that no action leaves"
            )
        return replace(self, transitions=inside, rewards=self.rewards[kept], labels=self.labels[kept])

    def _checked_policy(self, policy: ArrayLike) -> NDArray[Any]:
        chosen = np.asarray(policy)
        if chosen.shape == (self.states, self.actions):
            return _distributions(chosen.astype(np.float64), "the policy")
        if chosen.shape == (self.states,) and chosen.dtype.kind in "iu":
            if chosen.min() < 0 or chosen.max() >= self.actions:
                raise InputError(f"the policy holds actions outside 0..{self.actions - 1}")
            return chosen
        raise InputError(
            f"a policy of shape {chosen.shape} and type {chosen.dtype} does not fit: give integers of shape "
            f"({self.states},) or probabilities of shape ({self.states}, {self.actions})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class AsynchronousMDP:
    """A finite MDP in an environment that does not wait: <S, A, p, r, beta> and the time of a frame.

    Parameters
    ----------
    mdp
        The process at zero delay with an action every frame.
    beta
        Default behaviour, the law of the action in frames that no agent action reaches: an action (always that one), an
        integer array of shape (S,), probabilities of shape (S, A), ``"repeat"`` (the last agent action again), or
        ``None`` where there is none (every frame must then be served by the agent).
    frame_time
        Seconds of a frame.

    Attributes
    ----------
    beta
        Probabilities of shape (S, A), ``"repeat"`` or ``None``.

    Examples
    --------
    >>> swap = FiniteMDP([np.eye(2), np.eye(2)[::-1]], rewards=np.zeros((2, 2)))
    >>> AsynchronousMDP(swap, beta=0, frame_time=1 / 60).beta
    array([[1., 0.],
           [1., 0.]])
    """

    mdp: FiniteMDP
    beta: Any = None
    frame_time: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.frame_time) and self.frame_time > 0):
            raise InputError(f"frame_time {self.frame_time} s is not a positive number")
        if self.beta is not None:
            object.__setattr__(self, "beta", _checked_beta(self.beta, self.mdp))

    def __repr__(self) -> str:
        beta = "repeat" if self.repeats else ("none" if self.beta is None else "per state")
        return f"AsynchronousMDP({self.mdp!r}, beta={beta}, frame_time={self.frame_time})"

    @property
    def repeats(self) -> bool:
        """Whether the default behaviour is to repeat the last agent action."""
        return isinstance(self.beta, str)

    def default_matrix(self) -> sparse.csr_array:
        """Return the transition matrix of a frame of default behaviour, sum_a beta(a|s) p(.|s, a), shape (S, S)."""
        return self.mdp.policy_matrix(self._law())

    def default_rewards(self) -> NDArray[np.float64]:
        """Return the expected reward of a frame of default behaviour, shape (S,)."""
        return self.mdp.policy_rewards(self._law())

    def _law(self) -> NDArray[np.float64]:
        if self.beta is None or self.repeats:
            raise InputError(f"the default behaviour {self.beta!r} of {self.mdp.title} is not a function of the state")
        return np.asarray(self.beta)


def _checked_rewards(rewards: ArrayLike) -> NDArray[np.float64]:
    array = np.array(_real(rewards, "rewards"), dtype=np.float64)
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"rewards have shape {array.shape}: (states, actions) with at least one of each is needed")
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        state, action = wrong[0]
        raise InputError(f"the reward of state {state}, action {action} is {array[state, action]}: it must be finite")
    return array


def _real(values: Any, what: str) -> Any:
    """Return the values; raise ``InputError`` for complex ones, whose imaginary part NumPy would drop."""
    kind = values.dtype if hasattr(values, "dtype") else np.asarray(values).dtype
    if kind.kind == "c":
        raise InputError(f"{what} are of type {kind}: real numbers are needed")
    return values


def _stacked_rows(transitions: Any, shape: tuple[int, ...]) -> Any:
    states, actions = shape
    one_matrix = bool(sparse.issparse(transitions)) or (isinstance(transitions, np.ndarray) and transitions.ndim == 2)
    if one_matrix:
        if transitions.shape != (states * actions, states):
            raise InputError(
                f"stacked transitions have shape {transitions.shape}: rewards of shape {shape} need "
                f"({states * actions}, {states}), row s * {actions} + a"
            )
        return sparse.csr_array(_real(transitions, "transitions"), dtype=np.float64)
    if not isinstance(transitions, Sequence | np.ndarray):
        raise InputError(f"transitions of type {type(transitions).__name__} are not a matrix or a sequence of matrices")
    if len(transitions) != actions:
        raise InputError(f"{len(transitions)} transition matrices do not fit rewards of {actions} actions")
    matrices = []
    given: Any
    for action, given in enumerate(transitions):
        _real(given, "transitions")
        if not sparse.issparse(given):
            given = np.atleast_2d(np.asarray(given, np.float64))
        rows = sparse.csr_array(given)
        if rows.shape != (states, states):
            raise InputError(
                f"the transition matrix of action {action} has shape {rows.shape}: rewards of {states} states need "
                f"({states}, {states})"
            )
        matrices.append(rows)
    by_action: Any = sparse.vstack(matrices, format="csr", dtype=np.float64)
    order = (np.arange(actions) * states + np.arange(states)[:, None]).ravel()
    return sparse.csr_array(by_action[order])


def _stochastic(rows: sparse.csr_array, actions: int) -> sparse.csr_array:
    """Check that every row is a distribution; return them sorted, without zeros, and summing to 1 within rounding."""
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    bad = np.flatnonzero(~(rows.data >= 0))
    if bad.size:
        row = int(np.searchsorted(rows.indptr, bad[0], side="right")) - 1
        raise InputError(
            f"the transition row of state {row // actions}, action {row % actions} holds the probability "
            f"{rows.data[bad[0]]}: probabilities must not be negative"
        )
    sums = np.asarray(rows.sum(axis=1)).ravel()
    error = np.abs(sums - 1.0)
    worst = int(error.argmax())
    if not error[worst] <= ROW_SUM_TOLERANCE:
        first = int(np.flatnonzero(~(error <= ROW_SUM_TOLERANCE))[0])
        raise InputError(
            f"the transition row of state {first // actions}, action {first % actions} sums to {sums[first]:.12g}: "
            f"a row must sum to 1 within {ROW_SUM_TOLERANCE:g}"
        )
    if not rows.data.all():
        rows = rows.copy()
        rows.eliminate_zeros()
    if error[worst] > 1e-13:
        rows = rows.copy()
        rows.data /= np.repeat(sums, np.diff(rows.indptr))
    return rows


def _same_matrix(left: sparse.csr_array, right: sparse.csr_array) -> bool:
    return (
        left.nnz == right.nnz
        and np.array_equal(left.indptr, right.indptr)
        and np.array_equal(left.indices, right.indices)
        and np.array_equal(left.data, right.data)
    )


def _distributions(array: NDArray[np.float64], what: str) -> NDArray[np.float64]:
    wrong = ~(array >= 0).all(axis=1) | ~(np.abs(array.sum(axis=1) - 1.0) <= ROW_SUM_TOLERANCE)
    if wrong.any():
        state = int(np.flatnonzero(wrong)[0])
        raise InputError(f"{what} in state {state} is {array[state].tolist()}: probabilities that sum to 1 are needed")
    return array


def _checked_beta(beta: Any, mdp: FiniteMDP) -> NDArray[np.float64] | Literal["repeat"]:
    if isinstance(beta, str):
        if beta != "repeat":
            raise InputError(f"the default behaviour {beta!r} is not known: an action, probabilities or 'repeat'")
        return "repeat"
    array = np.asarray(beta)
    if array.shape == (mdp.states, mdp.actions):
        return _distributions(array.astype(np.float64), "the default behaviour")
    if array.ndim == 0:
        array = np.full(mdp.states, array)
    if array.shape != (mdp.states,) or array.dtype.kind not in "iu":
        raise InputError(
            f"a default behaviour of shape {array.shape} and type {array.dtype} does not fit {mdp.states} states and "
            f"{mdp.actions} actions"
        )
    if array.min() < 0 or array.max() >= mdp.actions:
        raise InputError(f"the default behaviour holds actions outside 0..{mdp.actions - 1}")
    return np.eye(mdp.actions)[array]
