"""Workers for zero inaction: the number of the rule that was asked for, against the event simulator."""

import itertools
import math

import numpy as np
import pytest

import regretlab as rl
from regretlab.laws import law_from_samples, parse_law
from regretlab.rules import known_rules
from regretlab.rules.service.service import NoClosedForm
from regretlab.theory.loss import FrameLoss
from regretlab.theory.realtime import workers_for_every_frame

MODELS = {
    "once": {},
    "repeat": {"default_behaviour": "repeat"},
    "chunk": {"chunk": 6},
    "short chunk": {"chunk": 3},
    "keep": {"unused": "keep"},
}
CONSTANT, BOUNDED, UNBOUNDED = "3.2", "uniform(1, 3)", "gamma(4, scale=0.8)"


def asked(rule, law, options, workers=1):
    return rl.Scenario(law, frame_time=1, mode_probability=0.9, rule=rule, workers=workers, **options)


def idle(scenario, frames=2_000, replications=20):
    """Share of the frames without an agent action, in other runs (and phases) than the one that found the number."""
    found = rl.simulate(scenario, frames=frames, replications=replications, warmup=4_000, seed=11, threads=1, batches=1)
    return found.inaction_fraction


@pytest.mark.parametrize("rule", [rule.name for rule in known_rules()])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.one_in(5)
def test_the_number_serves_every_frame_and_one_worker_fewer_does_not(rule, model):
    options = MODELS[model]
    for law in (CONSTANT, BOUNDED, UNBOUNDED):
        number = rl.bound(asked(rule, law, options)).workers_for_zero_inaction
        if number is None:
            single = rule.startswith("sequential")
            single |= "chunk" in model and rule in ("free-running", "unstaggered")  # N miss with the N-th power of one
            for workers in (1,) if single else (1, 3, 5):
                assert idle(asked(rule, law, options, workers)) > 0, (law, workers)
            continue
        assert idle(asked(rule, law, options, number)) == 0, (law, number)
        if number > 1:
            assert idle(asked(rule, law, options, number - 1)) > 0, (law, number)


def test_it_is_not_the_number_of_another_rule():
    """Four under max-time, which holds outputs to 3.2 frames; a pool needs equal times, and phases of workers meet."""
    found = {
        rule: rl.bound(asked(rule, BOUNDED, {}, 4)).workers_for_zero_inaction for rule in ("max-time", "frame-pool")
    }
    assert found == {"max-time": 4, "frame-pool": None}
    assert rl.bound(asked("frame-hold", BOUNDED, {}, 4).replace(hold=4)).workers_for_zero_inaction == 4
    assert rl.bound(asked("free-running", CONSTANT, {}, 4)).workers_for_zero_inaction is None
    raced = asked("max-time", BOUNDED, {"replicas": 2}, 4)
    assert rl.bound(raced).workers_for_zero_inaction == 8


def test_many_workers_are_searched_in_steps():
    """Forty frames on average, constant: an eleventh of the workers is enough for chunks of eleven more actions."""
    number = rl.bound(asked("max-time", "40", {"chunk": 50})).workers_for_zero_inaction
    assert (
        idle(asked("max-time", "40", {"chunk": 50}, number))
        == 0
        < idle(asked("max-time", "40", {"chunk": 50}, number - 1))
    )


@pytest.mark.parametrize("options", [{}, {"unused": "keep"}, {"unused": "keep:1"}, {"chunk": 9}, {"chunk": 4}])
@pytest.mark.parametrize("times", ["0.5, 0.25", "2.5, 0.25", "1, 0.6", "1, 2"])
def test_batches_have_a_number_wherever_they_leave_no_frame(times, options):
    def idle_with(items):
        return rl.bound(rl.Scenario(frame_time=1, mode_probability=0.9, batch_law=times, workers=items, **options))

    reports = {items: idle_with(items) for items in (1, 2, 3, 4, 5, 6, 9)}
    numbers = {report.workers_for_zero_inaction for report in reports.values()}
    assert len(numbers) == 1, "the number does not depend on the number asked with"
    (number,) = numbers
    without = [items for items, report in reports.items() if report.inaction_fraction < 1e-12]
    assert number == (without[0] if without else None)
    if number is not None:
        assert f"{number} (batches)" == dict(reports[1].facts())["workers for zero inaction"]


@pytest.mark.parametrize("law", ["4", "gamma(4, scale=1)", "uniform(3, 2)"])
def test_as_many_outputs_as_frames_are_enough_if_all_are_kept(law):
    """r = 1: the share of frames without an action vanishes with the root of time, so rule and bound agree."""
    scenario = asked("free-running", law, {"unused": "keep"}, 4)
    assert rl.bound(scenario).workers_for_zero_inaction == rl.lower_bound(scenario).workers_without_inaction == 4
    shares = [
        rl.simulate(scenario, frames=frames, warmup=0, replications=8, seed=3, threads=1, batches=1).inaction_fraction
        for frames in (10_000, 160_000)
    ]
    assert shares[1] < 0.4 * shares[0] + 1e-4


@pytest.mark.parametrize("law", [CONSTANT, BOUNDED, UNBOUNDED])
def test_no_rule_that_repeats_acts_anew_more_often_than_the_bound_allows(law):
    for rule in ("free-running", "max-time", "frame-pool", "sequential"):
        scenario = asked(rule, law, {"default_behaviour": "repeat"}, 1 if rule == "sequential" else 2)
        report, least = rl.bound(scenario), rl.lower_bound(scenario, sharper=False)
        assert report.inaction_fraction >= least.inaction_fraction - 1e-3
        number = report.workers_for_zero_inaction
        assert number is None or number >= least.workers_without_inaction == math.ceil(parse_law(law).mean())


@pytest.mark.parametrize("rule", [rule.name for rule in known_rules()])
def test_the_number_up_to_a_quantile_is_that_of_the_law_cut_there(rule):
    known = 0
    for law, model in itertools.product((CONSTANT, BOUNDED, UNBOUNDED), MODELS.values()):
        scenario, whole = asked(rule, law, model), parse_law(law)
        cut = whole.quantile(0.999)
        times = np.minimum([whole.quantile(q) for q in (np.arange(500) + 0.5) / 500], cut)
        sampled = law_from_samples(np.append(times, cut))
        try:
            found = workers_for_every_frame(whole, scenario, FrameLoss(0.9), longest_time=cut)
        except NoClosedForm:
            continue
        assert found == workers_for_every_frame(sampled, scenario, FrameLoss(0.9))
        known += found is not None
    assert known > 0 or rule in ("sequential", "sequential-strict", "unstaggered", "frame-pool")


def test_a_number_up_to_a_quantile_or_the_reason_for_none():
    def said(rule, law=UNBOUNDED, **options):
        return rl.bound(asked(rule, law, options)).to_json()["workers_for_quantile"]

    assert said("max-time") == {"quantile": 0.999, "workers": 11, "reason": None}
    assert said("frame-hold", hold=11)["workers"] == 11
    assert said("free-running") == {"quantile": 0.999, "workers": None, "reason": "no number of workers suffices"}
    assert said("free-running", unused="keep")["workers"] == 4
    assert "only a simulation gives it" in said("max-time", CONSTANT, chunk=6)["reason"]
