"""The paper's figures, one module each, and how they are made and kept.

A module has a ``NAME``, a ``TITLE``, a ``CLAIM`` (what the paper says and this figure puts to the test),
``compute(seed, quick)``, which returns everything the figure shows as plain values, and ``draw(data)``, which draws
them. ``making`` keeps the data and a caption with parameters, seeds, intervals and the verdict next to each picture, so
that a figure can be drawn again without being computed again; ``gallery`` collects them on a page.

``python -m paper_figures [NAME ...] [--quick] [--out DIR]`` and ``regretlab figures`` make them.
"""

from .making import FIGURES, figure_module, make_figures

__all__ = ["FIGURES", "figure_module", "make_figures"]
