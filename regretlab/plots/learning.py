"""Regret of learners against the horizon, with intervals and the bound below."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from .style import DASHES, PARTS, SHADES

__all__ = ["RegretCurve", "draw_regret_curves"]


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
        colour = PARTS.get(curve.label, SHADES[index % len(SHADES)])
        axes.plot(curve.frames, curve.regret, color=colour, linestyle=DASHES[index % len(DASHES)], label=curve.label)
        if curve.half_width is not None:
            low, high = curve.regret - curve.half_width, curve.regret + curve.half_width
            axes.fill_between(curve.frames, low, high, color=colour, alpha=0.2, linewidth=0)
    if bound is not None:
        there = np.isfinite(bound.regret)
        axes.plot(
            bound.frames[there], bound.regret[there], color="#000000", linestyle="--", linewidth=1, label=bound.label
        )
