"""Read a record: a finished one, one that is still being written, or what a kill left of one."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..errors import InputError
from ..inputs import read_json
from ..needs import load
from ..results import RegretParts, Result
from ..scenario import Scenario
from .checks import check_meta, check_table
from .schema import FRAMES, INFERENCES, LEARNING, META, action_numbers
from .storage import table_files, table_schema

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .summary import RunSummary

__all__ = ["Record"]


class Record(Result):
    """A run as it was recorded: a finished one, one that is still being written, or what a kill left of one.

    Parameters
    ----------
    directory
        Folder of the record.

    Attributes
    ----------
    directory
        Where it lies.
    frames
        One row a frame; columns as in ``regretlab.records.schema``.
    inferences
        One row an inference.
    meta
        What the run wrote about itself; ``meta["complete"]`` says whether it reached its end.
    learning_steps
        One row a learning step; none if the run did not learn.

    Raises
    ------
    InputError
        If there is no record in it, one of a later version of the format, one that lost a table, or one whose entries
        or rows cannot be (``regretlab.records.checks``).
    """

    def __init__(self, directory: str | Path) -> None:
        folder = Path(directory)
        try:
            meta = read_json(folder / META, META)
        except InputError:
            raise InputError(f"'{directory}' is not a record: it has no readable {META}") from None
        meta = check_meta(meta, str(directory))
        for name in (FRAMES, INFERENCES):  # a run that reached its end wrote both, be they empty
            if meta.get("complete") and not table_files(folder, name):
                raise InputError(
                    f"'{directory}' is not a whole record: it says it is complete, and table '{name}' is missing"
                )
        self.directory = folder
        self.meta: dict[str, Any] = meta
        self.frames = _read(folder, FRAMES, action_numbers(meta))
        self.inferences = _read(folder, INFERENCES, action_numbers(meta))
        self.learning_steps = _read(folder, LEARNING)

    @classmethod
    def open(cls, directory: str | Path) -> "Record":
        """Read the record in a folder."""
        return cls(directory)

    @cached_property
    def summary(self) -> "RunSummary":
        """The figures of the run, with standard errors."""
        from .summary import summarise

        return summarise(self)

    @property
    def regret(self) -> RegretParts | None:
        """Measured regret per frame by its causes; None where the best reward of the environment is not known."""
        return self.summary.regret

    @property
    def scenario(self) -> Scenario:
        """What was played, with the inference times that the run measured: what ``bound`` predicts the run from.

        Raises
        ------
        InputError
            If the record holds no completed inference.
        """
        config, environment = self.meta.get("config", {}), self.meta.get("environment", {})
        held = self.meta.get("hold", config.get("hold"))
        drawn = config.get("default_behaviour") == "random"
        values = {
            "frame_time": self.meta.get("frame_time"),
            "mode_probability": environment.get("mode_probability"),
            "symbols": environment.get("symbols"),
            "mode": "moves" if environment.get("rotating") else None,
            "workers": _groups(config),
            "rule": config.get("rule"),
            "alignment": config.get("alignment"),
            "default_behaviour": config.get("default_behaviour"),
            "actions": self.meta.get("actions") if drawn and not action_numbers(self.meta) else None,
            "chunk": config.get("chunk"),
            "unused": config.get("unused"),
            "age_limit": config.get("age_limit"),
            "cancel_after": config.get("cancel_after"),
            "gap_default": config.get("gap_default"),
            "gap_delay": config.get("gap_delay"),
            "hold": max(1, held) if isinstance(held, int) else None,
        }
        known = {name: value for name, value in values.items() if value is not None}
        if config.get("batch_law") is not None:
            of_batches = {"batch_law": config["batch_law"], "workers": config.get("batch", 1)}
            return Scenario(**{name: known[name] for name in known if name not in ("rule", "alignment")} | of_batches)
        return Scenario(f"@{self.directory}", **known)

    @property
    def title(self) -> str:
        """What was played, in one line."""
        config = self.meta.get("config", {})
        words = [config.get("environment"), config.get("policy"), config.get("rule")]
        if config.get("workers") is not None:
            words.append("1 worker" if config["workers"] == 1 else f"{config['workers']} workers")
        words.append(f"{self.meta.get('clock')} clock")
        return ", ".join(str(word) for word in words if word)

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values, in the order to read them."""
        return self.summary.facts()

    def to_json(self) -> dict[str, Any]:
        """Return the figures of the run as plain values."""
        return dict(self.summary)

    def to_frame(self) -> pd.DataFrame:
        """Return the table of the frames, one row a frame; ``inferences`` is the other table."""
        return self.frames

    def plot(self, start: float = 0.0, duration: float = 0.5) -> "Figure":
        """Draw a stretch of the run: who was inferring when, and which frame each action reached.

        Parameters
        ----------
        start, duration
            The stretch, in seconds since the run began.
        """
        from ..plots.timeline import inference_timeline

        return inference_timeline(
            self.inferences, self.frames, float(self.meta["frame_time"]), start=start, duration=duration
        )


def _groups(config: dict[str, Any]) -> int | None:
    """Return the workers of a run; those that race are one, since the times recorded are those of the fastest."""
    workers, replicas = config.get("workers"), config.get("replicas", 1)
    return workers // replicas if isinstance(workers, int) and isinstance(replicas, int) and replicas > 1 else workers


def _read(folder: Path, name: str, numbers: int = 0) -> pd.DataFrame:
    pa, pq = load("pyarrow"), load("pyarrow.parquet")
    schema = table_schema(name, numbers)
    files = table_files(folder, name)
    while True:
        try:
            tables = [pq.read_table(file, schema=schema) for file in files]
        except (OSError, pa.ArrowException) as error:
            # a run that ends merges its parts: what was listed before may lie elsewhere now
            listed, files = files, table_files(folder, name)
            if files != listed:
                continue
            reason = " ".join(str(error).split())
            raise InputError(f"'{folder}' is not a readable record: table '{name}': {reason}") from None
        return check_table(name, pa.concat_tables([schema.empty_table(), *tables]), str(folder))
