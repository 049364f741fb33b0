"""The plan: which rule, how many workers, what outputs serve, what is left of the regret, and what binds.

Every rule is scanned over its number of workers (and its hold), by closed form where it has one and by simulation
otherwise; then whether unused outputs are kept and slow inferences cancelled; then, next to the service model that the
scenario describes, the others. The least regret plus cost wins, the fewest workers among equals. Not acting is always
one of the choices. With a target the cheapest candidate within it wins instead. What could not be computed is listed
with its reason; it never makes not acting the answer, because a rule without a closed form is simulated.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from ..errors import InputError
from ..laws import Law
from ..laws.load_law import LoadLaw
from ..laws.measured import MeasuredSlowdown
from ..laws.resampling import sampling_interval, with_unseen_time, without_longest
from ..laws.sample_law import SampleLaw
from ..progress import Progress
from ..results import RegretParts
from ..rules import get_rule, known_rules
from ..rules.rule import Alignment, StaggeringRule
from ..scenario import Scenario, as_scenario
from ..simulation.thresholds import gain_of_learned
from ..theory.any_rule import LowerBound, lower_bound
from ..theory.checks import check_count, check_gap, check_positive
from ..theory.loss import AgeLoss, FrameLoss, loss_of
from .candidates import Candidate, Machine, options_of, worker_numbers
from .candidates import most_workers as most_workers_for
from .inference_time import largest_factor
from .model_size import PowerLaw, best_model_size, parse_power_law
from .regime import regime_of
from .report import Binding, Plan
from .scan import Scan, choose

__all__ = ["Plan", "Services", "plan"]

Services = Literal["given", "outputs", "any"]
"""What a plan may choose of what an output serves: nothing, whether unused outputs are kept and slow inferences
cancelled, or also the default behaviour, the chunk and races."""

_CHOSEN = ("rule", "workers", "hold", "alignment", "horizon")
_SERVICE = ("default_behaviour", "mode", "actions", "chunk", "unused", "age_limit", "cancel_after", "replicas")
_WORLD = ("mode_probability", "loss", "frame_time", "symbols", "gap_default", "gap_delay")
_USES = (*_WORLD, "maximum_time", "cores", *_SERVICE)
_CLOSE, _FINALISTS = 3, 4
_FILLED = 0.9  # quantile of the inference time
_MOST_REPLICAS = 8
_APART = 3.0  # standard errors
_CLEARLY = 5.0  # standard errors
_MOST_BOUNDED = 300
_FEWEST = (
    "workers cost nothing: the fewest that lose at most {:.2g} more than the best, with a longer time than any seen"
)
_SHARE = 0.02  # of the regret, that fewer workers may lose more where samples do not settle their number


class _Choice(NamedTuple):
    """A rule, where its starts lie (None for the rule's only way), and what its outputs serve."""

    rule: StaggeringRule
    alignment: Alignment | None
    options: Mapping[str, Any] = {}

    def serving(self, options: Mapping[str, Any]) -> "_Choice":
        """Return the choice with other options."""
        return self._replace(options=options)


def plan(
    scenario: Scenario,
    *,
    rule: str | StaggeringRule | None = None,
    workers: float | str | None = None,
    hold: int | str | None = None,
    alignment: str | None = None,
    worker_cost: float = 0.0,
    target_regret: float | None = None,
    scaling: str | PowerLaw | None = None,
    quality: str | PowerLaw | None = None,
    learners: int = 0,
    contention: float | MeasuredSlowdown = 0.0,
    most_workers: int | None = None,
    services: Services = "outputs",
    tolerance: float = 1e-6,
    progress: Progress | None = None,
) -> Plan:
    """Return the cheapest way to play: rule, workers, hold, what outputs serve, or not at all.

    Parameters
    ----------
    scenario
        Inference time of a lone worker, the world, and what an output serves. Its rule, workers, hold and alignment
        are not used, because the plan chooses them; ``ignored`` lists those it had.
    rule, workers, hold, alignment
        Fix what is not to be chosen.
    worker_cost
        c, reward per worker and frame.
    target_regret
        eta, reward per frame: the cheapest plan within it is taken, and the largest inference time keeps to it.
    scaling
        Inference time in seconds of a model of size m, "a*m**b".
    quality
        What a model of size m loses without delay, reward per frame, "c*m**-alpha".
    learners
        N_L, learner processes on the same cores.
    contention
        chi: each further worker makes all slower by this share of the lone worker's time; or times measured under
        several numbers of workers.
    most_workers
        Largest number of workers to consider; by default as many as fill every frame under any rule, or with a cost as
        many as can be worth it.
    services
        What the plan may choose of what an output serves. "given": nothing. "outputs": whether outputs are kept that
        lost their frame to a fresher one, and slow inferences cancelled. "any": also the default behaviour and the
        chunk, without which the best of these are ``other_services``, and how many workers race on each observation
        (up to 8). What the scenario changes from the default is kept.
    tolerance
        Candidates closer than this in regret and cost count as equal.
    progress
        Called with the candidates looked at, about how many there are, and what is going on.

    Returns
    -------
    Plan
        With the best of each rule as ``alternatives``, and as ``scenario`` what to run. What was simulated has a
        standard error, and counts with two of them on top when it is compared.

    Raises
    ------
    InputError
        For values out of range, or where no candidate of those that are left can be computed.

    References
    ----------
    Derived in docs/theory ("Design answers").

    Examples
    --------
    >>> found = plan(Scenario(3.2, frame_time=1, mode_probability=0.9), worker_cost=0.02)
    >>> found.regime, found.rule, found.workers, found.binds
    ('asynchronous', 'max-time', 4, 'stochasticity')
    >>> round(found.above_lower_bound, 6)
    1.0
    """
    if as_scenario(scenario, "plan").batch_law is not None:
        from .batches import plan_of_batches

        return plan_of_batches(
            scenario, target_regret=target_regret, most_workers=most_workers, services=services, rule=rule,
            workers=workers, hold=hold, alignment=alignment, worker_cost=worker_cost, scaling=scaling,
            quality=quality, learners=learners, contention=contention,
        )  # fmt: skip
    scenario.check("plan", needs=("inference_time",), uses=(*_USES, *_CHOSEN))
    law, frame_time = scenario.inference_time, scenario.frame_time
    assert law is not None
    searched = law
    if isinstance(law, SampleLaw):  # a plan within a target keeps to it with the longest sample as well
        trusted = law if target_regret is not None else without_longest(law)
        searched = with_unseen_time(trusted)
    loss = loss_of(scenario, "plan")
    machine = Machine(
        frame_time,
        check_gap(worker_cost, "worker cost"),
        scenario.cores,
        check_count(learners, "learners", 0),
        contention if isinstance(contention, MeasuredSlowdown) else check_gap(contention, "contention"),
        scenario.maximum_time,
    )
    if law.server is not None and (machine.contention or machine.cores is not None):
        raise InputError(f"{law.server}: leave cores and contention out, workers wait for each other at the server")
    if target_regret is not None:
        check_positive(target_regret, "target regret")
    check_positive(tolerance, "tolerance")
    time, lost = _power_laws(scaling, quality)
    if quality is not None and not isinstance(loss, FrameLoss):
        raise InputError("the size of a model that trades quality for time needs a mode probability, not a loss curve")
    size_for_quality = None if lost is None else _model_size(time, lost, loss, machine.frame_time, None)
    if services not in get_args(Services):
        raise InputError(f"services must be one of {', '.join(get_args(Services))}, not {services!r}")
    fixed = {"rule": rule, "workers": workers, "hold": hold, "alignment": alignment}
    asked = Scenario(**{name: value for name, value in fixed.items() if value is not None})
    number, hold = None if workers is None else asked.workers, asked.hold
    if number == math.inf and (machine.cores is not None or machine.contention or machine.worker_cost):
        raise InputError("an unlimited pool has no cores to share and no cost: give a finite number of workers")
    if scenario.cancel_after == "auto" and services != "given":
        scenario = scenario.replace(cancel_after=None)  # a plan chooses whether and when to cancel
    serving = [options_of(scenario)]
    if scenario.cancel_after == "auto":  # never is one of the thresholds
        serving.append({name: value for name, value in serving[0].items() if name != "cancel_after"})
    choices = [choice.serving(each) for each in serving for choice in _choices(rule, number, hold, alignment)]
    fixed_hold = None if hold in (None, "auto") else int(hold or 0)
    most = (
        most_workers_for(searched, machine, loss.gap_default)
        if most_workers is None
        else check_count(most_workers, "most workers", 1)
    )
    if isinstance(law, LoadLaw):
        most = min(most, law.most) if most_workers is None else most
        law.under(most if number is None else number)  # refused beyond what was measured
    numbers = [float(number)] if number is not None else [float(n) for n in worker_numbers(searched, machine, most)]
    idle = Candidate(None, 0, None, None, RegretParts(loss.gap_default, 0.0), 0.0, None)
    search = _Search(
        Scan(searched, loss, frame_time, tolerance, scenario.replace(**_without(scenario))),
        machine, numbers, fixed_hold, target_regret, progress, total=4 * len(choices) + 12,
    )  # fmt: skip
    found = search.all(choices)
    if services != "given":
        found = search.improved(found, _with_outputs(scenario))
    others = search.services(found, _other_services(scenario)) if number != math.inf else []
    if services == "any":
        cancelled = [] if "cancel_after" in scenario.changed else [{"cancel_after": "auto"}]
        found, others = [*found, *search.improved(others, cancelled)], []
        if scenario.replicas == 1 and number != math.inf:
            found += search.improved(search.raced(found, most, number), cancelled)
    if not found:
        reasons = "; ".join(f"{words}: {why}" for words, why in search.not_computed.items())
        raise InputError(f"no candidate can be computed for inference time {law.text} ({reasons})")
    best, tried = search.decided(idle, [candidate for _, candidate in found])
    best_choice = next((choice for choice, each in found if _same(each, best)), None)
    apart = 0.0
    if isinstance(law, SampleLaw) and number is None and target_regret is None and not machine.worker_cost:
        apart = min(_SHARE * best.total, _left_open(trusted, loss, frame_time))
        more = [] if services == "given" else _with_outputs(scenario)
        best, best_choice = search.fewer(best, best_choice, apart, more)
    factor = largest_factor(law, frame_time, loss, target_regret=target_regret, worker_cost=machine.worker_cost)
    largest = law.mean() * factor if math.isfinite(factor) else None
    size, size_words = size_for_quality or _model_size(time, lost, loss, machine.frame_time, largest)
    chosen = None if best.rule is None else best.scenario(scenario)
    notes = _gain_of_learned(search.scan, machine, chosen, law)
    shown = [best, *tried]
    if searched is not law:
        seen = Scan(law, loss, frame_time, tolerance, search.scan.world)
        own = replace(seen.settled(machine, _as_seen(seen, machine, best)), with_unseen_time=best.total)
        shown = [own, *(own if _same(each, best) else _as_seen(seen, machine, each) for each in tried)]
        others = [(choice, _as_seen(seen, machine, each)) for choice, each in others]
    return Plan(
        rule=best.rule,
        workers=best.workers if best.workers == math.inf else int(best.workers),
        hold=best.hold,
        alignment=best.alignment,
        regime=regime_of(best.rule is not None, best.workers),
        regret=shown[0].regret,
        cost=best.cost,
        binds=_binding(search, best, best_choice, choices, most, apart),
        largest_inference_time=largest,
        model_size=size,
        target_regret=target_regret,
        meets_target=None if target_regret is None else shown[0].sure_regret <= target_regret + tolerance,
        service=shown[0].service,
        method="closed-form" if shown[0].service is None else shown[0].service.method,
        alternatives=(idle, *shown[1:]),
        assumptions=(
            *_assumptions(shown[0], machine, scaling, quality, target_regret, law),
            *notes,
            *([_FEWEST.format(apart)] if apart else []),
        ),
        scenario=chosen,
        ignored=scenario.ignored(_CHOSEN),
        model_size_words=size_words,
        options=best.options,
        lower_bound=None if chosen is None else _least(chosen, machine),
        least_total=_least_total(scenario, machine, best, numbers),
        most_workers=most,
        most_workers_binds=number is None
        and (best.workers == most if isinstance(law, LoadLaw) else _more_would_help(search, best, best_choice, most)),
        not_computed=search.not_computed,
        other_services=tuple(sorted((each for _, each in others), key=lambda each: each.sure_total)),
        slowdown=1.0 if best.workers == math.inf else machine.slowdown(best.workers),
    )


def _left_open(law: SampleLaw, loss: AgeLoss, frame_time: float) -> float:
    """Return how far above its value the mean loss by a sampled inference's own delay may lie, at 95 % confidence.

    Of workers that cost nothing each further one loses a little less, so that the longest sample would decide their
    number. Fewer that lose at most this much more, and at most 2 % more, are as good as the samples can show.
    """

    def figures(other: Law) -> dict[str, float]:
        pmf = other.frame_pmf(frame_time)
        return {"loss": float(pmf @ loss.of_age(np.arange(len(pmf))))}

    found = sampling_interval(law, figures)
    return 0.0 if found is None else found.intervals["loss"][1] - figures(law)["loss"]


def _gain_of_learned(scan: Scan, machine: Machine, chosen: Scenario | None, law: Law) -> tuple[str, ...]:
    """Return a warning where the learned threshold of the plan makes it lose more than it would without."""
    if chosen is None or chosen.cancel_after != "learned":
        return ()
    factor = machine.slowdown(chosen.workers)
    slower = law if factor == 1.0 else law.scaled(factor)
    return gain_of_learned(chosen.replace(maximum_time=None), slower, scan.loss)


def _as_seen(seen: Scan, machine: Machine, candidate: Candidate) -> Candidate:
    """Return a candidate with its figures for the samples themselves; what it was compared by is kept next to them."""
    if candidate.rule is None:
        return candidate
    found = seen.candidate(
        machine, candidate.rule, candidate.workers, hold=candidate.hold, alignment=candidate.alignment,
        options=candidate.options,
    )  # fmt: skip
    if found is None:
        return candidate
    return replace(found, with_unseen_time=candidate.total)


def _without(scenario: Scenario) -> dict[str, Any]:
    """Return the defaults of what each candidate brings itself."""
    return {name: getattr(Scenario, name) for name in (*options_of(scenario), *_CHOSEN)}


class _Search:
    """The candidates of a plan: the best of each choice, with its options, and in other service models."""

    def __init__(
        self,
        scan: Scan,
        machine: Machine,
        numbers: list[float],
        hold: int | None,
        target: float | None,
        progress: Progress | None,
        total: int,
    ) -> None:
        self.scan, self.machine, self.numbers, self.hold, self.target = scan, machine, numbers, hold, target
        self._progress, self._total, self._done = progress, total, 0
        self.not_computed: dict[str, str] = {}

    def all(self, choices: Iterable[_Choice]) -> list[tuple[_Choice, Candidate]]:
        """Return the best number of workers of each choice that can be computed."""
        return [(choice, best) for choice in choices if (best := self.best(choice)) is not None]

    def best(self, choice: _Choice) -> Candidate | None:
        """Return the best number of workers of a choice."""
        return self._looked_at(
            choice,
            lambda: self.scan.best(
                self.machine, choice.rule, self.numbers, hold=self.hold, alignment=choice.alignment,
                target=self.target, options=choice.options,
            ),
        )  # fmt: skip

    def improved(
        self, found: list[tuple[_Choice, Candidate]], more: list[dict[str, Any]]
    ) -> list[tuple[_Choice, Candidate]]:
        """Return the choices with further options where these lose less, the closest at any number of workers.

        All are looked at with the number that is best without them, and with as many as most inferences fill: what is
        kept or cancelled may make more workers than that superfluous.
        """
        tried, fill = [], math.ceil(self.scan.law.quantile(_FILLED) / self.machine.frame_time)
        for index, (choice, candidate) in enumerate(found):
            racing = choice.options.get("replicas", 1)
            filled = math.ceil(fill / racing) * racing
            for options in more:
                single = choice.rule.single_worker  # one worker has no unused outputs
                useful = {name: value for name, value in options.items() if not (single and name == "unused")}
                served = choice.serving({**choice.options, **useful})
                fewer = len(self.numbers) > 1 and filled < candidate.workers
                for number in {candidate.workers, float(filled) if fewer else candidate.workers}:
                    at = self._at(served, replace(candidate, workers=number)) if served != choice else None
                    if at is not None:
                        tried.append((index, served, at))
        tried.sort(key=lambda each: each[2].sure_total)
        result, scanned = list(found), list[_Choice]()
        for index, choice, at in tried:
            candidate = at
            if choice not in scanned and len(scanned) < _CLOSE:
                scanned.append(choice)
                candidate = self.best(choice) or at
            if choose([result[index][1], candidate], self.target, self.scan.tolerance) is candidate:
                result[index] = choice, candidate
        return result

    def raced(
        self, found: list[tuple[_Choice, Candidate]], most: int, number: float | None
    ) -> list[tuple[_Choice, Candidate]]:
        """Return the best race of each number of replicas: all choices at about their workers, the closest at any."""
        result = []
        for replicas in range(2, int(min(most if number is None else number, _MOST_REPLICAS)) + 1):
            last = most // replicas if number is None else int(number) // replicas
            if number is not None and number % replicas:
                continue
            tried = []
            for choice, each in found:
                served = choice.serving({**choice.options, "replicas": replicas})
                groups = 1 if choice.rule.single_worker else min(last, math.ceil(each.workers / replicas))
                if (at := self._at(served, replace(each, workers=float(groups * replicas)))) is not None:
                    tried.append((served, at))
            tried.sort(key=lambda each: each[1].sure_total)
            best = [(choice, self.best(choice) or at) for choice, at in tried[:_CLOSE]]
            result += sorted(best, key=lambda each: each[1].sure_total)[:1]
        return result

    def services(
        self, found: list[tuple[_Choice, Candidate]], services: list[dict[str, Any]]
    ) -> list[tuple[_Choice, Candidate]]:
        """Return the best in each of other service models, from the rules that are best at their number there."""
        result = []
        for service in services:
            at = [
                (choice.serving(service), candidate)
                for choice, each in found
                if (candidate := self._at(choice.serving(service), each)) is not None
            ]
            closest = sorted(at, key=lambda each: each[1].sure_total)[:2]
            best = [(choice, self.best(choice) or candidate) for choice, candidate in closest]
            if best:
                winner = choose([each for _, each in best], self.target, self.scan.tolerance)
                choice = next(choice for choice, each in best if each is winner)
                winner = self.scan.settled(self.machine, winner)
                result.append((choice, winner))
                if (chunk := self._as_a_chunk(choice, winner)) is not None:
                    result.append(chunk)
        return result

    def _as_a_chunk(self, choice: _Choice, winner: Candidate) -> tuple[_Choice, Candidate] | None:
        """Return the candidate with the shortest chunk that does what unlimited chunks, or repeated actions, do."""
        if winner.service is None or (self.scan.moves and choice.options.get("chunk") != math.inf):
            return None
        law = winner.service.delay_law
        if choice.options.get("chunk") is None:
            at = self._at(choice.serving(_chunked(choice.options, math.inf)), winner)
            law = law if at is None or at.service is None else at.service.delay_law
        later = np.cumsum((law * self.scan.loss.worth(np.arange(len(law))))[::-1])[::-1]  # worth of ages from j on
        length = int(np.flatnonzero(np.append(later, 0.0) <= max(self.scan.tolerance, 0.1 * winner.error))[0]) - 1
        shorter = choice.serving(_chunked(choice.options, max(1, length)))
        at = self._at(shorter, winner)
        return None if at is None else (shorter, self.scan.settled(self.machine, at))

    def decided(self, idle: Candidate, found: list[Candidate]) -> tuple[Candidate, list[Candidate]]:
        """Return the winner and all candidates, the closest of which are simulated again, longer."""
        order = sorted(range(len(found)), key=lambda place: found[place].sure_total)
        settled = list(found)
        least = found[order[0]].sure_total
        for place in order[:_FINALISTS]:
            if found[place].total - _APART * found[place].error <= least:
                settled[place] = self.scan.settled(self.machine, found[place])
        return choose([idle, *settled], self.target, self.scan.tolerance), settled

    def fewer(
        self, best: Candidate, choice: _Choice | None, apart: float, more: list[dict[str, Any]]
    ) -> tuple[Candidate, _Choice | None]:
        """Return the fewest workers of a choice that lose at most so much more, with the options best for them."""
        if choice is None or best.workers == math.inf:
            return best, choice
        low, high, found = 0, int(best.workers), best
        while high - low > 1:
            middle = (low + high) // 2
            tried = self._at(choice, replace(best, workers=float(middle)))
            if tried is not None and tried.sure_total <= best.total + apart:
                high, found = middle, tried
            else:
                low = middle
        if found is best:
            return best, choice
        served = [(choice, found)]
        for options in more:
            other = choice.serving({**choice.options, **options})
            if (tried := self._at(other, found)) is not None:
                served.append((other, tried))
        choice, found = min(served, key=lambda each: each[1].sure_total)
        return self.scan.settled(self.machine, found), choice

    def _at(self, choice: _Choice, candidate: Candidate) -> Candidate | None:
        return self._looked_at(
            choice,
            lambda: self.scan.candidate(
                self.machine, choice.rule, candidate.workers, hold=candidate.hold, alignment=choice.alignment,
                options=choice.options,
            ),
        )  # fmt: skip

    def _looked_at(self, choice: _Choice, look: Callable[[], Candidate | None]) -> Candidate | None:
        known = dict(self.scan.not_computed)
        found = look()
        if found is None:
            reasons = {words: why for words, why in self.scan.not_computed.items() if words not in known}
            self.not_computed |= reasons
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, max(self._done, self._total), "planning")
        return found


