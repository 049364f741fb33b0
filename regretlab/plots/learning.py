"""Regret of learners against the horizon, with intervals and the bound below."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .style import COLOURS, DASHES, house_style

__all__ = ["RegretCurve", "draw_regret_curves", "regret_against_horizon"]


@dataclass(frozen=True)
class RegretCurve:
    """A cumulative regret.

    Attributes
    ----------
    label
        Whose, or which part.
    frames
        Horizons, shape (n,).
    regret
        Means, shape (n,).
    half_width
        Half the width of the interval at each horizon, shape (n,); None: no band.
    """

    label: str
    frames: NDArray[np.int64]
    regret: NDArray[np.float64]
    half_width: NDArray[np.float64] | None = None


def draw_regret_curves(axes: Axes, curves: Sequence[RegretCurve], *, bound: RegretCurve | None = None) -> None:
    """Draw curves with their bands into axes, and a lower bound as a black dashed line.

    Parameters
    ----------
    axes
        Where.
    curves
        At most as many as there are colours in the house style.
    bound
        The bound; horizons at which it is not a number are left out.
    """
    for index, curve in enumerate(curves):
        colour = COLOURS[index % len(COLOURS)]
        axes.plot(curve.frames, curve.regret, color=colour, linestyle=DASHES[index % len(DASHES)], label=curve.label)
        if curve.half_width is not None:
            low, high = curve.regret - curve.half_width, curve.regret + curve.half_width
            axes.fill_between(curve.frames, low, high, color=colour, alpha=0.2, linewidth=0)
    if bound is not None:
        there = np.isfinite(bound.regret)
        axes.plot(
            bound.frames[there], bound.regret[there], color="#000000", linestyle="--", linewidth=1, label=bound.label
        )


def regret_against_horizon(
    curves: Sequence[RegretCurve], *, bound: RegretCurve | None = None, logarithmic: bool = False
) -> Figure:
    """Draw cumulative regret against the horizon in frames.

    Parameters
    ----------
    curves, bound
        As for ``draw_regret_curves``.
    logarithmic
        Both axes: a root is then a line of slope one half.

    Returns
    -------
    Figure
        One axes.

    Examples
    --------
    >>> frames = np.array([100, 200])
    >>> figure = regret_against_horizon([RegretCurve("inaction", frames, frames * 0.5)])
    >>> figure.axes[0].get_xlabel()
    'frames'
    """
    with house_style():
        figure = Figure(figsize=(5.0, 3.2), layout="constrained")
        axes = figure.add_subplot()
        draw_regret_curves(axes, curves, bound=bound)
        if logarithmic:
            axes.set_xscale("log")
            axes.set_yscale("log")
        axes.set_xlabel("frames")
        axes.set_ylabel("cumulative regret")
        axes.legend(loc="upper left")
        return figure
