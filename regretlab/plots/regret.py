"""Regret: against inference time (theory as curves, measured runs as points with intervals), and by its causes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .concepts import GREY, INK, Look, look, series
from .style import house_figure, house_style

__all__ = ["Curve", "MeasuredPoint", "regret_against_bound", "regret_against_inference_time", "regret_by_cause"]

_NARROW = 5.0  # inches: below it, legends are stacked
_PARTS = ("inaction", "delay", "learning")


@dataclass(frozen=True)
class Curve:
    """A theoretical curve.

    Attributes
    ----------
    label
        What it is.
    seconds
        Inference times, shape (n,).
    regret
        Regret per frame, shape (n,).
    look
        Colour and line; None for the next of those that stand for no concept.
    """

    label: str
    seconds: NDArray[np.float64]
    regret: NDArray[np.float64]
    look: Look | None = None


@dataclass(frozen=True)
class MeasuredPoint:
    """A measured run.

    Attributes
    ----------
    label
        Kind of run; equal labels share a legend entry.
    source
        ``virtual clock``, ``real time``, ``simulation`` or ``the paper``: its marker.
    curve
        Label of the curve it belongs to (its colour), or an empty string.
    seconds
        Mean inference time.
    regret, low, high
        Measured regret per frame and its interval.
    """

    label: str
    source: str
    curve: str
    seconds: float
    regret: float
    low: float
    high: float


def regret_against_inference_time(
    curves: Sequence[Curve], points: Sequence[MeasuredPoint], *, least: float | None = None, width: float | None = None
) -> Figure:
    """Draw regret per frame against inference time.

    Parameters
    ----------
    curves
        Theory.
    points
        Measured runs; filled markers with their intervals.
    least
        Lower end of a logarithmic axis of regret; None for a linear one from 0.
    width
        Of the figure, inches; that of a page, or what ``house_style`` asks for, by default.

    Returns
    -------
    Figure
        One axes; inference time in milliseconds. Regret up to 1, further where the data go further.
    """
    with house_style():
        width = width or house_figure("page", 1.0).get_figwidth()
        columns = 3 if width > _NARROW else 1
        figure = Figure(figsize=(width, 3.7 if width > _NARROW else 4.2), layout="constrained")
        axes = figure.add_subplot()
        looks: dict[str, Look] = {}
        for number, curve in enumerate(curves):
            looks[curve.label] = curve.look or series(number)
            axes.plot(curve.seconds * 1e3, curve.regret, label=curve.label, **looks[curve.label].plain())
        for point in points:
            mark = look(point.source)
            axes.errorbar(
                point.seconds * 1e3,
                point.regret,
                yerr=[[point.regret - point.low], [point.high - point.regret]],
                zorder=5,
                **mark.of(looks.get(point.curve, mark)).points(capsize=2.5),
            )
        for kind, source in dict.fromkeys((point.label, point.source) for point in points):
            axes.plot([], [], label=kind, **look(source).points())
        axes.set_xlabel("inference time, milliseconds")
        axes.set_ylabel("regret per frame")
        highest = [float(curve.regret.max(initial=0)) for curve in curves] + [point.high for point in points]
        lowest = [float(curve.regret.min(initial=0)) for curve in curves] + [point.low for point in points]
        if least is None:
            axes.set_ylim(min([0.0, *lowest]), max([1.0, *highest]))
        else:
            axes.set_yscale("log")
            axes.set_ylim(least, max([1.0, *highest]) * 1.15)
        axes.set_xlim(left=0)
        figure.legend(loc="outside lower center", ncols=columns)
        return figure


def regret_against_bound(
    rows: Sequence[tuple[str, str, float, tuple[float, float, float]]], *, width: float = 6.4
) -> Figure:
    """Draw measured regret next to the lower bound over all rules, a row for each run.

    Parameters
    ----------
    rows
        For each run its label, its source (as of a ``MeasuredPoint``), the bound, and the measured regret per frame
        with the ends of its interval.
    width
        Of the figure, inches.

    Returns
    -------
    Figure
        One axes, logarithmic; the first row on top.
    """
    with house_style():
        figure = Figure(figsize=(width, 1.0 + 0.24 * max(2, len(rows))), layout="constrained")
        axes = figure.add_subplot()
        places = np.arange(len(rows))
        bounds = np.array([bound for _, _, bound, _ in rows])
        measured, low, high = np.array([values for *_, values in rows]).reshape(-1, 3).T
        axes.hlines(places, np.minimum(bounds, measured), np.maximum(bounds, measured), color=GREY, linewidth=1.2)
        axes.plot(bounds, places, linestyle="none", marker="|", markersize=11, color=INK, label="lower bound")
        sources = np.array([source for _, source, *_ in rows])
        for source in dict.fromkeys(sources.tolist()):
            own = sources == source
            interval = [(measured - low)[own], (high - measured)[own]]
            mark = look(source).points(markersize=5, capsize=2.5)
            axes.errorbar(measured[own], places[own], xerr=interval, label=f"measured, {source}", **mark)
        axes.set_yticks(places, [label for label, *_ in rows])
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.set_xlabel("regret per frame")
        figure.legend(loc="outside lower center", ncols=3 if width > _NARROW else 1)
        return figure


def regret_by_cause(bars: Sequence[tuple[str, tuple[float, float, float, float]]]) -> Figure:
    """Draw regrets as bars, split by their causes.

    Parameters
    ----------
    bars
        For each bar its label, and inaction, delay, learning and the half-width of the interval of their sum (0 for
        a computed sum), in reward per frame.

    Returns
    -------
    Figure
        One axes, the first bar on top.
    """
    labels = [label for label, _ in bars]
    values = np.array([numbers for _, numbers in bars], dtype=np.float64).reshape(len(bars), 4)
    with house_style():
        figure = Figure(figsize=(6.4, 0.9 + 0.36 * max(2, len(bars))), layout="constrained")
        axes = figure.add_subplot()
        rows, left = np.arange(len(bars)), np.zeros(len(bars))
        for part, name in enumerate(_PARTS):
            colour = look(name).colour
            if name != "learning" or values[:, part].any():
                axes.barh(rows, values[:, part], left=left, height=0.66, color=colour, label=name, edgecolor="white")
            left = left + values[:, part]
        measured = values[:, 3] > 0
        axes.errorbar(left[measured], rows[measured], xerr=values[measured, 3], fmt="none", ecolor=INK, capsize=2.5)
        axes.set_yticks(rows, labels)
        axes.invert_yaxis()
        axes.set_xlabel("regret per frame")
        axes.set_xlim(left=0)
        figure.legend(loc="outside lower center", ncols=3)
        return figure
