"""Every rule in one world, side by side: ``compare``."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..laws.resampling import SamplingInterval
from ..results import Method, RegretParts, Result, flattened, listed
from ..rules import get_rule, known_rules
from ..scenario import Scenario, as_scenario, frames_of, with_unit
from ..simulation import simulate
from ..simulation.sampling import interval_from_samples
from ..theory.loss import loss_of
from ..theory.realtime import bound
from .batches import MOST_ITEMS
from .candidates import BATCHES, choice_in_words, options_of
from .valuing import bound as value

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ComparedRule", "Comparison", "compare"]

_USES = (
    "mode_probability",
    "loss",
    "frame_time",
    "symbols",
    "gap_default",
    "gap_delay",
    "default_behaviour",
    "mode",
    "actions",
    "chunk",
    "unused",
    "age_limit",
    "cancel_after",
    "replicas",
    "batch_law",
    "workers",
    "maximum_time",
    "cores",
)
_CHOSEN = ("rule", "hold", "alignment", "horizon")


@dataclass(frozen=True)
class ComparedRule:
    """A rule and what it loses.

    Attributes
    ----------
    rule
        Its name.
    regret
        Per frame, by its causes; with standard errors where it was simulated.
    inaction_fraction
        Share of the frames without an agent action.
    hold
        Frames outputs are held to, of a rule that holds.
    method
        Where the figures come from.
    sampling_interval
        Of its figures where the inference time is known from samples, else None.
    """

    rule: str
    regret: RegretParts
    inaction_fraction: float
    hold: int | str | None
    method: Method
    sampling_interval: SamplingInterval | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain values."""
        return {
            "rule": self.rule,
            "regret_per_frame": self.regret.to_json(),
            "standard_error": self.regret.standard_errors.get("total"),
            "inaction_fraction": self.inaction_fraction,
            "hold": self.hold,
            "method": self.method,
            "sampling_interval": None if self.sampling_interval is None else self.sampling_interval.to_json(),
        }


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """Every rule in one world, the least regret first.

    Attributes
    ----------
    scenario
        What was asked.
    rows
        The rules that could be computed, ranked.
    not_computed
        Why a rule has not been computed, by rule.
    ignored
        Fields of the scenario that were not used, because they differ between the rules.
    """

    scenario: Scenario
    rows: tuple[ComparedRule, ...]
    not_computed: dict[str, str]
    ignored: tuple[str, ...]

    @property
    def best(self) -> ComparedRule:
        """The rule of least regret."""
        return self.rows[0]

    @property
    def regret(self) -> RegretParts:
        """Regret per frame of the best rule."""
        return self.best.regret

    @property
    def title(self) -> str:
        """What was asked, in one line."""
        workers = "1 worker" if self.scenario.workers == 1 else f"{self.scenario.workers:g} workers"
        law = self.scenario.inference_time
        return f"all rules, {workers}" + ("" if law is None else f", inference time {with_unit(law.text)}")

    def facts(self) -> list[tuple[str, str]]:
        """Return the rules with their regret, best first, then what could not be computed and why."""
        facts = [(row.rule, row.regret.words() + _note(row)) for row in self.rows]
        facts += [(rule, f"not computed: {why}") for rule, why in self.not_computed.items()]
        return [*facts, *listed("not used", [", ".join(self.ignored)] if self.ignored else [])]

    def _bars(self) -> list[tuple[str, RegretParts]]:
        return [(row.rule, row.regret) for row in self.rows]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        return {
            "rules": [row.to_json() for row in self.rows],
            "not_computed": self.not_computed,
            "ignored": list(self.ignored),
        }

    def to_frame(self) -> "pd.DataFrame":
        """Return a ``pandas.DataFrame`` with a row per rule, the least regret first."""
        import pandas as pd

        return pd.DataFrame([flattened(row.to_json()) for row in self.rows]).set_index("rule")


