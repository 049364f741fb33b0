"""One seed of one case of the asynchronous protocol: a run of the harness, its record added up over windows."""

from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .configuration import Cell, Experiment

if TYPE_CHECKING:
    import pandas as pd

    from ..play.configuration import RunConfiguration

__all__ = ["check_asynchronous", "play_asynchronous", "run_configuration"]


def run_configuration(experiment: Experiment, cell: Cell) -> "RunConfiguration":
    """Return the run of a cell."""
    from ..play.configuration import RunConfiguration

    settings = experiment.settings
    given: dict[str, Any] = {name: value for name, value in cell.case.items() if name != "label"}
    if settings.default_action is not None:
        given.setdefault("default_action", settings.default_action)
    return RunConfiguration(
        environment=settings.environment,
        environment_options=settings.environment_options,
        frames=settings.frames,
        learning=experiment.learning,
        seed=cell.seed,
        **given,
    )


def check_asynchronous(experiment: Experiment) -> None:
    """Refuse what cannot be run: every case's configuration, its environment and its policy."""
    from ..play.preparation import prepare

    for cell in experiment.cells[:: experiment.settings.seeds]:
        try:
            configuration = run_configuration(experiment, cell)
            if configuration.clock == "virtual" and configuration.learns and configuration.backend != "local":
                raise InputError("the virtual clock has backend local")
            prepare(configuration)
        except InputError as error:
            raise InputError(f"case '{cell.case['label']}': {error}") from None


def play_asynchronous(experiment: Experiment, cell: Cell) -> "pd.DataFrame":
    """Play a cell and return its rows."""
    import numpy as np
    import pandas as pd

    from ..files import scratch_folder
    from ..play.run import run
    from ..records import Record
    from .results import Windows

    configuration = run_configuration(experiment, cell)
    with scratch_folder() as folder:
        summary = run(configuration, folder / "record")
        record = Record.open(folder / "record")
        frames, steps = record.frames, record.learning_steps
    applied = np.sort(steps["applied"].to_numpy())
    ends = np.arange(1, len(frames) + 1) * float(record.meta["frame_time"])
    updates = np.searchsorted(applied, ends, side="right")
    updates[-1:] = len(applied)  # the last ones are applied as the run ends
    ended = frames["terminated"] | frames["truncated"]
    windows = Windows(len(frames), experiment.settings.windows)
    columns = (frames["reward"], frames["served_by"] >= 0, ended, updates)
    for reward, served, end, done in zip(*(column.tolist() for column in columns), strict=True):
        windows.add(reward, served, end, done)
    delays = [j * share for j, share in enumerate(summary.delay_law)]
    acted = sum(summary.delay_law)
    fixed = {
        "case": cell.case["label"],
        "delay": round(sum(delays) / acted) if acted else 0,
        "interaction": configuration.rule,
        "seed": cell.seed,
    }
    return pd.DataFrame([{**fixed, **row} for row in windows.rows])
