"""Epochs of several frames: from one observation to the next, as kernels and rewards of the action chosen.

With d = m I + r an epoch of I frames from an observation to the next is r frames of beta, the agent action that was
chosen m epochs ago, and I - 1 - r frames of beta:

    K_a = B^r P_a B^(I-1-r),   R_a = B^r (r_a + P_a (r_B + B r_B + ... + B^(I-2) r_B)).

R_a is the reward of the action's own I frames, booked when it is chosen, as expected from the start of its epoch. A
default behaviour that repeats the last action makes K_a = P_a^I if r = 0; else that action becomes part of the state.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..errors import InputError
from .model import AsynchronousMDP, FiniteMDP

__all__ = ["Epochs", "epoch_problem"]


@dataclass(frozen=True, eq=False)
class Epochs:
    """A problem in epochs.

    Attributes
    ----------
    kernels
        Sparse array of shape (S * C, S), row ``s * C + c``: what moves the state in an epoch of kernel number c.
    rewards
        Array of shape (S, A): expected reward of an action's own I frames, from the start of its epoch.
    classes
        Array of shape (A,): the kernel number of each action.
    waiting
        m, the number of epochs an action waits.
    """

    kernels: sparse.csr_array
    rewards: NDArray[np.float64]
    classes: NDArray[np.int64]
    waiting: int


def epoch_problem(process: FiniteMDP | AsynchronousMDP, delay: int, every: int, limit: int) -> Epochs:
    """Return the problem in epochs of ``every`` frames; intermediate kernels may take ``limit`` bytes."""
    mdp = process.mdp if isinstance(process, AsynchronousMDP) else process
    if delay < 0 or every < 1:
        raise InputError(f"delay must be at least 0 and every at least 1 frame, not {delay} and {every}")
    waiting, offset = divmod(delay, every)
    classes = mdp.kernel_classes
    kernels = int(classes.max()) + 1
    if every == 1:
        return Epochs(_class_rows(mdp, classes, kernels), mdp.rewards, classes, waiting)
    if not isinstance(process, AsynchronousMDP) or process.beta is None:
        raise InputError(f"{mdp.title} has no default behaviour for the frames between actions {every} frames apart")
    if process.repeats and (offset == 0 or kernels == 1):
        return _held_epochs(mdp, classes, kernels, every, delay, limit)
    if process.repeats:
        process = _with_last_action(mdp)
        mdp = process.mdp
        classes = mdp.kernel_classes
        kernels = int(classes.max()) + 1
    default = process.default_matrix()
    default_rewards = process.default_rewards()
    after = np.zeros(mdp.states)
    for _ in range(every - 1):
        after = default_rewards + default @ after
    moved = (mdp.transitions @ after).reshape(mdp.states, mdp.actions)
    rewards = mdp.rewards + moved
    for _ in range(offset):
        rewards = default @ rewards
    before = _power(default, offset, limit)
    behind = _power(default, every - 1 - offset, limit)
    matrices = [
        _product(_product(before, mdp.matrix(int(np.argmax(classes == number))), limit), behind, limit)
        for number in range(kernels)
    ]
    return Epochs(_interleaved(matrices), rewards, classes, waiting)


def _held_epochs(
    mdp: FiniteMDP, classes: NDArray[np.int64], kernels: int, every: int, delay: int, limit: int
) -> Epochs:
    """Epochs in which one action is applied I times: K_a = P_a^I, R_a = r_a + P_a r_a + ... (I terms)."""
    rewards = np.empty_like(mdp.rewards)
    chosen = [mdp.matrix(int(np.argmax(classes == number))) for number in range(kernels)]
    for number, matrix in enumerate(chosen):
        members = classes == number
        held = np.zeros((mdp.states, int(members.sum())))
        for _ in range(every):
            held = mdp.rewards[:, members] + matrix @ held
        rewards[:, members] = held
    # With one kernel the frames left over move the state like all others.
    for _ in range(delay % every):
        rewards = chosen[0] @ rewards
    return Epochs(_interleaved([_power(matrix, every, limit) for matrix in chosen]), rewards, classes, delay // every)


def _with_last_action(mdp: FiniteMDP) -> AsynchronousMDP:
    """Return the process with states ``s * A + last action``, whose default behaviour repeats that action."""
    states, actions = mdp.states, mdp.actions
    moved = []
    for action in range(actions):
        matrix = mdp.matrix(action)
        target = sparse.csr_array(
            (matrix.data, matrix.indices * actions + action, matrix.indptr), shape=(states, states * actions)
        )
        moved.append(target[np.repeat(np.arange(states), actions)])
    extended = FiniteMDP(moved, np.repeat(mdp.rewards, actions, axis=0), name=mdp.name)
    return AsynchronousMDP(extended, beta=np.tile(np.arange(actions), states))


def _class_rows(mdp: FiniteMDP, classes: NDArray[np.int64], kernels: int) -> sparse.csr_array:
    if kernels == mdp.actions:
        return mdp.transitions
    return _interleaved([mdp.matrix(int(np.argmax(classes == number))) for number in range(kernels)])


def _interleaved(matrices: list[sparse.csr_array]) -> sparse.csr_array:
    """Stack C matrices of shape (S, S) with row s * C + c."""
    if len(matrices) == 1:
        return matrices[0]
    states = matrices[0].shape[0]
    stacked: sparse.csr_array = sparse.vstack(matrices, format="csr")
    rows = stacked[(np.arange(len(matrices)) * states + np.arange(states)[:, None]).ravel()]
    rows.sort_indices()
    return rows


def _power(matrix: sparse.csr_array, exponent: int, limit: int) -> Any:
    """Return the matrix multiplied by itself; ``None`` (the identity) for exponent 0."""
    result = None
    for _ in range(exponent):
        result = _product(result, matrix, limit)
    return result


def _product(left: Any, right: Any, limit: int) -> Any:
    """Return left @ right (None is the identity), after a look at how large it can become."""
    if left is None or right is None:
        return left if right is None else right
    size = left.shape[0]
    bound = np.minimum(left.astype(bool).astype(np.float64) @ np.diff(right.indptr).astype(np.float64), size).sum()
    if 12 * bound > limit:
        raise InputError(
            f"the kernel of an epoch of several frames has up to {bound:.3g} transitions between {size} states, about "
            f"{12 * bound / 2**30:.3g} GiB, over the limit of {limit / 2**30:.3g} GiB: use fewer frames between actions"
        )
    result = sparse.csr_array(left @ right)
    result.sort_indices()
    return result
