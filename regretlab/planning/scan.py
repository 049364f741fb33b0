"""Value candidates for one law: by closed form or exact chain where that is cheap, else by a short simulation.

A frame pool that is too large for its exact chain is bounded where that costs little: its inferences are those of the
unlimited pool except the blocked ones, and blocking is independent of how long the inference would have taken, so each
a_j of the unlimited pool times 1 - B is served for certain, with B the rigorous bound on blocking. The frames in
between are counted as lost.

Free-running workers are independent, so N of them follow from one: no output of delay up to j arrives in a frame with
the N-th power of the chance of one worker.

Everything else is simulated, with the same random numbers for all candidates: a scan plays few frames, and what is
chosen is played again, longer and with other random numbers (``Scan.settled``), because the best of many noisy values
is too good.
"""

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import InputError
from ..laws import Law
from ..laws.law import LongTailError
from ..laws.load_law import LoadLaw
from ..laws.racing import fastest_of
from ..results import RegretParts, ServiceLaw
from ..rules import get_rule
from ..rules.rule import StaggeringRule
from ..rules.service.frame_pools import blocking_bound
from ..rules.service.frame_service import TAU_MAX_QUANTILE
from ..rules.service.pool_chains import chain_size
from ..rules.service.service import NoClosedForm, service_law
from ..rules.state import BINS
from ..scenario import Scenario
from ..simulation.on_witness import outcome
from ..simulation.setting import mean_occupied
from ..theory.any_rule import Completions, arrival_rate, chunk_length, most_served
from ..theory.cancelling import best_threshold
from ..theory.hold import regret_of_holds
from ..theory.loss import AgeLoss, FrameLoss, LossByAge, by_age
from .candidates import Candidate, Machine, choice_in_words
from .valuing import never_served

__all__ = ["Scan", "choose"]

_CHAIN_TRANSITIONS = 30_000  # some 10 ms; larger chains take longer than a simulation
_MOST_COUNTED = 24  # exponential workers, for the same reason
_NEARLY_UNBLOCKED = 1e-3
_CLOSER = 7
_COARSE = 7
_SCANNED, _SETTLED = 12_000, 300_000  # starts and frames of a simulation
_FEWEST_FRAMES, _MOST_FRAMES, _BATCHES = 1_000, 400_000, 12

_Slowed = tuple[float, float]
"""How many times as long inference takes, and with how many in flight."""
_Key = tuple[StaggeringRule, float, int | None, str | None, _Slowed, float | None]
_Found = tuple[RegretParts, ServiceLaw, int | None]


