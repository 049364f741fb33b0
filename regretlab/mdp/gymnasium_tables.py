"""Gymnasium's toy-text tables ``P[state][action] = [(probability, next state, reward, terminated), ...]``, both ways.

Nothing here imports Gymnasium: the tables are plain dictionaries (``env.unwrapped.P``).

An episodic table becomes a process that goes on for ever: with ``terminal="restart"`` a transition that ends an episode
leads to the law of the next episode's first state (a reset takes no frame), so that the gain is the reward per frame
over many episodes. With ``terminal="keep"`` the table is taken as it stands; terminal states usually absorb there,
and the process is multichain.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from ..errors import InputError
from .model import FiniteMDP
from .structure import reachable_states

__all__ = ["from_gymnasium", "to_gymnasium"]

Table = Mapping[int, Mapping[int, Sequence[tuple[Any, ...]]]]


def from_gymnasium(
    table: Table,
    *,
    initial: ArrayLike | None = None,
    terminal: Literal["restart", "keep"] = "restart",
    name: str = "",
) -> FiniteMDP:
    """Return the MDP of a toy-text table.

    Parameters
    ----------
    table
        ``env.unwrapped.P``.
    initial
        Law of an episode's first state, array of shape (S,) (``env.unwrapped.initial_state_distrib``), or one state.
        Needed for ``terminal="restart"`` if any transition terminates. Where it is given, states that no policy reaches
        from there are left out; ``labels`` hold the numbers of those kept.
    terminal
        What follows a transition that terminates; see the module.
    name
        How messages call the process.

    Raises
    ------
    InputError
        If the table is not one, its rows are not distributions, or ``initial`` is missing or wrong.

    Examples
    --------
    Two frames to the goal and a new episode, so half a reward a frame:

    >>> walk = {0: {0: [(1.0, 1, 0.0, False)]}, 1: {0: [(1.0, 2, 1.0, True)]}, 2: {0: [(1.0, 2, 0.0, True)]}}
    >>> from regretlab.mdp.multichain import solve_average_reward
    >>> mdp = from_gymnasium(walk, initial=0)
    >>> mdp.labels, solve_average_reward(mdp).gain
    (array([0, 1]), 0.5)
    """
    if terminal not in ("restart", "keep"):
        raise InputError(f"terminal {terminal!r} is not restart or keep")
    states, actions = _table_shape(table)
    start = None if initial is None else _initial_law(initial, states)
    rows: list[int] = []
    columns: list[int] = []
    data: list[float] = []
    rewards = np.zeros((states, actions))
    ended = np.zeros(states * actions)
    for state in range(states):
        for action in range(actions):
            for entry in table[state][action]:
                probability, successor, reward, terminated = entry[:4]
                rewards[state, action] += float(probability) * float(reward)
                if not 0 <= int(successor) < states:
                    raise InputError(f"the table leads from state {state}, action {action} to {successor}")
                if terminated and terminal == "restart":
                    ended[state * actions + action] += float(probability)
                else:
                    rows.append(state * actions + action)
                    columns.append(int(successor))
                    data.append(float(probability))
    stacked: Any = sparse.csr_array((data, (rows, columns)), shape=(states * actions, states))
    if ended.any():
        if start is None:
            raise InputError(
                "the table ends episodes but initial is not given: pass env.unwrapped.initial_state_distrib, or "
                "terminal='keep'"
            )
        stacked = stacked + sparse.csr_array(ended[:, None]) @ sparse.csr_array(start[None, :])
    mdp = FiniteMDP(stacked, rewards, name=name)
    return mdp if start is None else mdp.restricted(reachable_states(mdp, np.flatnonzero(start)))


def to_gymnasium(mdp: FiniteMDP) -> dict[int, dict[int, list[tuple[float, int, float, bool]]]]:
    """Return a process as a toy-text table; every transition of a row carries the row's expected reward.

    Parameters
    ----------
    mdp
        The process.

    Examples
    --------
    >>> to_gymnasium(FiniteMDP([np.eye(2)], [[0.0], [1.0]]))
    {0: {0: [(1.0, 0, 0.0, False)]}, 1: {0: [(1.0, 1, 1.0, False)]}}
    """
    rows = mdp.transitions
    table: dict[int, dict[int, list[tuple[float, int, float, bool]]]] = {}
    for state in range(mdp.states):
        table[state] = {}
        for action in range(mdp.actions):
            row = state * mdp.actions + action
            span = slice(rows.indptr[row], rows.indptr[row + 1])
            reward = float(mdp.rewards[state, action])
            table[state][action] = [
                (float(p), int(s), reward, False) for p, s in zip(rows.data[span], rows.indices[span], strict=True)
            ]
    return table


def _table_shape(table: Table) -> tuple[int, int]:
    try:
        states, actions = len(table), len(table[0])
        complete = all(sorted(table[s]) == list(range(actions)) for s in range(states))
    except (KeyError, TypeError, IndexError):
        complete = False
    if not complete:
        raise InputError("the table is not P[state][action] for states 0..S-1 with the same actions 0..A-1 in each")
    return states, actions


def _initial_law(initial: ArrayLike, states: int) -> np.ndarray:
    law = np.asarray(initial, dtype=np.float64)
    if law.ndim == 0 and 0 <= int(law) < states and int(law) == law:
        return np.eye(1, states, int(law)).ravel()
    if law.shape != (states,) or (law < 0).any() or not abs(law.sum() - 1) <= 1e-9:
        raise InputError(f"initial {initial!r} is not a state 0..{states - 1} or a distribution over {states} states")
    return law
