"""Compiled loops over finite MDPs: the Bellman sweep, the augmented rows, the search behind kappa.

Arrays and scalars in and out. Transitions come as compressed rows (``indptr``, ``indices``, ``probabilities``) with row
``s * A + a``. Index arrays are unsigned: a signed index costs a test for negative numbers at every successor.
"""

import numpy as np

from ..compilation import kernel

__all__ = ["action_values", "augmented_rows", "bellman_sweep", "least_mode"]

_ORDER_FREE = {"reassoc", "contract", "nsz"}


@kernel(fastmath=_ORDER_FREE, nogil=True)
def bellman_sweep(indptr, indices, probabilities, rewards, values, out):  # type: ignore[no-untyped-def]
    """Set out = max_a r + P_a values; return the least and the largest of ``out - values``."""
    states, actions = rewards.shape
    low = np.inf
    high = -np.inf
    row = np.uint64(0)
    one = np.uint64(1)
    for state in range(np.uint64(states)):
        best = -np.inf
        for action in range(np.uint64(actions)):
            total = rewards[state, action]
            for k in range(indptr[row], indptr[row + one]):
                total += probabilities[k] * values[indices[k]]
            row += one
            best = max(best, total)
        out[state] = best
        change = best - values[state]
        low = min(low, change)
        high = max(high, change)
    return low, high


@kernel(fastmath=_ORDER_FREE, nogil=True)
def action_values(indptr, indices, probabilities, rewards, values, out):  # type: ignore[no-untyped-def]
    """Set out[s, a] = r(s, a) + sum_s' p(s'|s, a) values(s')."""
    states, actions = rewards.shape
    row = np.uint64(0)
    one = np.uint64(1)
    for state in range(np.uint64(states)):
        for action in range(np.uint64(actions)):
            total = rewards[state, action]
            for k in range(indptr[row], indptr[row + one]):
                total += probabilities[k] * values[indices[k]]
            row += one
            out[state, action] = total


@kernel
def augmented_rows(indptr, indices, data, states, kernels, pending, to_indptr, to_indices, to_data):  # type: ignore[no-untyped-def]
    """Fill the rows of the augmented process: state (s, c_1..c_m), c_1 moves s, the new action joins at the end.

    ``indptr`` has rows ``s * kernels + c``; ``pending`` = kernels**m. Augmented state ``s * pending + code``, row
    ``state * kernels + new``; with code = c_1 * (pending / kernels) + rest the row's target is
    ``s' * pending + rest * kernels + new``, and (rest, new) just counts 0..pending-1 within the block of (s, c_1).
    """
    position = 0
    row = 0
    to_indptr[0] = 0
    for state in range(states):
        for first in range(kernels):
            start = indptr[state * kernels + first]
            stop = indptr[state * kernels + first + 1]
            for j in range(pending):
                for k in range(start, stop):
                    to_indices[position] = indices[k] * pending + j
                    to_data[position] = data[k]
                    position += 1
                row += 1
                to_indptr[row] = position


@kernel
def _push(indptr, indices, probabilities, offset, source, source_list, source_count, target, target_list):  # type: ignore[no-untyped-def]
    """Move source by one kernel into target; lists hold the states of positive mass. Return how many there are."""
    count = 0
    for i in range(source_count):
        state = source_list[i]
        mass = source[state]
        for k in range(indptr[offset + state], indptr[offset + state + 1]):
            successor = indices[k]
            if target[successor] == 0.0:
                target_list[count] = successor
                count += 1
            target[successor] += mass * probabilities[k]
    return count


@kernel
def least_mode(indptr, indices, probabilities, states, kernels, schedule, bounds, per_state, budget):  # type: ignore[no-untyped-def]
    """Return, for each state, the least mode probability after the scheduled frames, by branch and bound.

    Kernel c has rows ``c * states + s``. ``schedule[i]``: -1 choose one of the first ``kernels`` kernels, -2 keep the
    one chosen last, >= 0 that kernel. ``bounds[j, s]`` <= the mode probability of any j last frames begun in s. With
    ``per_state`` false a state may stop at the least value found so far, so only the minimum over states is right.
    Second result: frames expanded, or -1 when ``budget`` ran out.
    """
    depth = len(schedule)
    result = np.ones(states)
    mass = np.zeros((depth + 1, states))
    touched = np.empty((depth + 1, states), dtype=np.int64)
    counts = np.zeros(depth + 1, dtype=np.int64)
    choice = np.zeros(depth + 1, dtype=np.int64)
    last = np.zeros(depth + 1, dtype=np.int64)
    spent = 0
    best = 1.0
    for start in range(states):
        if per_state:
            best = 1.0
        mass[0, start] = 1.0
        touched[0, 0] = start
        counts[0] = 1
        level = 0
        choice[0] = 0
        while level >= 0:
            descend = False
            if level == depth:
                mode = 0.0
                for i in range(counts[level]):
                    mode = max(mode, mass[level, touched[level, i]])
                best = min(best, mode)
            else:
                kind = schedule[level]
                branches = kernels if kind == -1 else 1
                if choice[level] == 0:
                    # No continuation can fall below this: skip the whole subtree.
                    least = 0.0
                    for i in range(counts[level]):
                        state = touched[level, i]
                        least = max(least, mass[level, state] * bounds[depth - level, state])
                    if least >= best:
                        choice[level] = branches
                if choice[level] < branches:
                    chosen = choice[level] if kind == -1 else (last[level] if kind == -2 else kind)
                    choice[level] += 1
                    counts[level + 1] = _push(
                        indptr, indices, probabilities, chosen * states,
                        mass[level], touched[level], counts[level], mass[level + 1], touched[level + 1],
                    )  # fmt: skip
                    last[level + 1] = last[level] if kind >= 0 else chosen
                    spent += counts[level + 1]
                    choice[level + 1] = 0
                    descend = True
            if descend:
                level += 1
                if spent > budget:
                    return result, -1
            else:
                for i in range(counts[level]):
                    mass[level, touched[level, i]] = 0.0
                level -= 1
        result[start] = best
    return result, spent