@dataclass
class Scan:
    """Candidates for one law, with the figures found so far.

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
    world
        What else a simulation needs of a scenario (mode, number of actions); None for a world of its defaults.
    not_computed
        Why a rule with its options could not be computed for some number of workers, by its words.
    """

    law: Law
    loss: AgeLoss
    frame_time: float
    tolerance: float = 1e-6
    world: Scenario | None = None
    not_computed: dict[str, str] = field(default_factory=dict)
    _services: dict[_Key, tuple[ServiceLaw, int | None] | None] = field(default_factory=dict, repr=False)
    _values: dict[Any, _Found | None] = field(default_factory=dict, repr=False)
    _slower: dict[_Slowed, Law] = field(default_factory=dict, repr=False)
    _thresholds: dict[Any, float] = field(default_factory=dict, repr=False)
    _holds: dict[Law, int] = field(default_factory=dict, repr=False)

    @cached_property
    def _by_age(self) -> AgeLoss:
        return LossByAge(self.loss.gap_default, self.loss) if isinstance(self.loss, FrameLoss) else self.loss

    @property
    def moves(self) -> bool:
        """Whether the most likely successor of a state is another one."""
        return self.world is not None and self.world.mode == "moves"

    def candidate(
        self,
        machine: Machine,
        rule: str | StaggeringRule,
        workers: float,
        *,
        hold: int | None = None,
        alignment: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Candidate | None:
        """Return the candidate, or None (and the reason in ``not_computed``) where nothing gives its regret.

        Parameters
        ----------
        machine
            Cost and what workers share.
        rule, workers, alignment
            As for ``service_law``.
        hold
            Frames; None takes the one that is best for the unlimited pool.
        options
            What an output serves, as in ``Candidate``.

        Examples
        --------
        >>> from regretlab.laws import parse_law
        >>> scan = Scan(parse_law("3"), FrameLoss(0.8), 1.0)
        >>> found = scan.candidate(Machine(1.0, worker_cost=0.01), "max-time", 3, alignment="frame")
        >>> round(found.regret.delay, 3), round(found.total, 3)
        (0.488, 0.518)
        """
        slowed = self._slowed(machine, workers)
        rule, options = get_rule(rule), self._resolved(options or {}, slowed, workers)
        key = (rule, workers, hold, alignment, slowed, machine.maximum_time)
        found = None if options or self.moves else self._by_closed_form(key)
        cost = machine.worker_cost * workers if machine.worker_cost else 0.0
        if found is not None:
            service, held = found
            parts = RegretParts(self.loss.inaction(service), self.loss.delay(service), method=service.method)
            return Candidate(rule.name, workers, held, alignment, parts, cost, service)
        return self._simulated(key, options, cost)

    def settled(self, machine: Machine, candidate: Candidate) -> Candidate:
        """Return a candidate with its figures to a precision worth printing: what was simulated is played longer."""
        if not candidate.error or candidate.rule is None:
            return candidate
        rule, slowed = get_rule(candidate.rule), self._slowed(machine, candidate.workers)
        key = (rule, candidate.workers, candidate.hold, candidate.alignment, slowed, machine.maximum_time)
        again = self._simulated(key, candidate.options, candidate.cost, work=_SETTLED, seed=1)
        return candidate if again is None else again

    def best(
        self,
        machine: Machine,
        rule: str | StaggeringRule,
        numbers: Sequence[float],
        *,
        hold: int | None = None,
        alignment: str | None = None,
        target: float | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Candidate | None:
        """Return the best number of workers of a rule: of those given, then closer and closer around the best one.

        Parameters
        ----------
        machine, rule, hold, alignment, options
            As for ``candidate``.
        numbers
            Numbers of workers to try, in rising order; of simulated candidates some of them.
        target
            Regret per frame to stay within at the least cost; None for least regret and cost.
        """
        rule = get_rule(rule)
        together = (options or {}).get("replicas", 1)
        most = max(numbers) // together  # groups, no more workers than were asked for

        def in_groups(some: Any) -> list[float]:
            groups = {n if n == math.inf else max(1, min(most, round(n / together))) for n in some}
            return sorted(float(together * n) for n in groups)

        numbers = in_groups([1.0] if rule.single_worker else numbers)
        simulated = bool(options) or not rule.has_closed_form or self.law.server is not None
        if simulated and len(numbers) > _COARSE:
            places = np.geomspace(1, len(numbers), _COARSE).round().astype(int) - 1
            numbers = [numbers[place] for place in np.unique(places)]

        def at(number: float) -> Candidate | None:
            return self.candidate(machine, rule, number, hold=hold, alignment=alignment, options=options)

        def tried(some: Sequence[float], known: list[Candidate]) -> list[Candidate]:
            """Return those known and the candidates of these numbers; none is played that the bound rules out."""
            if not simulated:
                return known + [candidate for number in some if (candidate := at(number)) is not None]
            least = {number: self._least(machine, number, options or {}) for number in some}
            order = sorted(some, key=lambda number: least[number] + machine.worker_cost * number)
            found, together = list(known), os.cpu_count() or 1
            with ThreadPoolExecutor(together) as pool:
                while order:
                    now, order = order[:together], order[together:]
                    found += [candidate for candidate in pool.map(at, now) if candidate is not None]
                    order = [n for n in order if not _ruled_out(least[n], machine.worker_cost * n, found, target)]
            return found

        candidates = tried(numbers, [])
        if not candidates:
            return None
        best, seen = choose(candidates, target, self.tolerance), set(numbers)
        while len(numbers) > 1:  # closer and closer around the best one
            place = numbers.index(best.workers)
            low, high = numbers[max(0, place - 1)], numbers[min(len(numbers) - 1, place + 1)]
            if best.error and high <= 1.15 * low:
                break  # numbers this close differ by less than the simulation resolves
            numbers = in_groups([*np.linspace(low, high, 5 if best.error else _CLOSER), best.workers])
            if seen.issuperset(numbers):
                break
            fresh = [n for n in numbers if n not in seen] if best.error else numbers
            seen.update(numbers)
            best = choose(tried(fresh, [best]), target, self.tolerance)
        refined = rule.holds and hold is None and not best.error
        return self._with_refined_hold(machine, rule, best) if refined else best

    def _with_refined_hold(self, machine: Machine, rule: StaggeringRule, best: Candidate) -> Candidate:
        """Move the hold of a finite pool, frame by frame, as long as that loses less."""
        for step in (1, -1):
            while best.hold is not None and best.hold + step >= 1:
                moved = self.candidate(
                    machine, rule, best.workers, hold=best.hold + step, alignment=best.alignment, options=best.options
                )
                if moved is None or moved.total >= best.total - 1e-12:
                    break
                best = moved
        return best

    def _resolved(self, options: Mapping[str, Any], slowed: _Slowed, workers: float) -> Mapping[str, Any]:
        """Return options with the threshold of cancelling in seconds; without it where none helps."""
        if options.get("cancel_after") != "auto":
            return options
        served = Scenario(**{name: value for name, value in options.items() if name in ("default_behaviour", "chunk")})
        replicas = options.get("replicas", 1)
        place = (slowed, workers, served.service_model, served.chunk, replicas)
        if place not in self._thresholds:
            self._thresholds[place] = best_threshold(
                fastest_of(self._law(slowed), replicas), self.frame_time, self.loss,
                workers=workers / replicas, service_model=served.service_model, chunk=served.chunk,
            )  # fmt: skip
        threshold = self._thresholds[place]
        rest = {name: value for name, value in options.items() if name != "cancel_after"}
        return rest if threshold == math.inf else {**rest, "cancel_after": threshold}

    def _least(self, machine: Machine, workers: float, options: Mapping[str, Any]) -> float:
        """Return the lower bound over all rules of these workers with these options (Theorem A)."""
        slowed = self._slowed(machine, workers)
        served = self._resolved(options, slowed, workers)
        threshold, replicas = served.get("cancel_after"), served.get("replicas", 1)
        if isinstance(threshold, str):  # learned: it may be any
            return 0.0
        law = self._law(slowed) if replicas == 1 else fastest_of(self._law(slowed), replicas)
        rate = arrival_rate(law, self.frame_time, workers / replicas, cancel_after=threshold)
        asked = Scenario(**{name: value for name, value in served.items() if name in ("default_behaviour", "chunk")})
        length = chunk_length(asked.service_model, asked.chunk)
        most, _ = most_served(Completions(law, self.frame_time, threshold), self.loss, rate, length)
        return self.loss.gap_default - most

    def _slowed(self, machine: Machine, workers: float) -> _Slowed:
        """Return how many times as long inference takes, and with how many in flight where its law depends on that."""
        return machine.slowdown(workers), workers if isinstance(self.law, LoadLaw) else 1.0

    def _law(self, slowed: _Slowed) -> Law:
        if slowed not in self._slower:
            factor, in_flight = slowed
            law = self.law.under(in_flight) if isinstance(self.law, LoadLaw) else self.law
            self._slower[slowed] = law if factor == 1.0 else law.scaled(factor)
        return self._slower[slowed]

    def _by_closed_form(self, key: _Key) -> tuple[ServiceLaw, int | None] | None:
        if key not in self._services:
            try:
                self._services[key] = self._service(*key)
            except (NoClosedForm, LongTailError):
                self._services[key] = None
        return self._services[key]

    def _service(
        self,
        rule: StaggeringRule,
        workers: float,
        hold: int | None,
        alignment: str | None,
        slowed: _Slowed,
        maximum_time: float | None,
    ) -> tuple[ServiceLaw, int | None]:
        law = self._law(slowed)
        if law.server is not None and workers > 1:
            raise NoClosedForm("workers that wait for each other at one server")
        if rule.pool:
            return self._pool(law, workers, rule, hold)
        if rule.independent and workers > 1:
            one = self._by_closed_form((rule, 1.0, None, alignment, slowed, maximum_time))
            if one is None:
                raise NoClosedForm(f"one worker under rule '{rule}' has none")
            return _independent_copies(one[0], int(workers)), None
        given = maximum_time if rule.takes_maximum_time else None
        service = service_law(law, self.frame_time, workers=workers, rule=rule, alignment=alignment, maximum_time=given)
        return service, None

    def _pool(self, law: Law, workers: float, rule: StaggeringRule, hold: int | None) -> tuple[ServiceLaw, int | None]:
        """Return the service law of a pool, exact where that is cheap and bounded where it is not, and its hold."""
        blocked = 0.0
        if workers != math.inf and law.kind != "constant":
            pmf = law.frame_pmf(self.frame_time)
            counted = law.memoryless and workers <= _MOST_COUNTED
            if workers > 1 and not counted and chain_size(pmf, int(workers))[1] > _CHAIN_TRANSITIONS:
                blocked = blocking_bound(pmf, int(workers))
                if blocked > _NEARLY_UNBLOCKED:
                    raise NoClosedForm("its chain is larger than a simulation is long")
        hold = self._hold(law, rule, hold)
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

    def _hold(self, law: Law, rule: StaggeringRule, hold: int | None) -> int | None:
        """Return the hold as given, else the unlimited pool's, which is best or next to it."""
        if not rule.holds or hold is not None:
            return hold
        if law not in self._holds:
            self._holds[law] = 1 + int(regret_of_holds(law, self.frame_time, self.loss)[1:].argmin())
        return self._holds[law]

    def _simulated(
        self, key: _Key, options: Mapping[str, Any], cost: float, *, work: int = _SCANNED, seed: int = 0
    ) -> Candidate | None:
        rule, workers, _, alignment, _, _ = key
        place = (key, tuple(options.items()), work, seed)
        if place not in self._values:
            try:
                self._values[place] = self._play(key, options, work, seed)
            except InputError as error:
                self._values[place] = None
                self.not_computed[choice_in_words(rule.name, alignment, options)] = str(error)
        found = self._values[place]
        if found is None:
            return None
        regret, service, held = found
        return Candidate(rule.name, workers, held, alignment, regret, cost, service, options)

    def _play(self, key: _Key, options: Mapping[str, Any], work: int, seed: int) -> _Found:
        """Return the figures of a simulation of about so many frames and starts."""
        rule, workers, hold, alignment, slowed, maximum_time = key
        law, world = self._law(slowed), self.world or Scenario()
        threshold = options.get("cancel_after")
        if threshold == "learned":  # what it comes to be
            threshold = self._resolved({**options, "cancel_after": "auto"}, slowed, workers).get("cancel_after")
        mean = mean_occupied(law, threshold if isinstance(threshold, float) else math.inf) / self.frame_time
        if law.server is not None:  # an answer waits for those of the other workers
            mean *= workers
        frames = min(_MOST_FRAMES, max(_FEWEST_FRAMES, 20.0 * mean, work / (1.0 + min(workers / mean, 1e6))))
        hold = self._hold(law, rule, hold)
        if rule.takes_maximum_time and maximum_time is None and not math.isfinite(law.maximum()):
            maximum_time = law.quantile(TAU_MAX_QUANTILE)  # as the closed form has it: a run would learn ever more
        if self.moves:
            assert isinstance(self.loss, FrameLoss)  # a measured curve has no mode
            stakes = {name: getattr(self.loss, name) for name in ("symbols", "gap_default", "gap_delay")}
            world = world.replace(mode_probability=self.loss.p, **stakes)
        scenario = world.replace(
            inference_time=law,
            frame_time=self.frame_time,
            rule=rule,
            workers=workers,
            hold=hold,
            alignment=alignment,
            maximum_time=maximum_time if rule.takes_maximum_time else None,
            cores=None,
            horizon=None,
            **options,
        )
        if not self.moves:  # ages alone decide, and losses by age have smaller errors than those seen on a witness
            scenario = by_age(scenario, self._by_age)
        if scenario.never_completes:
            lost = never_served(scenario, None)
            return lost.regret, lost.service, hold
        warmup = 200 + math.ceil(20.0 * mean)
        if rule.learns == "quantile_time":  # its window fills
            warmup += min(2_000, math.ceil(2 * BINS * mean / workers))
        found = outcome(scenario, frames=int(frames), warmup=warmup, seed=seed, batches=_BATCHES)
        return found.regret, found.service, hold


def _ruled_out(least: float, cost: float, found: Sequence[Candidate], target: float | None) -> bool:
    """Return whether a candidate of at least this regret cannot be chosen over those found."""
    if target is None:
        return any(candidate.sure_total < least + cost for candidate in found)
    return least > target and any(candidate.sure_regret < least for candidate in found)


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


def choose(candidates: Sequence[Candidate], target: float | None, tolerance: float) -> Candidate:
    """Return the best candidate: least regret and cost, or the cheapest within the target; fewest workers of equals.

    Parameters
    ----------
    candidates
        At least one. What was simulated counts with two standard errors on top.
    target
        Regret per frame to stay within; None for none. Where nothing is within it, the least regret wins.
    tolerance
        How close counts as equal.
    """
    within = [c for c in candidates if target is not None and c.sure_regret <= target + tolerance]
    if within:
        least = min((c.cost, c.workers) for c in within)
        return min((c for c in within if (c.cost, c.workers) == least), key=lambda c: c.sure_total)

    def lost(candidate: Candidate) -> float:
        return candidate.sure_total if target is None else candidate.sure_regret

    least_lost = min(map(lost, candidates))
    return min((c for c in candidates if lost(c) <= least_lost + tolerance), key=lambda c: c.workers)
