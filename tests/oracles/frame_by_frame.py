"""The delayed problem played frame by frame, without epochs or kernel classes: an independent statement of the rules.

A frame's state is (phase, environment state, agent actions chosen but not yet applied, last applied agent action). At
each boundary: dispatch if an effect frame lies ``delay`` ahead (the agent sees the state and chooses); then the frame
is served by the oldest waiting action if it is an effect frame, else by the default behaviour; reward and transition
follow. The reward is paid when it falls due.
"""

import itertools

import numpy as np

__all__ = ["frame_by_frame"]


def frame_by_frame(transitions, rewards, delay, every, beta):
    """Return (transitions (A, X, X), rewards (X, A)) of the frame-level decision problem.

    ``beta``: "repeat" or probabilities (S, A). Effect frames are those with phase 0. Between dispatches the choice
    changes nothing.
    """
    actions, states, _ = transitions.shape
    # At phase f (before dispatch) the actions waiting are those whose effect frames lie in [0, delay) from here.
    dispatch_phase = -delay % every
    waiting = [sum((f + i) % every == 0 for i in range(delay)) for f in range(every)]
    repeats = isinstance(beta, str)
    last = range(actions) if repeats else (0,)
    index = {}
    for f in range(every):
        for s in range(states):
            for queue in itertools.product(range(actions), repeat=waiting[f]):
                for b in last:
                    index[f, s, queue, b] = len(index)
    size = len(index)
    moved, paid = np.zeros((actions, size, size)), np.zeros((size, actions))
    for (f, s, queue, b), here in index.items():
        for a in range(actions):
            pending = (*queue, a) if f == dispatch_phase else queue
            held = b
            if f == 0:
                served, pending = [(pending[0], 1.0)], pending[1:]
                held = served[0][0] if repeats else 0
            elif repeats:
                served = [(b, 1.0)]
            else:
                served = [(u, beta[s, u]) for u in range(actions) if beta[s, u] > 0]
            for u, weight in served:
                paid[here, a] += weight * rewards[s, u]
                for t in np.flatnonzero(transitions[u, s]):
                    moved[a, here, index[(f + 1) % every, t, pending, held]] += weight * transitions[u, s, t]
    return moved, paid