def _chunked(options: Mapping[str, Any], length: float) -> dict[str, Any]:
    return {**{name: value for name, value in options.items() if name != "default_behaviour"}, "chunk": length}


def _with_outputs(scenario: Scenario) -> list[dict[str, Any]]:
    """Return what may become of outputs besides what the scenario says, in its service model."""
    kept: dict[str, Any] = {"unused": "keep"} if scenario.service_model == "once" else {}
    kept = {} if "unused" in scenario.changed else kept
    cancelled = {} if "cancel_after" in scenario.changed else {"cancel_after": "auto"}
    return [options for options in (kept, {**kept, **cancelled}) if options]


def _other_services(scenario: Scenario) -> list[dict[str, Any]]:
    """Return the service models besides the one of the scenario."""
    if scenario.chunk is not None or scenario.default_behaviour == "random":
        return []
    other = "noop" if scenario.default_behaviour == "repeat" else "repeat"
    kept = ("age_limit", "cancel_after", "replicas")
    rest = {name: value for name, value in options_of(scenario).items() if name in kept}
    moving = [{"chunk": math.inf, **rest}] if scenario.mode == "moves" else []  # else the same as repeating
    return [{"default_behaviour": other, **rest}, *moving]


def _same(one: Candidate, other: Candidate) -> bool:
    def key(each: Candidate) -> tuple[Any, ...]:
        return each.rule, each.workers, each.hold, each.alignment, dict(each.options)

    return key(one) == key(other)


