"""The report of a validation: the verdict, what each group of claims would refute, the load, and a small screen."""

import re
from dataclasses import replace

import pytest

from regretlab.play.run import run as play
from regretlab.records import Record
from regretlab.validation.checks import claims_of, claims_of_many, held_against_the_bound
from regretlab.validation.load import BusyRun
from regretlab.validation.report import write_report
from regretlab.validation.runs import PlannedRun, planned_runs
from tests.oracles.chromium import needs_chromium


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Three virtual runs of 2,000 frames, and the claims about them."""
    folder, found = tmp_path_factory.mktemp("runs"), []
    for run in planned_runs(quick=True, clocks=("virtual",)):
        if run.name in ("delay-0.95-2", "sequential-5", "max-time-5"):
            short = PlannedRun(run.name, run.group, run.configuration.model_copy(update={"frames": 2000}))
            play(short.configuration, folder / run.name)
            found.append((short, Record.open(folder / run.name)))
    claims = [replace(claim, group=run.group) for run, record in found for claim in claims_of(run, record)]
    claims += [replace(claim, group="bound") for claim in claims_of_many(found)]
    return found, claims


def test_the_report_groups_claims_by_what_would_refute_them(tmp_path, played):
    runs, claims = played
    claims = [replace(claims[0], verdict="violated"), replace(claims[1], identity=True), *claims[2:]]
    busy = BusyRun("realtime-16", 1.25, 0.0, repeated=True)
    write_report(tmp_path / "report.html", claims, runs, quick=True, busy=[busy])
    page = (tmp_path / "report.html").read_text()
    holds = sum(claim.passed for claim in claims)
    assert f"<h1>{holds} of {len(claims)} claims hold</h1>" in page
    assert "1 violated." in page
    titles = re.findall(r"<h3>(.*?)</h3>", page)
    assert titles == [
        "An action in every frame, some frames old", "One sequential worker", "Maximum-time staggering",
        "The lower bound over all rules", "Checks of the machinery",
    ]  # fmt: skip
    assert page.count("Refuted by ") == len(titles) - 1
    rows = re.findall(r'<tr><td class="\w+">\w+</td><td><span class="name">(.*?)</span>', page)
    assert sorted(rows) == sorted(claim.name for claim in claims)
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "regret.svg", "bound.svg"}
    assert not re.findall(r'(?:src|href|srcset)="(?!data:|#)', page), "it needs no other file"


def test_the_machine_s_load_is_reported(tmp_path, played):
    runs, claims = played
    real = [(PlannedRun(r.name, r.group, r.configuration.model_copy(update={"clock": "real"})), d) for r, d in runs]
    for busy, sentences in (
        ([], ["Nothing else used the machine during the realtime runs.", "Other work used less than 0.25 cores"]),
        ([BusyRun("sequential-5", 1.25, 0.0)], ["Something else used the machine during 1 realtime run", "1.25 cores"]),
    ):
        write_report(tmp_path / "report.html", claims, real, quick=True, busy=busy)
        page = (tmp_path / "report.html").read_text()
        assert all(sentence in page for sentence in sentences)


def test_claims_without_a_run_have_a_report(tmp_path, played):
    """As of ``validate --claims`` with what is simulated alone."""
    _, claims = played
    write_report(tmp_path / "report.html", claims, [], quick=True)
    page = (tmp_path / "report.html").read_text()
    assert all(claim.name in page for claim in claims)


def test_rows_of_the_second_figure_are_runs_with_their_bound(played):
    runs, _ = played
    found = held_against_the_bound(runs)
    assert [run.name for run, *_ in found] == [run.name for run, _ in runs]
    for _, limit, (value, error) in found:
        assert limit <= value + 4 * error


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("width", [400, 1280])
def test_the_report_fits_the_screen(tmp_path, played, width, chromium):
    runs, claims = played
    write_report(tmp_path / "report.html", claims, runs, quick=True)
    page = chromium.new_page(viewport={"width": width, "height": 800})
    page.goto((tmp_path / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for table in page.locator("table.claims").all():
        box = table.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert page.locator("table.claims thead").first.is_visible() == (width > 640)


@pytest.mark.browser
@needs_chromium
def test_the_report_prints(tmp_path, played, chromium):
    """On A4 nothing is wider than the paper, no row or figure is cut by the end of a page, and claims are tables."""
    runs, claims = played
    write_report(tmp_path / "report.html", claims, runs, quick=True)
    width = round((210 - 2 * 12) / 25.4 * 96)  # pixels within margins of 12 mm
    page = chromium.new_page(viewport={"width": width, "height": 1000})
    page.goto((tmp_path / "report.html").as_uri())
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("table.claims thead").first.is_visible()
    for shown in ("table.claims tr", "figure"):
        assert page.locator(shown).count() > 0
        styles = page.locator(shown).evaluate_all("all => all.map((each) => getComputedStyle(each).breakInside)")
        assert set(styles) == {"avoid"}, shown
    printed = page.pdf(format="A4", margin=dict.fromkeys(("top", "bottom", "left", "right"), "12mm"))
    assert printed.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type /Page\b", printed)) <= 12
