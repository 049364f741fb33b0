"""The incremental writer of records: the rows up to its last flush can be read after a kill."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, RunError
from ..files import make_folder, write_atomically
from .schema import (
    FRAMES,
    INFERENCES,
    LEARNING,
    META,
    OPTIONAL_TABLES,
    SCHEMA_VERSION,
    TABLES,
    action_numbers,
    row_dtype,
)
from .storage import merge_parts, record_paths, write_part

__all__ = ["RecordWriter"]


class RecordWriter:
    """Write a record while its run is on.

    Rows are kept in memory until ``part_rows`` of a table have gathered or ``flush`` is called; a part then appears on
    disk whole. A realtime run flushes about once a second. ``close`` merges the parts into one file a table, whose
    bytes depend on the rows alone.

    Parameters
    ----------
    directory
        Folder of the record; made if missing.
    meta
        What to say about the run (JSON values): versions, machine, seeds, config, clock, latency, ... Where actions are
        rows of numbers, ``action_row`` says of how many, and rows have these too (``schema.row_dtype``).
    overwrite
        Replace a record that is already there. A folder that holds anything else is refused all the same.
    part_rows
        Rows of a table that make a part of their own.
    observe
        Called with the frame rows as they are added (a live view).

    Raises
    ------
    InputError
        If the folder is in use or cannot be written to, or ``meta`` is not JSON.
    RunError
        From any method, if the disk is full or fails. What was on disk before can still be read; rows after that are
        lost, and nothing more is written.

    Examples
    --------
    >>> import tempfile
    >>> from regretlab.records import FRAME_DTYPE, Record
    >>> folder = tempfile.mkdtemp()
    >>> rows = np.zeros(3, FRAME_DTYPE)
    >>> rows["frame"] = [0, 1, 2]
    >>> with RecordWriter(folder, {"clock": "virtual"}) as writer:
    ...     writer.append_frames(rows)
    >>> len(Record.open(folder).frames)
    3
    """

    def __init__(
        self,
        directory: str | Path,
        meta: dict[str, Any],
        overwrite: bool = False,
        *,
        part_rows: int = 8192,
        observe: Callable[[NDArray[np.void]], None] | None = None,
    ) -> None:
        self.directory = Path(directory)
        self._part_rows = part_rows
        self._observe = observe
        self._rows: dict[str, list[NDArray[np.void]]] = {name: [] for name in TABLES}
        self._parts = dict.fromkeys(TABLES, 0)
        self._closed = False
        self._failed = False
        self._numbers = action_numbers(meta)
        self._meta: dict[str, Any] = {"events": [], **meta, "schema_version": SCHEMA_VERSION, "complete": False}
        self._recorded = False
        text = self._meta_text()
        check_folder(self.directory, overwrite=overwrite)
        self._made = [folder for folder in (self.directory, *self.directory.parents) if not folder.exists()]
        _make_empty(self.directory)
        try:
            write_atomically(self.directory / META, text)
        except OSError as error:
            self.discard()
            raise InputError(f"no record can be written in '{directory}': {_reason(error)}") from None

    @property
    def is_writable(self) -> bool:
        """Whether rows are still taken: not closed, and the disk has not failed."""
        return not (self._closed or self._failed)

    def append_frames(self, rows: NDArray[np.void]) -> None:
        """Add rows of type ``FRAME_DTYPE`` (copied at once, so the caller may reuse their memory)."""
        self._append(FRAMES, rows)
        if self._observe is not None:
            self._observe(rows)

    def append_inferences(self, rows: NDArray[np.void]) -> None:
        """Add rows of type ``INFERENCE_DTYPE`` (copied at once, so the caller may reuse their memory)."""
        self._append(INFERENCES, rows)

    def append_learning_steps(self, rows: NDArray[np.void]) -> None:
        """Add rows of type ``LEARNING_DTYPE`` (copied at once, so the caller may reuse their memory)."""
        self._append(LEARNING, rows)

    def update_meta(self, **changes: Any) -> None:
        """Change entries of ``meta.json``, in one step on disk."""
        self._check_open()
        self._meta.update(changes)
        text = self._meta_text()
        with self._disk():
            write_atomically(self.directory / META, text)

    def add_event(self, kind: str, **details: Any) -> None:
        """Note something that happened, for example ``add_event("restart", worker=2, time=3.5)``."""
        self.update_meta(events=[*self._meta["events"], {"kind": kind, **details}])

    def flush(self) -> None:
        """Put all rows so far on disk."""
        self._check_open()
        for name in TABLES:
            self._flush(name)

    def close(self, complete: bool = True, **meta: Any) -> None:
        """Write what is left, merge the parts and mark the record.

        Parameters
        ----------
        complete
            Whether the run reached its end.
        **meta
            Last entries for ``meta.json``.
        """
        if self._closed:
            return
        self._closed = self._failed  # what a failed disk has is left as it is: parts, readable, not complete
        if self._failed:
            return
        self.flush()
        with self._disk():
            for name in TABLES:
                if self._parts[name] or name not in OPTIONAL_TABLES:
                    merge_parts(self.directory, name, self._numbers)
        self.update_meta(complete=complete, **meta)
        self._closed = True

    def discard(self) -> None:
        """Remove the record if no row was recorded, with the folders that were made for it: the run never began."""
        if self._recorded:
            return
        self._closed = True
        with suppress(OSError):
            _make_empty(self.directory)
            for folder in self._made:
                folder.rmdir()

    def __enter__(self) -> "RecordWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(complete=kind is None)

    def _append(self, name: str, rows: NDArray[np.void]) -> None:
        self._check_open()
        if rows.dtype != (due := row_dtype(name, self._numbers)):
            raise InputError(f"rows of '{name}' must have dtype {due}, not {rows.dtype}")
        self._rows[name].append(np.atleast_1d(rows).copy())
        self._recorded = True
        if sum(map(len, self._rows[name])) >= self._part_rows:
            self._flush(name)

    def _flush(self, name: str) -> None:
        if any(map(len, self._rows[name])):
            with self._disk():
                write_part(self.directory, name, self._parts[name], np.concatenate(self._rows[name]))
            self._parts[name] += 1
        self._rows[name] = []

    def _check_open(self) -> None:
        if self._closed:
            raise InputError(f"the record in '{self.directory}' is closed")

    @contextmanager
    def _disk(self) -> Iterator[None]:
        """Say in words what a disk refused, and free what was half written."""
        try:
            yield
        except OSError as error:
            self._failed = True
            with suppress(OSError):
                for path in self.directory.rglob("*.tmp"):
                    path.unlink()
            raise RunError(
                f"the record in '{self.directory}' cannot be written any more ({_reason(error)}); what was "
                "written before can be read"
            ) from error

    def _meta_text(self) -> str:
        try:
            return json.dumps(self._meta, indent=2, sort_keys=True, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
            raise InputError(f"meta must be made of finite JSON values: {error}") from None


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)  # pyarrow puts its own words around it


def check_folder(directory: Path, *, overwrite: bool = False) -> None:
    """Raise ``InputError`` if what a folder holds leaves no room for a record."""
    if not directory.is_dir():
        return
    own, foreign = record_paths(directory)
    if foreign:
        raise InputError(f"'{directory}' holds '{foreign[0].name}', which is not part of a record: use another folder")
    if own and not overwrite:
        raise InputError(f"'{directory}' already holds a record: use another folder or allow overwriting")


def _make_empty(directory: Path) -> None:
    """Make the folder, or remove the record in it, but nothing that is not a record's."""
    make_folder(directory)
    own, _ = record_paths(directory)
    for path in own:  # meta.json goes first: what is left of a removal cut short is not taken for a record
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
