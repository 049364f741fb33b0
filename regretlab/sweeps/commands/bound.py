"""``bound`` over a grid: one service law for all mode probabilities and gaps that share it."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...results import ServiceLaw
from ...rules import get_rule
from ...scenario import SERVICE_FIELDS, Scenario
from ...theory.learning import LearningPart
from .command import (
    SAMPLING,
    STAKES,
    Command,
    Output,
    Parameters,
    asked,
    parameter,
    sampling_ends,
    sampling_outputs,
    scenario_fields,
)

__all__ = ["BOUND", "scenario_of"]

_UNITS = {
    "diameter": "frame",
    "episode_length": "frame",
    "feedback_latency": "frame",
    "reward_range": "reward/frame",
    "batch_time": "s",
    "learning_bound": "",
}
_LEARNING = {each.name: each for each in fields(LearningPart)}
_OPTIONS: dict[str, Any] = {
    name: (each.type, parameter(each.default, _UNITS.get(name, "1"))) for name, each in _LEARNING.items()
}

OUTPUTS = {
    "regret": Output("reward/frame", "regret per frame"),
    "inaction": Output("reward/frame", "inaction part of the regret"),
    "delay": Output("reward/frame", "delay part of the regret"),
    "learning": Output("reward/frame", "learning part of the regret, nan where not asked for"),
    "inaction_fraction": Output("1", "frames served by the default behaviour"),
    "service_value": Output("1", "S, the value of the applied actions"),
    "interaction_time": Output("s", "mean time between agent actions"),
    "hold": Output("frame", "frames that outputs are held to, nan for rules that do not hold"),
    "standard_error": Output("reward/frame", "of a regret that is simulated (at most), nan for closed forms"),
    **sampling_outputs(),
}

_SHARED = ("mode_probability", "gap_default", "gap_delay")


def scenario_of(values: Mapping[str, Any], names: Sequence[str]) -> Scenario:
    """Return the scenario of a point; ``names`` are the parameters that are its fields."""
    return Scenario(**{name: values[name] for name in names if values.get(name) is not None})


def evaluate(
    same: Mapping[str, Any], many: Mapping[str, Sequence[Any]], seeds: Sequence[int]
) -> dict[str, NDArray[np.float64] | float]:
    """Return the outputs of a group of points."""
    from ...planning.valuing import simulated
    from ...rules.service.service import NoClosedForm
    from ...theory.many import regret_parts
    from ...theory.realtime import bound

    first = dict(same) | {name: values[0] for name, values in many.items()}
    asked_first = scenario_of(first, STAKES)
    holds = get_rule(asked_first.rule).holds
    measured = asked_first.loss is not None or asked_first.mode_probability is None
    other_service = any(name in asked_first.changed for name in SERVICE_FIELDS if name != "actions")
    chosen = holds and asked_first.hold in (None, "auto")
    if same.get("learning_bound") is not None or other_service or measured or chosen or same["sampling_interval"]:
        return _one_by_one(same, many, len(seeds))
    errors, learning = None, _learning(same)
    try:
        service = bound(asked_first.replace(actions=None), learning=learning).service
    except NoClosedForm:  # one simulation serves all mode probabilities and gaps
        found = simulated(asked_first.replace(actions=None), learning.learners or 0)
        service, errors = found.service, found.standard_errors
    stakes = {name: np.asarray(many.get(name, same.get(name)), dtype=float) for name in _SHARED}
    inaction, delay, value = regret_parts(
        service,
        stakes["mode_probability"],
        symbols=same["symbols"],
        gap_default=stakes["gap_default"],
        gap_delay=stakes["gap_delay"],
    )
    return {
        "regret": inaction + delay,
        "inaction": inaction,
        "delay": delay,
        "learning": np.nan,
        "inaction_fraction": service.inaction_fraction,
        "service_value": value,
        "interaction_time": service.interaction_time,
        "hold": np.nan if asked_first.hold is None else float(asked_first.hold),
        "standard_error": np.nan if errors is None else _largest_error(service, errors, stakes, same["symbols"]),
        **sampling_ends(None),
    }


def _largest_error(
    service: ServiceLaw, errors: Mapping[str, Any], stakes: Mapping[str, NDArray[np.float64]], symbols: int | None
) -> NDArray[np.float64]:
    """Return g se(phi) + sum_j l_j se(a_j), which the standard error of phi g + sum_j a_j l_j does not exceed."""
    from ...theory.many import regret_parts

    shares = np.nan_to_num(np.asarray(errors["delay_law"], dtype=float))
    of_shares = replace(service, inaction_fraction=max(0.0, 1.0 - float(shares.sum())), delay_law=shares)
    _, delay, _ = regret_parts(
        of_shares,
        stakes["mode_probability"],
        symbols=symbols,
        gap_default=stakes["gap_default"],
        gap_delay=stakes["gap_delay"],
    )
    return np.asarray(stakes["gap_default"] * (errors["inaction_fraction"] or 0.0) + delay)


def _learning(values: Mapping[str, Any]) -> LearningPart:
    return LearningPart(**{name: values[name] for name in _LEARNING})


def _one_by_one(
    same: Mapping[str, Any], many: Mapping[str, Sequence[Any]], count: int
) -> dict[str, NDArray[np.float64] | float]:
    from ...planning.valuing import bound

    base = None
    columns: dict[str, NDArray[np.float64]] = {name: np.full(count, np.nan) for name in OUTPUTS}
    for index in range(count):
        point = {name: values[index] for name, values in many.items()}
        base = base or scenario_of(dict(same) | point, STAKES)
        report = bound(base.replace(**point), learning=_learning(same))
        parts = report.regret
        columns["regret"][index] = parts.total
        columns["inaction"][index] = parts.inaction
        columns["delay"][index] = parts.delay
        columns["learning"][index] = np.nan if parts.learning is None else parts.learning
        columns["inaction_fraction"][index] = report.inaction_fraction
        columns["service_value"][index] = report.service_value
        columns["interaction_time"][index] = report.interaction_time
        columns["hold"][index] = np.nan if report.hold is None else report.hold
        columns["standard_error"][index] = np.nan if report.standard_error is None else report.standard_error
        if same["sampling_interval"]:
            for name, end in sampling_ends(report.sampling_interval).items():
                columns[name][index] = end
    return dict(columns)


BOUND = Command(
    name="bound",
    parameters=asked(
        "BoundParameters",
        Parameters,
        scenario_fields(*STAKES),
        **_OPTIONS,
        **SAMPLING,
    ),
    outputs=OUTPUTS,
    fast=_SHARED,
    evaluate=evaluate,
    seeded=False,
    chunk=20_000,
)
