"""Regret: against inference time (theory as curves, measured runs as points with intervals), and by its causes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .style import COLOURS, GREY, PARTS, house_figure, house_style

__all__ = ["Curve", "MeasuredPoint", "regret_against_bound", "regret_against_inference_time", "regret_by_cause"]

_NARROW = 5.0  # inches: below it, legends are stacked
_MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
# Curves that lie close stay apart in print. Eleven dashes against seven colours: no pair repeats before 77 curves.
_DASHES = ("-", "-", "--", "-.", ":", "-", "--", "--", ":", "-.", ":")


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
    colour
        As Matplotlib names it; empty for the next one of the house style.
    """

    label: str
    seconds: NDArray[np.float64]
    regret: NDArray[np.float64]
    colour: str = ""


@dataclass(frozen=True)
class MeasuredPoint:
    """A measured run.

    Attributes
    ----------
    label
        Kind of run; equal labels share a legend entry.
    curve
        Label of the curve it belongs to (its colour), or an empty string.
    seconds
        Mean inference time.
    regret, low, high
        Measured regret per frame and its interval.
    """

    label: str
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
        colours = {}
        for curve, own, dashes in zip(curves, cycle(COLOURS), cycle(_DASHES), strict=False):
            colour = curve.colour or own
            colours[curve.label] = colour
            axes.plot(curve.seconds * 1e3, curve.regret, color=colour, linestyle=dashes, label=curve.label)
        kinds = list(dict.fromkeys(point.label for point in points))
        for kind, marker in zip(kinds, cycle(_MARKERS), strict=False):
            chosen = [point for point in points if point.label == kind]
            for point in chosen:
                axes.errorbar(
                    point.seconds * 1e3,
                    point.regret,
                    yerr=[[point.regret - point.low], [point.high - point.regret]],
                    marker=marker,
                    markersize=6,
                    markerfacecolor=colours.get(point.curve, "#000000"),
                    markeredgecolor="white",
                    markeredgewidth=0.8,
                    ecolor=colours.get(point.curve, "#000000"),
                    capsize=2.5,
                    linestyle="none",
                    zorder=5,
                )
            axes.plot([], [], marker=marker, linestyle="none", color="#000000", markeredgecolor="white", label=kind)
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
    rows: Sequence[tuple[str, float, tuple[float, float, float]]], *, width: float = 6.4
) -> Figure:
    """Draw measured regret next to the lower bound over all rules, a row for each run.

    Parameters
    ----------
    rows
        For each run its label, the bound, and the measured regret per frame with the ends of its interval.
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
        bounds = np.array([bound for _, bound, _ in rows])
        measured, low, high = np.array([values for *_, values in rows]).reshape(-1, 3).T
        axes.hlines(places, np.minimum(bounds, measured), np.maximum(bounds, measured), color=GREY, linewidth=1.2)
        axes.plot(bounds, places, linestyle="none", marker="|", markersize=11, color="#000000", label="lower bound")
        interval = [measured - low, high - measured]
        axes.errorbar(
            measured, places, xerr=interval, fmt="o", markersize=5, capsize=2.5, color="#000000", label="measured"
        )
        axes.set_yticks(places, [label for label, *_ in rows])
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.set_xlabel("regret per frame")
        figure.legend(loc="outside lower center", ncols=2)
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
        for part, (name, colour) in enumerate(PARTS.items()):
            if name != "learning" or values[:, part].any():
                axes.barh(rows, values[:, part], left=left, height=0.66, color=colour, label=name, edgecolor="white")
            left = left + values[:, part]
        measured = values[:, 3] > 0
        axes.errorbar(
            left[measured], rows[measured], xerr=values[measured, 3], fmt="none", ecolor="#000000", capsize=2.5
        )
        axes.set_yticks(rows, labels)
        axes.invert_yaxis()
        axes.set_xlabel("regret per frame")
        axes.set_xlim(left=0)
        figure.legend(loc="outside lower center", ncols=3)
        return figure
