"""From tallies to figures with standard errors.

Each figure is a ratio of sums over all batches of all replications. Its standard error is by batch means, from the
residuals (numerator - ratio * denominator) of the batches; where the replications among themselves vary more than their
batches show (phases that never mix, as with constant inference times), it is by replications.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..results import ServiceLaw
from .tallies import INTERVALS, Tallies, lengthened
from .tallies import _kernels as column

__all__ = ["Ratio", "Stacked", "action_intervals", "interval_law", "ratio", "served_delays", "stack", "summed_service"]


@dataclass(frozen=True)
class Ratio:
    """A ratio of means, its standard error (``None`` without enough data) and its degrees of freedom."""

    value: float
    standard_error: float | None
    degrees: int | None = field(default=None, repr=False)


def ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> Ratio:
    """Return sum(numerator) / sum(denominator) over arrays of shape (replications, batches).

    Examples
    --------
    >>> ratio(np.array([[1.0, 3.0], [1.0, 3.0]]), np.full((2, 2), 4.0))
    Ratio(value=0.5, standard_error=0.1443...)
    """
    total = float(denominator.sum())
    if total == 0:
        return Ratio(math.nan, None)
    value = float(numerator.sum()) / total
    if denominator.size < 2:
        return Ratio(value, None)
    residual = numerator - value * denominator
    degrees = residual.size - 1  # residuals have mean 0
    error = math.sqrt(residual.size * float(np.vdot(residual, residual)) / degrees) / total
    if len(residual) > 1:
        between = residual.sum(axis=1).std(ddof=1) * math.sqrt(len(residual)) / total
        if between > error:
            error, degrees = between, len(residual) - 1
    return Ratio(value, float(error), degrees)


@dataclass(frozen=True, eq=False)
class Stacked:
    """The tallies of all replications side by side.

    Attributes
    ----------
    columns, values, sums
        As in ``Tallies``, of shape (replications, batches, ...), float64.
    delays, delay_squares
        Of shape (replications, J + 1).
    intervals
        Of shape (replications, INTERVALS + 1).
    """

    columns: NDArray[np.float64]
    values: NDArray[np.float64]
    sums: NDArray[np.float64]
    delays: NDArray[np.float64]
    delay_squares: NDArray[np.float64]
    intervals: NDArray[np.int64]


def stack(replications: list[Tallies]) -> Stacked:
    """Return the replications in one."""
    longest = max(len(tallies.delays) for tallies in replications)

    def together(arrays: Iterable[NDArray[Any]]) -> NDArray[Any]:
        first, *others = arrays
        return np.stack([first, *others]) if others else first[np.newaxis]

    return Stacked(
        together(tallies.columns for tallies in replications).astype(np.float64),
        together(tallies.values for tallies in replications),
        together(tallies.sums for tallies in replications),
        together(lengthened(tallies.delays, longest) for tallies in replications),
        together(lengthened(tallies.delay_squares, longest) for tallies in replications),
        together(tallies.intervals for tallies in replications),
    )


def served_delays(stacked: Stacked) -> tuple[NDArray[np.float64], list[float | None]]:
    """Return the delay law a_j, from j = 0 to the longest delay seen, and its standard errors.

    The batches are equally long, so the spread of a count over them needs only its sum and its sum of squares.
    """
    count, batches = stacked.values.shape
    frames = stacked.columns[..., column.FRAMES].sum()
    totals = stacked.delays.sum(axis=0)
    seen = np.flatnonzero(totals[1:])
    longest = int(seen[-1]) + 1 if seen.size else 0
    totals = totals[: longest + 1]
    law = totals / frames
    law[0] = 0.0
    parts = count * batches
    if parts < 2:
        return law, [0.0, *[None] * longest]
    squares = stacked.delay_squares.sum(axis=0)[: longest + 1]
    errors = np.sqrt(np.maximum(0.0, squares - totals**2 / parts) * (parts / (parts - 1))) / frames
    if count > 1:
        between = stacked.delays[:, : longest + 1].std(axis=0, ddof=1) * math.sqrt(count) / frames
        errors = np.maximum(errors, between)
    return law, [0.0, *errors[1:].tolist()]


def action_intervals(tallies: Stacked, frame_time: float) -> dict[str, float | None]:
    """Return mean, standard deviation and 99 % quantile of the seconds between agent actions."""
    counts = tallies.intervals.sum(axis=0)
    total = counts.sum()
    if total == 0:
        return {"mean": None, "std": None, "p99": None}
    frames = np.arange(INTERVALS + 1)
    mean = counts @ frames / total
    spread = math.sqrt(max(0.0, counts @ (frames - mean) ** 2 / total))
    p99 = int(np.searchsorted(np.cumsum(counts), 0.99 * total))
    return {"mean": float(mean * frame_time), "std": spread * frame_time, "p99": p99 * frame_time}


def interval_law(tallies: Stacked) -> tuple[NDArray[np.float64], list[float | None]]:
    """Return the law of the frames between agent actions, up to the longest seen, and its standard errors.

    Intervals are counted for whole replications: the errors are by replications (a ratio of sums, to first order), and
    one replication has none.
    """
    counts = tallies.intervals.astype(np.float64)
    seen = np.flatnonzero(counts.sum(axis=0))
    counts = counts[:, : int(seen[-1]) + 1 if seen.size else 1]
    total = counts.sum()
    if total == 0:
        return np.zeros(1), [None]
    law = counts.sum(axis=0) / total
    number = len(counts)
    if number < 2:
        return law, [None] * len(law)
    residuals = counts - law * counts.sum(axis=1, keepdims=True)
    errors: list[float | None] = (np.sqrt((residuals**2).sum(axis=0) * number / (number - 1)) / total).tolist()
    return law, errors


def summed_service(
    tallies: Stacked, rule: str, workers: float, frame_time: float, assumptions: tuple[str, ...]
) -> tuple[ServiceLaw, dict[str, object]]:
    """Return the service law and the standard errors of its figures."""
    frames = tallies.columns[..., column.FRAMES]
    inaction = ratio(tallies.columns[..., column.DEFAULT], frames)
    delays, delay_errors = served_delays(tallies)
    age = ratio(tallies.columns[..., column.AGE] + 0.5 * frames, frames)
    peak = ratio(tallies.columns[..., column.PEAK_SUM], tallies.columns[..., column.PEAKS])
    acted = bool(delays.sum() > 0)
    law = ServiceLaw(
        rule=rule,
        workers=workers,
        frame_time=frame_time,
        inaction_fraction=inaction.value,
        delay_law=delays,
        method="simulation",
        mean_age=age.value * frame_time if acted else None,
        peak_age=peak.value * frame_time if math.isfinite(peak.value) else None,
        standard_error=inaction.standard_error,
        assumptions=assumptions,
    )
    errors: dict[str, object] = {
        "inaction_fraction": inaction.standard_error,
        "delay_law": delay_errors,
        "mean_age": _scaled(age.standard_error, frame_time) if acted else None,
        "peak_age": _scaled(peak.standard_error, frame_time),
    }
    return law, errors


def _scaled(error: float | None, factor: float) -> float | None:
    return None if error is None else error * factor