def _least(chosen: Scenario, machine: Machine, workers: float | None = None) -> LowerBound:
    """Return the lower bound of the workers of a scenario, as slow as they make each other."""
    number = chosen.workers if workers is None else workers
    assert chosen.inference_time is not None
    factor = 1.0 if number == math.inf else machine.slowdown(number)
    law = chosen.inference_time
    if isinstance(law, LoadLaw):
        law = law.under(number)
    law = law if factor == 1.0 else law.scaled(factor)
    cancels = "auto" if chosen.cancel_after is not None else None
    bounded = chosen.replace(inference_time=law, cores=None, workers=number, cancel_after=cancels, horizon=None)
    return lower_bound(bounded, sharper=False)


def _least_total(scenario: Scenario, machine: Machine, best: Candidate, numbers: list[float]) -> float | None:
    """Return the least of lower bound and cost over the numbers of workers; None where that takes long."""
    cancels = "cancel_after" in best.options
    if cancels or max(numbers) > _MOST_BOUNDED:
        return None
    asked = scenario.replace(rule=Scenario.rule, hold=None, alignment=None, maximum_time=None)
    served = asked if best.rule is None else best.scenario(asked)
    counts = numbers if len(numbers) == 1 else range(1, int(max(numbers)) + 1)
    return min(
        min(_least(served, machine, n).regret_per_frame + machine.worker_cost * n for n in counts),
        loss_of(served, "plan").gap_default,
    )


