r"""The exact chains of a finite frame pool: of the ages in service for a bounded law, of their number without memory.

**Ages.** The state is the set S of ages (frames since dispatch) in service just after a boundary's dispatch. An
inference of age a completes in the next frame with probability P(D = a+1 | D > a), independently; a boundary at which
fewer than N are left dispatches a new one. Outputs are held to h frames, which changes what is applied when but not
the chain.

Given S at boundary k - h, what serves frame k is decided by S alone, because later dispatches cannot take effect
before k + 1: the inference of age 0 has D <= h, or one of age a > 0 has D = a + h, and the youngest such wins. For
the age of information the chain is run from boundary k - m on those paths only on which nothing dispatched since then
completes. Derived in docs/theory.

**Counts** (exponential times: D/M/N/N, Palm 1943). Without memory each inference in service lasts another frame with
probability q = e^{-mu}. The number in service just after a boundary moves n -> min(N, Binomial(n, q) + 1). A
dispatched inference is followed together with the numbers of older and of fresher ones next to it; for what serves a
frame under a hold of h frames, and for the age of information, the argument is the same. Derived in docs/theory.
"""

import itertools
import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .frame_service import Ages, ServiceInFrames

__all__ = ["MOST_COUNTED", "AgeChain", "age_chain", "chain_size", "exponential_pool"]

MOST_COUNTED = 100
"""Workers: larger chains take minutes."""

_END = 1e-15
_TINY = 1e-40
MOST_STATES = 300_000
MOST_TRANSITIONS = 5_000_000
MOST_STEPS = 20_000
SETTLED = 1e-14
ROUNDING = 1e-10
STALLED = 10
"""Steps after which a change below ``ROUNDING`` that falls no more is that of the last digits of many states."""
NONE = np.iinfo(np.int64).max


