"""Rules from outside the package: the how-to page runs, and a copy of a rule plays exactly as the rule does."""

import pickle
import re

import numpy as np
import pytest

from regretlab import Scenario, bound, plan, simulate
from regretlab.errors import InputError
from regretlab.rules import MAX_TIME, StaggeringRule, get_rule, known_rules, register_rule, unregister_rule
from regretlab.simulation import replay
from tests.contracts.commands import ROOT, blocks

TRANSITIONS = ("next_start", "on_dispatch", "on_completion")
PAGE = ROOT / "docs" / "how-to" / "rule.md"


def copy_of(rule, **changed):
    """Return a rule with the plain Python functions of another, as a user would write them."""
    functions = {name: getattr(rule, name).function for name in TRANSITIONS}
    given = {"prime": rule.prime.function if rule.prime else None, "closed_form": rule.closed_form}
    traits = {"alignments": rule.alignments, "learns": rule.learns, "summary": f"a copy of {rule.name}"}
    return StaggeringRule(**(functions | given | traits | {"name": f"my-{rule.name}"} | changed))


@pytest.fixture
def registered():
    """Register rules for the length of a test."""
    names = []

    def register(rule):
        names.append(rule.name)
        return register_rule(rule)

    yield register
    for name in names:
        unregister_rule(name)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", ["max-time", "free-running"])
def test_a_copy_of_a_rule_plays_as_the_rule_does(name, registered):
    rule = get_rule(name)
    copy = registered(copy_of(rule, independent=rule.independent))
    times = np.random.default_rng(5).gamma(4, 0.02, 3000)
    logs = [replay(times, 1 / 60, workers=4, rule=chosen, frames=1500, first_estimate=0.1) for chosen in (rule, copy)]
    for column in logs[0].inferences.dtype.names:
        np.testing.assert_array_equal(*(log.inferences[column] for log in logs))
    scenario = Scenario("gamma(4, scale=0.02)", frame_time="1/60", mode_probability=0.9, workers=4)
    results = [
        simulate(scenario.replace(rule=chosen), frames=20_000, replications=2, seed=1) for chosen in (rule, copy)
    ]
    assert results[0].service.delay_law == pytest.approx(results[1].service.delay_law, abs=0)
    assert results[1].service.rule == copy.name


def test_the_virtual_clock_plays_a_registered_rule(registered, tmp_path):
    from regretlab.play.configuration import RunConfiguration
    from regretlab.play.run import run
    from regretlab.records import Record

    copy = registered(copy_of(MAX_TIME))
    setting = {"policy": "oracle", "workers": 3, "clock": "virtual", "emulate_latency": "gamma(4, scale=0.02)"}
    for rule in (MAX_TIME, copy):
        summary = run(RunConfiguration(rule=rule, frames=200, **setting), tmp_path / rule.name)
    own, theirs = (Record.open(tmp_path / rule.name) for rule in (copy, MAX_TIME))
    assert own.inferences.equals(theirs.inferences)
    longest = (own.inferences["completion"] - own.inferences["scheduled"]).max()
    assert own.meta["tau_max"] == theirs.meta["tau_max"] == pytest.approx(max(longest, own.meta["first_estimate"]))
    assert (summary.tau_max, summary.mean_time, summary.hold) == (own.meta["tau_max"], None, None)
    with pytest.raises(InputError, match="rule 'my-max-time' is registered in this process only"):
        RunConfiguration(policy="oracle", rule="my-max-time", workers=2)


def test_a_registered_rule_is_planned_where_it_has_a_closed_form(registered):
    registered(copy_of(MAX_TIME))
    scenario = Scenario(3.2, frame_time=1.0, mode_probability=0.9)
    found = plan(scenario, worker_cost=0.02)
    assert {"my-max-time", "max-time"} <= {candidate.rule for candidate in found.alternatives}
    own, theirs = (bound(scenario.replace(rule=rule, workers=2)) for rule in ("my-max-time", MAX_TIME))
    assert own.regret.total == theirs.regret.total


def test_refusals(registered):
    copy = registered(copy_of(MAX_TIME))
    assert registered(copy) is copy is get_rule("my-max-time") is get_rule(copy)
    assert known_rules()[-1] is copy
    with pytest.raises(InputError, match="already a staggering rule 'my-max-time'"):
        register_rule(copy_of(MAX_TIME))
    with pytest.raises(InputError, match="already a staggering rule 'max-time'"):
        register_rule(copy_of(MAX_TIME, name="max-time"))

    def on_completion(state, worker, start, completion):
        return completion.later

    with pytest.raises(InputError, match="rule 'broken' cannot be compiled and called: Unknown attribute 'later'"):
        register_rule(copy_of(MAX_TIME, name="broken", on_completion=on_completion))
    assert "broken" not in [rule.name for rule in known_rules()]
    unregister_rule("my-max-time")
    with pytest.raises(InputError, match="unknown staggering rule 'my-max-time'"):
        get_rule("my-max-time")


def test_rules_are_pickled_by_name():
    assert pickle.loads(pickle.dumps(MAX_TIME)) is MAX_TIME  # noqa: S301 - made here


def test_the_page_on_rules_runs(capsys):
    cells = [re.sub(r"^:tags:.*\n", "", text) for _, kind, text in blocks(PAGE) if kind == "{code-cell}"]
    names = {}
    try:
        for cell in cells:
            exec(compile(cell, str(PAGE), "exec"), names)
    finally:
        unregister_rule("every-second")
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown[:3]] == ["every-second", "frame-pool", "max-time"]
    assert 0.5 < float(shown[-1].split()[0]) < 0.9  # at most one action in two frames, and some of them overwritten