def _more_would_help(search: _Search, best: Candidate, choice: _Choice | None, most: int) -> bool:
    """Return whether the best choice loses less with more workers than the search limit."""
    if choice is None or choice.rule.single_worker or best.workers != most:
        return False
    for options in (best.options, choice.options):  # with the threshold of the best, and with one of their own
        doubled = search.scan.candidate(
            search.machine, choice.rule, 2.0 * most, hold=best.hold, alignment=choice.alignment, options=options
        )
        if doubled is not None:
            wanted = best.total - 10 * search.scan.tolerance
            if abs(doubled.total - wanted) <= _CLEARLY * doubled.error:  # not clear from a short simulation
                doubled = search.scan.settled(search.machine, doubled)
            if doubled.sure_total < wanted:
                return True
    return False


def _ways(rule: StaggeringRule) -> list[_Choice]:
    """Return the rule with each alignment it allows, starts on frames first."""
    alignments: list[Alignment | None] = [None]
    if len(rule.alignments) > 1:
        alignments = [*sorted(rule.alignments)]
    return [_Choice(rule, aligned) for aligned in alignments]


def _choices(
    rule: str | StaggeringRule | None, workers: float | None, hold: int | str | None, alignment: str | None
) -> list[_Choice]:
    """Return the rules and alignments to scan."""
    if rule is not None:
        chosen = get_rule(rule)
        if workers is not None:
            chosen.check_workers(workers)
        if hold is not None and not chosen.holds:
            raise InputError(f"rule '{chosen}' has no hold, and {hold!r} is given")
        return _ways(chosen) if alignment is None else [_Choice(chosen, chosen.choose_alignment(alignment))]
    choices = [
        choice
        for known in known_rules()
        if known.is_planned and (hold is None or known.holds) and (workers in (None, 1) or not known.single_worker)
        for choice in _ways(known)
        if alignment is None or alignment == (choice.alignment or known.alignments[0])
    ]
    if not choices:
        raise InputError(f"no rule allows alignment {alignment!r} with hold {hold!r}")
    return choices


