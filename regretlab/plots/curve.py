"""The figure of a delay curve: what a policy loses by the age of its actions."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .concepts import SHADED, look
from .style import house_style

__all__ = ["delay_curve_figure"]


def delay_curve_figure(
    ages: Sequence[int],
    losses: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    witness: tuple[float, float] | None,
    label: str,
    default: str,
) -> Figure:
    """Draw losses against age.

    Parameters
    ----------
    ages
        Frames.
    losses, intervals
        Of each age, and (one more) of the default behaviour.
    witness
        Mode probability and gap of the nearest witness, or None.
    label
        Of the vertical axis, with its unit.
    default
        What the default behaviour is called.
    """
    with house_style():
        figure = Figure(figsize=(4.6, 3.0), layout="constrained")
        axes = figure.add_subplot()
        *low, low_default = [loss - pair[0] for loss, pair in zip(losses, intervals, strict=True)]
        *high, high_default = [pair[1] - loss for loss, pair in zip(losses, intervals, strict=True)]
        axes.axhline(losses[-1], label=default, **look("inaction").plain(linestyle="--"))
        axes.axhspan(
            losses[-1] - low_default,
            losses[-1] + high_default,
            color=look("inaction").colour,
            alpha=SHADED,
            linewidth=0,
        )
        if witness is not None:
            p, gap = witness
            fine = np.linspace(0.0, float(ages[-1]), 200)
            axes.plot(fine, gap * (1.0 - p**fine), label=f"{gap:.3g} (1 - {p:.3g}$^j$)", **look("prediction").plain())
        found = look("simulation").points(capsize=2, label="measured, 99 %")
        axes.errorbar(ages, losses[:-1], yerr=[low, high], **found)
        axes.set_xlabel("age of the action, j (frames)")
        axes.set_ylabel(label)
        axes.legend()
    return figure
