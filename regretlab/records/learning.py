"""What a record says about learning: the updates that a run made, as a share of those that its replay ratio allows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .batch_means import batch_means
from .reader import Record

__all__ = ["learning_figures", "share_error", "step_seconds"]


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
    allowed = told.get("counted", told["transitions"]) * ratio
    return {
        "learners": record.meta["config"]["learners"],
        "transitions": told["transitions"],
        "updates": told["updates"],
        "updates_per_second": told["updates"] / seconds if seconds else None,
        "share": told["batches"] * settings["batch"] / allowed if allowed else None,
        "restarts": told["restarts"],
    }


def step_seconds(record: Record) -> NDArray[np.float64]:
    """Return how long each learning step kept its learner busy, waiting for its turn left out.

    Parameters
    ----------
    record
        The record of a run that learned.

    Returns
    -------
    numpy.ndarray
        Seconds, one for each row of ``record.learning_steps``: drawing, gradient and applying where they were measured,
        the padded time where it was emulated.
    """
    rows = record.learning_steps
    seconds = (rows["ready"] - rows["began"]).to_numpy(np.float64)
    if record.meta["config"]["emulate_learning"] is None:
        seconds = seconds + (rows["applied"] - rows["turn"]).to_numpy(np.float64)
    return seconds


def share_error(record: Record) -> float:
    """Return the standard error of the share of what might be learned that was drawn.

    Batches and transitions are counted frame by frame (a batch in parts, over the frames until the same learner draws
    again, so that counting whole ones adds no noise), and the error is that of their ratio, by batch means.

    Parameters
    ----------
    record
        The record of a run that learned.

    Returns
    -------
    float
        Standard error of ``learning_figures(record)["share"]``; NaN where too little was learned.

    References
    ----------
    Cochran 1977, "Sampling Techniques", section 2.11 (the ratio estimator).
    """
    rows, frames = record.learning_steps, record.frames
    began = [np.sort(times.to_numpy()) for _, times in rows.groupby("learner")["began"]]
    if not began:
        return float("nan")
    boundaries = frames["deadline"].to_numpy()
    everybody = (boundaries >= max(times[0] for times in began)) & (boundaries <= min(times[-1] for times in began))
    drawn = sum(np.diff(np.interp(boundaries[everybody], times, np.arange(len(times)))) for times in began)
    transitions = (frames["served_by"].to_numpy() >= 0)[everybody][:-1]
    settings = record.meta["config"]["learning"]
    allowed = transitions * (settings["replay_ratio"] or settings["batch"]) / settings["batch"]
    if not allowed.any():
        return float("nan")
    return batch_means(drawn - drawn.sum() / allowed.sum() * allowed).standard_error / float(allowed.mean())
