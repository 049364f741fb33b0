"""One style for all figures: the style file and the widths that journals print at."""

import itertools
import math
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.resources import as_file, files
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase, SubFigure
from matplotlib.legend import Legend

__all__ = ["WIDTHS", "house_figure", "house_style"]

WIDTHS = {"column": 3.25, "text": 5.5, "page": 6.75}
"""Inches: a column of a two-column page (ICML), the text of NeurIPS and ICLR, the full page of ICML."""


_asked: ContextVar[str | None] = ContextVar("width", default=None)
_LONG, _TITLE = 24, 42  # letters of a legend's entry of which two stand side by side in a column, and of a title
_PANEL, _LOW, _ENTRY = 2.1, 1.0, 0.15  # inches


@contextmanager
def house_style(width: str | None = None) -> Iterator[None]:
    """Draw in the house style inside the body.

    Parameters
    ----------
    width
        A name in ``WIDTHS``: that of every ``house_figure`` drawn inside; None for the one that each was made for.
    """
    outer = _asked.get()
    _asked.set(width or outer)
    try:
        with as_file(files("regretlab.plots") / "house.mplstyle") as path, mpl.rc_context(fname=path):
            yield
    finally:
        _asked.set(outer)


def house_figure(width: str, height: float, *, column: float = 0.0) -> Figure:
    """Return an empty figure.

    Parameters
    ----------
    width
        The name in ``WIDTHS`` that it is made for. If ``house_style`` asks for a column, the panels that stand in a row
        stand below each other instead, under their legend.
    height
        Inches, for that width.
    column
        Least height in a column, where panels stand below each other.

    Returns
    -------
    Figure
        With a constrained layout.
    """
    asked = WIDTHS[_asked.get() or width]
    kind = _Column if asked == WIDTHS["column"] < WIDTHS[width] else Figure
    return kind(figsize=(asked, max(height, column) if kind is _Column else height), layout="constrained")


class _Stacking(FigureBase):
    """Panels that stand below each other where they would stand in a row, under their legend."""

    def subplots(self, nrows: int = 1, ncols: int = 1, **options: Any) -> Any:
        columns = 1 if ncols < 4 else 2
        rows = nrows * ncols // columns
        root = self._root()
        if ncols == 1 or rows * columns != nrows * ncols:
            root.grow(_LOW * nrows if isinstance(self, _Part) else 0.0)
            return super().subplots(nrows, ncols, **options)
        root.grow(_PANEL * rows)
        squeezed = options.pop("squeeze", True)
        grid = super().subplots(rows, columns, squeeze=False, **options)
        root.stacked.append(list(grid.ravel()))
        shaped = grid.reshape(nrows, ncols)
        return np.squeeze(shaped) if squeezed else shaped

    def legend(self, *args: Any, **options: Any) -> Legend:
        shown = super().legend(*args, **options | {"loc": "outside upper center", "ncols": 1})
        entries = [text.get_text() for text in shown.get_texts()]
        columns = 1 if max(map(len, entries)) > _LONG else 2
        shown.set_ncols(columns)
        self._root().grow(_ENTRY * math.ceil(len(entries) / columns))
        return shown

    def _root(self) -> "_Column":
        root = self if isinstance(self, _Column) else self.figure
        assert isinstance(root, _Column)
        return root


class _Part(_Stacking, SubFigure):
    """A part of a figure in one column."""


class _Column(_Stacking, Figure):
    """A figure that was made for a wider page, in one column of it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.stacked: list[list[Axes]] = []
        self._content = 0.0

    def grow(self, inches: float) -> None:
        """Make room for panels or for a legend; the height for a page stays if it is enough."""
        self._content += inches
        self.set_figheight(max(self.get_figheight(), 0.3 + self._content))

    def subfigures(self, *args: Any, **options: Any) -> Any:
        parts = super().subfigures(*args, **options)
        for part in np.ravel(parts):
            part.__class__ = _Part
        return parts

    def draw(self, renderer: Any) -> None:
        """Name the quantity upwards on each panel, where one name stood for a row; break titles that are too long."""
        for panels in self.stacked:
            for left, right in itertools.pairwise(panels):
                if not right.get_ylabel() and right.get_shared_y_axes().joined(left, right):
                    right.set_ylabel(left.get_ylabel())
        for axes in self.axes:
            for title in (axes.title, axes._left_title):  # type: ignore[attr-defined]
                title.set_text("\n".join(textwrap.wrap(title.get_text().replace("\n", " "), _TITLE)))
        super().draw(renderer)
