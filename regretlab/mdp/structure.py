"""Which states can follow which: classes of a chain, end components of an MDP, and what they say about the gain.

* A *recurrent class* of a chain is a set of states that it never leaves and in which each leads to each.
* An *end component* of an MDP is a set of states with, for each, a set of actions, such that these actions never leave
  the set and lead from each state to each other. A policy's recurrent class is always one (de Alfaro 1997, "Formal
  verification of probabilistic systems", section 3.3). The maximal ones are disjoint.
* The optimal gain is the same from every state if there is exactly one maximal end component: the MDP is then *weakly
  communicating* (Puterman 1994, section 8.3), or *communicating* if that component is all states with all actions.
* An MDP is *unichain* if every policy has one recurrent class. Deciding that is NP-hard (Tsitsiklis 2007); a state that
  every policy must hit proves it, two disjoint end components refute it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from .model import FiniteMDP

__all__ = [
    "ChainStructure",
    "EndComponents",
    "MDPStructure",
    "almost_sure_reach",
    "chain_structure",
    "end_components",
    "mdp_structure",
    "reachable_states",
]


@dataclass(frozen=True, eq=False)
class ChainStructure:
    """The classes of a Markov chain.

    Attributes
    ----------
    recurrent_classes
        One integer array of states for each recurrent class.
    transient
        Integer array of the states in none of them.
    periods
        The period of each recurrent class.
    """

    recurrent_classes: tuple[NDArray[np.int64], ...]
    transient: NDArray[np.int64]
    periods: tuple[int, ...]

    @property
    def unichain(self) -> bool:
        """Whether there is a single recurrent class."""
        return len(self.recurrent_classes) == 1


@dataclass(frozen=True, eq=False)
class EndComponents:
    """The maximal end components of an MDP.

    Attributes
    ----------
    component
        Array of shape (S,): the number of the component a state belongs to, or -1.
    allowed
        Array of shape (S, A): whether the action stays inside the state's component.
    count
        How many there are.
    """

    component: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    count: int

    def states(self, number: int) -> NDArray[np.int64]:
        """Return the states of one component."""
        return np.flatnonzero(self.component == number)


@dataclass(frozen=True, eq=False)
class MDPStructure:
    """What follows for an MDP from which transitions are possible.

    Attributes
    ----------
    communicating
        Whether every state can be reached from every state under some policy.
    weakly_communicating
        Whether there is one maximal end component, so that the optimal gain does not depend on the start.
    unichain
        Whether every policy has a single recurrent class; ``None`` where that was not decided.
    end_components
        The maximal end components.
    """

    communicating: bool
    weakly_communicating: bool
    unichain: bool | None
    end_components: EndComponents


def chain_structure(matrix: sparse.csr_array) -> ChainStructure:
    """Return recurrent classes, transient states and periods of a chain.

    Parameters
    ----------
    matrix
        Transition matrix, dense or sparse, of shape (S, S).

    References
    ----------
    Classes: strongly connected components that no edge leaves. Period: greatest common divisor of
    level(u) + 1 - level(v) over the edges of a class, with breadth-first levels (Denardo 1977).

    Examples
    --------
    >>> chain_structure(np.array([[0, 1, 0], [1, 0, 0], [0.5, 0, 0.5]]))
    ChainStructure(recurrent_classes=(array([0, 1]),), transient=array([2]), periods=(2,))
    """
    chain = sparse.csr_array(matrix).copy()
    chain.sum_duplicates()
    chain.eliminate_zeros()
    count, component = csgraph.connected_components(chain, directed=True, connection="strong")
    sources = np.repeat(np.arange(chain.shape[0]), np.diff(chain.indptr))
    leaves = component[sources] != component[chain.indices]
    closed = np.ones(count, dtype=bool)
    closed[component[sources[leaves]]] = False
    order = np.argsort(component, kind="stable")
    bounds = np.searchsorted(component[order], np.arange(count + 1))
    classes = tuple(np.sort(order[bounds[c] : bounds[c + 1]]) for c in np.flatnonzero(closed))
    classes = tuple(sorted(classes, key=lambda states: int(states[0])))
    return ChainStructure(
        recurrent_classes=classes,
        transient=np.flatnonzero(~closed[component]),
        periods=tuple(_period(chain[states][:, states]) for states in classes),
    )


def _period(chain: Any) -> int:
    distances: Any = csgraph.dijkstra(chain, directed=True, indices=np.array([0]), unweighted=True)
    levels = distances[0].astype(np.int64)
    sources = np.repeat(np.arange(chain.shape[0]), np.diff(chain.indptr))
    return int(np.gcd.reduce(np.abs(levels[sources] + 1 - levels[chain.indices])))


def end_components(mdp: FiniteMDP, within: NDArray[np.bool_] | None = None) -> EndComponents:
    """Return the maximal end components.

    Parameters
    ----------
    mdp
        The process.
    within
        Boolean array of shape (S,): look for components inside this set only; default all states.

    References
    ----------
    de Alfaro 1997, algorithm 3.1: split into strongly connected parts, drop actions that leave them, repeat.

    Examples
    --------
    >>> stay, leave = np.eye(2), np.array([[0.0, 1.0], [0.0, 1.0]])
    >>> end_components(FiniteMDP([stay, leave], np.zeros((2, 2)))).component
    array([0, 1])
    """
    states, actions = mdp.states, mdp.actions
    rows = mdp.transitions
    lengths = np.diff(rows.indptr)
    row_of = np.repeat(np.arange(states * actions), lengths)
    inside = np.ones(states, dtype=bool) if within is None else within.copy()
    allowed = np.repeat(inside, actions)
    allowed[row_of[~inside[rows.indices]]] = False
    while True:
        kept = allowed[row_of]
        graph = sparse.csr_array(
            (np.ones(np.count_nonzero(kept), np.int32), (row_of[kept] // actions, rows.indices[kept])),
            shape=(states, states),
        )
        component = csgraph.connected_components(graph, directed=True, connection="strong")[1]
        leaves = kept & (component[row_of // actions] != component[rows.indices])
        if not leaves.any():
            break
        allowed[row_of[leaves]] = False
    alive = allowed.reshape(states, actions).any(axis=1)
    numbers = np.full(states, -1, dtype=np.int64)
    if alive.any():
        # Numbered by their first state, so that the order does not depend on the graph search.
        found, first, inverse = np.unique(component[alive], return_index=True, return_inverse=True)
        rank = np.empty(len(found), dtype=np.int64)
        rank[np.argsort(first)] = np.arange(len(found))
        numbers[alive] = rank[inverse]
    return EndComponents(numbers, allowed.reshape(states, actions), int(numbers.max(initial=-1)) + 1)


def mdp_structure(mdp: FiniteMDP, *, decide_unichain: int = 500) -> MDPStructure:
    """Return whether the MDP is communicating, weakly communicating, unichain.

    Parameters
    ----------
    mdp
        The process.
    decide_unichain
        Up to this many states the unichain property is looked into; beyond, only where the answer comes for free.

    References
    ----------
    Puterman 1994, sections 8.3 and 9.5; Tsitsiklis 2007, "NP-hardness of checking the unichain condition".

    Examples
    --------
    >>> structure = mdp_structure(FiniteMDP([np.eye(2), np.eye(2)[::-1]], np.zeros((2, 2))))
    >>> structure.communicating, structure.unichain
    (True, False)
    """
    if _strongly_connected(mdp):
        everything = EndComponents(np.zeros(mdp.states, np.int64), np.ones((mdp.states, mdp.actions), bool), 1)
        return MDPStructure(True, True, _unichain(mdp, everything, decide_unichain), everything)
    components = end_components(mdp)
    return MDPStructure(False, components.count == 1, _unichain(mdp, components, decide_unichain), components)


def _strongly_connected(mdp: FiniteMDP) -> bool:
    rows = mdp.transitions
    # The edges of all actions of a state are neighbours in memory: every A-th row pointer makes the union graph. The
    # search for strong components does not end on repeated edges, so they are merged.
    union = sparse.csr_array(
        (np.ones(rows.nnz, np.int32), rows.indices.copy(), rows.indptr[:: mdp.actions].copy()),
        shape=(mdp.states, mdp.states),
    )
    union.sum_duplicates()
    return bool(csgraph.connected_components(union, directed=True, connection="strong")[0] == 1)


def _unichain(mdp: FiniteMDP, components: EndComponents, limit: int) -> bool | None:
    if components.count > 1:
        return False
    if mdp.actions == 1:
        return True
    if mdp.states > limit:
        return None
    left = []
    for state in range(mdp.states):
        without = np.ones(mdp.states, dtype=bool)
        without[state] = False
        rest = end_components(mdp, without)
        if rest.count == 0:
            return True
        left.append(rest)
    for rest in left:
        if rest.count > 1:
            return False
        # A component that avoids this one: then some policy has two recurrent classes.
        if end_components(mdp, rest.component < 0).count > 0:
            return False
    return None


def reachable_states(mdp: FiniteMDP, start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, sorted, the states that some policy can reach from the start states (which are among them).

    Examples
    --------
    >>> chain = FiniteMDP([np.array([[0.0, 1, 0], [0, 1, 0], [1, 0, 0]])], np.zeros((3, 1)))
    >>> reachable_states(chain, np.array([0]))
    array([0, 1])
    """
    rows = mdp.transitions
    found = np.zeros(mdp.states, dtype=bool)
    frontier = np.unique(start)
    found[frontier] = True
    while frontier.size:
        taken = rows[(frontier[:, None] * mdp.actions + np.arange(mdp.actions)).ravel()].indices
        frontier = np.unique(taken[~found[taken]])
        found[frontier] = True
    return np.flatnonzero(found)


