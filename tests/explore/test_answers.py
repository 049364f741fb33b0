"""What the explorer shows of a scenario, against the functions of the front door and the record of a simulated run."""

import numpy as np
import pytest

import regretlab as rl
from regretlab.explore.answers import (
    LAWS,
    RuleValues,
    law_text,
    plan_sentence,
    scenario_of_query,
    shape_of_law,
    timeline,
    to_command,
    to_python,
)
from regretlab.laws import parse_law
from regretlab.rules import get_rule, known_rules

GAMMA = rl.Scenario("gamma(4, scale=0.02)", mode_probability=0.95, workers=6, rule="max-time")


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("spread", [0.1, 0.5])
def test_laws_have_the_mean_and_the_spread_asked_for(name, spread):
    law = parse_law(law_text(name, 0.08, spread))
    assert law.mean() == pytest.approx(0.08, rel=1e-4)
    assert law.std() / law.mean() == pytest.approx({"constant": 0.0, "expon": 1.0}.get(name, spread), abs=1e-4)


@pytest.mark.parametrize("name", LAWS)
def test_the_controls_find_their_law_again(name):
    found = shape_of_law(law_text(name, 0.08, 0.5))
    assert found is not None
    assert found[:2] == (name, pytest.approx(0.08, rel=1e-3))


@pytest.mark.parametrize(
    "text", ["weibull_min(2, scale=0.1)", "gamma(4, loc=0.1, scale=0.02)", "lognorm(0.5, 0.1, 0.08)"]
)
def test_other_laws_stay_as_they_were_typed(text):
    assert shape_of_law(text) is None


def test_values_are_those_of_bound_and_of_a_simulation():
    values = RuleValues()
    shown = values.at_once(GAMMA)
    assert shown["max-time"].regret.total == rl.bound(GAMMA).regret.total
    alone = shown["sequential"]
    assert alone.alone
    assert not shown["max-time"].alone
    assert alone.regret.total == rl.bound(GAMMA.replace(rule="sequential", workers=1)).regret.total
    assert values.at_once(GAMMA.replace(rule="sequential"))["sequential"].missing == "runs 1 worker"
    assert shown["expected-time"].regret is None  # no closed form: it comes later
    later = values.later(GAMMA, get_rule("expected-time"))
    exact = rl.simulate(GAMMA.replace(rule="expected-time"), frames=200_000, seed=5)
    spread = np.hypot(later.standard_error, exact.regret.standard_errors["total"])
    assert later.method == "simulation"
    assert abs(later.regret.total - exact.regret.total) < 4.5 * spread


def test_a_slow_rule_is_left_for_later():
    values = RuleValues()
    values.seconds["max-time"] = 1.0
    assert "max-time" not in values.at_once(GAMMA)
    assert set(values.at_once(GAMMA)) <= {rule.name for rule in known_rules()}


@pytest.mark.parametrize("rule", ["max-time", "frame-pool", "free-running", "expected-time"])
def test_the_timeline_is_the_run_that_simulate_records(rule, tmp_path):
    from regretlab.simulation.recorded import record_simulation

    asked = GAMMA.replace(rule=rule)
    drawn = timeline(asked, frames=80, seed=3)
    log = record_simulation(asked, tmp_path / "run", frames=80, seed=3)
    recorded = rl.Record(tmp_path / "run")
    assert np.array_equal(np.where(drawn.ages > 0, drawn.ages, -1), recorded.frames["delay_frames"])
    assert np.array_equal(drawn.worker, log.inferences["worker"])
    assert np.array_equal(drawn.release, recorded.inferences["release"], equal_nan=True)
    acting = drawn.effect[drawn.effect >= 0]  # one output for each frame that is served, and no overwritten one
    assert sorted(acting) == np.flatnonzero(drawn.ages > 0).tolist()


def test_a_repeated_action_ages_until_a_fresher_one_comes():
    once = rl.Scenario(2.5, frame_time=1, rule="sequential", mode_probability=0.9)
    assert timeline(once, frames=8).ages.tolist() == [0, 0, 0, 3, 0, 0, 3, 0]
    assert timeline(once.replace(default_behaviour="repeat"), frames=8).ages.tolist() == [0, 0, 0, 3, 4, 5, 3, 4]
    assert timeline(once.replace(chunk=4), frames=8).ages.tolist() == [0, 0, 0, 3, 4, 0, 3, 4]


def test_the_timeline_says_what_it_leaves_out():
    drawn = timeline(GAMMA.replace(cancel_after=0.15, unused="keep"), frames=20)
    assert drawn.note == "cancel after, unused"
    assert timeline(GAMMA, frames=20).note == ""


def test_words_to_copy_give_the_same_scenario(capsys):
    import shlex

    from regretlab.cli import main

    asked = GAMMA.replace(rule="free-running", chunk=3)
    space = {"rl": rl}
    exec(to_python(asked).splitlines()[2], {"rl": rl}, space)
    assert space["scenario"] == asked
    assert main([*shlex.split(to_command(GAMMA))[1:], "--json"]) == 0
    assert f'"total": {rl.bound(GAMMA).regret.total}' in capsys.readouterr().out


def test_an_address_with_a_wrong_value_is_refused_in_one_sentence():
    with pytest.raises(rl.InputError, match="workers must be a whole number of at least 1 or inf, not 'many'"):
        scenario_of_query({"workers": "many"}, GAMMA)


def test_the_plan_in_one_sentence():
    plan = rl.plan(rl.Scenario(0.1, mode_probability=0.95, workers=8))
    ratio = plan.regret.total / plan.lower_bound.regret_per_frame
    assert plan_sentence(plan).startswith(f"Run {plan.rule} with {plan.workers} workers")
    assert f"{ratio:.2f} times the lower bound" in plan_sentence(plan)
