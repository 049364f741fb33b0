r"""Two sharper lower bounds for outputs that serve one frame at most (docs/lower-bound).

Both relax less than Theorem A and are never below it. *Collision* (whole-frame times): outputs that complete together
cannot all be fresh, because m outputs need m frames,

.. math:: S \le \min_{y \ge 0}\,[y + \rho_N(y)],

with rho_N(y) the optimal gain of the decision process on the workers' elapsed times alone, in which outputs of delays
d_1 <= ... <= d_m that complete together earn sum_i (v_{d_i+i-1} - y)^+. *Phase* (any law): a worker cannot start every
inference on a frame boundary,

.. math:: S \le \min_{y \ge 0}\,[y + N \rho_1(y)],

with rho_1(y) the semi-Markov optimum of one worker over its start phase u, reward E(v_{ceil(u+T)} - y)^+. Every y gives
a valid bound; both optima are bounded from above, so that the regret printed is never too large.
"""

import math
from itertools import combinations_with_replacement, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..laws import Law
from ..laws.law import FRAME_TOLERANCE
from .loss import AgeLoss

__all__ = ["collision_bound", "phase_bound"]

_MOST_OUTCOMES = 150_000
_MOST_STEPS = 5_000
_SETTLED = 1e-11
_PHASES = 256
_FEWEST_PHASES = 64
_LONGEST_TABLE = 2**21
_TAIL = 1e-10
_RETURN = 1e-8
_PRICE_STEPS = 34


def collision_bound(law: Law, frame_time: float, loss: AgeLoss, workers: float) -> float | None:
    """Return the collision bound; None unless all times are whole frames, few enough, and the loss does not fall.

    Examples
    --------
    >>> from regretlab.laws import law_from_samples
    >>> from regretlab.theory.loss import FrameLoss
    >>> law = law_from_samples([1.0] * 2 + [2.0] * 5 + [3.0] * 3)
    >>> round(1 - collision_bound(law, 1.0, FrameLoss(0.9), 2), 4)
    0.7479
    """
    if law.kind == "scipy" or not loss.monotone or not math.isfinite(workers):
        return None
    times = np.atleast_1d(np.asarray(getattr(law, "seconds", law.maximum()), dtype=np.float64)) / frame_time
    if np.abs(times - np.rint(times)).max() > FRAME_TOLERANCE:
        return None
    pmf = law.frame_pmf(frame_time)
    count = int(workers)
    if math.comb(len(pmf) - 1 + count, count) * 2**count > _MOST_OUTCOMES:
        return None
    process = _ElapsedTimes(pmf / pmf.sum(), count, loss)
    value, _ = _least(process.most_earned, 0.0, float(loss.worth(1)), 1.0)
    return max(0.0, loss.gap_default - value)


