"""``bound`` over a grid: one service law for all modal probabilities and gaps that share it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rules import get_rule
from .command import Command, Output, Stakes, parameter

__all__ = ["BOUND", "law_of", "seconds_of", "workers_of"]


class BoundParameters(Stakes):
    """Options of ``regretlab bound``."""

    learning_bound: str | None = parameter(None, "")
    states: int | None = parameter(None)
    actions: int | None = parameter(None)
    diameter: float | None = parameter(None, "frame")
    episode_length: float | None = parameter(None, "frame")
    feedback_latency: float | None = parameter(None, "frame")
    learning_constant: float | None = parameter(None)
    learning_weight: float | None = parameter(None)
    reward_range: float = parameter(1.0, "reward/frame")
    learners: int | None = parameter(None)
    batch_time: float | None = parameter(None, "s")
    batch_size: int = parameter(1)
    replay_ratio: float = parameter(1.0)


OUTPUTS = {
    "regret": Output("reward/frame", "regret per frame"),
    "inaction": Output("reward/frame", "inaction part of the regret"),
    "delay": Output("reward/frame", "delay part of the regret"),
    "learning": Output("reward/frame", "learning part of the regret, nan where not asked for"),
    "inaction_fraction": Output("1", "frames served by the default behaviour"),
    "service_value": Output("1", "S, the value of the applied actions"),
    "interaction_time": Output("s", "mean time between agent actions"),
    "hold": Output("frame", "frames that outputs are held to, nan for rules that do not hold"),
}

_SHARED = {"mode_probability", "gap_default", "gap_delay"}


def law_of(value: float | str) -> Any:
    """Return the law of an inference time given as a number or as text."""
    from ...laws import parse_law

    return parse_law(value if isinstance(value, str) else repr(float(value)))


def seconds_of(value: float | str) -> float:
    """Return a frame time in seconds."""
    from ...laws import parse_frame_time

    return parse_frame_time(value if isinstance(value, str) else repr(float(value)))


def workers_of(value: float) -> float:
    """Return a number of workers, whole or infinite."""
    from ...errors import InputError

    if not value >= 1 or (value != float("inf") and value != int(value)):
        raise InputError(f"workers must be a whole number of at least 1 or inf, not {value!r}")
    return value if value == float("inf") else int(value)


def evaluate(
    same: Mapping[str, Any], many: Mapping[str, Sequence[Any]], seeds: Sequence[int]
) -> dict[str, NDArray[np.float64] | float]:
    """Return the outputs of a group of points."""
    if same.get("learning_bound") is not None or (get_rule(same["rule"]).holds and same["hold"] in (None, "auto")):
        return _one_by_one(same, many, len(seeds))
    from ...rules.service.service import service_law
    from ...theory.many import regret_parts
    from ...theory.realtime import core_slowdown

    workers = workers_of(same["workers"])
    law = law_of(same["inference_time"])
    if same["cores"] is not None:
        law = law.scaled(core_slowdown(workers, same["cores"], learners=same["learners"] or 0))
    service = service_law(
        law,
        seconds_of(same["frame_time"]),
        workers=workers,
        rule=same["rule"],
        hold=same["hold"],
        alignment=same["alignment"],
        maximum_time=same["maximum_time"],
    )
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
        "hold": np.nan if same["hold"] is None else float(same["hold"]),
    }


def _one_by_one(
    same: Mapping[str, Any], many: Mapping[str, Sequence[Any]], count: int
) -> dict[str, NDArray[np.float64] | float]:
    from ...theory.realtime import realtime_regret

    given = dict(same)
    law, frame_time = law_of(given.pop("inference_time")), seconds_of(given.pop("frame_time"))
    given["workers"] = workers_of(given["workers"])
    columns: dict[str, NDArray[np.float64]] = {name: np.full(count, np.nan) for name in OUTPUTS}
    for index in range(count):
        keywords = given | {name: values[index] for name, values in many.items()}
        report = realtime_regret(law, frame_time, keywords.pop("mode_probability"), **keywords)
        parts = report.per_frame
        columns["regret"][index] = parts.total
        columns["inaction"][index] = parts.inaction
        columns["delay"][index] = parts.delay
        columns["learning"][index] = np.nan if parts.learning is None else parts.learning
        columns["inaction_fraction"][index] = report.inaction_fraction
        columns["service_value"][index] = report.service_value
        columns["interaction_time"][index] = report.interaction_time
        columns["hold"][index] = np.nan if report.hold is None else report.hold
    return dict(columns)


BOUND = Command(
    name="bound",
    parameters=BoundParameters,
    outputs=OUTPUTS,
    fast=("mode_probability", "gap_default", "gap_delay"),
    evaluate=evaluate,
    seeded=False,
    chunk=20_000,
)
