"""The commands that compute: ``bound`` and ``simulate``."""

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from ..errors import InputError
from ..rules import get_rule
from .learning import Learning
from .options import Json, Whole, app
from .output import listed, print_facts, print_json, show_progress
from .scenario import Scenario

__all__ = ["bound", "simulate"]

_MOST_DELAYS = 8
_LONG = 5 * 10**7
"""Frames of a simulation, from which on its progress is shown."""


@app.command
def bound(scenario: Scenario, learning: Learning | None = None, *, json: Json = False) -> int:
    """Compute the regret that inference time forces on an agent.

    Example: regretlab bound --inference-time "gamma(4, scale=0.02)" --mode-probability 0.95 --workers 8
    """
    from ..theory.realtime import realtime_regret

    report = realtime_regret(
        scenario.law(),
        scenario.frame_seconds(),
        scenario.mode_probability,
        **scenario.keywords(),
        **(learning or Learning()).keywords(),
        cores=scenario.cores,
        with_symbolic=True,
    )
    if json:
        print_json(report.to_json())
        return 0
    parts = report.per_frame
    sum_of_parts = f"{parts.total:.6g}  =  {parts.inaction:.6g} inaction + {parts.delay:.6g} delay"
    if parts.learning is not None:
        sum_of_parts += f" + {parts.learning:.3g} learning"
    facts = [("regret per frame", sum_of_parts), ("regret per second", f"{report.per_second.total:.6g}")]
    if report.over_horizon is not None:
        facts.append((f"regret over {report.horizon:g} s", f"{report.over_horizon.total:.6g}"))
    facts += [
        ("frames without an action", f"{100 * report.inaction_fraction:.4g} %"),
        ("frames by delay in frames", _delays(report.service.delay_law)),
        ("mean time between actions", f"{report.interaction_time:.6g} s"),
    ]
    if report.hold is not None:
        facts.append(("outputs are held to", f"{report.hold} frames"))
    if report.learners_to_keep_up is not None:
        facts.append(("learners to keep up", f"{report.learners_to_keep_up}"))
    facts += [
        ("workers for zero inaction", _workers_for_zero_inaction(report)),
        ("method", report.method),
        ("attained by", report.witness),
        *listed("assuming", report.assumptions),
    ]
    print_facts(scenario.title, facts)
    return 0


def _workers_for_zero_inaction(report: Any) -> str:
    from ..rules import MAX_TIME

    if report.workers_for_zero_inaction is not None:
        return f"{report.workers_for_zero_inaction} ({MAX_TIME})"
    return f"no number ({MAX_TIME}, the law has no upper end); {report.workers_for_quantile} up to its 99.9 % quantile"