class _ElapsedTimes:
    """The decision process on elapsed times: states are multisets of the frames for which busy workers have run."""

    def __init__(self, pmf: NDArray[np.float64], workers: int, loss: AgeLoss) -> None:
        longest = len(pmf) - 1
        above = np.append(np.cumsum(pmf[::-1])[::-1][1:], 0.0)
        hazard = np.divide(pmf[1:], above[:-1], out=np.ones(longest), where=above[:-1] > 1e-15)
        hazard[-1] = 1.0
        # after starts: any multiset of elapsed times 0..longest-1; before them: of 1..longest-1
        after = [s for n in range(workers + 1) for s in combinations_with_replacement(range(longest), n)]
        before = [s for s in after if 0 not in s]
        index = {state: place for place, state in enumerate(before)}
        self.after, self.workers = after, workers
        rows: list[int] = []
        columns: list[int] = []
        chances: list[float] = []
        self.outcomes: list[tuple[int, float, tuple[int, ...]]] = []
        for place, state in enumerate(after):
            self._branch(state, hazard, place, index, rows, columns, chances)
        self.matrix = sparse.csr_matrix((chances, (rows, columns)), shape=(len(after), len(before)))
        # a state before starts can become any state that adds zeros to it
        choices = [[place for place, s in enumerate(after) if s[: len(s) - len(b)] == (0,) * (len(s) - len(b))
                    and s[len(s) - len(b) :] == b] for b in before]  # fmt: skip
        self.choices = np.concatenate([np.asarray(c) for c in choices])
        self.first = np.cumsum([0, *(len(c) for c in choices[:-1])])
        self.worth = loss.worth(np.arange(longest + workers + 1))
        self.worth[0] = 0.0
        self.convex = bool((np.diff(self.worth[1:], 2) >= -1e-15).all())
        self._values = np.zeros(len(before))

    def _branch(self, state, hazard, place, index, rows, columns, chances) -> None:  # type: ignore[no-untyped-def]
        """Add every outcome of one frame: who completes, with what chance."""
        paths: list[tuple[float, tuple[int, ...], tuple[int, ...]]] = [(1.0, (), ())]
        for elapsed in state:
            grown = []
            for chance, left, done in paths:
                if hazard[elapsed] > 0.0:
                    grown.append((chance * hazard[elapsed], left, (*done, elapsed + 1)))
                if hazard[elapsed] < 1.0:
                    grown.append((chance * (1.0 - hazard[elapsed]), (*left, elapsed + 1), done))
            paths = grown
        for chance, left, done in paths:
            rows.append(place)
            columns.append(index[left])
            chances.append(chance)
            if done:
                self.outcomes.append((place, chance, done))

    def most_earned(self, y: float) -> float:
        """Return an upper bound on rho_N(y), by relative value iteration."""
        reward = np.zeros(len(self.after))
        worth = np.maximum(0.0, self.worth - y)
        memory: dict[tuple[int, ...], float] = {}
        for place, chance, done in self.outcomes:
            if done not in memory:
                orders: Any = [done] if self.convex else permutations(done)
                memory[done] = max(sum(worth[d + i] for i, d in enumerate(order)) for order in orders)
            reward[place] += chance * memory[done]
        values = self._values
        upper = math.inf
        for _ in range(_MOST_STEPS):
            following = np.maximum.reduceat((reward + self.matrix @ values)[self.choices], self.first)
            change = following - values
            upper = min(upper, float(change.max()))
            if change.max() - change.min() < _SETTLED:
                break
            values = 0.5 * (values + following)  # averaged, so that cycles settle too
            values = values - values[0]
        self._values = values
        return upper


