"""The average-reward optimum of any MDP: by the method that fits, and for each of several end components.

Inside one component the optimal gain is one number. From elsewhere the best is to head for a good component, so the
optimal gain of a start state is the largest expected gain of the component in which a policy settles (Puterman 1994,
section 9.1; de Alfaro 1997 for the decomposition).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..errors import InputError
from .average_reward import AverageRewardSolution, value_iteration
from .model import FiniteMDP
from .policy_iteration import policy_iteration
from .structure import EndComponents, end_components, mdp_structure

__all__ = [
    "MultichainError",
    "MultichainSolution",
    "RecurrentClass",
    "require_one_gain",
    "solve_average_reward",
    "solve_recurrent_classes",
]

_NAMED_CLASSES = 100
_POLICY_ITERATION_STATES = 2000


class MultichainError(InputError):
    """The optimal gain depends on the start state; ``classes`` holds the states of each recurrent class."""

    def __init__(self, message: str, classes: tuple[NDArray[np.int64], ...]) -> None:
        super().__init__(message)
        self.classes = classes


@dataclass(frozen=True, eq=False)
class RecurrentClass:
    """The answer inside one maximal end component.

    Attributes
    ----------
    states
        Integer array: the states of the component.
    allowed
        Array of shape (len(states), A): which actions stay inside.
    solution
        Gain, bias and policy when only those actions are used (arrays are indexed by the position in ``states``; the
        gaps of other actions repeat those of an allowed one).
    """

    states: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    solution: AverageRewardSolution


@dataclass(frozen=True, eq=False)
class MultichainSolution:
    """The optimal gain of every start state, and the classes in which a policy can settle.

    Attributes
    ----------
    gain
        Array of shape (S,): the optimal gain from each start state.
    classes
        One solution for each maximal end component.
    """

    gain: NDArray[np.float64]
    classes: tuple[RecurrentClass, ...]


def solve_recurrent_classes(mdp: FiniteMDP) -> MultichainSolution:
    """Return the solution of each maximal end component and the optimal gain of every start state.

    Parameters
    ----------
    mdp
        Any finite MDP.

    References
    ----------
    Puterman 1994, section 9.1 (gain optimality equations of multichain models).

    Examples
    --------
    >>> fork = np.zeros((2, 3, 3))
    >>> fork[0, 0, 1] = fork[1, 0, 2] = 1.0
    >>> fork[:, 1, 1] = fork[:, 2, 2] = 1.0
    >>> solve_recurrent_classes(FiniteMDP(fork, rewards=[[0, 0], [0.5, 0.5], [1, 1]])).gain
    array([1. , 0.5, 1. ])
    """
    components = end_components(mdp)
    classes = tuple(_solve_component(mdp, components, number) for number in range(components.count))
    return MultichainSolution(_gain_by_start(mdp, components, [c.solution.gain for c in classes]), classes)


def require_one_gain(mdp: FiniteMDP) -> bool:
    """Return whether there is one maximal end component; raise if the optimal gain depends on the start state.

    Several components may still have one optimal gain, where every start can reach a best one.

    Parameters
    ----------
    mdp
        The process.

    Raises
    ------
    MultichainError
        With the number, sizes and (for up to 100 classes) gains of the recurrent classes.

    Examples
    --------
    >>> require_one_gain(FiniteMDP([np.eye(2)], rewards=[[0.0], [1.0]]))
    Traceback (most recent call last):
    regretlab.mdp.multichain.MultichainError: the MDP is multichain: its optimal gain depends on the start state,
    because it has 2 separate recurrent classes with (states, gain) (1, 0), (1, 1); solve_recurrent_classes answers for
    each
    """
    structure = mdp_structure(mdp, decide_unichain=0)
    if structure.weakly_communicating:
        return True
    components = structure.end_components
    sizes = np.bincount(components.component[components.component >= 0])
    solutions = [_solve_component(mdp, components, number).solution for number in range(components.count)]
    gains = [solution.gain for solution in solutions]
    error = max(solution.gain_error for solution in solutions)
    if np.ptp(_gain_by_start(mdp, components, gains)) <= 1e-9 + 2.0 * error:
        return False
    if components.count > _NAMED_CLASSES:
        described = f"of {sizes.min()} to {sizes.max()} states"
    else:
        shown = [f"({size}, {gain:.6g})" for size, gain in zip(sizes, gains, strict=True)]
        described = f"with (states, gain) {', '.join(shown[:8])}{', ...' if len(shown) > 8 else ''}"
    raise MultichainError(
        f"{mdp.title} is multichain: its optimal gain depends on the start state, because it has {components.count} "
        f"separate recurrent classes {described}; solve_recurrent_classes answers for each",
        tuple(components.states(number) for number in range(components.count)),
    )


def solve_average_reward(
    mdp: FiniteMDP,
    *,
    method: Literal["auto", "value-iteration", "policy-iteration"] = "auto",
    tolerance: float = 1e-10,
    max_sweeps: int = 1_000_000,
) -> AverageRewardSolution:
    """Return optimal gain, bias, gaps and policy.

    Parameters
    ----------
    mdp
        A process whose optimal gain does not depend on the start state.
    method
        "auto" takes policy iteration up to 2000 states and value iteration beyond.
    tolerance
        Certified error of the gain at which value iteration stops, in units of reward per frame.
    max_sweeps
        Where value iteration gives up.

    Returns
    -------
    AverageRewardSolution

    Raises
    ------
    InputError
        ``MultichainError`` if the optimal gain depends on the start state (the message gives the classes), or if the
        tolerance was not reached.

    References
    ----------
    Puterman 1994, sections 8.5 (value iteration) and 8.6 (policy iteration), 8.5.4 (aperiodicity transformation).

    Examples
    --------
    >>> swap = FiniteMDP([np.eye(2), np.eye(2)[::-1]], rewards=[[0.0, 0.0], [1.0, 0.0]])
    >>> solution = solve_average_reward(swap)
    >>> solution.gain, solution.bias, solution.gaps
    (1.0, array([0., 1.]), array([[1., 0.],
           [0., 2.]]))
    """
    if method not in ("auto", "value-iteration", "policy-iteration"):
        raise InputError(f"method {method!r} is not one of auto, value-iteration, policy-iteration")
    if not tolerance > 0:
        raise InputError(f"tolerance {tolerance} is not positive")
    one_component = require_one_gain(mdp)
    small = mdp.states <= _POLICY_ITERATION_STATES
    if method == "policy-iteration" and not one_component:
        raise InputError(
            f"{mdp.title} has several recurrent classes: policy iteration needs a single one, use value-iteration"
        )
    if one_component and (method == "policy-iteration" or (method == "auto" and small)):
        return policy_iteration(mdp)
    return value_iteration(mdp, tolerance=tolerance, max_sweeps=max_sweeps)


def _solve_component(mdp: FiniteMDP, components: EndComponents, number: int) -> RecurrentClass:
    states = components.states(number)
    allowed = components.allowed[states]
    # An action that leaves is replaced by the first that stays: the same choices, and still A actions in every state.
    stand_in = np.where(allowed, np.arange(mdp.actions), allowed.argmax(axis=1)[:, None])
    rows = (states[:, None] * mdp.actions + stand_in).ravel()
    inside = FiniteMDP(
        sparse.csr_array(mdp.transitions[rows][:, states]),
        np.take_along_axis(mdp.rewards[states], stand_in, axis=1),
        labels=mdp.labels[states],
    )
    small = inside.states <= _POLICY_ITERATION_STATES
    solution = policy_iteration(inside) if small else value_iteration(inside)
    policy = stand_in[np.arange(len(states)), solution.policy]
    return RecurrentClass(states, allowed, replace(solution, policy=policy))


def _gain_by_start(mdp: FiniteMDP, components: EndComponents, gains: list[float]) -> NDArray[np.float64]:
    """Least fixed point of w = max(gain of the component, max_a P_a w), from below, one value a component."""
    component = components.component
    member = component >= 0
    values = np.full(mdp.states, min(gains))
    values[member] = np.asarray(gains)[component[member]]
    while True:
        reached = (mdp.transitions @ values).reshape(mdp.states, mdp.actions).max(axis=1)
        new = np.maximum(values, reached)
        best = np.full(components.count, -np.inf)
        np.maximum.at(best, component[member], new[member])
        new[member] = best[component[member]]
        if np.max(new - values) <= 1e-15 * (1.0 + np.abs(new).max()):
            return np.asarray(new)
        values = new
