"""``simulate`` over a grid: each point with random numbers of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...defaults import REPLICATIONS, SIMULATED_FRAMES
from .bound import scenario_of
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

__all__ = ["SIMULATE"]


OUTPUTS = {
    "regret": Output("reward/frame", "regret per frame"),
    "inaction": Output("reward/frame", "inaction part of the regret"),
    "delay": Output("reward/frame", "delay part of the regret"),
    "inaction_fraction": Output("1", "frames served by the default behaviour"),
    "service_value": Output("1", "S, the value of the applied actions"),
    "interaction_time": Output("s", "mean time between agent actions"),
    "overwritten_fraction": Output("1", "outputs displaced by a fresher one"),
    "regret_error": Output("reward/frame", "standard error of regret"),
    "inaction_error": Output("reward/frame", "standard error of inaction"),
    "delay_error": Output("reward/frame", "standard error of delay"),
    "inaction_fraction_error": Output("1", "standard error of inaction_fraction"),
    **sampling_outputs(),
}


def evaluate(
    same: Mapping[str, Any], many: Mapping[str, Sequence[Any]], seeds: Sequence[int]
) -> dict[str, NDArray[np.float64] | float]:
    """Return the outputs of one point."""
    from ...simulation import simulate

    play = {name: same[name] for name in ("frames", "replications", "warmup")}
    result = simulate(scenario_of(same, STAKES), **play, seed=seeds[0], threads=1)
    errors = result.standard_errors
    return {
        "regret": result.regret.total,
        "inaction": result.regret.inaction,
        "delay": result.regret.delay,
        "inaction_fraction": result.service.inaction_fraction,
        "service_value": result.service_value,
        "interaction_time": result.service.interaction_time,
        "overwritten_fraction": result.overwritten_fraction,
        "regret_error": _number(errors["regret_per_frame"]["total"]),
        "inaction_error": _number(errors["regret_per_frame"]["inaction"]),
        "delay_error": _number(errors["regret_per_frame"]["delay"]),
        "inaction_fraction_error": _number(errors["inaction_fraction"]),
        **sampling_ends(result.sampling_interval if same["sampling_interval"] else None),
    }


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


SIMULATE = Command(
    name="simulate",
    parameters=asked(
        "SimulateParameters",
        Parameters,
        scenario_fields(*STAKES),
        frames=(int, parameter(SIMULATED_FRAMES, "frame")),
        replications=(int, parameter(REPLICATIONS)),
        warmup=(int | None, parameter(None, "frame")),
        **SAMPLING,
        repetition=(int, parameter(0, meaning="numbers points that differ in their random numbers only")),
    ),
    outputs=OUTPUTS,
    fast=(),
    evaluate=evaluate,
    seeded=True,
    chunk=4,
)