@app.command
def simulate(
    scenario: Scenario,
    *,
    frames: Whole = 1_000_000,
    replications: Whole = 8,
    warmup: Whole | None = None,
    default_behaviour: Literal["noop", "repeat", "random"] = "noop",
    seed: Whole = 0,
    threads: Whole | None = None,
    record: Path | None = None,
    json: Json = False,
) -> int:
    """Simulate a staggering rule on the witness of the bound: the same figures, with standard errors.

    Example: regretlab simulate --inference-time "gamma(4, scale=0.02)" --mode-probability 0.95 --workers 8

    Parameters
    ----------
    frames
        Frames of a replication, after its warm-up.
    replications
        Replications, each with random numbers of its own.
    warmup
        Frames to play before counting; enough for the rule and the law if not given.
    default_behaviour
        What acts in frames without an agent action.
    seed
        The same seed gives the same figures on any number of threads.
    threads
        Threads to use; all cores if not given.
    record
        Also write one run of so many frames, from an idle start, as a record into this folder: every frame and every
        inference, to be read like a run on the emulator.
    """
    from ..simulation import record_simulation
    from ..simulation import simulate as play
    from ..simulation.recorded import check_recordable

    if threads is not None and threads < 1:
        raise InputError(f"threads must be at least 1, not {threads}")
    law, note = _on_cores(scenario)
    keywords = scenario.keywords()
    if keywords["hold"] == "auto" or (keywords["hold"] is None and get_rule(scenario.rule).holds):
        keywords["hold"] = _hold_to_simulate(scenario, law)
    if record is not None:  # known before anything is played
        check_recordable(record, keywords["workers"])
    long = frames * replications >= _LONG
    with show_progress() if long else nullcontext() as tell:
        result = play(
            law,
            scenario.frame_seconds(),
            scenario.mode_probability,
            **keywords,
            frames=frames,
            replications=replications,
            warmup=warmup,
            default_behaviour=default_behaviour,
            seed=seed,
            cores=threads,
            progress=tell and (lambda done, total: tell("playing replications", done, total)),
        )
    if record is not None:
        names = ("workers", "rule", "hold", "alignment", "maximum_time")
        served = {name: keywords[name] for name in names}
        record_simulation(law, scenario.frame_seconds(), record, **served, frames=frames, seed=seed)
        print(f"record: {record}", file=sys.stderr)
    result = replace(result, assumptions=(*result.assumptions, *note))
    if json:
        print_json(result.to_json())
        return 0
    errors = result.standard_errors
    facts = [
        (label, _measured(result.regret_per_frame[name], errors["regret_per_frame"][name]))
        for label, name in (("regret per frame", "total"), ("  inaction", "inaction"), ("  delay", "delay"))
    ]
    if result.regret is not None:
        facts.append(
            (f"regret over {scenario.horizon:g} s", _measured(result.regret["total"], errors["regret"]["total"]))
        )
    phi, phi_error = 100 * result.inaction_fraction, errors["inaction_fraction"]
    facts += [
        ("frames without an action", _measured(phi, None if phi_error is None else 100 * phi_error, " %")),
        ("frames by delay in frames", _delays(result.delay_law)),
        ("mean time between actions", _measured(result.interaction_time, errors["interaction_time"], " s")),
        ("outputs overwritten", f"{100 * result.overwritten_fraction:.4g} %"),
        (
            "played",
            f"{result.frames:,} frames in {result.replications} replications, {result.frames_per_second:.3g} a second",
        ),
        ("method", "simulation (± one standard error)"),
        ("on", result.witness),
        *listed("assuming", result.assumptions),
    ]
    print_facts(scenario.title, facts)
    return 0


def _on_cores(scenario: Scenario) -> tuple[Any, tuple[str, ...]]:
    """Return the law of the inference time on the cores there are, and what to say about it."""
    law = scenario.law()
    if scenario.cores is None:
        return law, ()
    from ..theory.realtime import core_slowdown

    slowdown = core_slowdown(scenario.keywords()["workers"], scenario.cores)
    return law.scaled(slowdown), (
        f"{scenario.cores:g} cores shared evenly: everything takes {slowdown:g} times as long",
    )


def _hold_to_simulate(scenario: Scenario, law: Any) -> int:
    from ..theory.hold import hold_to_simulate
    from ..theory.loss import FrameLoss

    if not get_rule(scenario.rule).holds:
        raise InputError(f"rule '{scenario.rule}' has no hold, and 'auto' is given")
    loss = FrameLoss(scenario.mode_probability, scenario.symbols, scenario.gap_default, scenario.gap_delay)
    return hold_to_simulate(law, scenario.frame_seconds(), loss, workers=scenario.keywords()["workers"])


def _delays(delay_law: Any) -> str:
    """Return the largest shares of a delay law, by delay, and what is left of it."""
    largest = sorted(sorted(range(len(delay_law)), key=lambda delay: -delay_law[delay])[:_MOST_DELAYS])
    shown = [f"{100 * delay_law[delay]:.2f} % at {delay}" for delay in largest if delay_law[delay] >= 5e-5]
    rest = 100 * (sum(delay_law) - sum(delay_law[delay] for delay in largest))
    return ", ".join([*shown, f"{rest:.2f} % at others"] if rest >= 0.005 else shown) or "none is served"


def _measured(value: float, error: float | None, unit: str = "") -> str:
    if error is None:
        return f"{value:.6g}{unit}"
    return f"{value:.6g} ± {error:.2g}{unit}"
