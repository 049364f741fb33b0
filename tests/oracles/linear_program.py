"""The average-reward problem as a linear program, solved by HiGHS: an independent method for small MDPs."""

import numpy as np
from scipy.optimize import linprog

__all__ = ["lp_gain", "lp_hitting_times"]


def lp_gain(transitions, rewards):
    """Least g with g + h(s) >= r(s, a) + sum_s' p(s'|s, a) h(s') for some h (Puterman 1994, section 8.8).

    ``transitions`` (A, S, S), ``rewards`` (S, A); right where the optimal gain does not depend on the start.
    """
    actions, states, _ = transitions.shape
    rows = np.vstack([np.hstack([-np.ones((states, 1)), transitions[a] - np.eye(states)]) for a in range(actions)])
    bounds = [(None, None)] * (states + 1)
    cost = np.eye(1, states + 1).ravel()
    result = linprog(cost, A_ub=rows, b_ub=-rewards.T.ravel(), bounds=bounds, method="highs")
    assert result.status == 0, result.message
    return result.fun


def lp_hitting_times(transitions, target):
    """Largest t with t(target) = 0 and t(s) <= 1 + sum_s' p(s'|s, a) t(s'): least expected times to the target."""
    actions, states, _ = transitions.shape
    others = np.flatnonzero(np.arange(states) != target)
    rows = np.vstack([(np.eye(states) - transitions[a])[others][:, others] for a in range(actions)])
    result = linprog(-np.ones(len(others)), A_ub=rows, b_ub=np.ones(len(rows)), bounds=[(0, None)] * len(others))
    assert result.status == 0, result.message
    times = np.zeros(states)
    times[others] = result.x
    return times
