"""Play a rule on given inference times and keep every event, in the columns of a record."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import InputError
from ...records.schema import FRAMES, INFERENCE_DTYPE, INFERENCES, blank
from ...rules import FRAME_POOL, get_rule
from ...rules.rule import HoldObjective, StaggeringRule
from .engine import LONGEST_RUN, EventEngine

__all__ = ["EventLog", "TooFewTimesError", "replay"]


class TooFewTimesError(InputError):
    """A run needs more inference times than it was given."""


@dataclass(frozen=True, eq=False)
class EventLog:
    """Every frame and every inference of a run, as a record has them.

    Attributes
    ----------
    frames
        Rows of ``regretlab.records.FRAME_DTYPE``; no rewards, actions or labels.
    inferences
        Rows of ``regretlab.records.INFERENCE_DTYPE`` in the order of dispatch; those still in flight at the end have
        completion and release NaN and effect frame -1, as has the effect frame of what would come after the end.
    """

    frames: NDArray[np.void]
    inferences: NDArray[np.void]


def replay(
    latencies: ArrayLike,
    frame_time: float,
    *,
    workers: int = 1,
    rule: str | StaggeringRule = FRAME_POOL,
    frames: int,
    alignment: str | None = None,
    hold: int | HoldObjective = 0,
    first_estimate: float | None = None,
) -> EventLog:
    """Run a rule on given inference times, from an idle start at time 0.

    Parameters
    ----------
    latencies
        Inference times in seconds in the order of dispatch, shape (n,).
    frame_time
        Seconds of a frame.
    workers
        Number of workers.
    rule
        The staggering rule, or its name.
    frames
        Frames to play.
    alignment, hold, first_estimate
        As for ``StaggeringRule.new_state``.

    Returns
    -------
    EventLog
        What a run of these inference times records.

    Raises
    ------
    InputError
        For bad input.
    TooFewTimesError
        If the run needs more inference times than are given.

    Examples
    --------
    >>> log = replay([2.5] * 4, 1.0, rule="sequential", frames=10)
    >>> log.inferences["effect_frame"].tolist(), log.frames["delay_frames"].tolist()
    ([3, 6, 9, -1], [-1, -1, -1, 3, -1, -1, 3, -1, -1, 3])
    """
    times = np.array(latencies, dtype=np.float64).ravel()
    if not np.all(np.isfinite(times)) or np.any(times <= 0):
        raise InputError("latencies must be positive, finite numbers of seconds")
    if not 1 <= frames <= LONGEST_RUN:
        raise InputError(f"frames must lie between 1 and {LONGEST_RUN}, not {frames}")
    if not np.isfinite(frame_time) or frame_time <= 0:
        raise InputError(f"frame time must be a positive number of seconds, not {frame_time}")
    if workers > np.iinfo(INFERENCE_DTYPE["worker"]).max:
        raise InputError(f"a record numbers at most {np.iinfo(INFERENCE_DTYPE['worker']).max} workers, not {workers}")
    supply = iter([times])
    engine = EventEngine(
        get_rule(rule),
        workers,
        frame_time,
        lambda: next(supply, np.empty(0)),
        alignment=alignment,
        hold=hold,
        first_estimate=first_estimate,
        log=len(times),
    )
    served = np.zeros(frames, np.int32)
    rows = np.full(frames, -1, np.int64)
    played = engine.serve(0, frames, served, rows)
    if played < frames:
        raise TooFewTimesError(f"{len(times)} latencies last for {played} frames only: {frames} frames need more")
    return EventLog(_frame_rows(served, rows, engine), _inference_rows(engine, frames))


def _frame_rows(served: NDArray[np.int32], rows: NDArray[np.int64], engine: EventEngine) -> NDArray[np.void]:
    number = np.arange(len(served))
    acted = served > 0
    return blank(
        FRAMES,
        len(served),
        frame=number,
        deadline=number * engine.frame_time,
        served_by=np.where(acted, engine.log_worker[rows], -1),
        observation_frame=np.where(acted, number - served, -1),
        delay_frames=np.where(acted, served, -1),
    )


def _inference_rows(engine: EventEngine, frames: int) -> NDArray[np.void]:
    count = engine.dispatched
    effect = engine.log_frame[:count, 1]
    return blank(
        INFERENCES,
        count,
        worker=engine.log_worker[:count],
        dispatch=engine.log_time[:count, 0],
        scheduled=engine.log_time[:count, 0],
        observation_frame=engine.log_frame[:count, 0],
        completion=engine.log_time[:count, 1],
        release=engine.log_time[:count, 2],
        effect_frame=np.where(effect < frames, effect, -1),
        overwritten=engine.log_overwritten[:count] & (effect < frames),
    )
