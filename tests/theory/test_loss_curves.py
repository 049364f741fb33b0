"""A loss curve as the world: the exact curve of a ring must give what the ring gives, in every entry point."""

import json

import numpy as np
import pytest

import regretlab as rl
from regretlab.cli import main
from regretlab.curves import LossCurve
from regretlab.errors import InputError

LAW, P, K = "gamma(4, scale=0.8)", 0.9, 4
LAMBDA = (K * P - 1) / (K - 1)
AGES = np.arange(0, 201)
RING = rl.Scenario(LAW, frame_time=1, mode_probability=P, symbols=K, workers=3)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The ring's own curve: reward per frame 1 - l_j, an episode each 100 frames; without an action no reward."""
    losses = 0.75 * (1 - LAMBDA**AGES)
    path = tmp_path_factory.mktemp("curve") / "ring.json"
    rates = {"rewards": [*(1 - losses), 0.0], "ends": [*(0.01 + 0.02 * losses), 0.05]}
    path.write_text(json.dumps({"ages": AGES.tolist(), "losses": losses.tolist(), "gap_default": 1, "rates": rates}))
    return str(path)


def measured(file, **changes):
    return rl.Scenario(LAW, frame_time=1, loss=file, workers=3).replace(**changes)


@pytest.mark.parametrize(
    "fields",
    [
        {"rule": "free-running"},
        {"rule": "max-time"},
        {"rule": "frame-pool"},
        {"rule": "frame-hold", "workers": "inf"},
        {"rule": "frame-hold", "workers": "inf", "hold": 4},
        {"rule": "free-running", "chunk": 3},
        {"rule": "sequential", "workers": 1},
    ],
    ids=str,
)
def test_the_curve_of_a_ring_is_the_ring(fields, file):
    ring, curve = rl.bound(RING.replace(**fields)), rl.bound(measured(file, **fields))
    assert curve.regret.total == pytest.approx(ring.regret.total, abs=1e-9)
    assert curve.regret.inaction == pytest.approx(ring.regret.inaction, abs=1e-9)
    assert curve.hold == ring.hold
    assert curve.lower_bound.regret_per_frame == pytest.approx(ring.lower_bound.regret_per_frame, abs=1e-7)
    assert curve.predicted.reward_per_frame == pytest.approx(1 - ring.regret.total, abs=1e-9)


def test_a_prediction_adds_up_rates_by_age(file):
    """Reward and ended episodes per frame, each by the shares of the frames; the return is their ratio."""
    report = rl.bound(measured(file, rule="free-running"))
    law, idle = report.service.delay_law, report.service.inaction_fraction
    ends = float(law @ (0.01 + 0.015 * (1 - LAMBDA ** np.arange(len(law))))) + 0.05 * idle
    assert report.predicted.episode_length == pytest.approx(1 / ends, rel=1e-9)
    assert report.predicted.return_per_episode == pytest.approx((1 - report.regret.total) / ends, rel=1e-9)
    assert report.to_json()["predicted"] == report.predicted._asdict()


def test_lower_bounds_of_the_curve_are_those_of_the_ring(file):
    for fields in ({}, {"chunk": 4}, {"cancel_after": "auto"}):
        ring = rl.lower_bound(RING.replace(**fields))
        curve = rl.lower_bound(measured(file, **fields))
        assert curve.regret_per_frame == pytest.approx(ring.regret_per_frame, abs=1e-7)


def test_limits_of_the_losses_lower_the_bound_and_not_the_prediction():
    """A bound takes the limits, as steps from the measured age below; a prediction the losses, linear in between."""
    sparse = LossCurve((0, 2, 6), (0.0, 0.2, 0.4), 0.8, (0.0, 0.15, 0.3), 0.7, source="s")
    asked = rl.Scenario(3, frame_time=1, loss=sparse, workers=3, rule="max-time", alignment="frame")
    assert rl.bound(asked).regret.total == pytest.approx(0.2 + 0.2 / 4)  # age 3, a quarter of the way from 2 to 6
    assert rl.lower_bound(asked).regret_per_frame == pytest.approx(0.15)
    assert "not a bound for every policy" in " ".join(rl.lower_bound(asked).assumptions)


def test_a_policy_that_was_measured_does_not_decline():
    """Where an old action loses more than none, the prediction has its loss; only a bound over all rules declines."""
    curve = LossCurve((0, 3), (0.0, 0.9), 0.2)
    asked = rl.Scenario(3, frame_time=1, loss=curve, workers=3, rule="max-time", alignment="frame")
    assert rl.bound(asked).regret.total == pytest.approx(0.9)
    assert rl.lower_bound(asked).regret_per_frame == pytest.approx(0.2)


def test_a_curve_of_single_actions_is_not_one_of_chunks():
    rates = {"rewards": (1.0, 0.5, 0.2), "ends": (0.01, 0.02, 0.05)}
    asked = rl.Scenario(1, frame_time=1, loss=LossCurve((0, 3), (0.0, 0.5), 0.8, held=False, **rates), workers=2)
    said = "not of held ones: measure it with a chunk"
    assert said not in " ".join(rl.bound(asked).assumptions)
    assert said in " ".join(rl.bound(asked.replace(chunk=3)).assumptions)
    assert said in " ".join(rl.simulate(asked.replace(chunk=3), frames=1000, replications=2).assumptions)


