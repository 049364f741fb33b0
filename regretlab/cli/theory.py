"""The commands that compute: ``bound``."""

from .application import Json, app
from .output import print_facts, print_json
from .scenario import Scenario

__all__ = ["bound"]


@app.command
def bound(scenario: Scenario, *, json: Json = False) -> int:
    """Compute the regret that inference time forces on an agent.

    Example: regretlab bound --inference-time "gamma(4, scale=0.02)" --mode-probability 0.95 --workers 8
    """
    from ..bounds.realtime import realtime_regret

    report = realtime_regret(
        scenario.law(),
        scenario.frame_seconds(),
        scenario.mode_probability,
        **scenario.keywords(),
        with_symbolic=True,
    )
    if json:
        print_json(report.to_json())
        return 0
    service, parts = report.service, report.per_frame
    delays = [f"{100 * a:.2f} % at {j}" for j, a in enumerate(service.delay_law) if a >= 5e-4]
    shown = ", ".join(delays[:8]) + (", ..." if len(delays) > 8 else "")
    facts = [
        ("regret per frame", f"{parts.total:.6g}  =  {parts.inaction:.6g} inaction + {parts.delay:.6g} delay"),
        ("regret per second", f"{report.per_second.total:.6g}"),
        ("frames without an action", f"{100 * service.inaction_fraction:.4g} %"),
        ("frames by delay in frames", shown or "none is served"),
        ("mean time between actions", f"{service.interaction_time:.6g} s"),
        ("workers for zero inaction", f"{report.workers_for_zero_inaction} (max-time)"),
    ]
    if report.over_horizon is not None:
        facts.insert(2, (f"regret over {report.horizon:g} s", f"{report.over_horizon.total:.6g}"))
    facts += [("method", report.method), ("attained by", report.witness)]
    facts += [("assuming" if index == 0 else "", text) for index, text in enumerate(report.assumptions)]
    print_facts(scenario.title, facts)
    return 0
