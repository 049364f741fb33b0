"""Every figure is made once, quickly, for all tests of this folder and for the documentation."""

import json
from pathlib import Path

import pytest

from paper_figures import make_figures

SEED = 0
FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "figures"
"""Where the documentation makes its figures: what the same sources made there is not computed again."""


@pytest.fixture(scope="session")
def made():
    """The files of every figure."""
    return make_figures((), FOLDER, quick=True, seed=SEED)


@pytest.fixture(scope="session")
def data_of(made):
    """Return the data that a figure is drawn from, by its name."""
    return lambda name: json.loads(made[name][0].read_text())["data"]
