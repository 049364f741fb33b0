"""What a user of a run looks at first: episodes, the worst second, and what speaks against the figures."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError
from ..laws import Law, parse_law
from ..laws.load_law import LoadLaw
from ..machine_load import busy_warning
from ..results import interval_quantile
from .reader import Record

__all__ = ["LEVEL", "completed_inferences", "episodes", "warnings_of", "worst_second"]

LEVEL = 0.95
"""Confidence of the intervals of episodes."""
_FAR_ABOVE = 3.0
"""Times the 99 % quantile of the others from which on a first inference is far above the rest."""
_FEWEST = 20
_LONG = 10.0  # seconds


def completed_inferences(record: Record) -> pd.DataFrame:
    """Return the inferences that were neither lost nor cancelled and ended, in the order of their scheduled starts."""
    rows = record.inferences
    return rows[~rows["lost"] & ~rows["cancelled"] & rows["completion"].notna()].sort_values("scheduled")


def episodes(table: pd.DataFrame) -> tuple[dict[str, Any], dict[str, Any]] | tuple[None, None]:
    """Return mean return and length in frames of the episodes that ended, with their intervals.

    Parameters
    ----------
    table
        The frames of a record.

    Returns
    -------
    tuple
        Twice ``mean``, ``interval`` (the two ends; ``None`` for one episode) and ``episodes`` (how many ended); nothing
        where none ended. The interval is Student's at ``LEVEL``: episodes are independent, frames within one are not.
        The last, unfinished episode is left out, so with few episodes long ones are under-represented.
    """
    ends = np.flatnonzero((table["terminated"] | table["truncated"]).to_numpy())
    if not len(ends):
        return None, None
    sums = np.cumsum(table["reward"].to_numpy(np.float64))[ends]
    returns, lengths = np.diff(sums, prepend=0.0), np.diff(ends, prepend=-1).astype(np.float64)
    return _mean_with_interval(returns), _mean_with_interval(lengths)


def _mean_with_interval(values: NDArray[np.float64]) -> dict[str, Any]:
    mean, count = float(values.mean()), len(values)
    if not math.isfinite(mean):  # of a reward that is not a number
        return {"mean": None, "interval": None, "episodes": count}
    interval = None
    if count > 1:
        half = interval_quantile(LEVEL, count - 1) * float(values.std(ddof=1)) / math.sqrt(count)
        interval = [mean - half, mean + half]
    return {"mean": mean, "interval": interval, "episodes": count}


def worst_second(
    counted: pd.DataFrame, served: NDArray[np.bool_], finished: pd.DataFrame, frame_time: float
) -> dict[str, Any] | None:
    """Return the second of a run with the most frames without an agent action.

    Parameters
    ----------
    counted
        The frames that count.
    served
        Whether an agent action acted in each.
    finished
        The completed inferences.
    frame_time
        Seconds of a frame.

    Returns
    -------
    dict
        ``begins`` (seconds since the run began), ``frames``, ``frames_without_action`` and ``longest_inference``, in
        seconds, of those that were under way then (``None`` without one); ``None`` without a frame.
    """
    if not len(served):
        return None
    frames = min(len(served), max(1, round(1.0 / frame_time)))
    missed = np.concatenate([[0], np.cumsum(~served)])
    sums = missed[frames:] - missed[:-frames]
    first = int(np.argmax(sums))
    begins = float(counted["deadline"].iloc[first])
    scheduled, completion = finished["scheduled"].to_numpy(), finished["completion"].to_numpy()
    meanwhile = (scheduled < begins + frames * frame_time) & (completion > begins)
    longest = float((completion - scheduled)[meanwhile].max()) if meanwhile.any() else None
    return {
        "begins": begins,
        "frames": frames,
        "frames_without_action": int(sums[first]),
        "longest_inference": longest,
    }


def _emulated_law(meta: Mapping[str, Any]) -> Law | None:
    """Return the law that inferences were padded to, with as many requests in flight as workers; None for none."""
    config = meta.get("config")
    text = config.get("emulate_latency") if isinstance(config, Mapping) else None
    try:
        law = None if text is None else parse_law(text)
        return law.under(config["workers"]) if isinstance(law, LoadLaw) else law  # type: ignore[index]
    except InputError:  # of a file that is no longer there
        return None


def warnings_of(meta: Mapping[str, Any], finished: pd.DataFrame, doubts: Mapping[str, str]) -> list[str]:
    """Return in sentences what speaks against the figures of a run.

    Parameters
    ----------
    meta
        What the record says about the run.
    finished
        Its completed inferences.
    doubts
        Why a mean has no standard error, by its name.
    """
    warnings = []
    load = meta.get("cores_of_others")
    if (busy := busy_warning(load if isinstance(load, int | float) else None, "inference times")) is not None:
        warnings.append(busy)
    times = (finished["completion"] - finished["scheduled"]).to_numpy()
    measured = meta.get("latency") == "measured"
    is_first = ~finished.duplicated("worker").to_numpy()
    if measured and (~is_first).sum() >= _FEWEST:
        first, rest = float(times[is_first].max()), float(np.quantile(times[~is_first], 0.99))
        if first > _FAR_ABOVE * rest:
            warnings.append(
                f"the first inference of a worker took {1e3 * first:.1f} ms, and 99 % of the later ones took at most "
                f"{1e3 * rest:.1f} ms: it warms up, and a rule that learns the longest time keeps to it"
            )
    longest, config = meta.get("tau_max") or 0.0, meta.get("config") or {}
    cancels = config.get("cancel_after") is not None or config.get("replicas", 1) > 1  # their longest times are cut
    if measured and not cancels and len(times) >= _FEWEST and longest > _FAR_ABOVE * times.max():
        warnings.append(
            f"the longest time that the rule learned, {1e3 * longest:.1f} ms, is that of the warm-up: no inference of "
            f"the run took longer than {1e3 * times.max():.1f} ms, and the rule waits for the longest"
        )
    law = _emulated_law(meta)
    warnings += () if law is None else law.caution
    mean = float(times.mean()) if len(times) else None if law is None else law.mean()
    if mean is not None and mean > _LONG:
        warnings.append(f"inferences take {mean:.4g} s on average: times are in seconds, write 40 ms as 0.04 or 40ms")
    return [*warnings, *(f"{name.replace('_', ' ')} has no interval: {why}" for name, why in doubts.items())]
