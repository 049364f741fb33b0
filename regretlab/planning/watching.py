r"""The best rule that looks at the world: start an inference only when the present action no longer fits.

The lower bound over all rules (docs/lower-bound) holds for path-blind rules. A rule that sees the state of the world
before an inference is started may do better. Here the world shows a symbol that stays with probability p per frame and
is never shown again once it has gone (the staying ring W2, K -> inf), inference times are whole frames, and a rule
knows which of its outputs, waiting or in progress, fit the present symbol. With n outputs that fit and b the busy
workers' elapsed times and whether their observations still fit,

.. math:: V(n, b) = 1[n > 0] + \max_{\text{start, cancel}} E\,V(n', b'),

whose gain S is the share of frames with a right action: regret per frame is g (1 - S). Under ``repeat`` an output that
fits stays in force (n is 0 or 1). One worker under ``repeat`` starts when its action stops fitting:

.. math:: g\,\frac{E D}{E D + E p^D / (1 - p)}.

Derived in docs/state-dependent-starts; solved by ``mdp.average_reward``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..errors import InputError
from ..laws import Law
from ..laws.law import check_frame_time
from ..mdp.average_reward import value_iteration
from ..mdp.model import FiniteMDP
from ..rules.service.frame_service import whole_frames
from ..theory.checks import check_count, check_gap
from ..theory.delay import check_mode_probability

__all__ = ["WatchingRule", "optimal_watching_rule", "regret_of_starts_on_change"]

_MOST_ROWS = 60_000
_TOLERANCE = 1e-10

_Busy = tuple[tuple[int, bool], ...]  # (frames since the start, whether the observation still fits), sorted
_State = tuple[int, _Busy]


@dataclass(frozen=True)
class WatchingRule:
    """The least regret of any rule that sees the symbol of the world, from both sides, and what that rule does.

    Attributes
    ----------
    regret_lower, regret_upper
        Bounds on the least regret per frame; they differ where the store of unused outputs is cut off.
    workers, service_model, cancelling
        The problem.
    store
        Outputs that may wait for their frames; 1 under ``repeat``.
    states
        States of the decision process.
    """

    regret_lower: float
    regret_upper: float
    workers: int
    service_model: str
    cancelling: bool
    store: int
    states: int
    _choices: dict[_State, list[_Busy]] = field(repr=False, compare=False)
    _policy: dict[_State, int] = field(repr=False, compare=False)

    def decision(self, fitting: int, busy: Sequence[tuple[int, bool]] = ()) -> tuple[int, tuple[tuple[int, bool], ...]]:
        """Return how many workers start now, and which busy ones are given up first.

        Parameters
        ----------
        fitting
            Outputs at hand that fit the present symbol, the one that acts now included; 0 or 1 under ``repeat``.
        busy
            For each busy worker the frames since its start and whether its observation still fits.

        Raises
        ------
        InputError
            For a state that no rule of these workers reaches.
        """
        state = (int(fitting), tuple(sorted((int(e), bool(fits)) for e, fits in busy)))
        if state not in self._policy:
            raise InputError(
                f"{fitting} fitting outputs with {tuple(busy)} in progress is not a state of these workers"
            )
        after = self._choices[state][self._policy[state]]
        given_up = list(state[1])
        for kept in after:
            if kept[0] > 0:
                given_up.remove(kept)
        return sum(elapsed == 0 for elapsed, _ in after), tuple(given_up)


def regret_of_starts_on_change(law: Law, frame_time: float, mode_probability: float, *, gap: float = 1.0) -> float:
    """Return the regret per frame of one worker that repeats its action and starts when the action stops fitting.

    Parameters
    ----------
    law, frame_time
        Inference time and seconds of a frame; a start lies on a boundary.
    mode_probability
        p, in [0, 1].
    gap
        What a frame without a fitting action loses.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> round(regret_of_starts_on_change(parse_law("2"), 1.0, 0.9), 4)  # 2 / (2 + 10 p^2); path-blind rules: .2305
    0.198
    """
    frame, p = check_frame_time(frame_time), check_mode_probability(mode_probability, None)
    if p == 1.0:
        return 0.0
    mean = law.mean_delay_frames(frame)
    return check_gap(gap, "gap") * mean / (mean + law.moment(p, frame).value / (1.0 - p))


def optimal_watching_rule(
    law: Law,
    frame_time: float,
    mode_probability: float,
    *,
    workers: int = 1,
    service_model: str = "repeat",
    cancelling: bool = False,
    gap: float = 1.0,
    store: int = 40,
) -> WatchingRule:
    """Return the optimum over all rules that see the symbol of the world before they start an inference.

    Parameters
    ----------
    law, frame_time
        Inference times, whole frames each (a constant or samples), and seconds of a frame.
    mode_probability
        p: the probability that the symbol stays; a new one has never been shown before.
    workers
        N, a few.
    service_model
        "repeat": an output stays in force; "once": it serves one frame, and others that fit wait.
    cancelling
        Whether inferences may be given up.
    gap
        What a frame without a fitting action loses.
    store
        "once": outputs that wait at most; what is more is dropped (upper value of the regret), or credited with p to
        the power of ``store``, the most that it can be worth (lower value).

    Raises
    ------
    InputError
        For other laws, service models or tables that would be too large.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> best = optimal_watching_rule(parse_law("2"), 1.0, 0.9)
    >>> round(float(best.regret_lower), 6), best.decision(1), best.decision(0)
    (0.19802, (0, ()), (1, ()))
    """
    frame, p = check_frame_time(frame_time), check_mode_probability(mode_probability, None)
    count, size = check_count(workers, "workers", 1), check_count(store, "store", 1)
    loss = check_gap(gap, "gap")
    if service_model not in ("once", "repeat"):
        raise InputError(f"service model must be one of once, repeat, not {service_model!r}")
    if not whole_frames(law, frame):
        raise InputError(f"the optimal rule is computed for times of whole frames, and {law.text} has others")
    pmf = law.frame_pmf(frame)
    most = 1 if service_model == "repeat" else size
    problem = _Problem(pmf / pmf.sum(), p, count, most, cancelling)
    lower = value_iteration(problem.process(0.0), tolerance=_TOLERANCE)
    upper = lower
    if service_model == "once" and count > 1:
        upper = value_iteration(problem.process(p**size), tolerance=_TOLERANCE)
    return WatchingRule(
        regret_lower=max(0.0, loss * (1.0 - upper.gain - upper.gain_error)),
        regret_upper=loss * (1.0 - lower.gain + lower.gain_error),
        workers=count,
        service_model=service_model,
        cancelling=cancelling,
        store=most,
        states=len(problem.states),
        _choices={state: problem.choices(state) for state in problem.states},
        _policy={state: int(lower.policy[place]) for state, place in problem.states.items()},
    )


class _Problem:
    """The decision process: its states, found from the empty one on, and the outcomes of each decision."""

    def __init__(self, pmf: NDArray[np.float64], p: float, workers: int, most: int, cancelling: bool) -> None:
        self.p, self.workers, self.most, self.cancelling = p, workers, most, cancelling
        above = np.append(np.cumsum(pmf[::-1])[::-1][1:], 0.0)
        self.hazard = np.divide(pmf[1:], above[:-1], out=np.ones(len(pmf) - 1), where=above[:-1] > 1e-15)
        self.hazard[-1] = 1.0
        refusal = InputError(
            f"the optimal rule of {workers} workers with times up to {len(pmf) - 1} frames has too many states:"
            " give fewer workers or shorter times"
        )
        if math.comb(2 * len(pmf) + workers, workers) > _MOST_ROWS:
            raise refusal
        self.states: dict[_State, int] = {(0, ()): 0}
        self.rows: list[list[tuple[int, float, int]]] = []  # of each state and choice: next state, chance, overflow
        self.of_state: list[tuple[int, int]] = []  # first row and number of choices
        waiting: list[_State] = [(0, ())]
        for state in waiting:  # grows while it is read
            choices = self.choices(state)
            self.of_state.append((len(self.rows), len(choices)))
            for after in choices:
                row = []
                for chance, following, overflow in self._outcomes(state[0], after):
                    if following not in self.states:
                        self.states[following] = len(self.states)
                        waiting.append(following)
                    row.append((self.states[following], chance, overflow))
                self.rows.append(row)
            if len(self.rows) > _MOST_ROWS:
                raise refusal

    def choices(self, state: _State) -> list[_Busy]:
        """Return what may be in progress after this boundary's decision; the first one changes nothing."""
        busy = state[1]
        kept = {
            part
            for n in range(len(busy) if not self.cancelling else 0, len(busy) + 1)
            for part in combinations(busy, n)
        }
        return [
            ((0, True),) * starts + part
            for part in sorted(kept, key=lambda part: (-len(part), part))
            for starts in range(self.workers - len(part) + 1)
        ]

    def _outcomes(self, fitting: int, busy: _Busy) -> list[tuple[float, _State, int]]:
        left = fitting if self.most == 1 else max(0, fitting - 1)  # ``repeat`` keeps the output that acts
        found = []
        for stays, moves in ((True, self.p), (False, 1.0 - self.p)):
            for done in product((False, True), repeat=len(busy)):
                chance = moves
                for (elapsed, _), finished in zip(busy, done, strict=True):
                    chance *= self.hazard[elapsed] if finished else 1.0 - self.hazard[elapsed]
                if chance <= 0.0:
                    continue
                joined = zip(busy, done, strict=True)
                going = tuple(sorted((e + 1, fits and stays) for (e, fits), finished in joined if not finished))
                fresh = sum(fits and stays for (_, fits), finished in zip(busy, done, strict=True) if finished)
                total = (left if stays else 0) + fresh
                overflow = 0 if self.most == 1 else max(0, total - self.most)
                found.append((chance, (min(total, self.most), going), overflow))
        return found

    def process(self, credit: float) -> FiniteMDP:
        """Return the process; an output that overflows the store earns ``credit``."""
        actions = max(number for _, number in self.of_state)
        rewards = np.zeros((len(self.states), actions))
        entries: list[tuple[int, int, float]] = []
        for place, ((fitting, _), (first, number)) in enumerate(zip(self.states, self.of_state, strict=True)):
            for action in range(actions):  # choices that a state lacks repeat its first one
                row = self.rows[first + (action if action < number else 0)]
                rewards[place, action] = float(fitting > 0) + credit * sum(c * over for _, c, over in row)
                entries += [(place * actions + action, following, chance) for following, chance, _ in row]
        at, to, chances = (np.array(column) for column in zip(*entries, strict=True))
        shape = (len(self.states) * actions, len(self.states))
        return FiniteMDP(sparse.csr_array((chances, (at, to)), shape=shape), rewards)
