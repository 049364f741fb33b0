"""Regret of learners against the horizon, with intervals and the bound below."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from .concepts import CONCEPTS, SHADED, look, series

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
    """Draw curves with their bands into axes, and a lower bound in black.

    Parameters
    ----------
    axes
        Where.
    curves
        Those whose label is a concept look as it does.
    bound
        The bound; horizons at which it is not a number are left out.
    """
    for index, curve in enumerate(curves):
        style = CONCEPTS.get(curve.label) or series(index)
        axes.plot(curve.frames, curve.regret, label=curve.label, **style.plain())
        if curve.half_width is not None:
            low, high = curve.regret - curve.half_width, curve.regret + curve.half_width
            axes.fill_between(curve.frames, low, high, color=style.colour, alpha=SHADED, linewidth=0)
    if bound is not None:
        there = np.isfinite(bound.regret)
        axes.plot(bound.frames[there], bound.regret[there], label=bound.label, **look("lower bound").plain())
