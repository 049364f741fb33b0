"""``simulate`` over a grid: each point with random numbers of its own."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...rules import get_rule
from .bound import law_of, seconds_of, workers_of
from .command import Command, Output, Stakes, parameter

__all__ = ["SIMULATE"]


class SimulateParameters(Stakes):
    """Options of ``regretlab simulate``."""

    frames: int = parameter(100_000, "frame")
    replications: int = parameter(8)
    warmup: int | None = parameter(None, "frame")
    default_behaviour: Literal["noop", "repeat", "random"] = parameter("noop", "")
    repetition: int = parameter(0, meaning="numbers points that differ in their random numbers only")


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
}


def evaluate(
    same: Mapping[str, Any], many: Mapping[str, Sequence[Any]], seeds: Sequence[int]
) -> dict[str, NDArray[np.float64] | float]:
    """Return the outputs of one point."""
    from ...simulation import simulate
    from ...theory.hold import hold_to_simulate
    from ...theory.loss import FrameLoss
    from ...theory.realtime import core_slowdown

    given = dict(same)
    given.pop("repetition")
    law, frame_time = law_of(given.pop("inference_time")), seconds_of(given.pop("frame_time"))
    given["workers"] = workers_of(given["workers"])
    cores = given.pop("cores")
    if cores is not None:
        law = law.scaled(core_slowdown(given["workers"], cores))
    p = given.pop("mode_probability")
    if get_rule(given["rule"]).holds and given["hold"] in (None, "auto"):
        loss = FrameLoss(p, given["symbols"], given["gap_default"], given["gap_delay"])
        given["hold"] = hold_to_simulate(law, frame_time, loss, workers=given["workers"])
    result = simulate(law, frame_time, p, **given, seed=seeds[0], cores=1)
    errors = result.standard_errors
    return {
        "regret": result.regret_per_frame["total"],
        "inaction": result.regret_per_frame["inaction"],
        "delay": result.regret_per_frame["delay"],
        "inaction_fraction": result.service.inaction_fraction,
        "service_value": result.service_value,
        "interaction_time": result.service.interaction_time,
        "overwritten_fraction": result.overwritten_fraction,
        "regret_error": _number(errors["regret_per_frame"]["total"]),
        "inaction_error": _number(errors["regret_per_frame"]["inaction"]),
        "delay_error": _number(errors["regret_per_frame"]["delay"]),
        "inaction_fraction_error": _number(errors["inaction_fraction"]),
    }


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


SIMULATE = Command(
    name="simulate",
    parameters=SimulateParameters,
    outputs=OUTPUTS,
    fast=(),
    evaluate=evaluate,
    seeded=True,
    chunk=4,
)
