"""The explorer in a real browser: Chromium of the system, driven by Playwright, on a desktop and at 400 pixels."""

import json
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from urllib.parse import parse_qs, urlparse

import pyarrow.parquet as pq
import pytest

import regretlab as rl
from tests.oracles.chromium import needs_chromium

pytestmark = [
    pytest.mark.browser,
    needs_chromium,
    pytest.mark.xdist_group("browser"),
]
PATIENCE = 90_000  # milliseconds
NARROW = {"width": 400, "height": 800}

FIND = "(name) => [...(window.Bokeh?.documents[0]?.all_models ?? [])].find((model) => model.name === name)"


REACHED = """() => {
  let each = document.activeElement
  while (each?.shadowRoot?.activeElement) each = each.shadowRoot.activeElement
  const label = each?.labels?.[0]?.textContent ?? each?.getRootNode().querySelector('label')?.textContent
  if (each?.getAttribute('role') === 'slider') {
    const place = each.getRootNode().host
    return 'slider ' + Math.round(place.getBoundingClientRect().top)
  }
  return (each?.tagName === 'BUTTON' ? each.textContent : label ?? each?.tagName ?? '').trim()
}"""
BARS = f"const d = ({FIND})('bars').data"


@contextmanager
def explored(*words):
    """Yield the address of an explorer that runs as a command."""
    command = [sys.executable, "-m", "regretlab", "explore", *map(str, words), "--no-open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        found = re.match(r"(http://127\.0\.0\.1:\d+/) ", line)
        assert found, line
        yield found[1]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def address():
    with explored() as found:
        yield found


@pytest.fixture
def opened(chromium):
    """A function that opens an address; a script error in the page, or a request beyond this computer, is a failure."""
    problems, pages = [], []

    def open_page(url, viewport=None):
        page = chromium.new_page(viewport=viewport or {"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda asked: problems.append(asked.url) if not at_home(asked.url) else None)
        page.goto(url)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert problems == []


def at_home(url):
    return urlparse(url).hostname == "127.0.0.1" or urlparse(url).scheme in ("data", "blob")


def data_of(page, name):
    """Return the columns of a data source of the page."""
    return page.evaluate(
        f"(name) => Object.fromEntries(Object.entries(({FIND})(name).data).map(([k, v]) => [k, [...v]]))", name
    )


def waits_for(page, script, *arguments):
    page.wait_for_function(script, arg=list(arguments))


def regret_of(page, rule):
    shown = data_of(page, "rules")
    return dict(zip(shown["rule"], shown["total"], strict=True)).get(rule)


def test_the_page_shows_what_bound_says_and_a_slider_changes_it(address, opened):
    page = opened(address)
    page.get_by_text("free-running, 6 workers").wait_for()
    asked = rl.Scenario("gamma(4, scale=0.02)", mode_probability=0.95, workers=6)
    assert regret_of(page, "max-time") == pytest.approx(rl.bound(asked.replace(rule="max-time")).regret.total)
    alone = rl.bound(asked.replace(rule="sequential", workers=1)).regret.total
    assert regret_of(page, "sequential") == pytest.approx(alone)
    workers = page.get_by_text("Workers: ").locator("xpath=..").locator(".noUi-handle").first
    workers.focus()
    workers.press("ArrowRight")  # a slider answers to the keyboard
    page.get_by_text("free-running, 7 workers").wait_for()
    found = rl.bound(asked.replace(rule="max-time", workers=7)).regret.total
    waits_for(page, f"([total]) => ({FIND})('rules')?.data.total.some((each) => Math.abs(each - total) < 1e-12)", found)
    page.get_by_text("Plan.").wait_for()
    page.wait_for_url(lambda url: parse_qs(urlparse(url).query).get("workers") == ["7"])
    assert "--workers 7" in page.locator("pre").first.inner_text()


def test_the_address_carries_the_scenario(address, opened):
    page = opened(address + "?inference_time=0.1&mode_probability=0.9&workers=3&rule=max-time&chunk=4")
    page.get_by_text("max-time, 3 workers, inference time 0.1 s").wait_for()
    page.get_by_text("chunk=4", exact=False).first.wait_for()


def test_a_wrong_address_is_one_sentence(address, opened):
    page = opened(address + "?workers=many")
    page.get_by_text("workers must be a whole number of at least 1 or inf, not 'many'").wait_for()


def test_a_wrong_law_is_one_sentence_and_the_page_goes_on(address, opened):
    page = opened(address)
    page.get_by_text("free-running, 6 workers").wait_for()
    field = page.get_by_label("Inference time as text")
    field.fill("gama(4)")
    field.press("Enter")
    page.locator("p.problem").wait_for()
    assert "gama" in page.locator("p.problem").inner_text()
    field.fill("0.2")
    field.press("Enter")
    page.get_by_text("inference time 0.2 s").first.wait_for()


def test_the_timeline_plays(address, opened):
    page = opened(address)
    waits_for(page, f"() => ({FIND})('bars')?.data.start.length > 0")
    whole = data_of(page, "bars")
    page.get_by_role("button", name="Play").click()
    waits_for(page, f"() => {{ {BARS}; return [...d.shown_completion].some((end, i) => end < d.completion[i]) }}")
    page.get_by_role("button", name="Play").click()
    waits_for(page, f"() => {{ {BARS}; return [...d.shown_completion].every((end, i) => end === d.completion[i]) }}")
    assert data_of(page, "bars")["completion"] == whole["completion"]


@pytest.mark.parametrize("query", ["", "?inference_time=0.1&rule=max-time"])
def test_nothing_is_wider_than_a_telephone(address, opened, query):
    page = opened(address + query, NARROW)
    page.get_by_text("6 workers").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    parts = ("lower bound over all rules", "Law of the inference", "Copy the command")
    places = [page.get_by_text(words).first.bounding_box()["y"] for words in parts]
    assert places == sorted(places)  # the controls lie between the figure that they change most and the rest


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records") / "stacker"
    asked = rl.Scenario("gamma(4, scale=0.01)", workers=3, rule="max-time")
    return rl.run(asked, env="stacker", policy="random", clock="virtual", frames=240, out=folder)


def test_a_record_frame_by_frame(record, opened):
    from playwright.sync_api import expect

    with explored(record.directory) as address:
        page = opened(address)
        page.locator("img[alt='screen of the frame']").wait_for()
        first = page.locator("img[alt='screen of the frame']").get_attribute("src")
        slider = page.get_by_text("Frame: ").locator("xpath=..").locator(".noUi-handle").first
        slider.focus()
        slider.press("End")
        row = record.frames.iloc[-1]
        page.get_by_text(f"Frame {int(row['frame'])}: ").wait_for()
        last = page.locator("img[alt='screen of the frame']")
        expect(last).not_to_have_attribute("src", first, timeout=PATIENCE)
        near = data_of(page, "near")
        shown = dict(zip(near["frame"], near["age"], strict=True))
        served = record.frames[record.frames["delay_frames"] >= 0].tail(20)
        for frame, delay in zip(served["frame"], served["delay_frames"], strict=True):
            assert shown[frame + 0.5] == delay


def test_a_record_shows_what_was_measured_predicted_and_learned(record, opened):
    with explored(record.directory) as address:
        page = opened(address)
        page.get_by_text("Measured and predicted").wait_for()
        rows = [row.inner_text().split("\t") for row in page.locator("table tr").all()]
    facts = dict(row for row in rows if row[0].strip() != "predicted")
    assert facts["longest time learned"] == f"{1e3 * record.summary.tau_max:.3f} ms"
    assert facts["workers restarted"] == "0"
    place = [name for name, _ in rows].index("frames without an action")
    expected = rl.bound(record.scenario.replace(mode_probability=0.5)).inaction_fraction
    assert rows[place + 1][0].strip() == "predicted"
    assert float(rows[place + 1][1].removesuffix(" %")) == pytest.approx(100 * expected, abs=1e-4)


def test_a_record_that_is_still_written(record, opened, tmp_path):
    """The page follows the newest frame, and shows the end of the run when it has come."""
    growing = tmp_path / "growing"
    shutil.copytree(record.directory, growing)
    whole, meta = record.frames, json.loads((growing / "meta.json").read_text())
    short = pq.read_table(growing / "frames.parquet").slice(0, 100)
    pq.write_table(short, growing / "frames.parquet")
    (growing / "meta.json").write_text(json.dumps(meta | {"complete": False}))
    with explored(growing) as address:
        page = opened(address)
        page.get_by_text("100 frames, still written").wait_for()
        page.get_by_text(f"Frame {int(whole['frame'].iloc[99])}: ").wait_for()
        shutil.copy(record.directory / "frames.parquet", growing / "frames.parquet")
        page.get_by_text(f"Frame {int(whole['frame'].iloc[-1])}: ").wait_for()
        event = {"kind": "restart", "worker": 1, "cause": "killed"}
        (growing / "meta.json").write_text(json.dumps(meta | {"complete": True, "events": [event]}))
        page.get_by_text(f"{len(whole)} frames, complete").wait_for()
        page.get_by_text("kind restart, worker 1, cause killed").wait_for()
        assert not page.get_by_label("Stay at the newest frame").is_visible()


def test_every_control_is_reached_by_the_keyboard(address, opened):
    page = opened(address)
    page.get_by_text("free-running, 6 workers").wait_for()
    waits_for(page, f"() => ({FIND})('bars')?.data.start.length > 0")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(REACHED))
        if "Copy the Python" in reached:
            break
    assert reached >= {"Law of the inference time", "Staggering rule", "An output serves", "Unused outputs"}
    assert reached >= {"Play", "Copy the command", "Copy the Python"}
    assert sum(each.startswith("slider") for each in reached) >= 4
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    waits_for(page, f"() => {{ {BARS}; return [...d.shown_completion].some((end, i) => end < d.completion[i]) }}")


def test_a_folder_without_a_record_is_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "regretlab", "explore", str(tmp_path), "--no-open"],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "is not a record" in done.stderr


def test_a_record_on_a_telephone(record, opened):
    with explored(record.directory) as address:
        page = opened(address, NARROW)
        page.locator("img[alt='screen of the frame']").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        page.get_by_text("output held until its release").wait_for()  # the key of the timeline
