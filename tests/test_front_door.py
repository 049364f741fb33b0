"""The front door: the story of the tour in fifteen lines, and what each of its results can do."""

import ast
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

import regretlab as rl
from regretlab.needs import MissingPackageError
from regretlab.results import MOST_LINES, RegretParts, interval_quantile

ROOT = Path(__file__).parents[1]


def _cells():
    return re.findall(r"^```\{code-cell\}\n(.*?)^```$", (ROOT / "docs" / "tour.md").read_text(), re.M | re.S)


def test_the_story_of_the_tour_takes_fifteen_lines():
    lines = [line for cell in _cells() for line in cell.splitlines() if line.strip()]
    assert lines[0] == "import regretlab as rl"
    assert len(lines) - 1 <= 15


def test_the_story_of_the_tour():
    """Bound, compare, plan, simulate, run, record into pandas, compare with theory: the page's own lines."""
    names = {}
    exec(compile(ast.parse("\n".join(_cells())), "tour.md", "exec"), names)
    record, simulated, plan = names["record"], names["simulated"], names["plan"]
    assert simulated.scenario == plan.scenario
    predicted = rl.simulate(record.scenario, frames=200_000, seed=3).regret.total
    assert rl.bound(record.scenario).regret.total == pytest.approx(predicted, abs=0.01)
    low, high = record.regret.interval(0.9999)
    assert low < predicted < high
    assert record.frames.shape[0] == 6000
    error = math.hypot(simulated.regret.standard_errors["total"], plan.regret.standard_errors["total"])
    assert abs(simulated.regret.total - plan.regret.total) < 4.5 * error


ASKED = rl.Scenario("gamma(4, scale=0.8)", frame_time=1, mode_probability=0.9, workers=3)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    found = {
        "bound": rl.bound(ASKED),
        "compare": rl.compare(ASKED, frames=2_000),
        "plan": rl.plan(ASKED, worker_cost=0.01),
        "simulate": rl.simulate(ASKED, frames=5_000, replications=4),
    }
    try:
        folder = tmp_path_factory.mktemp("front") / "record"
        beacon = rl.Scenario(0.04, mode_probability=0.9, symbols=4, workers=2)
        found["run"] = rl.run(beacon, policy="oracle", clock="virtual", frames=300, out=folder)
    except MissingPackageError:  # the base package alone
        pass
    return found


def test_every_result_has_one_shape(results):
    for name, result in results.items():
        assert isinstance(result, rl.Result)
        assert result.regret.total == pytest.approx(result.regret.inaction + result.regret.delay), name
        assert 0 <= result.regret.total <= 1
        assert len(repr(result).splitlines()) <= MOST_LINES
        assert max(map(len, repr(result).splitlines())) <= 160
        assert result._repr_html_().startswith("<table>")
        json.dumps(result.to_json())
        assert len(result.to_frame()) >= 1
        assert result.plot().axes


def test_facts_that_are_not_used_are_listed(results):
    assert results["plan"].ignored == ("rule", "workers")
    assert results["compare"].ignored == ("rule",)
    found = results["plan"]
    chosen = {name: getattr(found, name) for name in ("rule", "workers", "hold", "alignment")}
    assert found.scenario == ASKED.replace(**chosen, **found.options)


def test_the_comparison_is_a_ranking_of_every_rule(results):
    rows = results["compare"].rows
    totals = [row.regret.total for row in rows]
    assert totals == sorted(totals)
    for row in rows:
        asked = ASKED.replace(rule=row.rule)
        if row.method != "simulation":
            assert rl.bound(asked).regret.total == row.regret.total
    left = set(results["compare"].not_computed)
    assert left == {"sequential", "sequential-strict"}  # rules of one worker
    assert {row.rule for row in rows} >= {"max-time", "expected-time", "frame-hold", "free-running"}


def test_a_field_that_the_rule_cannot_use_is_refused_where_it_is_evaluated():
    held = ASKED.replace(rule="max-time", hold=3)
    for evaluate in (rl.bound, rl.simulate):
        with pytest.raises(rl.InputError, match="rule 'max-time' has no hold"):
            evaluate(held)
    assert rl.plan(held).ignored == ("rule", "workers", "hold")
    assert rl.compare(held, frames=None).ignored == ("rule", "hold")


