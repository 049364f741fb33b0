"""One look for all figures: colours that colour-blind readers tell apart (Okabe & Ito 2008), readable at print size."""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
from cycler import cycler

__all__ = ["COLOURS", "GREY", "house_style"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Blue, vermilion, green, purple, orange, sky, black."""
GREY = "#6E7781"

_SETTINGS = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "grid.color": "#E3E6EA",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "figure.dpi": 120,
    "savefig.dpi": 200,
    "svg.hashsalt": "regretlab",
    "svg.fonttype": "path",
    "axes.prop_cycle": cycler(color=COLOURS),
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style inside the body."""
    with mpl.rc_context(_SETTINGS):
        yield
