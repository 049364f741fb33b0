"""A compiled player of path-blind rules, whatever they do: what ``path_blind`` calls."""

import numpy as np

from ..compilation import kernel

_CLOSE = 1e-9


@kernel
def play(times, first, uniforms, eagerness, hold, threshold, length, order, keep, span, served):  # type: ignore[no-untyped-def]
    """Fill in the age in frames of the action that acts in each frame, -1 for none; return the number of starts.

    ``times`` are the inference times in frames, one per start, ``first`` the first start of each worker, ``uniforms``
    random numbers in [0, 1). ``eagerness`` 0: a worker starts again where it becomes idle; else on a boundary, with
    that probability. A worker is busy for at least ``hold`` frames and for at most ``threshold``, and an inference that
    takes longer is given up. ``length`` 0: an output serves one frame, and the ``keep`` freshest unused ones of ages
    below ``span`` are kept, used in the ``order`` 0 freshest first, 1 oldest first, 2 at random. Else the freshest
    output serves all frames up to the age ``length``.
    """
    frames, workers = len(served), len(first)
    store = np.zeros(span, dtype=np.int64)  # unused outputs by observed frame, modulo span
    start = first.copy()  # of the inference in progress, or the earliest of the next
    until = np.full(workers, -1.0)  # when the worker becomes idle; negative: it is
    observed = np.zeros(workers, dtype=np.int64)
    succeeds = np.zeros(workers, dtype=np.bool_)
    used, drawn, newest, kept = 0, 0, -(10**12), 0
    for k in range(frames):
        kept -= store[k % span]
        store[k % span] = 0
        for worker in range(workers):
            while True:
                if until[worker] < 0.0:
                    if eagerness == 0.0:
                        if start[worker] > k + 1 - _CLOSE:
                            break
                    else:
                        if start[worker] > k + _CLOSE:
                            break
                        start[worker] = k
                        chance = uniforms[drawn % len(uniforms)]
                        drawn += 1
                        if chance >= eagerness:
                            start[worker] = k + 1
                            break
                    time = times[used % len(times)]
                    used += 1
                    observed[worker] = int(np.floor(start[worker] + _CLOSE))
                    succeeds[worker] = time <= threshold
                    until[worker] = start[worker] + max(hold, min(time, threshold))
                if until[worker] > k + _CLOSE:
                    break
                if succeeds[worker] and k - observed[worker] < span:
                    store[observed[worker] % span] += 1
                    kept += 1
                    newest = max(newest, observed[worker])
                start[worker] = until[worker]
                until[worker] = -1.0
        age = -1
        if length > 0:
            if k - newest <= length:
                age = k - newest
        elif kept > 0:
            skip = 0
            if order == 2:
                skip = int(uniforms[drawn % len(uniforms)] * kept)
                drawn += 1
            for step in range(span):
                at = span - 1 - step if order == 1 else step
                here = store[(k - at) % span] if k >= at else 0
                if here > skip:
                    age = at
                    break
                skip -= here
            store[(k - age) % span] -= 1
            kept -= 1
            at = span - 1
            while kept > keep:
                if k >= at and store[(k - at) % span] > 0:
                    store[(k - at) % span] -= 1
                    kept -= 1
                else:
                    at -= 1
        served[k] = age
    return used
