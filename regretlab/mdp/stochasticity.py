"""How predictable the environment is, exactly: p_minimax and kappa_d.

* p_minimax = ``min_{s, a} max_{s'} p(s'|s, a)``, the mode probability of the least predictable frame. With a
  stochastic default behaviour the frames it serves move by the mixture ``sum_a beta(a|s) p(.|s, a)``, whose mode can
  be far smaller than that of every action: those rows count too.
* kappa_d = min over state and in-flight actions of the mode probability d frames ahead. Its complement 1 - kappa_d is
  the effective stochasticity over d frames. Always kappa_d >= p_minimax ** d (theory, lemma 1).
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..errors import InputError
from .model import AsynchronousMDP, FiniteMDP
from .policy_iteration import stationary_distribution
from .structure import chain_structure

__all__ = ["kappa", "kappa_curve", "p_minimax", "staleness_curve"]

_CHOOSE, _KEEP = -1, -2
_LARGEST_SEARCH = 4 * 2**30


def p_minimax(process: FiniteMDP | AsynchronousMDP) -> float:
    """Return the least mode probability of a frame.

    Parameters
    ----------
    process
        An MDP, or an asynchronous MDP: then the mixture kernel of a default behaviour counts as well.

    References
    ----------
    Riemer et al. 2024 (arXiv 2412.14355), section 3; the mixture kernel: derived in docs/theory, "where a naive formula
    fails".

    Examples
    --------
    A deterministic process is no longer predictable when its default behaviour tosses a coin:

    >>> go_where_told = FiniteMDP([np.array([[1.0, 0], [1, 0]]), np.array([[0, 1.0], [0, 1]])], np.zeros((2, 2)))
    >>> p_minimax(go_where_told)
    1.0
    >>> p_minimax(AsynchronousMDP(go_where_told, beta=[[0.5, 0.5], [0.5, 0.5]]))
    0.5
    """
    if isinstance(process, AsynchronousMDP):
        least = p_minimax(process.mdp)
        if process.beta is None or process.repeats:
            return least
        return min(least, _least_mode_of_rows(process.default_matrix()))
    return _least_mode_of_rows(process.transitions)


def kappa(process: FiniteMDP | AsynchronousMDP, delay: int, *, every: int = 1, budget: int = 10**9) -> float:
    """Return kappa_d, the least mode probability of the state in which an action of this delay is applied.

    Parameters
    ----------
    process
        An MDP, or an asynchronous MDP (needed if ``every > 1``).
    delay
        d, frames from observation to effect, at least 0.
    every
        Frames between agent actions; the frames between are served by the default behaviour.
    budget
        How many state probabilities the search may compute before it gives up.

    Raises
    ------
    InputError
        If delay or every are out of range, or the search is too large (the message says how large).

    References
    ----------
    Derived in docs/theory, "the asynchronous decision process"; the minimum by depth-first branch and bound.

    Examples
    --------
    >>> lazy = np.array([[0.8, 0.2], [0.2, 0.8]])
    >>> print(round(kappa(FiniteMDP([lazy], np.zeros((2, 1))), 2), 12))
    0.68
    """
    mdp, schedule, rows, kernels = _frames_in_flight(process, delay, every)
    if not schedule:
        return 1.0
    return float(_search(mdp, schedule, rows, kernels, budget).min())


def kappa_curve(mdp: FiniteMDP, delay: int, *, budget: int = 10**9) -> NDArray[np.float64]:
    """Return kappa_0, ..., kappa_delay of an MDP acted on every frame, shape (delay + 1,).

    Parameters
    ----------
    mdp
        The process.
    delay
        The largest horizon in frames.
    budget
        As in ``kappa``, for each horizon.

    Examples
    --------
    >>> lazy = np.array([[0.8, 0.2], [0.2, 0.8]])
    >>> kappa_curve(FiniteMDP([lazy], np.zeros((2, 1))), 3).round(12)
    array([1.   , 0.8  , 0.68 , 0.608])
    """
    return np.array([kappa(mdp, horizon, budget=budget) for horizon in range(delay + 1)])


def staleness_curve(mdp: FiniteMDP, policy: ArrayLike, delay: int) -> NDArray[np.float64]:
    """Return the probability that a policy's action from a d-frame-old state is still its action, for d = 0..delay.

    Parameters
    ----------
    mdp
        The process.
    policy
        Integer array of shape (S,), applied without delay; its chain must have one recurrent class.
    delay
        The largest d, in frames.

    Returns
    -------
    array of shape (delay + 1,)
        In the stationary distribution of the policy: sum_s pi(s) sum_s' P^d(s, s') 1[policy(s) = policy(s')].

    References
    ----------
    Derived in docs/theory, "estimating stochasticity".

    Examples
    --------
    >>> lazy = np.array([[0.8, 0.2], [0.2, 0.8]])
    >>> staleness_curve(FiniteMDP([lazy, lazy], np.zeros((2, 2))), [0, 1], 2).round(12)
    array([1.  , 0.8 , 0.68])
    """
    chosen = np.asarray(policy)
    matrix = mdp.policy_matrix(chosen)
    structure = chain_structure(matrix)
    if not structure.unichain:
        raise InputError(f"the policy's chain has {len(structure.recurrent_classes)} recurrent classes: one is needed")
    weights = stationary_distribution(matrix, structure.recurrent_classes[0])
    same = np.eye(mdp.actions)[chosen]
    curve = []
    for _ in range(delay + 1):
        curve.append(float(weights @ same[np.arange(mdp.states), chosen]))
        same = matrix @ same
    return np.array(curve)


def _least_mode_of_rows(rows: sparse.csr_array) -> float:
    return float(np.maximum.reduceat(rows.data, rows.indptr[:-1]).min())


def _frames_in_flight(
    process: FiniteMDP | AsynchronousMDP, delay: int, every: int
) -> tuple[FiniteMDP, list[int], sparse.csr_array, int]:
    """Return what moves the state in the frames from observation to effect, and the kernels stacked, row c * S + s."""
    mdp = process.mdp if isinstance(process, AsynchronousMDP) else process
    if delay < 0 or every < 1:
        raise InputError(f"delay must be at least 0 and every at least 1 frame, not {delay} and {every}")
    needed = 8 * mdp.states * (3 * delay + 3)
    if needed > _LARGEST_SEARCH:
        raise InputError(
            f"kappa over {delay} frames and {mdp.states} states needs {needed / 2**30:.3g} GiB, over the limit of "
            f"{_LARGEST_SEARCH / 2**30:.3g} GiB: use a shorter horizon"
        )
    classes = mdp.kernel_classes
    kernels = int(classes.max()) + 1
    chosen = [mdp.matrix(int(np.argmax(classes == number))) for number in range(kernels)]
    offset = delay % every
    # Frame i of the flight is served by an agent action if the effect frames, `every` apart, hit it.
    schedule = [_CHOOSE if (frame - offset) % every == 0 else _KEEP for frame in range(delay)]
    if every > 1 and delay > 0:
        if not isinstance(process, AsynchronousMDP) or process.beta is None:
            raise InputError(
                f"{mdp.title} has no default behaviour for the frames between actions {every} frames apart"
            )
        if process.repeats:
            schedule[0] = _CHOOSE
        else:
            schedule = [kernels if kind == _KEEP else kind for kind in schedule]
            chosen.append(process.default_matrix())
    if kernels == 1:
        schedule = [0 if kind < 0 else kind for kind in schedule]
    stacked: sparse.csr_array = sparse.vstack(chosen, format="csr")
    return mdp, schedule, stacked, kernels


def _search(
    mdp: FiniteMDP, schedule: list[int], rows: sparse.csr_array, kernels: int, budget: int
) -> NDArray[np.float64]:
    from ._kernels import least_mode

    depth, states = len(schedule), mdp.states
    choices = sum(kind == _CHOOSE for kind in schedule)
    bounds = np.zeros((depth + 1, states))
    bounds[0] = 1.0

    def search(part: list[int], per_state: bool) -> NDArray[np.float64]:
        result, spent = least_mode(
            rows.indptr, rows.indices, rows.data, states, kernels, np.array(part), bounds, per_state, budget
        )
        if spent < 0:
            digits = math.log10(states) + choices * math.log10(kernels)
            raise InputError(
                f"kappa over {depth} frames has about 1e{digits:.0f} cases (states x kernels**choices), more than a "
                f"search of {budget:g} steps can settle: use a shorter horizon or a larger budget"
            )
        return np.asarray(result)

    # What the last j frames can do at worst, from each state, prunes the search over all of them. Only where there is
    # a choice to prune.
    for last in range(1, depth if choices > 1 else 1):
        part = schedule[depth - last :]
        bounds[last] = search([_CHOOSE if part[0] == _KEEP else part[0], *part[1:]], True)
    return search(schedule, False)
