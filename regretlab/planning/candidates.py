"""What could be run: a rule with a number of workers and a hold, its expected regret and its cost."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..laws import Law
from ..laws.measured import MeasuredSlowdown
from ..results import RegretParts, ServiceLaw
from ..scenario import frames_of
from ..theory.realtime import core_slowdown

__all__ = ["Candidate", "Machine", "candidate_in_words", "most_workers", "worker_numbers"]

_EVERY_NUMBER = 16
_GROWTH = 1.15
_COSTLY = 8  # times the number that fills every frame


@dataclass(frozen=True)
class Machine:
    """What running workers takes.

    Attributes
    ----------
    frame_time
        Seconds of a frame.
    worker_cost
        c, reward per worker and frame.
    cores
        C; None for as many as there are processes.
    learners
        N_L, processes next to the workers.
    contention
        chi: each further worker makes all of them slower by this share of the lone worker's time; or times measured.
    maximum_time
        tau_max in seconds for max-time; None for the law's own.
    """

    frame_time: float
    worker_cost: float = 0.0
    cores: float | None = None
    learners: int = 0
    contention: float | MeasuredSlowdown = 0.0
    maximum_time: float | None = None

    def slowdown(self, workers: float) -> float:
        """Return how many times as long everything takes with that many workers."""
        shared = 1.0 if self.cores is None else core_slowdown(workers, self.cores, learners=self.learners)
        if isinstance(self.contention, MeasuredSlowdown):
            return shared * self.contention(workers)
        return shared * (1.0 + self.contention * (workers - 1)) if self.contention else shared


@dataclass(frozen=True)
class Candidate:
    """A rule, workers and hold with what they lose.

    Attributes
    ----------
    rule
        Staggering rule; None for not acting.
    workers
        N; 0 for not acting.
    hold
        Frames, for the rule that holds.
    alignment
        Where starts lie.
    regret
        Per frame.
    cost
        Of the workers, reward per frame.
    service
        Who serves the frames; None for not acting.
    """

    rule: str | None
    workers: float
    hold: int | None
    alignment: str | None
    regret: RegretParts
    cost: float
    service: ServiceLaw | None

    @property
    def total(self) -> float:
        """Regret and cost per frame."""
        return self.regret.total + self.cost

    def to_json(self) -> dict[str, Any]:
        """Return the candidate as plain values."""
        return {
            "rule": self.rule,
            "workers": None if self.workers == math.inf else int(self.workers),
            "hold": self.hold,
            "alignment": self.alignment,
            "regret_per_frame": self.regret.to_json(),
            "cost_per_frame": self.cost,
            "method": None if self.service is None else self.service.method,
        }


def candidate_in_words(choice: Any) -> str:
    """Return rule, workers, hold and alignment of a plan or a candidate in words."""
    if choice.rule is None:
        return "not acting"
    words = [choice.rule, "1 worker" if choice.workers == 1 else f"{choice.workers:g} workers"]
    if choice.hold is not None:
        words.append(f"outputs held to {frames_of(choice.hold)}")
    if choice.alignment is not None:
        words.append("starts on frames" if choice.alignment == "frame" else "starts anywhere")
    return ", ".join(words)


def worker_numbers(law: Law, machine: Machine, most: int) -> Iterator[int]:
    """Yield the numbers of workers to try: all small ones, then every few percent, and those that fill a cycle.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> len(list(worker_numbers(parse_law("600"), Machine(1.0), 900))) < 120
    True
    """
    numbers = set(range(1, min(most, _EVERY_NUMBER) + 1))
    size = float(_EVERY_NUMBER)
    while size < most:
        numbers.add(int(size))
        size *= _GROWTH
    numbers.add(most)
    end = law.maximum()
    longest = law.quantile(0.999) if not math.isfinite(end) else end
    for time in (law.mean(), longest if machine.maximum_time is None else machine.maximum_time):
        frames = time / machine.frame_time
        numbers.update(int(n) for n in (np.floor(frames), np.ceil(frames - 1e-7)) if 1 <= n <= most)
    yield from sorted(numbers)


def most_workers(law: Law, machine: Machine, gap_default: float) -> int:
    """Return the largest number of workers worth a look.

    Without a cost, as many as fill every frame under any rule, however slow they make each other, if any do (up to
    eight times as many as alone would), with room for what sharing cores costs; without
    limit, the fastest of independent workers gets ever faster. With a cost, what the default behaviour loses
    bounds what workers may cost.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> law = parse_law("5.3")
    >>> [most_workers(law, machine, 1.0) for machine in (Machine(1.0), Machine(1.0, cores=4), Machine(1.0, 0.04))]
    [6, 14, 25]
    """
    end = law.maximum()
    longest = end if math.isfinite(end) else law.quantile(0.999)
    frames = (longest if machine.maximum_time is None else max(longest, machine.maximum_time)) / machine.frame_time
    fill = max(1, math.ceil(frames - 1e-7))
    if machine.worker_cost > 0:
        return max(1, min(_COSTLY * fill, math.ceil(gap_default / machine.worker_cost)))
    if machine.cores is None and not machine.contention:
        return fill
    keeping_up = (n for n in range(fill, _COSTLY * fill + 1) if n >= machine.slowdown(n) * frames - 1e-7)
    return max(2 * fill + 2, next(keeping_up, 0))
