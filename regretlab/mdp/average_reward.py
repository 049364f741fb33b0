"""The average-reward problem: optimal gain, bias, gaps and policy, with an error bound that the solution proves itself.

The optimality equation of a weakly communicating MDP (Puterman 1994, theorem 8.4.3) is ::

    rho* + h(s) = max_a [ r(s, a) + sum_s' p(s'|s, a) h(s') ]

with gain rho* (reward per frame) and bias h; gap*(s, a) = rho* + h(s) - r(s, a) - (P_a h)(s) >= 0 is what one use of a
in s costs in the long run. Whatever h is, with T its right-hand side,

    min (T h - h) <= rho* <= max (T h - h)

(Puterman 1994, theorem 8.5.5), and the greedy policy of h earns at least the left side. That is the certificate of
every solution here: half the span of T h - h, plus what rounding can do.

Two methods that agree: relative value iteration (this module; any size) and policy iteration (``policy_iteration``;
exact up to a linear solve). An MDP whose optimal gain depends on the start state is refused with its classes named;
``multichain.solve_recurrent_classes`` answers for each of them.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .model import FiniteMDP

__all__ = ["AverageRewardSolution", "bellman_residual", "value_iteration"]

_LAZINESS = 0.1


@dataclass(frozen=True, eq=False, repr=False)
class AverageRewardSolution:
    """The solved average-reward problem.

    Attributes
    ----------
    gain
        rho*, the largest long-run reward per frame.
    gain_error
        Certified: ``abs(gain - rho*) <= gain_error``, and the policy earns at least ``gain - gain_error``.
    bias
        Array of shape (S,): h, shifted so that its least value is 0. Where optimal play can settle in several separate
        classes the equation has more than one solution h; this is one of them, and the gaps belong to it.
    gaps
        Array of shape (S, A): gap*(s, a) of this gain and bias; at least ``-gain_error``.
    policy
        Integer array of shape (S,): a greedy action of the bias, the first of equals.
    method
        "value-iteration" or "policy-iteration".
    iterations
        Sweeps, or policy improvements.
    """

    gain: float
    gain_error: float
    bias: NDArray[np.float64]
    gaps: NDArray[np.float64]
    policy: NDArray[np.int64]
    method: Literal["value-iteration", "policy-iteration"]
    iterations: int

    def __repr__(self) -> str:
        return (
            f"AverageRewardSolution(gain={self.gain:.12g}, gain_error={self.gain_error:.1g}, "
            f"states={len(self.bias)}, method={self.method!r}, iterations={self.iterations})"
        )

    @property
    def bias_span(self) -> float:
        """Largest minus least bias."""
        return float(np.ptp(self.bias))


def value_iteration(
    mdp: FiniteMDP, *, tolerance: float = 1e-10, max_sweeps: int = 1_000_000, start: NDArray[np.float64] | None = None
) -> AverageRewardSolution:
    """Relative value iteration without the check of the recurrent classes; as ``solve_average_reward``."""
    from ._kernels import bellman_sweep

    arrays = sweep_arrays(mdp)
    values = np.zeros(mdp.states) if start is None else np.array(start, dtype=np.float64)
    swept = np.empty_like(values)
    for sweep in range(1, max_sweeps + 1):
        low, high = bellman_sweep(*arrays, mdp.rewards, values, swept)
        if high - low <= 2 * tolerance:
            return certified_solution(mdp, values, "value-iteration", sweep)
        # A lazy step, (1 - z) T + z I, has the same bias and no period; subtracting the gain keeps values bounded.
        swept -= (low + high) / 2
        swept *= 1 - _LAZINESS
        values *= _LAZINESS
        swept += values
        values, swept = swept, values
    raise InputError(
        f"tolerance {tolerance:g} was not reached in {max_sweeps} sweeps (certified error {(high - low) / 2:.3g}): "
        "allow more sweeps or a larger tolerance"
    )


def bellman_residual(mdp: FiniteMDP, values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the least and the largest of T h - h: bounds on the optimal gain, whatever h is.

    Parameters
    ----------
    mdp
        The process.
    values
        Array of shape (S,): any h.

    References
    ----------
    Puterman 1994, theorem 8.5.5.

    Examples
    --------
    >>> swap = FiniteMDP([np.eye(2), np.eye(2)[::-1]], rewards=[[0.0, 0.0], [1.0, 0.0]])
    >>> bellman_residual(swap, np.zeros(2)), bellman_residual(swap, np.array([0.0, 1.0]))
    ((0.0, 1.0), (1.0, 1.0))
    """
    from ._kernels import bellman_sweep

    low, high = bellman_sweep(*sweep_arrays(mdp), mdp.rewards, np.asarray(values, np.float64), np.empty(mdp.states))
    return float(low), float(high)


def sweep_arrays(mdp: FiniteMDP) -> tuple[Any, Any, Any]:
    """Return the transitions as the kernels want them: row pointers, successors (unsigned), probabilities."""
    rows = mdp.transitions
    return rows.indptr.view(f"u{rows.indptr.itemsize}"), rows.indices.view(f"u{rows.indices.itemsize}"), rows.data


def action_value_table(mdp: FiniteMDP, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return r(s, a) + (P_a values)(s), shape (S, A)."""
    from ._kernels import action_values

    table = np.empty_like(mdp.rewards)
    action_values(*sweep_arrays(mdp), mdp.rewards, values, table)
    return table


def certified_solution(
    mdp: FiniteMDP, values: NDArray[np.float64], method: Literal["value-iteration", "policy-iteration"], iterations: int
) -> AverageRewardSolution:
    """Return the solution that a bias stands for, with the error that the bias proves."""
    table = action_value_table(mdp, values)
    change = table.max(axis=1) - values
    low, high = float(change.min()), float(change.max())
    # Each residual is a sum of at most S products around |values|, whose rounding errors rarely add up: a few units in
    # the last place of the largest term cover what was seen against exact rational arithmetic.
    rounding = 8 * np.finfo(float).eps * float(np.abs(values).max() + np.abs(mdp.rewards).max())
    gain = (low + high) / 2
    gaps = gain + values[:, None] - table
    return AverageRewardSolution(
        gain=gain,
        gain_error=(high - low) / 2 + rounding,
        bias=values - values.min(),
        gaps=gaps,
        policy=table.argmax(axis=1),
        method=method,
        iterations=iterations,
    )
