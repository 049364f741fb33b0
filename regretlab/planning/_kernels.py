"""Compiled sweeps of the scheduling problem: states are (workers' elapsed times, ages of unused outputs).

Called by ``scheduling``, which builds the tables.
"""

import numpy as np

from ..compilation import kernel


@kernel
def rank(ages, count, choose):  # type: ignore[no-untyped-def]
    """Return the place of a rising multiset of ``count`` ages (1..A) among all multisets, shorter ones first.

    ``choose[n, k]`` are binomial coefficients, and its last row holds the first place of each size.
    """
    place = choose[choose.shape[0] - 1, count]
    for i in range(count):
        place += choose[ages[i] - 1 + i, i + 1]
    return place


@kernel
def keep_tables(  # type: ignore[no-untyped-def]
    stores, sizes, arrivals, arrival_sizes, worth, choose, most, longest, credit, freshest, following, reward
):
    """Fill in, for each store, set of arrivals and output used, the next store and what the frame earns.

    Outputs age by a frame, arrivals join, one is used; what is older than ``longest`` or past the ``most`` freshest is
    dropped, or with ``credit`` paid at its earliest age of use: freshest first, that is after all fresher ones. Unused
    entries of ``following`` stay at -1.
    """
    joint = np.empty(stores.shape[1] + arrivals.shape[1], dtype=np.int64)
    kept = np.empty_like(joint)
    for s in range(stores.shape[0]):
        for c in range(arrivals.shape[0]):
            count = 0
            i, j = 0, 0
            while i < sizes[s] or j < arrival_sizes[c]:  # merge two rising lists
                if j >= arrival_sizes[c] or (i < sizes[s] and stores[s, i] + 1 <= arrivals[c, j]):
                    joint[count] = stores[s, i] + 1
                    i += 1
                else:
                    joint[count] = arrivals[c, j]
                    j += 1
                count += 1
            choices = min(count, 1) if freshest else count
            for used in range(max(1, choices)):
                earned, size, waiting = 0.0, 0, 0
                for i in range(count):
                    if i == used:
                        earned += worth[joint[i]]
                        continue
                    waiting += 1
                    if size < most and joint[i] < longest:
                        kept[size] = joint[i]
                        size += 1
                    elif credit:
                        earned += worth[joint[i] + (waiting if freshest else 1)]
                following[s, c, used] = rank(kept, size, choose)
                reward[s, c, used] = earned


@kernel
def sweep(  # type: ignore[no-untyped-def]
    values, best, first, options, outcome_first, chances, completed, left, following, reward, out
):
    """Apply the optimality operator: values[e, s] after starts at one boundary, out[e, s] a frame earlier.

    ``best[b, s]`` is filled with the largest value over what may be started (or cancelled) with busy workers ``b``:
    ``options[first[b]:first[b+1]]``.
    """
    for b in range(best.shape[0]):
        for s in range(best.shape[1]):
            top = values[options[first[b]], s]
            for o in range(first[b] + 1, first[b + 1]):
                top = max(top, values[options[o], s])
            best[b, s] = top
    for e in range(values.shape[0]):
        for s in range(values.shape[1]):
            total = 0.0
            for o in range(outcome_first[e], outcome_first[e + 1]):
                c, b = completed[o], left[o]
                top = reward[s, c, 0] + best[b, following[s, c, 0]]
                for used in range(1, following.shape[2]):
                    place = following[s, c, used]
                    if place < 0:
                        break
                    top = max(top, reward[s, c, used] + best[b, place])
                total += chances[o] * top
            out[e, s] = total