def _binding(
    search: _Search, best: Candidate, best_choice: _Choice | None, choices: list[_Choice], most: int, apart: float
) -> Binding:
    """Return what keeps the regret up: lift the cores, then the number and cost of workers, and see what helps.

    What has to be simulated is looked at only if it won.
    """
    scan, machine = search.scan, search.machine
    quick = [choice for choice in choices if choice.rule.has_closed_form and not choice.options]
    rules = [choice for choice in quick if not choice.rule.single_worker] or quick
    rules += [best_choice] if best_choice is not None and best_choice not in rules else []
    margin = 10 * scan.tolerance + apart

    def more_help(freed: Machine, limit: int) -> bool:
        """Return whether workers that cost nothing would lose less: twice as many, or any number up to a limit."""
        wanted = best.regret.total - margin
        if best_choice is not None and not best_choice.rule.single_worker and 2.0 * best.workers <= limit:
            twice = scan.candidate(
                freed, best_choice.rule, 2.0 * best.workers, hold=search.hold, alignment=best_choice.alignment,
                options=best_choice.options,
            )  # fmt: skip
            if twice is not None and twice.sure_total < wanted:
                return True
        return least(freed, limit) < wanted

    def least(freed: Machine, limit: int) -> float:
        numbers = [float(n) for n in worker_numbers(scan.law, freed, limit)]
        found = [
            scan.best(freed, choice.rule, numbers, hold=search.hold, alignment=choice.alignment, options=choice.options)
            for choice in rules
        ]
        return min([scan.loss.gap_default, *(c.sure_total for c in found if c is not None)])

    freed = replace(machine, cores=None, contention=0.0)
    if freed != machine and least(freed, most) < best.total - margin:
        return "cores"
    free = replace(freed, worker_cost=0.0)
    enough = 2 * max(most, most_workers_for(scan.law, free, scan.loss.gap_default))
    if isinstance(scan.law, LoadLaw):
        enough = scan.law.most
    return "workers" if more_help(free, enough) else "stochasticity"


