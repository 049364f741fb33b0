"""Every figure is made once, quickly, for all tests of this folder."""

import json

import pytest

from paper_figures import make_figures

SEED = 3


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The files of every figure."""
    return make_figures((), tmp_path_factory.mktemp("figures"), quick=True, seed=SEED)


@pytest.fixture(scope="session")
def data_of(made):
    """Return the data that a figure is drawn from, by its name."""
    return lambda name: json.loads(made[name][0].read_text())["data"]