def _note(row: ComparedRule) -> str:
    said = "" if row.hold is None else f", outputs held to {frames_of(row.hold)}"
    said += " (simulated)" if row.method == "simulation" else ""
    if row.sampling_interval is None:
        return said
    low, high = row.sampling_interval.intervals["regret_per_frame.total"]
    return f"{said}, in [{low:.4g}, {high:.4g}] from {row.sampling_interval.samples} samples"


def compare(scenario: Scenario, *, frames: int | None = 100_000) -> Comparison:
    """Return every rule in the scenario's world with its workers, ranked by regret.

    Parameters
    ----------
    scenario
        Inference time, world and workers. Its rule, hold and alignment are not used: each rule has its own. With a
        batch law, which no rule starts, batches of each number of items up to the workers are compared.
    frames
        Simulate the rules without a closed form, in eight replications of this many frames; None lists them as not
        computed.

    Raises
    ------
    InputError
        For values out of range, or if no rule can be computed.

    Examples
    --------
    >>> found = compare(Scenario(3.2, frame_time=1, mode_probability=0.9, workers=4), frames=None)
    >>> found.best.rule, round(found.regret.total, 4), "expected-time" in found.not_computed
    ('max-time', 0.3439, True)
    """
    batches = as_scenario(scenario, "compare").batch_law is not None
    scenario.check("compare", needs=() if batches else ("inference_time",), uses=(*_USES, *_CHOSEN))
    loss_of(scenario, "compare")
    if batches:
        return _of_batches(scenario)
    base = scenario.replace(hold=None, alignment=None, horizon=None, maximum_time=None)
    rows: list[ComparedRule] = []
    failed: dict[str, str] = {}
    for rule in known_rules():
        if rule.single_worker and scenario.workers != 1:
            failed[rule.name] = f"it runs exactly 1 worker, not {scenario.workers:g}"
            continue
        asked = base.replace(rule=rule, maximum_time=scenario.maximum_time if rule.takes_maximum_time else None)
        try:
            report = bound(asked)
            row = ComparedRule(rule.name, report.regret, report.inaction_fraction, report.hold, report.method)
        except InputError as error:
            if frames is None:
                failed[rule.name] = str(error)
                continue
            try:
                found = simulate(asked, frames=frames)
            except InputError as refused:
                failed[rule.name] = str(refused)
                continue
            row = ComparedRule(rule.name, found.regret, found.inaction_fraction, found.scenario.hold, "simulation")
        rows.append(row)
    if not rows:
        raise InputError(f"no rule could be computed: {next(iter(failed.values()))}")
    rows = [replace(row, sampling_interval=_interval(base, row, scenario.maximum_time)) for row in rows]
    rows.sort(key=lambda row: row.regret.total)
    return Comparison(scenario, tuple(rows), failed, scenario.ignored(_CHOSEN))


def _interval(base: Scenario, row: ComparedRule, maximum_time: float | None) -> SamplingInterval | None:
    """Return the sampling interval of a rule's figures; None for a law that is not known from samples."""
    rule = get_rule(row.rule)
    asked = base.replace(rule=rule, hold=row.hold, maximum_time=maximum_time if rule.takes_maximum_time else None)
    return interval_from_samples(asked, row.regret, row.inaction_fraction)


def _of_batches(scenario: Scenario) -> Comparison:
    """Return batches of every number of items up to the workers, unused outputs dropped and kept."""
    base = scenario.replace(rule=Scenario.rule, hold=None, alignment=None, horizon=None)
    kept = scenario.service_model == "once" and scenario.is_default("unused")
    rows = []
    for unused in (scenario.unused, "keep") if kept else (scenario.unused,):
        for items in range(1, int(min(scenario.workers, MOST_ITEMS)) + 1):
            asked = base.replace(workers=items, unused=unused)
            report = value(asked)
            words = choice_in_words(f"{BATCHES} of at most {items}", None, options_of(asked))
            rows.append(ComparedRule(words, report.regret, report.inaction_fraction, None, report.method))
    rows.sort(key=lambda row: row.regret.total)
    failed = {rule.name: "an accelerator that serves batches starts the next when one ends" for rule in known_rules()}
    return Comparison(scenario, tuple(rows), failed, scenario.ignored(_CHOSEN))
