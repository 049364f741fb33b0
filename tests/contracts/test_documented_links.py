"""Contract: links lead to pages and headings that are there; addresses elsewhere are well formed.

Sphinx checks what it builds; README and the files beside the code are read on a code host, as they lie. No network is
used: of an address elsewhere only the form is looked at.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from .commands import PAGES, ROOT

LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(([^()\s]+(?:\([^()]*\))?[^()\s]*)\)")
WRITTEN_BY_THE_BUILD = {"docs/reference/api.md", "docs/reference/commands.md", "docs/reference/figures.md"}
TEXTS = [*PAGES, ROOT / "CITATION.cff", ROOT / "pyproject.toml", *sorted((ROOT / "regretlab").rglob("*.py"))]


def _prose(page: Path) -> str:
    """Return a page without its blocks of code and without code within lines."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts and MyST make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target in LINK.findall(_prose(page)):
        if urlsplit(target).scheme:
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if there.is_relative_to(ROOT) and there.relative_to(ROOT).as_posix() in WRITTEN_BY_THE_BUILD:
            continue
        assert there.exists(), target
        assert not anchor or anchor in _anchors(there), target


def test_links_are_found_at_all():
    assert sum(len(LINK.findall(_prose(page))) for page in PAGES) > 30


def test_addresses_elsewhere_are_well_formed():
    seen = 0
    for path in TEXTS:
        for address in re.findall(r"https?://(?!127\.|localhost|\{|HOST)[^\s<>\"'`)\]}]+", path.read_text()):
            parts = urlsplit(address.rstrip(".,;:"))
            assert parts.scheme == "https", (path, address)
            assert re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}(:\d+)?", parts.netloc), (path, address)
            seen += 1
    assert seen >= 3
