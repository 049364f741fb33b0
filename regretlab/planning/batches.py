"""The plan of one accelerator that serves batches: how many items a batch has at most, and whether outputs are kept."""

from typing import Any

from ..errors import InputError
from ..results import RegretParts
from ..scenario import Scenario
from ..theory.batching import batches_of
from ..theory.loss import loss_of
from ..theory.realtime import bound
from .candidates import BATCHES, Candidate, options_of
from .report import Plan

__all__ = ["MOST_ITEMS", "plan_of_batches"]

MOST_ITEMS = 256
"""Items of a batch at most, of those that are tried."""
_NONE = (None, 0, 0.0, "outputs", "given")


def plan_of_batches(
    scenario: Scenario, *, target_regret: float | None, most_workers: int | None, services: str, **others: Any
) -> Plan:
    """Return the batches of least regret: every number of items, unused outputs dropped or kept.

    Parameters
    ----------
    scenario
        With a batch law.
    target_regret
        eta, reward per frame: with it, the fewest items within it.
    most_workers
        Most items; by default as many as new observations come during a batch, at most 256.
    services
        "given": unused outputs are as the scenario says; else they are kept where that helps.
    others
        Options of ``plan`` that mean nothing here: refused unless they have their defaults.

    Examples
    --------
    >>> asked = Scenario(frame_time=1, mode_probability=0.9, batch_law="2.5, 0.25")
    >>> found = plan_of_batches(asked, target_regret=None, most_workers=None, services="outputs")
    >>> found.in_words(), round(found.regret.total, 4), round(found.above_lower_bound, 3)
    ('batches of at most 4, unused outputs kept', 0.5083, 1.239)
    """
    for name, value in others.items():
        if value not in _NONE:
            raise InputError(f"a plan of batches takes no {name.replace('_', ' ')}: leave it out")
    base = scenario.replace(workers=MOST_ITEMS if most_workers is None else most_workers, horizon=None)
    batches = batches_of(base, "plan")
    assert batches is not None
    most = batches.items if most_workers is None else batches.most
    kept = services != "given" and scenario.service_model == "once" and scenario.is_default("unused")
    gap = loss_of(scenario, "plan").gap_default
    idle = Candidate(None, 0, None, None, RegretParts(gap, 0.0), 0.0, None)
    best: list[Candidate] = []
    for unused in dict.fromkeys([scenario.unused, "keep" if kept else scenario.unused]):
        asked = base.replace(unused=unused)
        found = []
        for items in range(1, most + 1):
            report = bound(asked.replace(workers=items))
            options = options_of(asked)
            found.append(Candidate(BATCHES, items, None, None, report.regret, 0.0, report.service, options))
        least = min(found, key=lambda each: each.total)
        within = [each for each in found if target_regret is not None and each.total <= target_regret]
        best.append(within[0] if within else least)
    tried = sorted(best, key=lambda each: each.total)
    chosen = min((idle, *tried), key=lambda each: each.total)
    acts = chosen.rule is not None
    played = scenario.replace(workers=chosen.workers, **chosen.options) if acts else None
    value = None if played is None else bound(played.replace(horizon=None))
    more = False  # whether the search limit binds
    if played is not None and most_workers == chosen.workers:
        further = range(most + 1, min(MOST_ITEMS, 2 * most) + 1)
        values = [bound(played.replace(workers=items, horizon=None)).regret.total for items in further]
        more = min(values, default=chosen.total) < chosen.total - 1e-9
    return Plan(
        rule=chosen.rule,
        workers=int(chosen.workers),
        hold=None,
        alignment=None,
        regime="asynchronous" if acts else "do-not-act",
        regret=chosen.regret,
        cost=0.0,
        binds="workers" if more else "stochasticity",
        largest_inference_time=None,
        model_size=None,
        target_regret=target_regret,
        meets_target=None if target_regret is None else chosen.total <= target_regret,
        service=chosen.service,
        method="closed-form",
        alternatives=(idle, *tried),
        assumptions=() if value is None else value.assumptions,
        options=chosen.options,
        lower_bound=None if value is None else value.lower_bound,
        most_workers=most,
        most_workers_binds=more,
        scenario=played,
        ignored=scenario.ignored(("workers",)) if scenario.workers != 1 else (),
    )