def test_a_field_that_an_entry_point_does_not_take_is_refused():
    with pytest.raises(rl.InputError, match="a plan does not take workers 3 into account: leave it out"):
        ASKED.check("a plan", uses=("inference_time", "mode_probability", "frame_time"))
    with pytest.raises(rl.InputError, match=r"compare does not take inference time .* into account: leave it out"):
        rl.compare(ASKED.replace(batch_law="1, 2"))


def test_the_hold_is_the_best_one_where_none_is_given():
    """Not given and "auto" are the same, in theory and simulation: the hold of least regret for these gaps."""
    asked = ASKED.replace(rule="frame-hold", workers="inf", gap_default=0.7)
    best = rl.bound(asked)
    assert best.hold == rl.bound(asked.replace(hold="auto")).hold
    tried = [rl.bound(asked.replace(hold=hold)).regret.total for hold in range(1, 12)]
    assert int(np.argmin(tried)) + 1 == best.hold
    short = {"frames": 2_000, "replications": 2}
    assert rl.simulate(asked, **short)["delay_law"] == rl.simulate(asked.replace(hold="auto"), **short)["delay_law"]


def test_intervals_have_the_quantiles_of_scipy():
    from scipy import stats

    assert interval_quantile(0.99) == pytest.approx(stats.norm.ppf(0.995), rel=1e-12)
    assert interval_quantile(0.95, 7) == pytest.approx(stats.t.ppf(0.975, 7), rel=1e-9)
    low, high = rl.Estimate(2.0, 0.5, degrees=7).interval(0.95)
    assert (high - low) / 2 == pytest.approx(0.5 * stats.t.ppf(0.975, 7))
    with pytest.raises(rl.InputError, match="level of an interval must lie between 0 and 1, not 1"):
        interval_quantile(1)


def test_a_scaled_regret_has_scaled_parts_and_a_scaled_interval():
    parts = RegretParts(0.1, 0.2, 0.05, {"total": 0.01, "delay": None}, degrees=7)
    scaled = parts.scaled(500.0)
    assert scaled.to_json() == pytest.approx({name: 500.0 * value for name, value in parts.to_json().items()})
    assert scaled.interval(0.95) == pytest.approx([500.0 * end for end in parts.interval(0.95)])
    assert np.isnan(scaled.estimate("delay").standard_error)


def test_no_quantile_of_the_normal_law_is_written_as_a_number():
    """``interval_quantile`` computes them; 1.96 and the like in code or on a page's code are refused."""
    quantile = re.compile(r"(?<![\d.])(1\.645|1\.96|2\.05[37]|2\.326|2\.57[56]|2\.58|2\.744|3\.29)\d*(?![\d.]*e)")
    for path in [*ROOT.glob("regretlab/**/*.py"), *ROOT.glob("paper_figures/**/*.py"), *ROOT.glob("tests/**/*.py")]:
        if path != Path(__file__):
            code = re.sub(r'"""(?:.|\n)*?"""|#.*', "", path.read_text())
            assert not quantile.findall(code), path
    for page in ROOT.glob("docs/**/*.md"):
        for cell in re.findall(r"^```\{code-cell\}\n(.*?)^```$", page.read_text(), re.M | re.S):
            assert not quantile.findall(cell), page


@pytest.mark.parametrize("entry", ["bound", "lower_bound", "simulate", "compare", "plan"])
def test_what_is_not_a_scenario_is_refused(entry):
    with pytest.raises(rl.InputError, match=rf"^{entry} takes a Scenario, such as .*, not 0\.1$"):
        getattr(rl, entry)(0.1)


def test_a_comparison_says_itself_what_it_needs():
    with pytest.raises(rl.InputError, match=r"^compare needs mode probability, and none is given$"):
        rl.compare(rl.Scenario(0.1))


@pytest.mark.parametrize("changes", [{"chunk": 4}, {"unused": "keep"}, {"default_behaviour": "repeat"}])
def test_a_comparison_is_in_the_service_model_that_was_asked_for(changes):
    found = rl.compare(ASKED.replace(**changes), frames=5_000)
    rows = {row.rule: row for row in found.rows}
    assert {"free-running", "max-time", "expected-time"} <= set(rows)
    for rule in ("free-running", "frame-pool"):
        alone = rl.bound(ASKED.replace(rule=rule, **changes))
        error = rows[rule].regret.standard_errors.get("total") or 0.0
        error = math.hypot(error, alone.standard_error or 0.0)
        assert abs(rows[rule].regret.total - alone.regret.total) < 4.5 * error + 1e-9
    assert rows["free-running"].regret.total < rl.bound(ASKED).regret.total


