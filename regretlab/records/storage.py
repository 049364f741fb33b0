"""Where the rows of a table lie on disk, and how they get there so that a kill at any moment loses no written part.

A table grows as a folder ``NAME.parquet/`` of parts; each part is written under a temporary name and then renamed.
Closing merges the parts into one file ``NAME.parquet``: the merged file is written next to the folder, the folder is
renamed to ``NAME.parts``, the file takes its name, and only then is ``NAME.parts`` removed. At every instant one of the
three holds all rows, and ``table_files`` finds it.

Bytes depend on the rows alone: fixed row groups, compression and encoding, and no time or path is stored.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..files import replacing
from ..needs import load
from .schema import META, TABLES, row_dtype

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "merge_parts",
    "record_paths",
    "table_files",
    "table_schema",
    "to_table",
    "write_part",
]

ROW_GROUP = 1 << 16
PART = "part-{:06d}.parquet"
OPTIONAL_FILES = ("weights.safetensors", "checkpoint.safetensors")


def table_schema(name: str, numbers: int = 0) -> "pa.Schema":
    """Return the columns of a table (``"frames"``, ``"inferences"`` or ``"learning"``), of actions of ``numbers``."""
    pa, dtype = load("pyarrow"), row_dtype(name, numbers)
    return pa.schema([(field, pa.from_numpy_dtype(dtype[field]), False) for field in dtype.names or ()])


def to_table(name: str, rows: NDArray[np.void]) -> "pa.Table":
    """Return structured rows as an Arrow table."""
    pa, schema = load("pyarrow"), table_schema(name, len(rows.dtype.names or ()) - len(TABLES[name].names or ()))
    columns = [pa.array(np.ascontiguousarray(rows[field])) for field in schema.names]
    return pa.Table.from_arrays(columns, schema=schema)


def write_part(directory: Path, name: str, number: int, rows: NDArray[np.void]) -> None:
    """Write one part of a table; it appears whole or not at all."""
    folder = directory / f"{name}.parquet"
    folder.mkdir(exist_ok=True)
    with replacing(folder / PART.format(number)) as temporary:
        writer = load("pyarrow.parquet")
        writer.write_table(to_table(name, rows), temporary, row_group_size=ROW_GROUP, compression="zstd")


def table_files(directory: Path, name: str) -> list[Path]:
    """Return the files that together hold a table, in the order of their rows (none: no row was written yet)."""
    whole = directory / f"{name}.parquet"
    if whole.is_file():
        return [whole]
    for folder in (whole, directory / f"{name}.parts"):  # the second: a merge was killed between its renames
        parts = sorted(folder.glob("part-*.parquet"))
        if folder.is_dir():  # still: a run that ends may have merged them meanwhile
            return parts
    return [whole] if whole.is_file() else []


def merge_parts(directory: Path, name: str, numbers: int = 0) -> None:
    """Turn the folder of parts into one file that depends only on the rows, not on how they came in parts."""
    whole = directory / f"{name}.parquet"
    aside = directory / f"{name}.parts"
    schema = table_schema(name, numbers)
    with replacing(whole) as temporary:
        with load("pyarrow.parquet").ParquetWriter(temporary, schema, compression="zstd") as writer:
            for group in _row_groups(table_files(directory, name), schema):
                writer.write_table(group, row_group_size=ROW_GROUP)
        if whole.is_dir():
            os.rename(whole, aside)
    if aside.is_dir():
        shutil.rmtree(aside)


def record_paths(directory: Path) -> tuple[list[Path], list[Path]]:
    """Return what in a folder belongs to a record (``meta.json`` first) and what does not."""
    own: list[Path] = []
    foreign: list[Path] = []
    files = {META, *OPTIONAL_FILES, *(f"{name}.parquet" for name in TABLES)}
    folders = {f"{name}.{ending}" for name in TABLES for ending in ("parquet", "parts")}
    for path in sorted(directory.iterdir(), key=lambda entry: (entry.name != META, entry.name)):
        if path.is_dir() and not path.is_symlink() and path.name in folders:
            strangers = [entry for entry in path.iterdir() if not _is_part(entry)]
            foreign += strangers
            if not strangers:
                own.append(path)
        elif path.is_file() and _final_name(path.name) in files:
            own.append(path)
        else:
            foreign.append(path)
    return own, foreign


def _final_name(name: str) -> str:
    """Return the name that a file has, or would have taken if its writer had not been killed."""
    return re.sub(r"(\.\d+)?\.tmp$", "", name)


def _is_part(path: Path) -> bool:
    return path.is_file() and re.fullmatch(r"part-.*\.parquet", _final_name(path.name)) is not None


def _row_groups(files: list[Path], schema: "pa.Schema") -> "Iterator[pa.Table]":
    """Yield the rows of the files in groups of exactly ``ROW_GROUP`` rows (the last one may be shorter)."""
    pa, pq = load("pyarrow"), load("pyarrow.parquet")
    waiting = schema.empty_table()
    for file in files:
        waiting = pa.concat_tables([waiting, pq.read_table(file, schema=schema)]).combine_chunks()
        while waiting.num_rows >= ROW_GROUP:
            yield waiting.slice(0, ROW_GROUP).combine_chunks()
            waiting = waiting.slice(ROW_GROUP).combine_chunks()
    if waiting.num_rows:
        yield waiting
