"""The virtual twin of a run: the same configuration on simulated time, with the times that run recorded.

Each worker has the times it had in the run, in their order: under maximum-time staggering it matters when the longest
one came. So has each learner for its steps. After them the times are drawn from their law. What a realtime run adds to
the model (late wake-ups, late frames, restarts) is then all that can set the two apart.
"""

import math
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from ..records import Record, RunSummary
from ..records.learning import step_seconds
from ..records.schema import LEARNING
from ..trust import refuse_foreign_code
from .configuration import RunConfiguration
from .latencies import LEARNER_STREAM, LatencyStream, ReplayedLatencies
from .preparation import prepare
from .run import run

__all__ = ["mirror", "mirrored_configuration"]


def mirrored_configuration(record: Record, *, frames: int | None = None) -> RunConfiguration:
    """Return the configuration of a record's run on the virtual clock, its times drawn from that record.

    Parameters
    ----------
    record
        A run of either clock.
    frames
        Frames to play; as many as the run by default.

    Raises
    ------
    InputError
        If the record holds no completed inference.
    """
    if record.meta["config"].get("batch_law") is not None:
        raise InputError("a run of batches has no inference times to mirror: play it again on the virtual clock")
    if record.meta["config"].get("replicas", 1) > 1:
        raise InputError("a run of races lacks the times of those who lost: play it again on the virtual clock")
    configuration = {
        **record.meta["config"],
        "clock": "virtual",
        "backend": "local",
        "ray_address": None,
        "emulate_latency": f"@{record.directory}",
        "tokens_per_second": None,
    }
    if len(record.learning_steps):
        configuration["emulate_learning"] = f"@{record.directory}/{LEARNING}.parquet"
    return RunConfiguration(**configuration | ({} if frames is None else {"frames": frames}))


def mirror(
    directory: str | Path, out: str | Path, *, frames: int | None = None, overwrite: bool = False, trust: bool = False
) -> RunSummary:
    """Play a recorded run again on the virtual clock.

    Parameters
    ----------
    directory
        Folder of the record.
    out
        Folder for the record of the twin.
    frames
        Frames to play; as many as the run by default.
    overwrite
        Replace a record that is already in ``out``.
    trust
        Run the Python code that the record names: a policy of a file, an environment of a module.

    Returns
    -------
    RunSummary
        What the virtual clock predicts for the run.

    Raises
    ------
    InputError
        If there is no record, it holds no completed inference, or ``out`` is in use.

    Examples
    --------
    >>> import tempfile
    >>> first, second = tempfile.mkdtemp(), tempfile.mkdtemp()
    >>> configuration = RunConfiguration(
    ...     environment_options={"symbols": 4, "mode_probability": 0.9, "pixels": False},
    ...     policy="oracle", rule="frame-pool", workers=3, clock="virtual", emulate_latency="0.04", frames=400,
    ... )
    >>> played = run(configuration, first)
    >>> mirror(first, second).reward_per_frame == played.reward_per_frame
    True
    """
    record = Record.open(directory)
    if not trust:
        refuse_foreign_code(record.meta.get("config", {}), f"'{directory}'")
    configuration = mirrored_configuration(record, frames=frames)
    prepared = replace(
        prepare(configuration),
        latencies=_latencies(record, configuration),
        learning_latencies=_learning_latencies(record, configuration),
    )
    return run(configuration, out, overwrite=overwrite, prepared=prepared)


def _latencies(record: Record, configuration: RunConfiguration) -> tuple[LatencyStream, ...]:
    """Return for each worker its times in the record."""
    law = configuration.emulated_law()
    assert law is not None
    rows = record.inferences[~record.inferences["lost"]].sort_values("scheduled", kind="stable")
    times = (rows["completion"] - rows["scheduled"]).where(~rows["cancelled"], math.inf)
    return tuple(
        ReplayedLatencies(
            times[rows["worker"] == worker].tolist(), record.meta["first_estimate"], law, configuration.seed, worker
        )
        for worker in range(configuration.workers)
    )


def _learning_latencies(record: Record, configuration: RunConfiguration) -> tuple[LatencyStream, ...]:
    """Return for each learner the times of its steps in the record."""
    law, steps = configuration.learning_law(), record.learning_steps
    if law is None:
        return ()
    times = step_seconds(record)
    return tuple(
        ReplayedLatencies(
            times[steps["learner"] == learner].tolist(), 0.0, law, configuration.seed, LEARNER_STREAM + learner
        )
        for learner in range(max(1, configuration.learners))
    )
