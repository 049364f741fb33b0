"""The committed results on duel, and on Boxing, say what the documentation says, and each row of them is whole."""

import json
from pathlib import Path

import pytest

from paper_figures import make_figures
from paper_figures.looks import words_of
from regretlab.experiments import case_summaries, read_experiment, read_results
from regretlab.experiments.results import read_metadata

ROOT = Path(__file__).parents[2]
RESULTS, EXPERIMENTS = ROOT / "paper_figures" / "results", ROOT / "paper_figures" / "experiments"
NAMES = ("duel-battles", "duel-catching", "duel-battles-delay", "duel-catching-delay")


def _cases(name):
    path = RESULTS / f"{name.replace('-', '_')}.parquet"
    counted = read_metadata(path)["configuration"]["experiment"]["counted"]
    return {(case.case, case.delay, case.interaction): case for case in case_summaries(read_results(path), counted)}


def _said(case):
    return f"{1000 * case.reward_per_frame:.2f} ± {1000 * case.interval:.2f}"


@pytest.mark.parametrize("name", NAMES)
def test_results_are_of_the_experiment_beside_them(name):
    experiment = read_experiment(EXPERIMENTS / f"{name}.toml", "cpu")
    path = RESULTS / f"{name.replace('-', '_')}.parquet"
    assert read_metadata(path)["configuration"] == experiment.to_json()
    rows = read_results(path)
    assert set(rows.groupby(["case", "delay", "interaction", "seed"])["frames"].sum()) == {experiment.settings.frames}
    assert rows["seed"].nunique() >= 5


def test_the_documentation_gives_the_rewards_of_late_scripts():
    page = (ROOT / "docs" / "experiments.md").read_text()
    tables = [_cases("duel-battles-delay"), _cases("duel-catching-delay")]
    for delay in (1, 5, 8, 70):
        cells = [_said(table["script", delay, way]) for table in tables for way in ("asynchronous", "sequential")]
        row = f"| {delay} | " + " | ".join(cells) + " |"
        assert row in page, row


def test_the_documentation_gives_the_rewards_of_boxing():
    page = (ROOT / "docs" / "experiments.md").read_text()
    table = _cases("boxing")
    for delay in (1, 3, 5, 8, 29, 47, 70, 80, 599, 750):
        cells = [_said(table["script", delay, way]) for way in ("asynchronous", "sequential")]
        assert f"| {delay} | " + " | ".join(cells) + " |" in page, delay
    assert f"Random play earns {_said(table['random', 0, 'asynchronous'])}" in page


def test_the_documentation_gives_the_rewards_of_agents():
    page = (ROOT / "docs" / "experiments.md").read_text()
    battles, catching = ({key[0]: case for key, case in _cases(name).items()} for name in NAMES[:2])
    for label, case in battles.items():
        row = f"| {words_of(label)} | {_said(case)} | {_said(catching[label])} |"
        assert row in page or label == "no-op", row


def test_a_figure_is_drawn_from_committed_results(tmp_path):
    """Agents late on beacon: the drawn points are the means and intervals of the committed rows."""
    files = make_figures(("agents-late",), tmp_path, quick=True)["agents-late"]
    assert [file.suffix for file in files] == [".json", ".txt", ".pdf", ".png", ".svg"]
    data = json.loads(files[0].read_text())["data"]
    results = _cases("beacon-delay")
    for player, ways in data["points"].items():
        for way, points in ways.items():
            expected = [results[player, delay, way] for delay in data["delays"]]
            assert points == [[case.reward_per_frame, case.interval] for case in expected]
    assert b"<svg" in files[4].read_bytes()
