"""Read a record: a finished one, one that is still being written, or what a kill left of one."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import InputError
from ..needs import load
from .schema import FRAMES, INFERENCES, LEARNING, META, SCHEMA_VERSION
from .storage import table_files, table_schema

__all__ = ["Record"]


@dataclass(frozen=True, eq=False)
class Record:
    """A run as it was recorded.

    Attributes
    ----------
    directory
        Where it lies.
    frames
        One row a frame; columns as in ``regretlab.records.schema``.
    inferences
        One row an inference.
    meta
        What the run said about itself; ``meta["complete"]`` tells whether it reached its end.
    learning_steps
        One row a learning step; none if the run did not learn.
    """

    directory: Path
    frames: pd.DataFrame
    inferences: pd.DataFrame
    meta: dict[str, Any]
    learning_steps: pd.DataFrame = field(default_factory=lambda: table_schema(LEARNING).empty_table().to_pandas())

    @classmethod
    def open(cls, directory: str | Path) -> "Record":
        """Read the record in a folder.

        Parameters
        ----------
        directory
            Folder of the record.

        Raises
        ------
        InputError
            If there is no record in it, one of a later version of the format, or one that lost a table.
        """
        folder = Path(directory)
        try:
            meta = json.loads((folder / META).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise InputError(f"'{directory}' is no record: it has no readable {META}") from None
        version = meta.get("schema_version") if isinstance(meta, dict) else None
        if not isinstance(version, int) or not 1 <= version <= SCHEMA_VERSION:
            raise InputError(f"'{directory}' is no record this version reads: schema_version {version!r}")
        for name in (FRAMES, INFERENCES):  # a run that reached its end wrote both, be they empty
            if meta.get("complete") and not table_files(folder, name):
                raise InputError(
                    f"'{directory}' is no whole record: it says it is complete, and table '{name}' is missing"
                )
        return cls(folder, _read(folder, FRAMES), _read(folder, INFERENCES), meta, _read(folder, LEARNING))


def _read(folder: Path, name: str) -> pd.DataFrame:
    pa, pq = load("pyarrow"), load("pyarrow.parquet")
    schema = table_schema(name)
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
            raise InputError(f"'{folder}' is no readable record: table '{name}': {reason}") from None
        return pa.concat_tables([schema.empty_table(), *tables]).to_pandas()
