"""The learning part inside the report: counted in agent frames only, scaled by cores, learners and weights."""

import math

import pytest

from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.theory.learning import learning_bound
from regretlab.theory.realtime import core_slowdown, realtime_regret

LAW = parse_law("gamma(4, scale=0.8)")


def report(**changes):
    values = {"rule": "sequential", "learning_bound": "gaussian-bandit", "actions": 5, "horizon": 4000.0, **changes}
    return realtime_regret(LAW, 1.0, 0.9, **values)


def test_learning_is_counted_per_interaction_not_per_frame():
    found = report()
    n = 4000.0 * (1 - found.inaction_fraction)
    expected = math.sqrt(4 * n) / 27
    assert found.learning.interactions == pytest.approx(n)
    assert found.over_horizon.learning == pytest.approx(expected)
    assert found.per_frame.learning == pytest.approx(expected / 4000)
    assert found.total == pytest.approx(found.per_frame.inaction + found.per_frame.delay + expected / 4000)
    naive = math.sqrt(4 * 4000.0) / 27  # every frame taken for an interaction
    assert found.over_horizon.learning < naive / 1.5
    assert "product of (shift register" in found.witness
    assert not any("knows the optimal action" in text for text in found.assumptions)
    assert any("up to 2 a frame" in text for text in found.assumptions)
    assert found.to_json()["learning_bound"]["name"] == "gaussian-bandit"
    assert "learning, closed-form" in repr(found)
    assert found._repr_latex_().count("+") == 2


def test_learning_is_a_root_of_time_and_the_rest_is_linear():
    short, long = report(), report(horizon=16_000.0)
    assert long.over_horizon.learning == pytest.approx(2 * short.over_horizon.learning)
    assert long.over_horizon.inaction == pytest.approx(4 * short.over_horizon.inaction)
    assert long.per_frame.delay == short.per_frame.delay


def test_the_joint_witness_shares_one_reward():
    apart, joint = report(), report(learning_weight=0.25)
    assert joint.per_frame.delay == pytest.approx(0.75 * apart.per_frame.delay)
    assert joint.per_frame.learning == pytest.approx(0.25 * apart.per_frame.learning)
    assert joint.per_frame.inaction == apart.per_frame.inaction
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
    assert slow.per_frame.learning > report(horizon=1e5).per_frame.learning


def test_feedback_latency_is_given_in_frames():
    found = report(learning_bound="feedback-latency", feedback_latency=40.0, actions=4)
    assert found.over_horizon.learning == pytest.approx(0.75 * 40.0 * (1 - found.inaction_fraction))


def test_shared_cores_slow_everything_down():
    alone = realtime_regret(LAW, 1.0, 0.9, rule="max-time", workers=6, cores=8)
    assert alone.total == realtime_regret(LAW, 1.0, 0.9, rule="max-time", workers=6).total
    shared = realtime_regret(LAW, 1.0, 0.9, rule="max-time", workers=6, cores=2)
    slowed = realtime_regret(LAW.scaled(3.5), 1.0, 0.9, rule="max-time", workers=6)
    assert shared.total == pytest.approx(slowed.total, abs=1e-12)
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
        ({"learning_bound": None, "learning_weight": 0.5}, "a learning weight needs a learning bound"),
        ({"learners": 2}, "learners need the time of a batch"),
        ({"hold": 3}, "rule 'sequential' has no hold, and 3 is given"),
        ({"learning_bound": "finite-mdp", "states": 10, "actions": 10}, "needs diameter, and none is given"),
        (
            {"cores": 2, "service": realtime_regret(LAW, 1.0, 0.9, rule="sequential").service},
            "give cores or service, not both",
        ),
        (
            {"hold": "auto", "service": realtime_regret(LAW, 1.0, 0.9, rule="sequential").service},
            "hold cannot be 'auto'",
        ),
    ],
)
def test_unusable_input_is_named(changes, message):
    with pytest.raises(InputError, match=message):
        report(**changes)