class AgeChain:
    """The stationary chain of the ages in service.

    Parameters
    ----------
    pmf
        Law of D in frames, shape (J+1,), summing to 1, pmf[J] > 0.
    workers
        N, at least 1.

    Attributes
    ----------
    ages
        Shape (states, width): the ages of each state in rising order, filled up with -1.
    share
        Shape (states,): stationary probabilities, at boundaries just after the dispatch.
    """

    def __init__(self, pmf: NDArray[np.float64], workers: int) -> None:
        self.workers = workers
        self.longest = len(pmf) - 1
        self.pmf = pmf
        # summed from the upper end, so that small tails keep their digits
        self.above = np.append(np.cumsum(pmf[::-1])[::-1][1:], 0.0)  # above[a] = P(D > a)
        hazard = np.ones(self.longest)
        alive = self.above[:-1] > 0
        hazard[alive] = np.minimum(1.0, pmf[1:][alive] / self.above[:-1][alive])
        hazard[-1] = 1.0
        self.hazard = hazard
        self._choose = _binomial_table(self.longest + 2, min(workers, self.longest) + 2)
        self.ages = self._states(min(workers, self.longest))
        self._rows, self._columns, self._weights, self._youngest = self._transitions()
        self.share = self._stationary()

    def _states(self, width: int) -> NDArray[np.int64]:
        """Return all sets of at most ``width`` ages, by size, then in colexicographic order (so that rank is a sum)."""
        blocks = []
        for size in range(width + 1):
            block = np.full((math.comb(self.longest, size), width), -1, dtype=np.int64)
            if size:
                sets = np.array(list(itertools.combinations(range(self.longest), size)), dtype=np.int64)
                rank = self._choose[sets, np.arange(1, size + 1)].sum(axis=1)
                block[rank, :size] = sets
            blocks.append(block)
        self._first = np.concatenate([[0], np.cumsum([len(block) for block in blocks])])
        return np.concatenate(blocks)

    def _transitions(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
        """Return to, from, probability and the youngest age that completed (``NONE`` if none did)."""
        count = len(self.ages)
        origin = np.arange(count)
        weight = np.ones(count)
        youngest = np.full(count, NONE)
        left = np.zeros(count, dtype=np.int64)  # how many are still in service
        alone = np.zeros(count, dtype=np.int64)  # rank of those left, one frame older
        joined = np.zeros(count, dtype=np.int64)  # rank of those left together with a new one of age 0
        for slot in range(self.ages.shape[1]):
            age = self.ages[origin, slot]
            present = age >= 0
            chance = np.where(present, self.hazard[age], 0.0)
            done, stays = present & (chance > 0.0), ~present | (chance < 1.0)
            moved = np.where(present, age + 1, 0)
            kept = present.astype(np.int64)
            next_alone = alone + kept * self._choose[moved, left + 1]
            next_joined = joined + kept * self._choose[moved, left + 2]
            in_service = (origin, weight * (1.0 - chance), youngest, left + kept, next_alone, next_joined)
            first = np.where(youngest == NONE, age, youngest)
            completed = (origin, weight * chance, first, left, alone, joined)
            origin, weight, youngest, left, alone, joined = (
                np.concatenate([a[stays], b[done]]) for a, b in zip(in_service, completed, strict=True)
            )
        dispatched = left < self.workers
        target = np.where(dispatched, self._first[left + dispatched] + joined, self._first[left] + alone)
        return target, origin, weight, youngest

    def _stationary(self) -> NDArray[np.float64]:
        """Return the stationary vector, from an empty pool's first dispatch (averaged, so that cycles settle too)."""
        count = len(self.ages)
        matrix = sparse.csr_matrix((self._weights, (self._rows, self._columns)), shape=(count, count))
        vector = np.zeros(count)
        vector[self._first[1]] = 1.0  # one inference, of age 0
        least, stalled = math.inf, 0
        for _ in range(MOST_STEPS):
            following = 0.5 * (vector + matrix @ vector)
            change = float(np.abs(following - vector).sum())
            vector = following
            stalled = 0 if change < least else stalled + 1
            least = min(least, change)
            if change < SETTLED or (least < ROUNDING and stalled > STALLED):
                break
        return np.asarray(vector / vector.sum())

    def service(self, hold: int = 1, *, with_ages: bool = True) -> ServiceInFrames:
        """Return the service with outputs held to ``hold`` frames; the ages cost most of the time."""
        blocking = 1.0 - float(self.share[self.ages[:, 0] == 0].sum())
        delays = self._delays(hold)
        service = ServiceInFrames(max(0.0, 1.0 - float(delays.sum())), delays, "exact", blocking=blocking)
        return service.aged(self._ages(hold)) if with_ages else service

    def _delays(self, hold: int) -> NDArray[np.float64]:
        delays = np.zeros(self.longest + hold + 1)
        below = float(self.pmf[: hold + 1].sum())
        none_younger = self.share.copy()
        for slot in range(self.ages.shape[1]):
            age = self.ages[:, slot]
            hit = np.zeros(len(age))
            late = (age > 0) & (age + hold <= self.longest)
            hit[late] = self.pmf[age[late] + hold] / self.above[age[late]]
            hit[age == 0] = below
            np.add.at(delays, np.maximum(age, 0) + hold, none_younger * hit)
            none_younger *= 1.0 - hit
        return delays[: max(self.longest, hold) + 1]

    def _survival(self, frames: int) -> NDArray[np.float64]:
        """Return P(D > a + frames | D > a) by age a."""
        later = np.minimum(np.arange(self.longest) + frames, self.longest)
        return np.divide(self.above[later], self.above[:-1], out=np.zeros(self.longest), where=self.above[:-1] > 0)

    def _ages(self, hold: int) -> Ages:
        """Follow, from boundary k - m, the paths on which nothing dispatched since then completes by k - hold."""
        whole, less = self._survival(hold), self._survival(hold - 1)
        above, standing = [1.0] * hold, [0.0] * (hold + 1)
        paths = self.share.copy()
        for step in range(2 * self.longest + 2):  # an old one completes, a young one is as old, and that is the end
            young = (self.ages >= 0) & (self.ages <= step)
            last = whole[np.maximum(self.ages, 0)]
            above.append(float(paths @ np.where(young, last, 1.0).prod(axis=1)))
            if step > 0:  # the oldest of the young need not last until k, only until k - 1
                last = np.where(self.ages == step, less[np.maximum(self.ages, 0)], last)
                standing.append(above[-2] - float(paths @ np.where(young, last, 1.0).prod(axis=1)))
            if above[-1] <= 0.0:
                break
            allowed = self._youngest > step
            moved = self._weights[allowed] * paths[self._columns[allowed]]
            paths = np.bincount(self._rows[allowed], weights=moved, minlength=len(paths)).astype(np.float64)
        return Ages(np.array(above), np.maximum(np.array(standing), 0.0))


def _binomial_table(n: int, k: int) -> NDArray[np.int64]:
    """Return the binomial coefficients C(0..n, 0..k)."""
    table = np.zeros((n + 1, k + 1), dtype=np.int64)
    table[:, 0] = 1
    for row in range(1, n + 1):
        table[row, 1:] = table[row - 1, 1:] + table[row - 1, :-1]
    return table


def chain_size(pmf: NDArray[np.float64], workers: int) -> tuple[int, int]:
    """Return a bound on the number of states and of transitions."""
    longest = len(pmf) - 1
    splits = int(((pmf[1:] > 0) & (np.arange(1, longest + 1) < longest)).sum())
    states = transitions = 0
    for size in range(min(workers, longest) + 1):
        states += math.comb(longest, size)
        transitions += sum(
            math.comb(splits, split) * math.comb(longest - splits, size - split) * 2**split for split in range(size + 1)
        )
        if states > MOST_STATES or transitions > MOST_TRANSITIONS:
            break
    return states, transitions


def age_chain(pmf: NDArray[np.float64], workers: int) -> AgeChain | None:
    """Return the chain, or None if it is too large; the last ones made are remembered.

    Examples
    --------
    >>> pool = age_chain(np.array([0.0, 0.2, 0.5, 0.3]), 2).service()
    >>> round(pool.inaction_fraction, 12), round(pool.blocking, 12)
    (0.337662337662, 0.155844155844)
    """
    states, transitions = chain_size(pmf, workers)
    if states > MOST_STATES or transitions > MOST_TRANSITIONS:
        return None
    return _remembered(pmf.tobytes(), workers)


@lru_cache(maxsize=4)
def _remembered(pmf: bytes, workers: int) -> AgeChain:
    return AgeChain(np.frombuffer(pmf, dtype=np.float64), workers)


def exponential_pool(workers: int, rate: float, hold: int = 1, *, with_ages: bool = True) -> ServiceInFrames:
    """Return the stationary service of N exponential workers.

    Parameters
    ----------
    workers
        N, at least 1.
    rate
        mu, completions per frame of a busy worker.
    hold
        h in frames, at least 1.
    with_ages
        Whether to work out the ages too.

    Examples
    --------
    >>> exponential_pool(4, 0.4).inaction_fraction
    0.34040217518...
    """
    from scipy.stats import binom

    stay = math.exp(-rate)
    numbers = np.arange(workers + 1)
    survivors = _flushed(np.asarray(binom.pmf(numbers[None, :], numbers[:, None], stay), dtype=np.float64))
    before = _before_dispatch(survivors)
    delays = _count_delays(before, survivors, stay, hold)
    phi = 1.0 - float(delays.sum())
    if hold == 1:  # without the rounding of a sum over delays
        after = np.concatenate([[0.0], before[:-1]])
        after[-1] += before[-1]
        phi = float(after @ stay**numbers)
    service = ServiceInFrames(max(0.0, phi), delays, "exact", blocking=float(before[-1]))
    return service.aged(_count_ages(before, survivors, stay, hold)) if with_ages else service


def _before_dispatch(survivors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the stationary law of the number in service just before a dispatch, shape (N+1,)."""
    workers = len(survivors) - 1
    transition = survivors[np.minimum(np.arange(workers + 1) + 1, workers)]
    system = np.vstack([(transition.T - np.eye(workers + 1))[:-1], np.ones(workers + 1)])
    right = np.zeros(workers + 1)
    right[-1] = 1.0
    return np.maximum(np.linalg.solve(system, right), 0.0)


def _flushed(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Drop what matters to no digit: processors multiply numbers near the smallest there are a hundred times slower."""
    counts[counts < _TINY] = 0.0
    return counts


def _join(counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Dispatch where a worker is idle: split counts[older, fresher] into those who dispatched and those who did not."""
    total = np.add.outer(np.arange(counts.shape[0]), np.arange(counts.shape[1]))
    idle = total < counts.shape[0] - 1
    dispatched = np.zeros_like(counts)
    dispatched[:, 1:] = np.where(idle, counts, 0.0)[:, :-1]
    return dispatched, np.where(idle, 0.0, counts)


def _count_delays(
    before: NDArray[np.float64], survivors: NDArray[np.float64], stay: float, hold: int
) -> NDArray[np.float64]:
    """Follow a dispatched inference, with [older, fresher] ones next to it (itself among the older)."""
    workers = len(before) - 1
    exactly = stay ** (hold - 1) * (1.0 - stay)  # completes exactly hold frames from now
    in_time = 1.0 - stay**hold
    delays = [0.0] * hold + [float(before[:-1].sum()) * in_time]
    followed = np.zeros((workers + 1, workers + 1))
    followed[1:, 0] = before[:-1]
    fresher = np.arange(workers + 1)
    missing = (1.0 - exactly) ** fresher
    missing_new = (1.0 - exactly) ** np.maximum(fresher - 1, 0) * (1.0 - in_time)
    others = np.zeros_like(survivors)  # the followed one stays for certain, its `older - 1` companions as they may
    others[1:, 1:] = survivors[:-1, :-1]
    while followed.sum() > _END:
        moved = _flushed(stay * (others.T @ followed @ survivors))
        joined, blocked = _join(moved)
        delays.append(exactly * float((joined @ missing_new + blocked @ missing).sum()))
        followed = joined + blocked
    return np.array(delays)


def _count_ages(before: NDArray[np.float64], survivors: NDArray[np.float64], stay: float, hold: int) -> Ages:
    """Follow, from boundary k - m, the paths on which nothing dispatched since then completes by k - hold."""
    workers = len(before) - 1
    young = np.arange(workers + 1)
    first = np.zeros((workers + 1, workers + 1))  # paths[older, young] on which boundary k - m dispatched
    first[:-1, 1] = before[:-1]
    without = np.zeros_like(first)  # ... and on which all workers were busy then
    without[-1, 0] = before[-1]
    lasting = stay ** (hold * young)
    lasting_less = stay ** np.maximum(hold * young - 1, 0)  # the first needs to last only until k - 1
    above, standing = [1.0] * hold, [0.0] * (hold + 1)
    for step in itertools.count():
        above.append(float((first @ lasting + without @ lasting).sum()))
        if step > 0:
            standing.append(above[-2] - float((first @ lasting_less + without @ lasting).sum()))
        if above[-1] < _END:
            break
        first, without = (np.add(*_join(_flushed((survivors.T @ paths) * stay**young))) for paths in (first, without))
    return Ages(np.array(above), np.maximum(np.array(standing), 0.0))
