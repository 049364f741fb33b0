"""One look for all figures: the style file, its colours by name, and the widths that journals print at."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files

import matplotlib as mpl

__all__ = ["COLOURS", "DASHES", "GREY", "LOOKS", "MARKERS", "WIDTHS", "house_style"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Blue, vermilion, green, purple, orange, sky, black (Okabe & Ito 2008); the style file cycles through the same."""
GREY = "#6E7781"
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")

LOOKS = {
    "max-time": (COLOURS[0], "o"),
    "sequential": (COLOURS[1], "s"),
    "expected-time": (COLOURS[2], "D"),
    "frame-pool": (COLOURS[3], "^"),
    "frame-hold": (COLOURS[4], "v"),
    "free-running": (COLOURS[5], "P"),
    "quantile-time": ("#7B3294", "*"),
    "unstaggered": (GREY, "X"),
    "sequential-strict": ("#A0522D", "X"),
    "lower bound": (COLOURS[6], ""),
}
"""Colour and marker of each rule, the same in every figure. Staggered play where the rule does not matter looks as
``max-time``."""

WIDTHS = {"column": 3.25, "text": 5.5, "page": 6.75}
"""Inches: a column of a two-column page (ICML), the text of NeurIPS and ICLR, the full page of ICML."""


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style inside the body."""
    with as_file(files("regretlab.plots") / "house.mplstyle") as path, mpl.rc_context(fname=path):
        yield