def test_a_maximum_time_is_for_the_rule_that_has_one():
    given = ASKED.replace(maximum_time=9.0)
    for evaluate in (rl.bound, rl.simulate):
        with pytest.raises(rl.InputError, match=r"^rule 'free-running' has no maximum time, and 9 s is given$"):
            evaluate(given)
    totals = {row.rule: row.regret.total for row in rl.compare(given, frames=None).rows}
    assert totals["max-time"] == rl.bound(given.replace(rule="max-time")).regret.total
    assert totals["free-running"] == rl.bound(ASKED).regret.total


def test_a_maximum_time_below_the_longest_time_is_outgrown():
    """Algorithm 1 learns the longer time: a bound with the shorter one would lie below the bound over all rules."""
    asked = rl.Scenario(0.1, mode_probability=0.95, workers=4, rule="max-time")
    short = rl.bound(asked.replace(maximum_time=0.05))
    assert short.regret.total == rl.bound(asked.replace(maximum_time=0.1)).regret.total
    assert short.workers_for_zero_inaction == 6
    found = rl.simulate(asked.replace(maximum_time=0.05), frames=20_000, replications=2)
    assert found.regret.total == pytest.approx(short.regret.total, abs=0.02)
    unbounded = rl.bound(ASKED.replace(rule="max-time", maximum_time=6.0))
    assert any("as given (5.9 % of the times are longer" in each for each in unbounded.assumptions)
    too_short = ASKED.replace(rule="max-time", maximum_time=2.0)
    simulated = rl.bound(too_short)
    assert simulated.method == "simulation"
    assert any("longer runs wait longer" in each for each in simulated.assumptions)
    assert any("maximum time 2 s is shorter than 75.8 % of the inference times" in e for e in simulated.assumptions)
    methods = {row.rule: row.method for row in rl.compare(too_short, frames=2_000).rows}
    assert methods["max-time"] == "simulation"


def test_frames_may_be_written_with_an_exponent():
    found = rl.simulate(ASKED, frames=2e3, replications=2)
    assert found.frames == rl.simulate(ASKED, frames=2_000, replications=2).frames
    with pytest.raises(rl.InputError, match=r"^frames must be a whole number, not 'many'$"):
        rl.simulate(ASKED, frames="many")


def test_what_has_no_regret_by_cause_prints_and_exports_too():
    solved = rl.solve("ring(p=0.9, symbols=4)", delay=3)
    assert isinstance(solved, rl.Result)
    assert repr(solved).startswith("delay 3, an action every frame\n  regret per frame")
    assert solved.to_json()["regret_per_frame"] == solved.to_frame()["regret_per_frame"][0] == solved.regret_per_frame
    with pytest.raises(rl.InputError, match=r"^DelayedSolution has no figure$"):
        solved.plot()


def test_an_estimate_from_a_record_is_short(tmp_path):
    asked = rl.Scenario(0.04, mode_probability=0.9, symbols=4, workers=2)
    try:
        record = rl.run(asked, policy="oracle", clock="virtual", frames=600, out=tmp_path / "record")
    except MissingPackageError:
        pytest.skip("needs the extra play")
    found = rl.stochasticity(record, ignore_actions=True)
    assert len(repr(found).splitlines()) <= MOST_LINES
    assert found._repr_html_().startswith("<table>")
    assert json.loads(json.dumps(found.to_json()))["p_minimax"]["horizon"] == 1


@pytest.mark.parametrize(
    ("mdp", "delay", "said"), [(3, 0, "solve takes an MDP"), ("ring(p=0.9)", 1.5, "delay must be")]
)
def test_what_cannot_be_solved_is_refused(mdp, delay, said):
    with pytest.raises(rl.InputError, match=said):
        rl.solve(mdp, delay)


def test_a_run_takes_the_rule_from_its_scenario_alone(tmp_path):
    with pytest.raises(rl.InputError, match="run takes rule from the scenario"):
        rl.run(ASKED, policy="oracle", clock="virtual", rule="max-time", out=tmp_path / "record")
    assert not (tmp_path / "record").exists()
