"""What a record holds: each table's columns, defined once, and the names of its files.

A table is a named tuple whose annotations say for each column the type on disk, the unit and the meaning, and whose
defaults are the values of a row that has nothing there. Everything else follows from it: ``DTYPES`` (numpy structured
types; also the layout of rows in shared memory, so a process can fill rows without pyarrow), ``columns`` (the
documentation's tables) and ``blank`` (rows to fill in). A new column is one line here and one where its value arises.
"""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, NamedTuple, get_type_hints

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ADDED",
    "FRAMES",
    "FRAME_DTYPE",
    "INFERENCES",
    "INFERENCE_DTYPE",
    "LEARNING",
    "LEARNING_DTYPE",
    "META",
    "OPTIONAL_TABLES",
    "SCHEMA_VERSION",
    "TABLES",
    "Column",
    "FrameRow",
    "InferenceRow",
    "LearningRow",
    "Output",
    "PlayedRow",
    "action_numbers",
    "blank",
    "columns",
    "row_dtype",
    "whole_row",
]

SCHEMA_VERSION = 1
META = "meta.json"
FRAMES = "frames"
INFERENCES = "inferences"
LEARNING = "learning"
_NAN = float("nan")


@dataclass(frozen=True)
class Column:
    """A column: its type on disk, its meaning and its unit ("s", or "" for counts, labels and flags)."""

    kind: type[np.generic]
    meaning: str
    unit: str = ""


class FrameRow(NamedTuple):
    """One frame; rows in order of frames, times in seconds since boundary 0."""

    frame: Annotated[int, Column(np.int64, "number of the frame")] = -1
    deadline: Annotated[float, Column(np.float64, "when its boundary is due", "s")] = _NAN
    lateness: Annotated[float, Column(np.float64, "how much later the boundary came", "s")] = 0.0
    action: Annotated[int, Column(np.int16, "the action applied in it; -1: nothing was played")] = -1
    served_by: Annotated[int, Column(np.int16, "worker whose output it was; -1: the default behaviour acted")] = -1
    observation_frame: Annotated[
        int, Column(np.int64, "the frame that worker had observed; -1 for the default behaviour")
    ] = -1
    delay_frames: Annotated[
        int, Column(np.int32, "frames from observation to effect; -1 for the default behaviour")
    ] = -1
    reward: Annotated[float, Column(np.float32, "reward of the frame")] = 0.0
    terminated: Annotated[bool, Column(np.bool_, "the episode ended with it")] = False
    truncated: Annotated[bool, Column(np.bool_, "the episode was cut off after it")] = False
    label: Annotated[int, Column(np.int32, "the true symbol shown, where the environment reports it; else -1")] = -1
    entry: Annotated[
        int,
        Column(
            np.int32,
            "which entry of the output's chunk acted, 0 for a single action; -1 for the default behaviour, and where "
            "nothing was played",
        ),
    ] = -1


class InferenceRow(NamedTuple):
    """One inference; rows in the order in which they were reported, times in seconds since boundary 0."""

    worker: Annotated[int, Column(np.int16, "the worker that computed it")] = -1
    dispatch: Annotated[float, Column(np.float64, "real start", "s")] = _NAN
    scheduled: Annotated[float, Column(np.float64, "planned start", "s")] = _NAN
    observation_frame: Annotated[int, Column(np.int64, "the last boundary at or before the planned start")] = -1
    completion: Annotated[float, Column(np.float64, "when it was computed; NaN if it never was", "s")] = _NAN
    release: Annotated[
        float, Column(np.float64, "from when on it may act, as the rule decides; NaN if it never completed", "s")
    ] = _NAN
    effect_frame: Annotated[
        int,
        Column(
            np.int64,
            "first boundary at or after the release, for a kept output the frame in which it acted or was discarded; "
            "-1: the run ended first, or it was lost or cancelled",
        ),
    ] = -1
    overwritten: Annotated[bool, Column(np.bool_, "a fresher output took that frame")] = False
    action: Annotated[int, Column(np.int16, "the action it chose; -1 if it never completed")] = -1
    label: Annotated[int, Column(np.int32, "the true symbol it had observed, where known; else -1")] = -1
    lost: Annotated[bool, Column(np.bool_, "its worker died, or its policy server went away")] = False
    cancelled: Annotated[bool, Column(np.bool_, "it was given up before it completed")] = False
    freed: Annotated[
        float, Column(np.float64, "when a cancelled one had freed its worker; NaN for the others", "s")
    ] = _NAN
    in_flight: Annotated[
        int, Column(np.int16, "inferences under way when it began, itself among them; 0: not known")
    ] = 0
    server_time: Annotated[
        float, Column(np.float64, "what a policy server says it took, its queue included; else NaN", "s")
    ] = _NAN


