"""Contract: the plans of the how-to pages by job hold when they are played, on the virtual clock.

Each page is followed from an empty directory, command by command; RULE and N are what the last plan printed. What was
played may differ from what was planned by four standard errors of the run and a hundredth of the frames.
"""

import itertools
import json
import math
import re
import shlex

import pytest

import regretlab as rl
from regretlab.cli import main
from regretlab.results import interval_quantile

from .commands import JOBS, blocks, console_commands

PLANNED = [page for page in JOBS if page.stem not in ("workers", "paper")]
PAPER = next(page for page in JOBS if page.stem == "paper")
FAST = PAPER.with_name("fast-enough.md")
MARGIN = 0.01
pytestmark = pytest.mark.docs


def followed(page, capsys):
    """Run the commands of a page; return the last plan and the last run, each with its words and its values."""
    found, plan = {}, None
    for text in (text for _, kind, text in blocks(page) if kind == "console"):
        for line, _ in console_commands(text):
            words = shlex.split(line)[1:]
            if plan is not None:
                words = [{"RULE": plan["rule"], "N": str(plan["workers"])}.get(word, word) for word in words]
                if "RULE" in line and plan["alignment"] is not None:
                    words += ["--alignment", plan["alignment"]]
            if words[0] == "profile":  # short, and without processes of its own
                words = [*shlex.split(re.sub(r" --workers \S+", "", shlex.join(words))), "--samples", "40"]
            if words[0] == "run" and "--clock" not in words:
                words += ["--clock", "virtual", "--emulate-latency", "gamma(9, scale=0.003)"]
            capsys.readouterr()
            assert main([*words, "--json"]) == 0, (line, capsys.readouterr().err)
            values = json.loads(capsys.readouterr().out)
            found[words[0]] = words, values
            plan = values if words[0] == "plan" else plan
    return found


@pytest.mark.parametrize("page", PLANNED, ids=lambda page: page.stem)
def test_the_run_keeps_what_the_plan_promised(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    found = followed(page, capsys)
    (_, plan), (words, run) = found["plan"], found["run"]
    options = dict(itertools.pairwise(words))
    assert (options["--rule"], int(options["--workers"])) == (plan["rule"], plan["workers"])
    errors, predicted = run["standard_error"], run["predicted"]
    for promised in (plan["inaction_fraction"], predicted["inaction_fraction"]):
        assert abs(run["inaction_fraction"] - promised) <= 4 * (errors["inaction_fraction"] or 0.0) + MARGIN
    for promised in (plan["regret_per_frame"]["total"], predicted["regret_per_frame"]["total"]):
        assert abs(run["regret_per_frame"]["total"] - promised) <= 4 * (errors["reward_per_frame"] or 0.0) + MARGIN


def test_the_plan_of_a_delay_curve_is_kept(tmp_path, monkeypatch, capsys):
    """The page is followed cell by cell; returns of curve and run agree within 99 % of both errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.mkdtemp", lambda: str(tmp_path))
    found, names = {}, {}
    for text in (text for _, kind, text in blocks(FAST) if kind == "{code-cell}"):
        python = "\n".join(line for line in text.splitlines() if not line.startswith(("!", ":")))
        exec(compile(python, str(FAST), "exec"), names)
        for line in text.splitlines():
            if line.startswith("!regretlab "):
                words = shlex.split(line)[1:]
                capsys.readouterr()
                assert main([*words, "--json"]) == 0, (line, capsys.readouterr().err)
                found.setdefault(words[0], (words, json.loads(capsys.readouterr().out)))
    (_, curve), (_, plan), (words, run) = found["delay-curve"], found["plan"], found["run"]
    options = dict(itertools.pairwise(words))
    assert (options["--rule"], int(options["--workers"])) == (plan["rule"], plan["workers"])
    assert run["inaction_fraction"] == plan["inaction_fraction"] == 0.0
    (at_five,) = (play["return_per_episode"] for play in curve["plays"] if play["play"] == "delay 5")
    assert plan["predicted"]["return_per_episode"] == pytest.approx(at_five["value"])
    low, high = run["episode_return"]["interval"]
    played = (high - low) / 2 / interval_quantile(0.95) * interval_quantile(0.99)
    measured = (at_five["interval"][1] - at_five["interval"][0]) / 2
    assert abs(run["episode_return"]["mean"] - at_five["value"]) < math.hypot(played, measured)


def test_the_run_for_the_paper_keeps_what_its_table_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    found = followed(PAPER, capsys)
    words, run = found["run"]
    options = dict(itertools.pairwise(words))
    asked = rl.Scenario(options["--emulate-latency"], fps=60, mode_probability=0.95, workers=6)
    (row,) = (row for row in rl.compare(asked, frames=20_000).rows if row.rule == options["--rule"])
    error = run["standard_error"]["reward_per_frame"]
    assert abs(run["regret_per_frame"]["total"] - row.regret.total) <= 4 * error + MARGIN


def test_the_number_of_workers_is_one_click_from_the_start_page():
    start = (JOBS[0].parents[1] / "index.md").read_text()
    cards = re.findall(r":::\{grid-item-card\} (.*)\n:link: (.*)\n", start)
    assert cards[0] == ("How many workers do I need?", "how-to/workers")
    answer = next(page for page in JOBS if page.stem == "workers").read_text()
    linked = set(re.findall(r"\]\(([\w-]+)\.md\)", answer))
    assert {page.stem for page in (*PLANNED, FAST, PAPER)} <= linked
