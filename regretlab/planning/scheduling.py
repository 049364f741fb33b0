r"""The optimal path-blind rule for whole-frame inference times, by dynamic programming.

At each boundary a rule knows for how many frames each busy worker has run and which outputs are unused, and decides how
many idle workers start, which output acts and, where it may, which inferences are cancelled. With v_j = max(0, g - l_j)
the optimal S is the gain of

.. math:: V(b, s) = \max_{\text{use, start, cancel}} \; v_{\text{used}} + E\,V(b', s')

over elapsed times b and ages s. The store of unused outputs has no limit; the tables do. What does not fit is dropped,
which a rule may do (a lower value), or paid at the earliest age at which it could act. The second is an upper value,
and with a price y of a frame it stays one: S <= y + the gain at (v_j - y)^+, as a frame is served once. For v_j = p^j
what a rule that looks at the world earns is one too (``watching``). The optimum lies between the two sides, and value
iteration bounds either gain from both sides (Puterman 1994, Theorem 8.5.5). For chunks the freshest output is all that
counts. Starts between boundaries never help whole-frame times (docs/lower-bound).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..laws import Law
from ..laws.law import FRAME_TOLERANCE, check_frame_time
from ..theory.checks import check_count, check_positive
from ..theory.loss import AgeLoss, FrameLoss
from . import _kernels
from .watching import optimal_watching_rule

__all__ = ["OptimalRule", "optimal_rule"]

_MOST_ENTRIES = 12_000_000
_MOST_OUTCOMES = 20_000
_MOST_SWEEPS = 20_000
_SETTLED = 1e-11
_SEEN_STORE = 60

_Multiset = tuple[int, ...]


@dataclass(frozen=True)
class OptimalRule:
    """The optimum over all path-blind rules, from both sides, and what the rule does that attains the lower value.

    Attributes
    ----------
    regret_lower, regret_upper
        Bounds on the least regret per frame of any path-blind rule; a rule attains the upper one.
    served_lower, served_upper
        The same as S = g - regret.
    workers, service_model, chunk, cancelling
        The problem.
    store, longest_age
        Outputs kept unused at most, and the age in frames up to which they are kept.
    states
        States of the larger table.
    """

    regret_lower: float
    regret_upper: float
    served_lower: float
    served_upper: float
    workers: int
    service_model: str
    chunk: float | None
    cancelling: bool
    store: int
    longest_age: int
    states: int
    _problem: "_Problem" = field(repr=False, compare=False)
    _values: NDArray[np.float64] = field(repr=False, compare=False)

    def __repr__(self) -> str:
        cancelling = ", cancelling" if self.cancelling else ""
        return (
            f"OptimalRule({self.service_model}, workers={self.workers}{cancelling}: least regret per frame in"
            f" [{self.regret_lower:.6g}, {self.regret_upper:.6g}], {self.states:,} states)"
        )

    def decision(self, busy: Sequence[int], unused: Sequence[int] = ()) -> tuple[int, tuple[int, ...]]:
        """Return how many workers the optimal rule starts, and the elapsed times of those it cancels first.

        Parameters
        ----------
        busy
            Frames for which each busy worker has run, at a boundary, completed inferences excluded.
        unused
            Ages in frames of the outputs that stay unused in this frame (``once``), or the age of the freshest output
            (chunks; empty before the first).

        Returns
        -------
        starts
            Inferences started now, those in place of cancelled ones included.
        cancelled
            Elapsed times in frames of the inferences that are given up.

        Raises
        ------
        InputError
            For a state that no rule of these workers reaches, or one outside the tables.
        """
        return self._problem.decision(self._values, tuple(sorted(busy)), tuple(sorted(unused)))

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {
            "regret_per_frame": {"lower": self.regret_lower, "upper": self.regret_upper},
            "workers": self.workers,
            "service_model": self.service_model,
            "chunk": self.chunk if self.chunk is not None and math.isfinite(self.chunk) else None,
            "cancelling": self.cancelling,
            "store": self.store,
            "longest_age": self.longest_age,
            "states": self.states,
            "method": "exact",
        }


def optimal_rule(
    law: Law,
    frame_time: float,
    loss: AgeLoss,
    *,
    workers: int = 1,
    service_model: str = "once",
    chunk: float | None = None,
    cancelling: bool = False,
    store: int | None = None,
    longest_age: int | None = None,
    tolerance: float = 1e-6,
) -> OptimalRule:
    """Return the optimum over all path-blind rules for whole-frame inference times.

    Parameters
    ----------
    law
        Inference times in seconds, whole frames each (a constant or samples).
    frame_time
        Seconds of a frame.
    loss
        What a frame loses by the age of its action, not falling with the age.
    workers
        N, a few (the tables grow like the N-th power of the longest time).
    service_model, chunk
        As for ``theory.any_rule.lower_bound``.
    cancelling
        Whether inferences may be given up.
    store, longest_age
        Outputs kept unused at most, and the age in frames up to which they are kept; None lets both grow until the two
        sides are within ``tolerance`` or the tables are full.
    tolerance
        Width of the interval to stop at.

    Raises
    ------
    InputError
        For other laws, losses that fall with the age, or tables that would be too large.

    Examples
    --------
    >>> from regretlab.laws import law_from_samples
    >>> from regretlab.theory.loss import FrameLoss
    >>> law = law_from_samples([1.0] * 2 + [2.0] * 5 + [3.0] * 3)
    >>> found = optimal_rule(law, 1.0, FrameLoss(0.9), service_model="repeat")
    >>> round(found.served_lower, 8), round(found.served_upper, 8)
    (0.75126814, 0.75126814)
    """
    frame = check_frame_time(frame_time)
    count = check_count(workers, "workers", 1)
    width = check_positive(tolerance, "tolerance")
    if service_model not in ("once", "repeat", "chunk"):
        raise InputError(f"service model must be one of once, repeat, chunk, not {service_model!r}")
    if chunk is not None and service_model != "chunk":
        raise InputError(f"a chunk of {chunk:g} frames needs the service model 'chunk', not '{service_model}'")
    if not loss.monotone:
        raise InputError("the optimal rule is computed for losses that do not fall with the age")
    if law.kind == "scipy":
        raise InputError(f"the optimal rule is computed for times of whole frames, and {law.text} is a density")
    times = np.atleast_1d(np.asarray(getattr(law, "seconds", law.maximum()), dtype=np.float64)) / frame
    if np.abs(times - np.rint(times)).max() > FRAME_TOLERANCE:
        wrong = float(times[np.abs(times - np.rint(times)).argmax()])
        raise InputError(f"the optimal rule is computed for times of whole frames, not {wrong:g} frames")
    pmf = law.frame_pmf(frame)
    length = 0.0 if service_model == "once" else math.inf if chunk is None else float(check_count(chunk, "chunk", 1))
    busy = _Workers(pmf / pmf.sum(), count, cancelling)
    sizes = _sizes(len(pmf) - 1, loss, length, store, longest_age)
    found: OptimalRule | None = None
    prices: tuple[float, ...] = ()
    seen: float | None = None
    settled = max(_SETTLED, 1e-4 * width)
    for most, longest in sizes:
        if found is not None and not _Problem.fits(busy, most, longest, length):
            continue
        lower = _Problem(busy, loss, length, most, longest, credit=False)
        least, _, values = lower.solve(settled)
        if not prices:
            prices = (0.0,) if length > 0 else (0.0, _best_price(busy, loss, settled))
        tops = []
        for price in dict.fromkeys(prices):
            upper = _Problem(busy, loss, length, most, longest, credit=True, price=price)
            tops.append((price + upper.solve(settled, values)[1], price))
        top = min(tops)[0]
        if top - least > width:
            seen = _most_when_seen(law, frame, loss, count, length, cancelling) if seen is None else seen
            top = min(top, seen)
        found = OptimalRule(
            regret_lower=max(0.0, loss.gap_default - top),
            regret_upper=loss.gap_default - least,
            served_lower=least,
            served_upper=top,
            workers=count,
            service_model=service_model,
            chunk=None if service_model == "once" else length,
            cancelling=cancelling,
            store=most,
            longest_age=longest,
            states=values.size,
            _problem=lower,
            _values=values,
        )
        if top - least <= width:
            break
    assert found is not None
    return found


def _most_when_seen(law: Law, frame: float, loss: AgeLoss, workers: int, length: float, cancelling: bool) -> float:
    """Return what rules that look at the world earn at most, as path-blind ones may not; ``inf`` where not solved."""
    if length > 0 or not isinstance(loss, FrameLoss) or loss.symbols is not None or loss.gap_default != loss.gap_delay:
        return math.inf
    try:
        best = optimal_watching_rule(
            law,
            frame,
            loss.p,
            workers=workers,
            service_model="once",
            cancelling=cancelling,
            gap=loss.gap_default,
            store=_SEEN_STORE,
        )
    except InputError:
        return math.inf
    return loss.gap_default - best.regret_lower


def _best_price(busy: "_Workers", loss: AgeLoss, settled: float) -> float:
    """Return the worth v_j, or 0, that is the best price of a frame for small tables (convex in the price)."""
    most, longest = 2, busy.longest + 12
    prices = np.unique(np.append(loss.worth(np.arange(1, longest + busy.longest)), 0.0))

    def upper(place: int) -> float:
        problem = _Problem(busy, loss, 0.0, most, longest, credit=True, price=float(prices[place]))
        return float(prices[place]) + problem.solve(max(settled, 1e-7))[1]

    low, high = 0, len(prices) - 1
    known: dict[int, float] = {}
    while high > low:
        middle = (low + high) // 2
        for place in (middle, middle + 1):
            known.setdefault(place, upper(place))
        low, high = (low, middle) if known[middle] <= known[middle + 1] else (middle + 1, high)
    return float(prices[low])


def _sizes(
    longest: int, loss: AgeLoss, length: float, store: int | None, longest_age: int | None
) -> list[tuple[int, int]]:
    """Return the sizes of the tables to try: outputs kept, and the age up to which they are."""
    useful = int(min(loss.settled_age, 10**6)) if loss.worth_at_infinity == 0.0 else 10**6
    if length > 0:
        last = int(min(length, useful))
        ages = [longest_age] if longest_age else [min(last, longest * n + 8) for n in (2, 6, 20, 60, 200)]
        return [(1, max(longest, age)) for age in dict.fromkeys(ages)]
    given = check_count(longest_age, "longest age", 1) if longest_age is not None else None
    most = check_count(store, "store", 0) if store is not None else None
    if given is not None or most is not None:
        return [(3 if most is None else most, given or longest + 6)]
    # few outputs but all their ages: a long wait of one is likelier than a long queue
    return [
        (n, max(longest + 1, min(useful, longest + age))) for n, age in ((1, 4), (2, 12), (3, 24), (3, 48), (4, 48))
    ]


class _Workers:
    """What the workers may do and what becomes of them, apart from the outputs."""

    def __init__(self, pmf: NDArray[np.float64], workers: int, cancelling: bool) -> None:
        self.longest = longest = len(pmf) - 1
        self.workers = workers
        above = np.append(np.cumsum(pmf[::-1])[::-1][1:], 0.0)
        hazard = np.divide(pmf[1:], above[:-1], out=np.ones(longest), where=above[:-1] > 1e-15)
        hazard[-1] = 1.0
        if math.comb(longest + workers, workers) * 2**workers > _MOST_OUTCOMES:
            raise InputError(
                f"the optimal rule of {workers} workers with times up to {longest} frames has too many states:"
                " give fewer workers or shorter times"
            )
        self.after = [s for n in range(workers + 1) for s in combinations_with_replacement(range(longest), n)]
        self.before = [s for s in self.after if 0 not in s]
        self.arrivals = [s for n in range(workers + 1) for s in combinations_with_replacement(range(1, longest + 1), n)]
        place = {s: i for i, s in enumerate(self.after)}
        self.index = {s: i for i, s in enumerate(self.before)}
        arrival = {s: i for i, s in enumerate(self.arrivals)}
        options, first = [], [0]
        for state in self.before:
            kept = _parts(state) if cancelling else [state]
            reach = {place[(0,) * n + rest] for rest in kept for n in range(workers - len(rest) + 1)}
            options += sorted(reach)
            first.append(len(options))
        self.options, self.first = np.array(options), np.array(first)
        chances, completed, left, start = [], [], [], [0]
        for state in self.after:
            joint: dict[tuple[_Multiset, _Multiset], float] = {((), ()): 1.0}
            for elapsed in state:
                grown: dict[tuple[_Multiset, _Multiset], float] = {}
                for (stay, done), chance in joint.items():
                    for key, weight in (
                        ((stay, (*done, elapsed + 1)), chance * hazard[elapsed]),
                        (((*stay, elapsed + 1), done), chance * (1.0 - hazard[elapsed])),
                    ):
                        if weight > 0.0:
                            grown[key] = grown.get(key, 0.0) + weight
                joint = grown
            for (stay, done), chance in joint.items():
                chances.append(chance)
                completed.append(arrival[done])
                left.append(self.index[stay])
            start.append(len(chances))
        self.chances, self.completed, self.left = np.array(chances), np.array(completed), np.array(left)
        self.outcomes = np.array(start)


class _Problem:
    """The decision process with tables of a given size, on one of its two sides."""

    def __init__(
        self,
        workers: _Workers,
        loss: AgeLoss,
        length: float,
        most: int,
        longest: int,
        *,
        credit: bool,
        price: float = 0.0,
    ) -> None:
        self.workers, self.length, self.most, self.longest = workers, length, most, longest
        if not self.fits(workers, most, longest, length):
            raise InputError(f"a store of {most} outputs of up to {longest} frames has too many states: give less")
        span = longest + workers.longest + workers.workers + 2
        worth = np.maximum(0.0, loss.worth(np.arange(span)) - price)
        worth[0] = 0.0
        if length > 0:
            self._freshest(worth, credit)
        else:
            self._store(worth, credit)

    @staticmethod
    def fits(workers: _Workers, most: int, longest: int, length: float) -> bool:
        """Whether the tables of that size are small enough."""
        stores = longest + 1 if length > 0 else math.comb(longest - 1 + most, most)
        used = 1 if length > 0 else most + workers.workers
        return stores * len(workers.arrivals) * used <= _MOST_ENTRIES

    def _freshest(self, worth: NDArray[np.float64], credit: bool) -> None:
        """Chunks: the store is the age of the freshest output, 0 for none."""
        workers, longest = self.workers, self.longest
        self.stores: list[_Multiset] = [(), *((age,) for age in range(1, longest + 1))]
        youngest = np.array([min(done) if done else longest + 10**6 for done in workers.arrivals])
        age = np.arange(longest + 1)
        grown = np.where(age == 0, longest + 10**6, age + 1)
        fresh = np.minimum(grown[:, None], youngest[None, :])
        last = int(min(self.length, longest))
        gone = 0 if not credit or last == self.length else longest  # past the table: none, or never older than it
        following = np.where(fresh > last, np.where(fresh >= 10**6, 0, gone), fresh)
        value = np.where(fresh > last, worth[longest + 1] if gone else 0.0, worth[np.minimum(fresh, longest)])
        self.following = following[:, :, None].astype(np.int64)
        self.reward = np.where(fresh >= 10**6, 0.0, value)[:, :, None]

    def _store(self, worth: NDArray[np.float64], credit: bool) -> None:
        workers, most, longest = self.workers, self.most, self.longest
        kept = longest - 1  # an output of that age may act at ``longest`` in the next frame
        self.stores = []
        choose = np.zeros((kept + most + 2, most + 2), dtype=np.int64)
        for n in range(choose.shape[0] - 1):
            for k in range(choose.shape[1]):
                choose[n, k] = math.comb(n, k)
        for n in range(most + 1):
            choose[-1, n] = len(self.stores)
            block: list[_Multiset] = [()] * math.comb(kept - 1 + n, n)
            for ages in combinations_with_replacement(range(1, kept + 1), n):
                block[sum(math.comb(a - 1 + i, i + 1) for i, a in enumerate(ages))] = ages
            self.stores += block
        table, sizes = _padded(self.stores, most)
        arrivals, arrival_sizes = _padded(workers.arrivals, workers.workers)
        convex = bool((np.diff(worth[1:], 2) >= -1e-15).all())
        width = 1 if convex else most + workers.workers
        self.following = np.full((len(table), len(arrivals), width), -1, dtype=np.int64)
        self.reward = np.zeros(self.following.shape)
        _kernels.keep_tables(
            table,
            sizes,
            arrivals,
            arrival_sizes,
            worth,
            choose,
            most,
            longest,
            credit,
            convex,
            self.following,
            self.reward,
        )

    def solve(
        self, settled: float, values: NDArray[np.float64] | None = None
    ) -> tuple[float, float, NDArray[np.float64]]:
        """Return bounds on the gain, and the relative values after starts, shape (elapsed times, stores)."""
        workers = self.workers
        shape = (len(workers.after), len(self.stores))
        values = np.zeros(shape) if values is None else values.copy()
        best, following = np.empty((len(workers.before), shape[1])), np.empty(shape)
        low, high = -math.inf, math.inf
        for _ in range(_MOST_SWEEPS):
            self._sweep(values, best, following)
            change = following - values
            low, high = max(low, float(change.min())), min(high, float(change.max()))
            if high - low < settled:
                break
            values += 0.5 * change  # averaged, so that cycles settle too
            values -= values[0, 0]
        return low, high, values

    def _sweep(self, values: NDArray[np.float64], best: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        workers = self.workers
        _kernels.sweep(
            values,
            best,
            workers.first,
            workers.options,
            workers.outcomes,
            workers.chances,
            workers.completed,
            workers.left,
            self.following,
            self.reward,
            out,
        )

    def decision(self, values: NDArray[np.float64], busy: _Multiset, unused: _Multiset) -> tuple[int, tuple[int, ...]]:
        workers = self.workers
        if busy not in workers.index:
            raise InputError(
                f"elapsed times must be at most {workers.workers} of 1 to {workers.longest - 1} frames, not {busy}"
            )
        if unused not in self.stores:
            raise InputError(f"unused outputs must fit the store, and {unused} does not")
        place, store = workers.index[busy], self.stores.index(unused)
        options = workers.options[workers.first[place] : workers.first[place + 1]]
        chosen = workers.after[int(options[values[options, store].argmax()])]
        rest, cancelled = [e for e in chosen if e > 0], list(busy)
        for elapsed in rest:
            cancelled.remove(elapsed)
        return len(chosen) - len(rest), tuple(cancelled)


def _parts(state: _Multiset) -> list[_Multiset]:
    """Return all multisets that remain when some are taken out."""
    parts: set[_Multiset] = {()}
    for element in state:
        parts |= {(*part, element) for part in parts}
    return sorted(parts)


def _padded(states: list[_Multiset], width: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    table = np.zeros((len(states), max(1, width)), dtype=np.int64)
    for row, state in zip(table, states, strict=True):
        row[: len(state)] = state
    return table, np.array([len(state) for state in states], dtype=np.int64)