class PlayedRow(FrameRow):
    """A frame whose action is a row of numbers, shape (numbers,); the column ``action`` is -1."""

    numbers: NDArray[np.float64]

    @classmethod
    def of(cls, row: FrameRow, numbers: NDArray[np.float64]) -> "PlayedRow":
        """Return a row with the numbers of its action."""
        played = cls._make(row)
        played.numbers = numbers
        return played


class Output(InferenceRow):
    """An inference whose answer is a chunk of actions; the record holds the first of them and those that acted.

    Attributes
    ----------
    chunk
        Actions, shape (horizon,), or (horizon, numbers): entry i is for i frames after the observation.
    """

    chunk: NDArray[Any]

    @classmethod
    def of(cls, row: InferenceRow, chunk: NDArray[Any]) -> "Output":
        """Return a row with its chunk."""
        output = cls._make(row)
        output.chunk = chunk
        return output

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The first action, where actions are rows of numbers."""
        first: NDArray[np.float64] = self.chunk[0]
        return first

    def _replace(self, **changes: Any) -> "Output":
        return Output.of(super()._replace(**changes), self.chunk)


class LearningRow(NamedTuple):
    """One learning step whose gradient was applied (only of a run that learned); times in seconds since boundary 0."""

    learner: Annotated[int, Column(np.int16, "the learner that took the step; 0 where the worker itself learns")] = -1
    batch: Annotated[int, Column(np.int64, "its number in the run, from 0: gradients are applied in this order")] = -1
    began: Annotated[float, Column(np.float64, "when the learner was free to draw the batch", "s")] = _NAN
    ready: Annotated[
        float, Column(np.float64, "its gradient was there (emulated steps: the padded time was over)", "s")
    ] = _NAN
    turn: Annotated[float, Column(np.float64, "all gradients before it had been applied", "s")] = _NAN
    applied: Annotated[float, Column(np.float64, "it had been applied itself", "s")] = _NAN


_ROWS: dict[str, Any] = {FRAMES: FrameRow, INFERENCES: InferenceRow, LEARNING: LearningRow}


def columns(table: str) -> dict[str, Column]:
    """Return the columns of a table, in their order.

    Examples
    --------
    >>> columns("frames")["deadline"]
    Column(kind=<class 'numpy.float64'>, meaning='when its boundary is due', unit='s')
    """
    hints = get_type_hints(_ROWS[table], include_extras=True)
    return {name: hints[name].__metadata__[0] for name in _ROWS[table]._fields}


TABLES = {
    table: np.dtype([(name, column.kind) for name, column in columns(table).items()], align=True) for table in _ROWS
}
"""The structured type of a row of each table."""
FRAME_DTYPE, INFERENCE_DTYPE, LEARNING_DTYPE = TABLES[FRAMES], TABLES[INFERENCES], TABLES[LEARNING]


@cache
def row_dtype(table: str, numbers: int = 0) -> np.dtype[Any]:
    """Return the structured type of a table's rows where actions are rows of that many numbers (0: single ones).

    Examples
    --------
    >>> row_dtype("frames", 2).names[-2:], row_dtype("learning", 2) is TABLES["learning"]
    (('action_0', 'action_1'), True)
    """
    if not numbers or table == LEARNING:
        return TABLES[table]
    fields = [(name, column.kind) for name, column in columns(table).items()]
    return np.dtype([*fields, *((f"action_{place}", np.float64) for place in range(numbers))], align=True)


def action_numbers(meta: dict[str, Any]) -> int:
    """Return how many numbers an action has, from the entries of ``meta.json``; 0 where it is a single one."""
    return len((meta.get("action_row") or {}).get("low", ()))


def whole_row(row: FrameRow | InferenceRow, numbers: int) -> tuple[Any, ...]:
    """Return a row with the numbers of its action, NaN where it has none."""
    if not numbers:
        return row
    return *row, *(row.numbers if isinstance(row, PlayedRow | Output) else [_NAN] * numbers)


ADDED = ("cancelled", "freed", "in_flight", "server_time", "entry")
"""Columns that records of earlier versions do not have."""
OPTIONAL_TABLES = (LEARNING,)
"""Tables that a record without rows of theirs has no file for."""


def blank(table: str, count: int, **columns: ArrayLike) -> NDArray[np.void]:
    """Return rows with the given columns, and each other column's default.

    Examples
    --------
    >>> blank("frames", 2, action=[3, 4])[["action", "served_by"]].tolist()
    [(3, -1), (4, -1)]
    """
    row = np.array(_ROWS[table](), TABLES[table])
    rows = np.zeros(count, row.dtype)  # the memory between columns too, so that equal rows are equal bytes
    for name in TABLES[table].names or ():
        if name in columns or row[name] != 0:
            rows[name] = columns.get(name, row[name])
    return rows
