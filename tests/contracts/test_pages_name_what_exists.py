"""Contract: the tables from theorem to function to test name functions and tests that exist."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("theorems.md", "lower-bound.md", "state-dependent-starts.md")


def rows(page):
    """Return the rows of the page's tables whose last column names a test."""
    lines = (ROOT / "docs" / page).read_text().splitlines()
    return [line for line in lines if line.startswith("|") and re.search(r"`(tests/|test_)", line)]


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_exists(page):
    everything = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    found = 0
    for line in rows(page):
        for path, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", line):
            text = (ROOT / path).read_text()
            assert not name or f"def {name}(" in text, f"{path}::{name}"
            found += 1
        for name in re.findall(r"`(test_\w+)(?:\.\.\.|_\.\.\.)?`", line):
            assert f"def {name}" in everything, name
            found += 1
    assert found >= 5


@pytest.mark.parametrize("page", PAGES)
def test_every_function_that_a_page_names_exists(page):
    found = 0
    for line in rows(page):
        for name in re.findall(r"`((?:regretlab|theory|planning|validation|rules|simulation|mdp)(?:\.\w+)+)[`(]", line):
            assert resolve(name if name.startswith("regretlab.") else f"regretlab.{name}") is not None, name
            found += 1
    assert found >= 2


def resolve(dotted):
    """Import the longest module of a dotted name and look the rest up in it."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            value = getattr(value, part)
        return value
    raise AssertionError(dotted)
