"""Inference times of infinite mean: r = 0 without cancelling, so that no rule serves a frame in the long run."""

import json
import math

import numpy as np
import pytest

import regretlab as rl
from regretlab.cli import main
from regretlab.errors import InputError
from regretlab.laws import law_from_samples, parse_law
from regretlab.laws.racing import fastest_of
from regretlab.theory.any_rule import lower_bound_of_law
from regretlab.theory.loss import FrameLoss

PARETO = "pareto(0.9)"
CASES = [
    ({"rule": "free-running", "workers": 2}, 1.0),
    ({"rule": "max-time", "workers": 8, "gap_default": 0.4}, 0.4),
    ({"rule": "free-running", "workers": 2, "chunk": 5}, 1.0),
    ({"rule": "free-running", "workers": 2, "chunk": "inf", "gap_default": 0.4}, 0.4),
    ({"rule": "sequential", "default_behaviour": "repeat", "symbols": 4}, 0.75),
]


@pytest.mark.parametrize(("fields", "lost"), CASES)
def test_every_rule_loses_what_the_bound_says(fields, lost):
    asked = rl.Scenario(PARETO, frame_time=1, mode_probability=0.9, **fields)
    found = rl.bound(asked)
    assert found.regret.total == pytest.approx(lost, abs=1e-12)
    assert rl.lower_bound(asked).regret_per_frame == pytest.approx(min(lost, asked.gap_default), abs=1e-12)
    assert found.workers_for_zero_inaction is None


def test_a_law_cut_ever_later_has_that_limit():
    """Independent: the mean of a cut law grows without limit (as the tenth root of the cut), and the bound with it."""
    bounds = []
    for end in (1e3, 1e6, 1e9):
        mean = 1.0 + (end**0.1 - 1.0) / 0.1  # E min(T, end) of pareto(.9)
        rate = 1.0 / mean
        ages = np.arange(1, 400)
        shares = np.minimum(1.0, rate * (1.0 - ages**-0.9))
        bounds.append(1.0 - float(shares @ (0.1 * 0.9**ages)))
        own = lower_bound_of_law(rl.Scenario(PARETO).inference_time, 1.0, FrameLoss(0.9), cancel_after=end)
        assert own.regret_per_frame == pytest.approx(bounds[-1], abs=1e-9)
    assert bounds == sorted(bounds)
    assert bounds[-1] < 1.0


def test_with_a_threshold_the_rule_is_that_of_the_cut_law():
    """Free-running workers without a mean, cancelled after 5 s: at 1 and 6 s alike an inference is over at 5 s."""
    asked = rl.Scenario(PARETO, frame_time=1, mode_probability=0.9, workers=4, rule="free-running", cancel_after=5)
    times = rl.Scenario(PARETO).inference_time.sample(np.random.default_rng(2), 40_000)
    other = asked.replace(inference_time=law_from_samples(np.minimum(times, 6.0)))
    one, two = (rl.simulate(each, frames=100_000, replications=2, threads=1) for each in (asked, other))
    error = math.hypot(*(each.standard_errors["regret_per_frame"]["total"] for each in (one, two)))
    assert abs(one.regret.total - two.regret.total) < 4.5 * error + 0.003  # of 40,000 samples
    assert rl.lower_bound(asked).regret_per_frame < one.regret.total


def test_the_rule_chooses_a_threshold():
    """Without one no frame is served."""
    for rule, unused in (("max-time", "drop"), ("free-running", "keep")):
        asked = rl.Scenario(
            PARETO, frame_time=1, mode_probability=0.9, workers=4, rule=rule, unused=unused, cancel_after="auto"
        )
        found = rl.bound(asked)
        assert found.lower_bound.regret_per_frame < found.regret.total < 0.6


def test_other_entry_points_refuse_it_in_a_sentence(capsys):
    for entry in (rl.simulate, rl.compare):
        with pytest.raises(InputError, match="has mean inf"):
            entry(rl.Scenario(PARETO, frame_time=1, mode_probability=0.9))
    assert main(["bound", "--inference-time", PARETO, "--mode-probability", "0.9", "--rule", "any", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["regret_per_frame"]["total"] == 1.0


def test_plan_chooses_a_rule_that_cancels():
    """What cancels nothing loses as much as not acting; the plan loses what bound says of it."""
    asked = rl.Scenario(PARETO, frame_time=1, mode_probability=0.9)
    found = rl.plan(asked, most_workers=4)
    assert (found.rule, found.workers, found.options["cancel_after"]) == ("free-running", 4, pytest.approx(2.0))
    own = rl.bound(asked.replace(rule=found.rule, workers=found.workers, **found.options)).regret.total
    assert found.regret.total == pytest.approx(own, abs=0.01)
    assert all(each.options.get("cancel_after") for each in found.alternatives if each.regret.total < 1.0)


@pytest.mark.parametrize(
    ("alpha", "replicas", "finite"), [(0.4, 2, False), (0.5, 2, False), (0.9, 2, True), (0.4, 3, True)]
)
def test_a_race_has_a_mean_if_its_tail_is_light_enough(alpha, replicas, finite):
    """P(min T > t) = t^-(R alpha): E min(T) = R alpha / (R alpha - 1), infinite for R alpha <= 1."""
    index = replicas * alpha
    mean = fastest_of(parse_law(f"pareto({alpha})", any_mean=True), replicas).mean()
    assert mean == pytest.approx(index / (index - 1) if finite else math.inf, rel=1e-6)
    asked = rl.Scenario(
        f"pareto({alpha})", frame_time=1, mode_probability=0.9, workers=6, replicas=replicas, rule="free-running"
    )
    assert asked.never_completes == (not finite)
    if not finite:
        assert rl.bound(asked).regret.total == 1.0
        assert rl.lower_bound(asked).regret_per_frame < 1.0  # of rules that may cancel, as a race cancels its losers


def test_no_finite_number_is_said_next_to_an_unlimited_one():
    """An unlimited number leaves no frame without an action; any finite number leaves all."""
    asked = rl.Scenario("pareto(0.9)", frame_time=1, mode_probability=0.95)
    words = {
        number: dict(rl.lower_bound(asked.replace(workers=number)).facts())["fewest workers without it"]
        for number in ("inf", 4)
    }
    assert words == {"inf": "no finite number suffices", 4: "no number suffices"}
    never = rl.Scenario("uniform(5, 1)", frame_time=1, mode_probability=0.95, workers="inf", chunk=3)
    assert dict(rl.lower_bound(never).facts())["fewest workers without it"] == "no number suffices"


def test_a_learned_threshold_gives_expected_time_a_mean():
    """The mean of what is not cancelled: to begin with that of the threshold to be learned, then the run's own."""
    asked = rl.Scenario(
        "pareto(0.9)", frame_time=1, mode_probability=0.95, workers=4, rule="expected-time", cancel_after="learned"
    )
    found = rl.simulate(asked, frames=20_000, replications=4, threads=1)
    least = rl.lower_bound(asked).regret_per_frame
    assert least < found.regret.total < 0.8
