"""``run`` on the virtual clock over a grid: the emulator played at every point."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...defaults import PLAYED_FRAMES, POLICY
from ...scenario import SERVICE_FIELDS
from .bound import scenario_of
from .command import Command, Output, Parameters, asked, parameter, scenario_fields

__all__ = ["RUN"]


_FIELDS = (
    "symbols",
    "mode_probability",
    "workers",
    "rule",
    "hold",
    "alignment",
    *(name for name in SERVICE_FIELDS if name != "actions"),  # the environment has its own
)

OUTPUTS = {
    "reward_per_frame": Output("reward/frame", "mean reward after the warm-up"),
    "inaction_fraction": Output("1", "frames served by the default behaviour"),
    "mean_delay": Output("frame", "mean delay of the applied actions"),
    "mean_age": Output("s", "mean age of the observation last acted on"),
    "overwritten_fraction": Output("1", "outputs displaced by a fresher one"),
    "warmup_frames": Output("frame", "frames before the first agent action"),
    "reward_error": Output("reward/frame", "standard error of reward_per_frame"),
    "inaction_error": Output("1", "standard error of inaction_fraction"),
    "mean_age_error": Output("s", "standard error of mean_age"),
}


def evaluate(
    same: Mapping[str, Any], many: Mapping[str, Sequence[Any]], seeds: Sequence[int]
) -> dict[str, NDArray[np.float64] | float]:
    """Return the outputs of one point; its record is not kept."""
    from ...files import scratch_folder
    from ...games import environment_id
    from ...play.configuration import RunConfiguration
    from ...play.run import run

    configuration = RunConfiguration.of(
        scenario_of(same, _FIELDS).replace(inference_time=same["emulate_latency"]),
        environment=environment_id(same["env"]),
        policy=same["policy"],
        clock="virtual",
        frames=same["frames"],
        frame_time=None,  # the environment's own
        seed=seeds[0],
    )
    with scratch_folder() as folder:
        summary = run(configuration, folder / "record")
    law = np.asarray(summary.delay_law, dtype=float)
    served = float(law.sum())
    errors = summary.standard_error
    return {
        "reward_per_frame": _number(summary.reward_per_frame),
        "inaction_fraction": _number(summary.inaction_fraction),
        "mean_delay": float(law @ np.arange(len(law)) / served) if served else np.nan,
        "mean_age": _number(summary.mean_age),
        "overwritten_fraction": _number(summary.overwritten_fraction),
        "warmup_frames": float(summary.warmup_frames),
        "reward_error": _number(errors["reward_per_frame"]),
        "inaction_error": _number(errors["inaction_fraction"]),
        "mean_age_error": _number(errors["mean_age"]),
    }


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


RUN = Command(
    name="run",
    parameters=asked(
        "RunParameters",
        Parameters,
        scenario_fields(*_FIELDS),
        required=(),
        emulate_latency=(float | str, parameter(..., "s")),
        env=(str, parameter("beacon", "")),
        policy=(str, parameter(POLICY, "")),
        frames=(int, parameter(PLAYED_FRAMES, "frame")),
        repetition=(int, parameter(0, meaning="numbers points that differ in their random numbers only")),
    ),
    outputs=OUTPUTS,
    fast=(),
    evaluate=evaluate,
    seeded=True,
    chunk=1,
)
