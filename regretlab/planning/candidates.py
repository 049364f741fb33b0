"""What could be run: a rule with a number of workers and a hold, its expected regret and its cost.

A frame pool that is too large for its exact chain is bounded: its inferences are those of the unlimited pool except the
blocked ones, and blocking is independent of how long the inference would have taken, so each a_j of the unlimited pool
times 1 - B is served for certain, with B the rigorous bound on blocking. The frames in between are counted as lost.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..bounds.hold import best_hold
from ..bounds.loss import FrameLoss
from ..bounds.realtime import core_slowdown
from ..bounds.report import RegretParts
from ..laws import Law
from ..results import ServiceLaw
from ..staggering.loss_formulas import blocking_bound
from ..staggering.service import NoClosedForm, service_law

__all__ = ["Candidate", "Machine", "evaluate", "worker_numbers"]

_POOLS = ("frame-pool", "frame-hold")
_CHAIN_STATES = 3_000
_EVERY_NUMBER = 48
_GROWTH = 1.06


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
        N_L, processes beside the workers.
    contention
        chi: each further worker makes all of them slower by this share of the lone worker's time.
    maximum_time
        tau_max in seconds for max-time; None for the law's own.
    """

    frame_time: float
    worker_cost: float = 0.0
    cores: float | None = None
    learners: int = 0
    contention: float = 0.0
    maximum_time: float | None = None

    def slowdown(self, workers: float) -> float:
        """Return how many times as long everything takes with that many workers."""
        shared = 1.0 if self.cores is None else core_slowdown(workers, self.cores, learners=self.learners)
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


def evaluate(
    law: Law,
    loss: FrameLoss,
    machine: Machine,
    rule: str,
    workers: float,
    *,
    hold: int | None = None,
    alignment: str | None = None,
) -> Candidate | None:
    """Return the candidate, or None where the rule has no closed form or useful bound for that number of workers.

    Parameters
    ----------
    law
        Inference time of a lone worker, seconds.
    loss
        What a frame loses.
    machine
        Frame time, cost and what workers share.
    rule, workers, alignment
        As for ``service_law``.
    hold
        Frames; None lets ``frame-hold`` choose the best.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> machine = Machine(frame_time=1.0, worker_cost=0.01)
    >>> found = evaluate(parse_law("3"), FrameLoss(0.8), machine, "max-time", 3, alignment="frame")
    >>> round(found.regret.delay, 3), round(found.total, 3)
    (0.488, 0.518)
    """
    slower = law.scaled(machine.slowdown(workers)) if machine.slowdown(workers) != 1.0 else law
    try:
        if rule in _POOLS:
            service, hold = _pool(slower, loss, machine.frame_time, workers, rule, hold)
        else:
            service = service_law(
                slower,
                machine.frame_time,
                workers=workers,
                rule=rule,
                alignment=alignment,
                maximum_time=machine.maximum_time if rule == "max-time" else None,
            )
    except NoClosedForm:
        return None
    parts = RegretParts(loss.inaction(service), loss.delay(service))
    cost = machine.worker_cost * workers if machine.worker_cost else 0.0
    return Candidate(rule, workers, hold, alignment, parts, cost, service)


def _pool(
    law: Law, loss: FrameLoss, frame_time: float, workers: float, rule: str, hold: int | None
) -> tuple[ServiceLaw, int | None]:
    """Return the service law of a pool, exact where that is cheap and bounded where it is not, and its hold."""
    blocked = 0.0
    if law.kind == "constant" and workers < law.mean_delay_frames(frame_time):
        raise NoClosedForm("with a constant time a pool that is too small runs exactly like max-time on frames")
    if workers != math.inf and not getattr(law, "memoryless", False):
        pmf = law.frame_pmf(frame_time)
        if math.comb(len(pmf), int(workers)) > _CHAIN_STATES:
            blocked = blocking_bound(pmf, int(workers))
    asked = workers if blocked == 0.0 else math.inf
    if rule == "frame-pool":
        service = service_law(law, frame_time, workers=asked, rule=rule)
    elif hold is None:
        hold, service = best_hold(law, frame_time, loss, workers=asked)
    else:
        options: dict[str, Any] = {"hold": hold}
        service = service_law(law, frame_time, workers=asked, rule=rule, **options)
    if blocked > 0.0:
        served = service.delay_law * (1.0 - blocked)
        service = replace(
            service,
            workers=workers,
            inaction_fraction=1.0 - float(served.sum()),
            delay_law=served,
            method="series",
            assumptions=(
                *service.assumptions[:1],
                f"upper bound: at most {blocked:.2g} of the frames find no idle worker",
            ),
        )
    return service, hold


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