def phase_bound(law: Law, frame_time: float, loss: AgeLoss, workers: float, *, phases: int = _PHASES) -> float | None:
    """Return the phase bound; None where the loss falls or the tail of the law is too heavy for the table.

    The phase is put on a grid. A worker that becomes idle between two of its points is credited with the earlier one
    and with a cycle that is shorter by as much, so that the bound errs on the safe side, by about a share
    1/(``phases`` E T) of what is served.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> from regretlab.theory.loss import FrameLoss
    >>> round(phase_bound(parse_law("gamma(4, scale=0.8)"), 1.0, FrameLoss(0.9), 1), 3)
    0.794
    """
    if not loss.monotone or not math.isfinite(workers):
        return None
    tail = law.maximum() if law.kind != "scipy" else float(law.frozen.isf(_TAIL))  # type: ignore[attr-defined]
    last = math.ceil(min(tail, law.maximum()) / frame_time - FRAME_TOLERANCE) + 1
    phases = min(phases, _LONGEST_TABLE // last)
    if phases < _FEWEST_PHASES:
        return None
    # P(floor(phases x) = m) for m = 0.., and P(x <= m / phases)
    if law.kind == "scipy":
        below = law.cdf(np.arange(last * phases + 1) / phases * frame_time)
        steps = np.diff(below)
    else:
        times = np.atleast_1d(np.asarray(getattr(law, "seconds", law.maximum()), dtype=np.float64)) / frame_time
        size = last * phases
        steps = np.bincount(np.floor(times * phases + FRAME_TOLERANCE).astype(np.int64), minlength=size) / len(times)
        ends = np.ceil(times * phases - FRAME_TOLERANCE).astype(np.int64)
        below = np.cumsum(np.bincount(ends, minlength=size + 1))[: size + 1] / len(times)
        steps = steps[:size]
    rest = max(0.0, 1.0 - float(steps.sum()))
    cycle = float(steps @ np.arange(len(steps))) / phases + rest * last
    # a rare free return to phase 0 joins phases that no start leads between (lattice times)
    jump = (1.0 - _RETURN) * np.bincount(np.arange(len(steps)) % phases, weights=steps, minlength=phases)
    moves = jump[(np.arange(phases)[None, :] - np.arange(phases)[:, None]) % phases]
    moves[:, 0] += rest + _RETURN
    # by start phase k and delay j: P(ceil(k / phases + x) <= j) = P(x <= j - k / phases)
    at = np.arange(1, last + 1)[None, :] * phases - np.arange(phases)[:, None]
    done = np.concatenate([np.zeros((phases, 1)), below[np.minimum(at, len(below) - 1)]], axis=1)
    done[:, -1] = 1.0
    delay_law = np.diff(done, axis=1)
    worth = loss.worth(np.arange(1, last + 1))
    starts = np.arange(phases)

    def most_earned(y: float) -> float:
        nonlocal starts
        rho, starts = _best_phases(delay_law @ np.maximum(0.0, worth - y), moves, cycle, starts)
        return rho

    value, _ = _least(most_earned, 0.0, float(worth[0]), workers)
    return max(0.0, loss.gap_default - value)


def _best_phases(
    reward: NDArray[np.float64], moves: NDArray[np.float64], cycle: float, starts: NDArray[np.int64]
) -> tuple[float, NDArray[np.int64]]:
    """Return the optimal gain per frame and, by the phase at which a worker is idle, the phase at which it starts.

    ``starts[k]`` lies in k..k + phases - 1 and is taken modulo a frame. Policy iteration: with waiting times w and
    h(0) = 0, h(k) = R(s) - rho (w + cycle) + sum_m P(m) h(s + m).
    """
    phases = len(reward)
    places = np.arange(phases)
    ahead = places[:, None] + places[None, :]  # start phases in reach of each phase, in the order of waiting
    gain = -math.inf
    while True:
        system = np.eye(phases) - moves[starts % phases]
        system[:, 0] = (starts - places) / phases + cycle
        solution = np.linalg.solve(system, reward[starts % phases])
        rho = float(solution[0])
        h = solution.copy()
        h[0] = 0.0
        if rho <= gain + 1e-13:
            return max(rho, gain), starts
        gain = rho
        after = reward + moves @ h - rho * cycle
        values = after[ahead % phases] - rho * places[None, :] / phases
        best = values.argmax(axis=1)
        keep = values[places, starts - places] >= values[places, best] - 1e-13
        starts = np.where(keep, starts, places + best)


def _least(earned: Any, low: float, high: float, workers: float) -> tuple[float, float]:
    """Return the least y + workers * earned(y) found and its y; any y gives a valid bound, so few steps will do."""
    ratio = (math.sqrt(5.0) - 1.0) / 2.0

    def cost(y: float) -> float:
        return y + workers * float(earned(y))

    a, b = low, high
    found = min((cost(low), low), (high, high))
    c, d = b - ratio * (b - a), a + ratio * (b - a)
    at_c, at_d = cost(c), cost(d)
    for _ in range(_PRICE_STEPS):
        found = min(found, (at_c, c), (at_d, d))
        if at_c <= at_d:
            b, d, at_d = d, c, at_c
            c = b - ratio * (b - a)
            at_c = cost(c)
        else:
            a, c, at_c = c, d, at_d
            d = a + ratio * (b - a)
            at_d = cost(d)
    return found
