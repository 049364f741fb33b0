"""Sphinx configuration."""

project = "regretlab"
author = "The regretlab developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
html_theme = "pydata_sphinx_theme"
html_title = "regretlab"
html_theme_options = {"show_prev_next": False, "navigation_with_keys": False}
numpydoc_show_class_members = False
exclude_patterns = ["_build"]
