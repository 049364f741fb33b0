"""Sphinx configuration. Pages with code run while the documentation is built; formulas are set without any network."""

import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from api_pages import check_api_pages, write_api_pages  # noqa: E402
from command_pages import write_command_page  # noqa: E402
from figure_pages import FigurePage  # noqa: E402

FIGURES = "reference/figures"
figure_page = FigurePage(HERE / f"{FIGURES}.md")  # in a process that works while this one reads the other pages
write_api_pages(HERE / "reference")
write_command_page(HERE / "reference" / "commands.md")

project = "regretlab"
author = "The regretlab developers"
extensions = [
    "myst_nb",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "numpydoc",
]
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_timeout = 240
nb_execution_raise_on_error = True
nb_execution_excludepatterns = ["_build/**"]
nb_merge_streams = True
html_theme = "pydata_sphinx_theme"
html_title = "regretlab"
html_static_path = ["images", "static"]
html_css_files = ["pages.css"]
html_search_scorer = str(HERE / "static" / "search.js")
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 3,
    "footer_start": [],
    "footer_end": [],
}
html_sidebars = {  # these pages have no section to navigate
    "*": [],
    "reference/figures": [],
    "reference/commands": [],
}
html_show_sourcelink = False
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb"}
autodoc_typehints = "none"  # numpydoc's sections give the types in words
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
exclude_patterns = ["_build", "README.md"]
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ["PYTHONSTARTUP"] = str(HERE / "cells.py")  # each page's kernel runs it


def _put_figures(app: Any, name: str, source: list[str]) -> None:
    if name == FIGURES:
        source[0] = figure_page.text()


def setup(app: Any) -> None:
    """Read the page of the figures last, and report, when all pages are read, which public names are on none."""
    app.connect("env-get-outdated", lambda *_: [FIGURES])
    app.connect("env-before-read-docs", lambda app, env, names: names.sort(key=lambda name: (name == FIGURES, name)))
    app.connect("source-read", _put_figures)
    app.connect("env-check-consistency", check_api_pages)
