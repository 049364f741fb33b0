"""What must be so in a record, checked once when it is opened: a foreign or damaged one is refused in one sentence."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ..actions import MOST_NUMBERS
from ..errors import InputError
from .schema import ADDED, FRAMES, INFERENCES, SCHEMA_VERSION, blank

__all__ = ["check_meta", "check_table"]

LONGEST_DELAY = 1_000_000
"""Frames: a delay law is a list up to the longest delay (a million frames are more than four hours)."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_events(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(e, dict) and isinstance(e.get("kind"), str) for e in value)


def _are_seconds(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_number(seconds) and seconds >= 0 for seconds in value.values())


def _is_settings(value: Any) -> bool:
    learning = value.get("learning") if isinstance(value, dict) else None
    return isinstance(value, dict) and (learning is None or isinstance(learning, dict))


def _is_learning(value: Any) -> bool:
    names = ("transitions", "updates", "batches", "restarts")
    return isinstance(value, dict) and all(_is_count(value.get(name)) for name in names)


def _is_action_row(value: Any) -> bool:
    """Whether it says of each number of an action between which bounds it lies (null: none)."""
    if not isinstance(value, dict) or not isinstance(value.get("whole"), bool):
        return False
    low, high = value.get("low"), value.get("high")
    if not (isinstance(low, list) and isinstance(high, list) and 1 <= len(low) == len(high) <= MOST_NUMBERS):
        return False
    return all(bound is None or _is_number(bound) for bound in (*low, *high))


_META: dict[str, tuple[Callable[[Any], bool], str]] = {
    "complete": (lambda value: isinstance(value, bool), "true or false"),
    "clock": (lambda value: isinstance(value, str), "text"),
    "config": (_is_settings, "a table of settings"),
    "environment": (lambda value: isinstance(value, dict), "a table"),
    "action_row": (
        lambda value: value is None or _is_action_row(value),
        f"a table with the bounds of at most {MOST_NUMBERS} numbers",
    ),
    "versions": (lambda value: isinstance(value, dict), "a table"),
    "events": (_are_events, "a list of events, each with its kind"),
    "frame_time": (lambda value: _is_number(value) and value > 0, "a positive number of seconds"),
    "first_estimate": (
        lambda value: value is None or (_is_number(value) and value > 0),
        "a positive number of seconds",
    ),
    "missed_frames": (_is_count, "a count"),
    "reconnections": (_is_count, "a count"),
    "failure": (lambda value: value is None or isinstance(value, str), "text or null"),
    "hold": (lambda value: value is None or _is_count(value), "a count of frames or null"),
    "processor_seconds": (lambda value: value is None or _are_seconds(value), "seconds by process"),
    "learning": (lambda value: value is None or _is_learning(value), "a table with counts of what was learned"),
}
"""For entries of ``meta.json``, where they are there: whether the value will do, and what is needed."""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def check_meta(meta: Any, place: str) -> dict[str, Any]:
    """Return the entries of ``meta.json``; raise ``InputError`` for one that cannot be what it should be.

    Parameters
    ----------
    meta
        What the file holds.
    place
        The record, for the message.
    """
    version = meta.get("schema_version") if isinstance(meta, dict) else None
    if not isinstance(version, int) or not 1 <= version <= SCHEMA_VERSION:
        raise InputError(f"'{place}' is not a record that this version reads: schema_version {version!r}")
    for name, (will_do, needed) in _META.items():
        if name in meta and not will_do(meta[name]):
            raise InputError(f"'{place}' is not a sound record: {name} must be {needed}, not {_short(meta[name])}")
    learned, config = meta.get("learning"), meta.get("config", {})
    if learned is not None:
        settings = config.get("learning") or {}
        ratio = settings.get("replay_ratio")
        sound = _is_count(settings.get("batch")) and (ratio is None or _is_number(ratio))
        if not (sound and "frame_time" in meta and "emulate_learning" in config and _is_count(config.get("learners"))):
            raise InputError(
                f"'{place}' is not a sound record: it learned, and its settings of learning are incomplete"
            )
    return dict(meta)


def check_table(name: str, table: Any, place: str) -> pd.DataFrame:
    """Return an Arrow table as a data frame; raise ``InputError`` for empty cells or values that cannot be.

    Parameters
    ----------
    name
        "frames", "inferences" or "learning".
    table
        The table, with the columns of the schema.
    place
        The record, for the message.
    """
    for column in table.column_names:
        missing = table.column(column).null_count
        if missing and not (column in ADDED and missing == table.num_rows):
            raise InputError(
                f"'{place}' is not a sound record: column '{column}' of table '{name}' is missing or has empty cells "
                f"({missing:,} of {table.num_rows:,})"
            )
    frame: pd.DataFrame = table.to_pandas()
    for column in ADDED:
        if column in frame and len(frame) and table.column(column).null_count == len(frame):
            frame[column] = blank(name, 1)[column][0]
    for column, (low, high) in _limits(name).items():
        values = frame[column].to_numpy()
        wrong = ~((values >= low) & (values <= high))
        if wrong.any():
            raise InputError(
                f"'{place}' is not a sound record: {column} in row {int(wrong.argmax())} of table '{name}' is "
                f"{values[wrong][0]}, and must lie in [{low:g}, {high:g}]"
            )
    if name == FRAMES and (frame["delay_frames"] < 0)[frame["served_by"] >= 0].any():
        raise InputError(f"'{place}' is not a sound record: a frame that a worker served has a negative delay")
    if name == FRAMES and (np.diff(frame["frame"].to_numpy()) <= 0).any():
        raise InputError(f"'{place}' is not a sound record: the frames of table '{name}' are not in order")
    return frame


def _limits(name: str) -> dict[str, tuple[float, float]]:
    """Return the least and the largest value of the columns that have them (NaN lies outside)."""
    most, last = 1e15, float(np.iinfo(np.int32).max)
    if name == FRAMES:
        return {
            "frame": (0, most),
            "deadline": (-most, most),
            "lateness": (-most, most),
            "served_by": (-1, last),
            "observation_frame": (-1, most),
            "delay_frames": (-1, LONGEST_DELAY),
        }
    if name == INFERENCES:
        return {
            "worker": (-1, last),
            "scheduled": (-most, most),
            "observation_frame": (-1, most),
            "in_flight": (0, last),
        }
    return {"learner": (-1, last), "batch": (-1, most)}
