"""Scan a rule over its number of workers: service laws are computed once each, candidates compared.

A frame pool that is too large for its exact chain is bounded: its inferences are those of the unlimited pool except the
blocked ones, and blocking is independent of how long the inference would have taken, so each a_j of the unlimited pool
times 1 - B is served for certain, with B the rigorous bound on blocking. The frames in between are counted as lost.

Free-running workers are independent, so N of them follow from one: no output of delay up to j arrives in a frame with
the N-th power of the chance of one worker.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from ..laws import Law
from ..results import RegretParts, ServiceLaw
from ..rules import get_rule
from ..rules.rule import StaggeringRule
from ..rules.service.frame_pools import blocking_bound
from ..rules.service.service import NoClosedForm, service_law
from ..theory.hold import regret_of_holds
from ..theory.loss import FrameLoss
from .candidates import Candidate, Machine

__all__ = ["Scan", "choose"]

_CHAIN_STATES = 3_000
_CLOSER = 7

_Key = tuple[StaggeringRule, float, int | None, str | None, float, float | None]


@dataclass
class Scan:
    """Candidates for one law, with the service laws found so far.

    Attributes
    ----------
    law
        Inference time of a lone worker, seconds.
    loss
        What a frame loses.
    frame_time
        Seconds of a frame.
    tolerance
        Candidates closer than this in regret and cost count as equal.
    """

    law: Law
    loss: FrameLoss
    frame_time: float
    tolerance: float = 1e-6
    _services: dict[_Key, tuple[ServiceLaw, int | None] | None] = field(default_factory=dict, repr=False)
    _slower: dict[float, Law] = field(default_factory=dict, repr=False)

    def candidate(
        self,
        machine: Machine,
        rule: str | StaggeringRule,
        workers: float,
        *,
        hold: int | None = None,
        alignment: str | None = None,
    ) -> Candidate | None:
        """Return the candidate, or None where the rule has no closed form or useful bound for that many workers.

        Parameters
        ----------
        machine
            Cost and what workers share.
        rule, workers, alignment
            As for ``service_law``.
        hold
            Frames; None takes the one that is best for the unlimited pool.

        Examples
        --------
        >>> from regretlab.laws import parse_law
        >>> scan = Scan(parse_law("3"), FrameLoss(0.8), 1.0)
        >>> found = scan.candidate(Machine(1.0, worker_cost=0.01), "max-time", 3, alignment="frame")
        >>> round(found.regret.delay, 3), round(found.total, 3)
        (0.488, 0.518)
        """
        rule = get_rule(rule)
        key = (rule, workers, hold, alignment, machine.slowdown(workers), machine.maximum_time)
        if key not in self._services:
            try:
                self._services[key] = self._service(*key)
            except NoClosedForm:
                self._services[key] = None
        found = self._services[key]
        if found is None:
            return None
        service, held = found
        parts = RegretParts(self.loss.inaction(service), self.loss.delay(service), method=service.method)
        cost = machine.worker_cost * workers if machine.worker_cost else 0.0
        return Candidate(rule.name, workers, held, alignment, parts, cost, service)

    def best(
        self,
        machine: Machine,
        rule: str | StaggeringRule,
        numbers: list[float],
        *,
        hold: int | None = None,
        alignment: str | None = None,
        target: float | None = None,
    ) -> Candidate | None:
        """Return the best number of workers of a rule: of those given, then closer and closer around the best one.

        Parameters
        ----------
        machine, rule, hold, alignment
            As for ``candidate``.
        numbers
            Numbers of workers to try, in rising order.
        target
            Regret per frame to stay within at the least cost; None for least regret and cost.
        """
        rule = get_rule(rule)
        if rule.single_worker:
            numbers = [1.0]

        def tried(some: list[float]) -> list[Candidate]:
            found = [self.candidate(machine, rule, n, hold=hold, alignment=alignment) for n in some]
            return [candidate for candidate in found if candidate is not None]

        candidates = tried(numbers)
        if not candidates:
            return None
        best, seen = choose(candidates, target, self.tolerance), set(numbers)
        while len(numbers) > 1:  # closer and closer around the best one
            place = numbers.index(best.workers)
            low, high = numbers[max(0, place - 1)], numbers[min(len(numbers) - 1, place + 1)]
            numbers = sorted({*np.linspace(low, high, _CLOSER).round().tolist(), best.workers})
            if seen.issuperset(numbers):
                break
            seen.update(numbers)
            best = choose([best, *tried(numbers)], target, self.tolerance)
        return self._with_refined_hold(machine, rule, best) if rule.holds and hold is None else best

    def _with_refined_hold(self, machine: Machine, rule: StaggeringRule, best: Candidate) -> Candidate:
        """Move the hold of a finite pool, frame by frame, as long as that loses less."""
        for step in (1, -1):
            while best.hold is not None and best.hold + step >= 1:
                moved = self.candidate(machine, rule, best.workers, hold=best.hold + step)
                if moved is None or moved.total >= best.total - 1e-12:
                    break
                best = moved
        return best

    def _law(self, factor: float) -> Law:
        if factor not in self._slower:
            self._slower[factor] = self.law if factor == 1.0 else self.law.scaled(factor)
        return self._slower[factor]

    def _service(
        self,
        rule: StaggeringRule,
        workers: float,
        hold: int | None,
        alignment: str | None,
        factor: float,
        maximum_time: float | None,
    ) -> tuple[ServiceLaw, int | None]:
        law = self._law(factor)
        if rule.pool:
            return self._pool(law, workers, rule, hold)
        if rule.independent and workers > 1:
            key = (rule, 1.0, None, alignment, factor, maximum_time)
            if key not in self._services:
                self._services[key] = self._service(*key)
            one = self._services[key]
            assert one is not None
            return _independent_copies(one[0], int(workers)), None
        given = maximum_time if rule.takes_maximum_time else None
        service = service_law(law, self.frame_time, workers=workers, rule=rule, alignment=alignment, maximum_time=given)
        return service, None

    def _pool(self, law: Law, workers: float, rule: StaggeringRule, hold: int | None) -> tuple[ServiceLaw, int | None]:
        """Return the service law of a pool, exact where that is cheap and bounded where it is not, and its hold."""
        blocked = 0.0
        if workers != math.inf and law.kind != "constant" and not law.memoryless:
            pmf = law.frame_pmf(self.frame_time)
            if math.comb(len(pmf), int(workers)) > _CHAIN_STATES:
                blocked = blocking_bound(pmf, int(workers))
        if rule.holds and hold is None:  # the unlimited pool's, which is best or next to it
            hold = 1 + int(regret_of_holds(law, self.frame_time, self.loss)[1:].argmin())
        asked = workers if blocked == 0.0 else math.inf
        service = service_law(law, self.frame_time, workers=asked, rule=rule, hold=hold)
        if blocked == 0.0:
            return service, hold
        served = service.delay_law * (1.0 - blocked)
        note = f"upper bound: at most {blocked:.2g} of the frames find no idle worker"
        bounded = replace(
            service,
            workers=workers,
            inaction_fraction=min(1.0, max(0.0, 1.0 - float(served.sum()))),
            delay_law=served,
            method="series",
            mean_age=None,
            peak_age=None,
            assumptions=(*service.assumptions[:1], note),
        )
        return bounded, hold


def _independent_copies(one: ServiceLaw, workers: int) -> ServiceLaw:
    """Return the service of N free-running workers from that of one."""
    missed = np.maximum(0.0, 1.0 - np.cumsum(one.delay_law)) ** workers
    delays = -np.diff(missed, prepend=1.0)
    return replace(
        one,
        workers=workers,
        inaction_fraction=one.inaction_fraction**workers,
        delay_law=delays,
        mean_age=None,
        peak_age=None,
    )


def choose(candidates: list[Candidate], target: float | None, tolerance: float) -> Candidate:
    """Return the best candidate: least regret and cost, or the cheapest within the target; fewest workers of equals.

    Parameters
    ----------
    candidates
        At least one.
    target
        Regret per frame to stay within; None for none. Where nothing is within it, the least regret wins.
    tolerance
        How close counts as equal.
    """
    within = [c for c in candidates if target is not None and c.regret.total <= target + tolerance]
    if within:
        least = min((c.cost, c.workers) for c in within)
        return min((c for c in within if (c.cost, c.workers) == least), key=lambda c: c.total)
    least_total = min(c.total if target is None else c.regret.total for c in candidates)
    equal = [c for c in candidates if (c.total if target is None else c.regret.total) <= least_total + tolerance]
    return min(equal, key=lambda c: c.workers)
