"""A simulated run as a record, so that everything that reads a run on the emulator reads it too."""

from dataclasses import fields
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..records import RecordWriter
from ..records.writer import check_folder
from ..scenario import Scenario
from ..theory.realtime import law_on_cores
from .events import EventLog, TooFewTimesError, replay
from .on_witness import with_hold
from .setting import Setting, resolve

__all__ = ["check_recordable", "record_simulation", "simulated_log"]

_MOST_TIMES = 10**8


def check_recordable(directory: str | Path, scenario: Scenario, *, overwrite: bool = False) -> None:
    """Raise ``InputError`` if no simulated run of a scenario can be recorded in a folder."""
    unrecorded = {"chunk", "unused", "age_limit", "cancel_after", "replicas", "batch_law"}
    scenario.check(
        "a record of a simulation", uses=[each.name for each in fields(scenario) if each.name not in unrecorded]
    )
    if not np.isfinite(scenario.workers):
        raise InputError("a record numbers its workers: give a finite number of them, not inf")
    check_folder(Path(directory), overwrite=overwrite)


def simulated_log(scenario: Scenario, *, frames: int, seed: int) -> tuple[EventLog, Setting, Scenario]:
    """Return every frame and inference of a run from an idle start, its setting, and the scenario with its hold."""
    law, _ = law_on_cores(scenario)
    asked = with_hold(scenario)
    setting = resolve(asked, law, frames=frames, warmup=0)
    workers = int(asked.workers)
    random = np.random.default_rng(seed)
    times = law.sample(random, 2 * frames + 10 * workers)
    while True:
        try:
            log = replay(
                times,
                asked.frame_time,
                workers=workers,
                rule=setting.rule,
                frames=frames,
                alignment=setting.alignment,
                hold=setting.hold,
                first_estimate=setting.first_estimate,
            )
            return log, setting, asked
        except TooFewTimesError:
            if len(times) > _MOST_TIMES:
                raise
            times = np.concatenate([times, law.sample(random, len(times))])


def record_simulation(
    scenario: Scenario,
    directory: str | Path,
    *,
    frames: int = 10_000,
    seed: int = 0,
    overwrite: bool = False,
) -> EventLog:
    """Simulate a rule from an idle start and write every frame and inference as a record.

    Parameters
    ----------
    scenario
        As for ``simulate``; workers are finite.
    directory
        Folder of the record.
    frames, seed
        Length and seed of the run.
    overwrite
        Replace a record that is already there.

    Returns
    -------
    EventLog
        What was written. The frames have no rewards (0), no actions (-1) and no labels: nothing was played in them.

    Raises
    ------
    InputError
        For bad input, or a folder that cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from regretlab.records import Record, summarise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = record_simulation(Scenario(2.5, frame_time=1, rule="sequential"), folder + "/run", frames=300)
    ...     summary = summarise(Record.open(folder + "/run"))
    >>> round(summary.inaction_fraction, 3), summary.warmup_frames
    (0.667, 3)
    """
    check_recordable(directory, scenario, overwrite=overwrite)
    log, setting, asked = simulated_log(scenario, frames=frames, seed=seed)
    law, _ = law_on_cores(scenario)
    said = {
        "clock": "simulated",
        "latency": {"source": "emulated", "law": law.text},
        "config": {
            "rule": asked.rule,
            "workers": int(asked.workers),
            "hold": asked.hold,
            "alignment": setting.alignment,
        },
        "frame_time": asked.frame_time,
        "seed": seed,
    }
    with RecordWriter(directory, said, overwrite=overwrite) as writer:
        writer.append_frames(log.frames)
        writer.append_inferences(log.inferences)
    return log