def almost_sure_reach(mdp: FiniteMDP, target: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return from where some policy reaches the target with probability 1, and such a policy.

    Parameters
    ----------
    mdp
        The process.
    target
        A state.

    Returns
    -------
    tuple
        Boolean array of shape (S,), and an integer array of shape (S,): a policy that does it (0 elsewhere).

    References
    ----------
    de Alfaro 1997, section 3.2: repeat backward search, with actions that may leave the states left over forbidden.

    Examples
    --------
    >>> drift, trap = np.array([[0.0, 1, 0], [0, 1, 0], [0, 0, 1]]), np.array([[0.5, 0, 0.5], [0, 1, 0], [0, 0, 1]])
    >>> almost_sure_reach(FiniteMDP([trap, drift], np.zeros((3, 2))), 1)
    (array([ True,  True, False]), array([1, 0, 0]))
    """
    rows = mdp.transitions
    row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    sure = np.ones(mdp.states, dtype=bool)
    while True:
        safe = np.ones(rows.shape[0], dtype=bool)
        safe[row_of[~sure[rows.indices]]] = False
        kept = safe[row_of]
        backward = sparse.csr_array(
            (np.ones(np.count_nonzero(kept), np.int32), (rows.indices[kept], row_of[kept])),
            shape=(mdp.states, rows.shape[0]),
        )
        reached = np.zeros(mdp.states, dtype=bool)
        reached[target] = True
        policy = np.zeros(mdp.states, dtype=np.int64)
        frontier = np.array([target])
        while frontier.size:
            before = np.unique(backward[frontier].indices)
            before = before[~reached[before // mdp.actions]]
            frontier, first = np.unique(before // mdp.actions, return_index=True)
            policy[frontier] = before[first] % mdp.actions
            reached[frontier] = True
        if np.array_equal(reached & sure, sure):
            return sure, np.where(sure, policy, 0)
        sure &= reached
