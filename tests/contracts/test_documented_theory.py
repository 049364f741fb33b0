"""Contract: what docstrings cite from the documentation is there, and the examples in it are true."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md"])
CITED = re.compile(r"docs/theory,?\s*\(?\s*(?:section\s+)?\"([^\"]+)\"")


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9 ]", "", text.lower().replace("`", "")).strip()


def _headings() -> list[str]:
    pages = [DOCS / "theory.md", DOCS / "pitfalls.md"]
    return [
        _plain(line.lstrip("#")) for page in pages for line in page.read_text().splitlines() if line.startswith("#")
    ]


def _citations():
    for path in sorted((ROOT / "regretlab").rglob("*.py")):
        text = re.sub(r"\s+", " ", path.read_text())
        for cited in CITED.findall(text):
            yield path.relative_to(ROOT).as_posix(), cited


def test_cited_sections_exist():
    cited = list(_citations())
    assert len(cited) >= 8
    headings = _headings()
    missing = [(path, name) for path, name in cited if not any(_plain(name) in heading for heading in headings)]
    assert not missing


@pytest.mark.parametrize("name", ["Theorem D", "Theorem I", "Lemma 1", "identity", "Design answers", "Learning"])
def test_results_cited_by_name_have_their_heading(name):
    assert any(_plain(name) in heading for heading in _headings())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_at_the_prompt_are_true(page):
    text = page.read_text()
    example = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    runner.run(example)
    assert runner.failures == 0


def test_every_python_block_is_run_by_something():
    """A block of Python is an executed cell, an example at the prompt, or it is not there."""
    for page in PAGES:
        for block in re.findall(r"^```(?:python|py)\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL):
            assert block.lstrip().startswith(">>>"), (page.name, block[:60])
