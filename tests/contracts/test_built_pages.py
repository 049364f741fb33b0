"""The pages that ``make docs`` built, opened in Chromium on a desktop and at 400 pixels: what a reader sees of them.

Skipped where they are not built. They are taken as they are: build them again after a change.
"""

import functools
import http.server
import threading
from pathlib import Path

import pytest

from tests.oracles.chromium import needs_chromium

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "docs" / "_build" / "html"
PAGES = sorted(path.relative_to(BUILT).as_posix() for path in BUILT.rglob("*.html")) if BUILT.exists() else []
READ = [page for page in PAGES if not page.startswith(("reference/generated/", "_", "genindex", "py-modindex"))]
"""The pages that were written or made to be read; of the reference, every eighth module is opened as well."""
OPENED = READ + [page for page in PAGES if page.startswith("reference/generated/")][::8]
pytestmark = [
    pytest.mark.docs,
    pytest.mark.browser,
    needs_chromium,
    pytest.mark.skipif(not PAGES, reason="no pages: make docs"),
    pytest.mark.xdist_group("browser"),
]

# MathJax keeps a copy of each formula for screen readers, out of sight within .math
CLIPPED = """() => {
  const width = document.documentElement.clientWidth, found = []
  if (document.documentElement.scrollWidth > width + 1) found.push('the page is wider than the window')
  const seen = (each) => each.getClientRects().length > 0
  for (const each of document.querySelectorAll('article pre, article table, article img, article svg, article .math')) {
    if (!seen(each) || each.closest('mjx-container')) continue
    const box = each.getBoundingClientRect()
    let reach = box.left, parent = each, scrolls = false
    for (; parent && parent.tagName !== 'ARTICLE'; parent = parent.parentElement) {
      const how = getComputedStyle(parent).overflowX
      if (how === 'auto' || how === 'scroll') scrolls = true
      const wide = parent.clientWidth && parent.scrollWidth > parent.clientWidth + 1
      if (how === 'hidden' && wide && !scrolls && !parent.matches('.math')) {
        found.push('cut off: ' + parent.tagName + ' ' + each.textContent.trim().slice(0, 60))
      }
    }
    if (!scrolls && box.right > width + 1) found.push('beyond the window: ' + each.textContent.trim().slice(0, 60))
  }
  return found
}"""
CUT = """() => [...document.querySelectorAll('article .output pre, article .cell_output pre, article .highlight pre')]
  .filter((each) => each.getClientRects().length && each.scrollWidth > each.clientWidth + 1)
  .map((each) => each.textContent.split('\\n').sort((a, b) => b.length - a.length)[0].slice(0, 140))"""
EMPTY = """() => [...document.querySelectorAll('article *')].filter((each) => {
  if (!each.getClientRects().length || each.closest('svg, mjx-container, table')) return false
  const box = each.getBoundingClientRect(), how = getComputedStyle(each)
  const drawn = how.backgroundColor !== 'rgba(0, 0, 0, 0)' && how.backgroundColor !== 'rgb(255, 255, 255)'
  return drawn && box.width > 40 && box.height > 8 && !each.textContent.trim()
    && !each.querySelector('img, svg, canvas, iframe, input')
    && !/^(IMG|SVG|CANVAS|INPUT|HR|BUTTON)$/i.test(each.tagName)
}).map((each) => each.tagName + '.' + each.className)"""


HIDDEN = """() => [...document.querySelectorAll('article table')].filter((each) => {
  if (!each.getClientRects().length || each.querySelector('mjx-container')) return false
  const around = each.parentElement
  return each.getBoundingClientRect().right > innerWidth + 1 || around.scrollWidth > around.clientWidth + 1
}).map((each) => each.textContent.trim().slice(0, 60))"""


@pytest.fixture(scope="module")
def served():
    """The address of the pages: a search needs a server."""
    handler = functools.partial(_Quiet, directory=str(BUILT))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def _found(chromium, served, script, width):
    """Return what a script finds on every page, by page; nothing for the pages on which it finds nothing."""
    page = chromium.new_page(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    found = {}
    for name in OPENED:
        page.goto(served + name)
        if places := page.evaluate(script):
            found[name] = places
    page.close()
    return found


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_on_any_page_is_wider_than_the_window(chromium, served, width):
    assert _found(chromium, served, CLIPPED, width) == {}


@pytest.mark.parametrize("width", [1280, 400])
def test_outputs_and_code_are_seen_without_scrolling(chromium, served, width):
    assert _found(chromium, served, CUT, width) == {}


def test_tables_of_words_are_seen_on_a_telephone_without_scrolling(chromium, served):
    assert _found(chromium, served, HIDDEN, 400) == {}


@pytest.mark.parametrize("width", [1280, 400])
def test_there_are_no_empty_boxes(chromium, served, width):
    assert _found(chromium, served, EMPTY, width) == {}


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("how many workers", "how-to/workers.html"),
        ("train an agent", "how-to/train.html"),
        ("control a robot", "how-to/robot.html"),
        ("which delay", "which-delay.html"),
    ],
)
def test_the_search_finds_first_the_page_that_answers(chromium, served, asked, first):
    page = chromium.new_page()
    page.goto(served + "search.html?q=" + asked.replace(" ", "+"))
    link = page.locator("#search-results ul.search li a").first
    link.wait_for(timeout=60_000)
    assert link.get_attribute("href").partition("?")[0].partition("#")[0].removeprefix("./") == first
    page.close()


def test_nothing_is_loaded_from_elsewhere(chromium, served):
    page, asked = chromium.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    for name in ("index.html", "theory.html", "search.html?q=workers"):
        page.goto(served + name)
        page.wait_for_timeout(300)
    page.close()
    assert [address for address in asked if not address.startswith((served, "data:", "blob:"))] == []
