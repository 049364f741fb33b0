"""The learning part inside the report: counted in agent frames only, scaled by cores, learners and weights."""

import math
from dataclasses import fields

import pytest

from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.scenario import Scenario
from regretlab.theory.learning import LearningPart, learning_bound
from regretlab.theory.realtime import bound, core_slowdown

LAW = parse_law("gamma(4, scale=0.8)")
LEARNING = {each.name for each in fields(LearningPart)}


def report(**changes):
    values = {"rule": "sequential", "learning_bound": "gaussian-bandit", "actions": 5, "horizon": 4000.0, **changes}
    learning = {name: values.pop(name) for name in LEARNING if name in values}
    rest = {name: values.pop(name) for name in ("service",) if name in values}
    asked = Scenario(LAW, frame_time=1.0, mode_probability=0.9, **values)
    return bound(asked, learning=LearningPart(**learning), **rest)


def test_learning_is_counted_per_interaction_not_per_frame():
    found = report()
    n = 4000.0 * (1 - found.inaction_fraction)
    expected = math.sqrt(4 * n) / 27
    assert found.learning.interactions == pytest.approx(n)
    assert found.over_horizon.learning == pytest.approx(expected)
    assert found.regret.learning == pytest.approx(expected / 4000)
    assert found.regret.total == pytest.approx(found.regret.inaction + found.regret.delay + expected / 4000)
    naive = math.sqrt(4 * 4000.0) / 27  # every frame taken for an interaction
    assert found.over_horizon.learning < naive / 1.5
    assert "product of (ring W2" in found.witness  # the delay is random, so the mode of the witness stays
    assert not any("knows the optimal action" in text for text in found.assumptions)
    assert any("up to 2 a frame" in text for text in found.assumptions)
    assert found.to_json()["learning_bound"]["name"] == "gaussian-bandit"
    assert "delay + " in repr(found)
    assert len(repr(found).splitlines()) <= 15
    assert found._repr_latex_().split("=")[-2].count("+") == 2


def test_learning_is_a_root_of_time_and_the_rest_is_linear():
    short, long = report(), report(horizon=16_000.0)
    assert long.over_horizon.learning == pytest.approx(2 * short.over_horizon.learning)
    assert long.over_horizon.inaction == pytest.approx(4 * short.over_horizon.inaction)
    assert long.regret.delay == short.regret.delay


def test_the_joint_witness_shares_one_reward():
    apart, joint = report(), report(learning_weight=0.25)
    assert joint.regret.delay == pytest.approx(0.75 * apart.regret.delay)
    assert joint.regret.learning == pytest.approx(0.25 * apart.regret.learning)
    assert joint.regret.inaction == apart.regret.inaction
    assert any("0.75 times the delay witness's and 0.25 times" in text for text in joint.assumptions)


def test_the_diameter_is_taken_in_interactions():
    found = report(
        rule="max-time", workers=3, learning_bound="finite-mdp", states=10, actions=10, diameter=80.0, horizon=1e5
    )
    share = 1 - found.inaction_fraction
    direct = learning_bound("finite-mdp", interactions=1e5 * share, states=10, actions=10, diameter=80.0 * share)
    assert found.over_horizon.learning == pytest.approx(direct.value)


def test_learners_that_cannot_keep_up():
    found = report(learners=2, batch_time=10.0, horizon=1e5)
    tau = found.interaction_time
    assert tau == pytest.approx(3.6997, abs=1e-4)  # E D
    assert found.learning.share == pytest.approx(2 * tau / 10.0)
    assert found.learners_to_keep_up == 3
    slow = report(learners=1, batch_time=30.0, horizon=1e5)
    assert slow.learners_to_keep_up == math.ceil(30.0 / tau)
    assert slow.to_json()["learners_to_keep_up"] == slow.learners_to_keep_up
    assert slow.regret.learning > report(horizon=1e5).regret.learning


def test_feedback_latency_is_given_in_frames():
    found = report(learning_bound="feedback-latency", feedback_latency=40.0, actions=4)
    assert found.over_horizon.learning == pytest.approx(0.75 * 40.0 * (1 - found.inaction_fraction))


def test_shared_cores_slow_everything_down():
    alone = bound(Scenario(LAW, frame_time=1.0, mode_probability=0.9, rule="max-time", workers=6, cores=8))
    assert (
        alone.regret.total
        == bound(Scenario(LAW, frame_time=1.0, mode_probability=0.9, rule="max-time", workers=6)).regret.total
    )
    shared = bound(Scenario(LAW, frame_time=1.0, mode_probability=0.9, rule="max-time", workers=6, cores=2))
    slowed = bound(Scenario(LAW.scaled(3.5), frame_time=1.0, mode_probability=0.9, rule="max-time", workers=6))
    assert shared.regret.total == pytest.approx(slowed.regret.total, abs=1e-12)
    assert any("everything takes 3.5 times as long" in text for text in shared.assumptions)
    with pytest.raises(InputError, match="finite number of workers to share them, not inf"):
        core_slowdown(math.inf, 4)
    with pytest.raises(InputError, match="cores must be a positive, finite number, not 0"):
        core_slowdown(2, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizon": None}, "learning bound 'gaussian-bandit' needs a horizon in seconds, and none is given"),
        ({"horizon": 3.0}, "learning bound 'gaussian-bandit' needs at least 4 processed interactions, not "),
        ({"learning_bound": "mystery"}, "unknown learning bound 'mystery'"),
        ({"learning_weight": 1.5}, r"learning weight must lie in \[0, 1\], not 1.5"),
        ({"learning_bound": None, "learning_weight": 0.5}, "learning weight has no effect without a learning bound"),
        ({"learners": 2}, "learners need the time of a batch"),
        ({"hold": 3}, "rule 'sequential' has no hold, and 3 is given"),
        ({"learning_bound": "finite-mdp", "states": 10, "actions": 10}, "needs diameter, and none is given"),
        (
            {
                "cores": 2,
                "service": bound(Scenario(LAW, frame_time=1.0, mode_probability=0.9, rule="sequential")).service,
            },
            "give cores or service, not both",
        ),
        (
            {
                "hold": "auto",
                "service": bound(Scenario(LAW, frame_time=1.0, mode_probability=0.9, rule="sequential")).service,
            },
            "hold cannot be 'auto'",
        ),
    ],
)
def test_unusable_input_is_named(changes, message):
    with pytest.raises(InputError, match=message):
        report(**changes)
