"""What could be run: a rule with a number of workers, a hold and what its outputs serve; expected regret and cost."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..laws import Law
from ..laws.measured import MeasuredSlowdown
from ..results import RegretParts, ServiceLaw
from ..scenario import Scenario, frames_of
from ..theory.realtime import core_slowdown

__all__ = [
    "BATCHES",
    "NO_ACTION",
    "SERVICE_OPTIONS",
    "Candidate",
    "Machine",
    "candidate_in_words",
    "choice_in_words",
    "most_workers",
    "options_in_words",
    "options_of",
    "worker_numbers",
]

NO_ACTION = "not acting"
BATCHES = "batches"
"""Stands for a rule in the candidates of an accelerator that serves batches."""
SERVICE_OPTIONS = ("default_behaviour", "chunk", "unused", "age_limit", "cancel_after", "replicas")
"""Fields of a scenario that say what becomes of an output, and of a frame without one."""
_SURE = 2.0  # standard errors
_THRESHOLDS = {"auto": "at the best threshold", "learned": "at a threshold that is learned"}

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
    options
        Fields of a scenario that say what an output serves, where they differ from their defaults.
    with_unseen_time
        Regret and cost if an inference takes longer than any sample (the longest, a possible outlier, left out), by
        which candidates are then compared; None for a law that is not known from samples.
    """

    rule: str | None
    workers: float
    hold: int | None
    alignment: str | None
    regret: RegretParts
    cost: float
    service: ServiceLaw | None
    options: Mapping[str, Any] = field(default_factory=dict)
    with_unseen_time: float | None = None

    @property
    def total(self) -> float:
        """Regret and cost per frame."""
        return self.regret.total + self.cost

    @property
    def error(self) -> float:
        """Standard error of the regret; 0 where it was not simulated."""
        return self.regret.standard_errors.get("total") or 0.0

    @property
    def sure_regret(self) -> float:
        """Regret per frame that two standard errors do not exceed, by which candidates are compared."""
        return self.regret.total + _SURE * self.error

    @property
    def sure_total(self) -> float:
        """The same with the cost."""
        return self.sure_regret + self.cost

    def scenario(self, asked: Scenario) -> Scenario:
        """Return the scenario with what the candidate chose in it."""
        chosen = {name: self.options.get(name, getattr(Scenario, name)) for name in SERVICE_OPTIONS}
        return asked.replace(rule=self.rule, workers=self.workers, hold=self.hold, alignment=self.alignment, **chosen)

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
            "standard_error": self.regret.standard_errors.get("total"),
            "options": _plain(self.options),
            "with_unseen_time": self.with_unseen_time,
        }


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "inf" if value == math.inf else value for name, value in options.items()}


def options_of(scenario: Scenario) -> dict[str, Any]:
    """Return what a scenario says of its outputs, where that differs from the defaults.

    Examples
    --------
    >>> options_of(Scenario(0.1, default_behaviour="repeat", workers=3))
    {'default_behaviour': 'repeat'}
    """
    return {name: getattr(scenario, name) for name in SERVICE_OPTIONS if name in scenario.changed}


def options_in_words(options: Mapping[str, Any]) -> list[str]:
    """Return what becomes of outputs, and of frames without one, in a few words each.

    Examples
    --------
    >>> options_in_words({"default_behaviour": "repeat", "cancel_after": 0.05})
    ['the last action repeated', 'inferences cancelled after 0.05 s']
    >>> options_in_words({"cancel_after": "learned"})
    ['inferences cancelled at a threshold that is learned']
    """
    words = []
    for name, value in options.items():
        if name == "default_behaviour":
            words.append("the last action repeated" if value == "repeat" else f"{value} actions where none is ready")
        elif name == "chunk":
            words.append("action chunks of any length" if value == math.inf else f"chunks of {value:g} actions")
        elif name == "unused":
            words.append("unused outputs kept" + ("" if value == "keep" else f" ({value.partition(':')[2]} at most)"))
        elif name == "age_limit":
            words.append("actions of any useful age" if value == "auto" else f"actions at most {frames_of(value)} old")
        elif name == "cancel_after":
            after = _THRESHOLDS[value] if isinstance(value, str) else f"after {value:.4g} s"
            words.append(f"inferences cancelled {after}")
        elif name == "replicas":
            words.append(f"{value} inferences racing on each observation")
    return words


def candidate_in_words(choice: Any) -> str:
    """Return rule, workers, hold and alignment of a plan or a candidate in words."""
    if choice.rule is None:
        return NO_ACTION
    if choice.rule == BATCHES:
        return choice_in_words(f"batches of at most {choice.workers:g}", None, choice.options)
    number = "1 worker" if choice.workers == 1 else f"{choice.workers:g} workers"
    held = "" if choice.hold is None else f", outputs held to {frames_of(choice.hold)}"
    return choice_in_words(f"{choice.rule}, {number}{held}", choice.alignment, choice.options)


def choice_in_words(rule: str, alignment: str | None, options: Mapping[str, Any]) -> str:
    """Return a rule, where its starts lie and what its outputs serve in words."""
    words = [rule]
    if alignment is not None:
        words.append("starts on frames" if alignment == "frame" else "starts anywhere")
    return ", ".join([*words, *options_in_words(options)])


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