def test_a_simulation_of_the_curve_agrees(file):
    found = rl.simulate(measured(file, rule="free-running"), frames=50_000, seed=3)
    error = found.standard_errors["regret_per_frame"]["total"]
    assert abs(found.regret.total - rl.bound(RING.replace(rule="free-running")).regret.total) < 4 * error
    assert found.predicted.return_per_episode > 0


def test_a_plan_and_a_comparison_choose_what_they_choose_on_the_ring(file):
    worlds = (RING, measured(file))
    ring, curve = (rl.plan(world, rule="free-running", worker_cost=0.02, services="given") for world in worlds)
    assert (curve.rule, curve.workers) == (ring.rule, ring.workers)
    assert curve.regret.total == pytest.approx(ring.regret.total, abs=1e-9)
    assert curve.predicted is not None
    ranked = [[row.rule for row in rl.compare(world, frames=None).rows] for world in worlds]
    assert ranked[0] == ranked[1]


def test_a_curve_in_another_unit_of_reward_has_the_same_plan():
    """Ten times the losses, the gap and the cost of a worker: ten times every figure, the least total included."""
    plans = []
    for scale in (1.0, 10.0):
        curve = LossCurve((0, 3, 6), (0.0, 0.3 * scale, 0.5 * scale), scale)
        asked = rl.Scenario("3", frame_time=1, loss=curve)
        plans.append(rl.plan(asked, rule="max-time", worker_cost=0.02 * scale, services="given"))
    assert plans[0].workers == plans[1].workers
    assert plans[0].least_total < 1.0
    assert plans[1].least_total == pytest.approx(10.0 * plans[0].least_total)
    assert plans[1].regret.total == pytest.approx(10.0 * plans[0].regret.total)


@pytest.mark.parametrize("law", ["3", LAW])
def test_the_largest_inference_time_of_a_curve_is_that_of_the_ring(law, file):
    settings = {"rule": "max-time", "target_regret": 0.2, "worker_cost": 0.001, "services": "given", "most_workers": 6}
    ring, curve = (rl.plan(world.replace(inference_time=law), **settings) for world in (RING, measured(file)))
    assert curve.largest_inference_time == pytest.approx(ring.largest_inference_time, rel=1e-6)


def test_a_sweep_over_curves(file, tmp_path):
    fixed = {"inference_time": LAW, "frame_time": 1, "rule": "free-running", "loss": file}
    for command, more in (("bound", {}), ("simulate", {"frames": 20000, "replications": 2})):
        sweep = {"sweep": {"command": command}, "fixed": fixed | more, "grid": {"workers": [1, 3]}}
        found = rl.sweep(sweep, tmp_path / f"{command}.nc", processes=1).dataset["regret"].values
        expected = [rl.bound(RING.replace(rule="free-running", workers=count)).regret.total for count in (1, 3)]
        assert found == pytest.approx(expected, abs=1e-9 if command == "bound" else 0.02)


@pytest.mark.parametrize("entry", [rl.bound, rl.lower_bound, rl.simulate, rl.plan, rl.compare])
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"mode_probability": 0.9}, "a loss curve or a mode probability, not both"),
        ({"gap_default": 0.5}, "a loss curve says by itself what is lost, and gap default 0.5 is given"),
        ({"symbols": 4}, "and symbols 4 is given"),
    ],
)
def test_what_a_curve_says_itself_is_refused(entry, fields, said, file):
    with pytest.raises(InputError, match=said):
        entry(measured(file, **fields))


def test_a_default_behaviour_better_than_the_policy_is_refused():
    worse = rl.Scenario(1, frame_time=1, loss=LossCurve((0, 1), (0.0, 0.1), -0.2), workers=1)
    with pytest.raises(InputError, match=r"the default behaviour loses -0.2 a frame, less than nothing"):
        rl.bound(worse)


def test_the_command_line_takes_a_file_in_place_of_a_mode_probability(file, capsys):
    def answer(*words):
        code = main(words)
        return code, *capsys.readouterr()

    asked = ["--inference-time", LAW, "--frame-time", "1", "--loss", file, "--json"]
    values = json.loads(answer("bound", *asked, "--workers", "3", "--rule", "free-running")[1])
    expected = rl.bound(RING.replace(rule="free-running")).regret.total
    assert values["regret_per_frame"]["total"] == pytest.approx(expected, abs=1e-9)
    assert set(values["predicted"]) == {"reward_per_frame", "return_per_episode", "episode_length"}
    bound = json.loads(answer("bound", *asked, "--workers", "3", "--rule", "any")[1])
    assert bound["regret_per_frame"]["total"] == pytest.approx(rl.lower_bound(RING).regret_per_frame, abs=1e-7)
    for command in ("bound", "simulate", "plan", "compare"):
        code, _, said = answer(command, "--inference-time", "0.1")
        assert (code, "--mode-probability is missing: give it, or --loss" in said) == (2, True)
