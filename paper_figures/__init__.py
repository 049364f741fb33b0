"""The paper's figures, one module each.

A module has a ``NAME``, ``compute(seed, quick)``, which returns everything the figure shows as plain values, and
``draw(data)``, which draws them. ``make_figures`` keeps the data and a caption with parameters and seed beside each
picture, so that a figure can be drawn again without playing it again.

``python -m paper_figures [NAME ...] [--quick] [--out DIR]`` and ``regretlab figures`` make them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from regretlab.errors import InputError

from . import regret

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "make_figures"]

FIGURES = {module.NAME: module for module in (regret,)}
"""The figures by name."""


def make_figures(names: Sequence[str], out: Path, *, quick: bool = False, seed: int = 0) -> dict[str, list[Path]]:
    """Make figures.

    Parameters
    ----------
    names
        Which; all if empty.
    out
        Folder for ``NAME.json`` (data), ``NAME.txt`` (caption), ``NAME.pdf`` and ``NAME.svg``; made if missing.
    quick
        Shorter runs, wider intervals.
    seed
        Seed of every run.

    Returns
    -------
    dict
        The files of each figure.

    Raises
    ------
    InputError
        For a name that is not in ``FIGURES``, or a folder that cannot be made.
    """
    from regretlab.records.storage import make_folder

    for name in names:
        if name not in FIGURES:
            raise InputError(f"unknown figure '{name}': choose one of {', '.join(FIGURES)}")
    make_folder(out)
    made = {}
    for name in dict.fromkeys(names or FIGURES):
        data = FIGURES[name].compute(seed=seed, quick=quick)
        (out / f"{name}.json").write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        (out / f"{name}.txt").write_text(data["caption"] + "\n", encoding="utf-8")
        pictures = [out / f"{name}.{form}" for form in ("pdf", "svg")]
        for path in pictures:
            _save(FIGURES[name].draw(data), path)
        made[name] = [out / f"{name}.json", out / f"{name}.txt", *pictures]
    return made


def _save(figure: "Figure", path: Path) -> None:
    """Write a picture whose bytes depend on the data alone."""
    from regretlab.plots.style import house_style

    stamp = "CreationDate" if path.suffix == ".pdf" else "Date"
    with house_style():
        figure.savefig(path, bbox_inches="tight", metadata={stamp: None})
