"""What a record says about learning: how much of what it might have learned a run learned."""

from typing import Any

from .reader import Record

__all__ = ["learning_figures"]


def learning_figures(record: Record) -> dict[str, Any] | None:
    """Return the figures of the learners, or None for a run that did not learn.

    Parameters
    ----------
    record
        The record, complete or not.

    Returns
    -------
    dict
        ``learners`` (0: blocking), ``transitions``, ``updates``, ``updates_per_second``, ``share`` = drawn transitions
        over those the replay ratio allows (the u of docs/theory, measured) and ``restarts``.
    """
    told = record.meta.get("learning")
    if told is None:
        return None
    settings = record.meta["config"]["learning"]
    ratio = settings["replay_ratio"] or settings["batch"]
    seconds = len(record.frames) * float(record.meta["frame_time"])
    allowed = told["transitions"] * ratio
    return {
        "learners": record.meta["config"]["learners"],
        "transitions": told["transitions"],
        "updates": told["updates"],
        "updates_per_second": told["updates"] / seconds if seconds else None,
        "share": told["batches"] * settings["batch"] / allowed if allowed else None,
        "restarts": told["restarts"],
    }