def _power_laws(
    scaling: str | PowerLaw | None, quality: str | PowerLaw | None
) -> tuple[PowerLaw | None, PowerLaw | None]:
    """Return inference time and quality gap by model size, checked before anything is searched."""
    time = parse_power_law(scaling) if isinstance(scaling, str) else scaling
    lost = parse_power_law(quality, "quality") if isinstance(quality, str) else quality
    if time is None and lost is not None:
        raise InputError("a quality law needs a scaling law: how inference time grows with model size")
    if time is not None and not time.exponent > 0:
        raise InputError(f"inference time must grow with model size (exponent above 0), not {time.exponent!r}")
    return time, lost


def _model_size(
    time: PowerLaw | None, lost: PowerLaw | None, loss: AgeLoss, frame_time: float, largest: float | None
) -> tuple[float | None, str | None]:
    """Return the model size and how the plan words it."""
    if time is None:
        return None, None
    if lost is None:
        if largest is None:
            return None, "no limit"
        if largest == 0:
            return 0.0, "none: even an inference within one frame is too slow"
        size = time.inverse(largest)
        return size, f"{size:.6g}"
    assert isinstance(loss, FrameLoss)  # checked by plan
    found = best_model_size(loss.decay, time.over(frame_time), lost.over(loss.stake))
    if found.regret * loss.stake >= loss.gap_default:
        return None, "none: no size loses less than the default behaviour"
    if found.size == math.inf:
        return None, "no limit: late actions lose less than the default behaviour, and larger models ever less"
    return found.size, f"{found.size:.6g}"


def _assumptions(
    best: Candidate, machine: Machine, scaling: object, quality: object, target_regret: float | None, law: Law
) -> tuple[str, ...]:
    notes = [] if best.service is None else list(best.service.assumptions)
    notes.append("the gap of the default behaviour is constant, and the agent knows the environment")
    if law.server is not None:
        notes.append(f"{law.server}, and workers wait for each other there")
    if best.workers > 1 and isinstance(law, LoadLaw):
        notes.append("requests in flight: as many as workers, with answers independent of each other (no batches)")
    if best.rule is not None and isinstance(law, LoadLaw):
        notes += law.under(best.workers).caution
    if machine.contention and best.workers > 1:
        notes.append(
            "contention: all workers infer all the time; those that wait for a frame slow each other down less"
        )
    if quality is not None:
        notes.append("model size: every frame served, delay in continuous time, the quality gap adds to the delay part")
    elif scaling is not None:
        notes.append("model size: the largest within the largest inference time, by its mean")
    if target_regret is not None:
        notes.append("the target is for the regret per frame; the largest inference time holds the delay part to it")
    return tuple(notes)
