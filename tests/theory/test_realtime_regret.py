"""The report of the realtime regret: check values, the parts, and every refusal."""

import math

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.results import ServiceLaw
from regretlab.rules.service.service import NoClosedForm
from regretlab.scenario import Scenario
from regretlab.theory.delay import delay_regret
from regretlab.theory.inaction import inaction_regret
from regretlab.theory.realtime import bound


@pytest.mark.parametrize(("rule", "total"), [("sequential", 0.819), ("sequential-strict", 0.83925)])
def test_sequential_witness(rule, total):
    """Exact dynamic programming on the witness gives these (p = .7, D = 3, g = .9, Delta = 1)."""
    report = bound(Scenario("3", frame_time=1.0, mode_probability=0.7, rule=rule, gap_default=0.9))
    assert report.regret.total == pytest.approx(total, abs=1e-12)


def test_delay_is_not_counted_in_frames_without_an_action():
    """The naive sum phi Delta + Delta E[1 - p^d] counts the inaction frames twice."""
    report = bound(Scenario("3", frame_time=1.0, mode_probability=0.7, rule="sequential"))
    phi, loss = report.service.inaction_fraction, 1 - 0.7**3
    assert report.regret.total == pytest.approx(phi + (1 - phi) * loss)
    assert phi + loss > 1 > report.regret.total


def test_the_delays_are_those_of_applied_actions():
    """In a pool fresh outputs displace old ones: the law of all inferences over-states the delay regret."""
    law = parse_law("gamma(4, scale=0.8)")
    report = bound(Scenario(law, frame_time=1.0, mode_probability=0.9, rule="frame-pool", workers=math.inf))
    phi = report.service.inaction_fraction
    naive = phi + (1 - phi) * (1 - law.moment(0.9, 1.0).value)
    assert report.regret.total < naive - 0.01


def test_parts_add_up_in_every_unit():
    report = bound(
        Scenario(
            "expon(scale=0.04)",
            frame_time=1 / 60,
            mode_probability=0.95,
            rule="sequential",
            gap_default=0.5,
            gap_delay=0.8,
            horizon=60.0,
        )
    )
    assert report.regret.total == report.regret.inaction + report.regret.delay
    assert report.per_second.total == pytest.approx(60 * report.regret.total)
    assert report.over_horizon is not None
    assert report.over_horizon.total == pytest.approx(3600 * report.regret.total)
    values = report.to_json()
    assert values["regret"]["total"] == pytest.approx(3600 * report.regret.total)
    assert values["regret_per_frame"]["learning"] is None
    assert values["interaction_time"] == pytest.approx((1 / 60) / (1 - values["inaction_fraction"]))
    assert sum(values["delay_law"]) == pytest.approx(1 - values["inaction_fraction"])
    assert report._repr_latex_().startswith("$")


def test_the_ring_is_cheaper_than_the_worst_case():
    worst = bound(Scenario("5", frame_time=1.0, mode_probability=0.9, rule="max-time", workers=6))
    ring = bound(Scenario("5", frame_time=1.0, mode_probability=0.9, rule="max-time", workers=6, symbols=4))
    assert worst.regret.inaction == ring.regret.inaction == 0.0
    assert ring.regret.total < worst.regret.total
    many = bound(Scenario("5", frame_time=1.0, mode_probability=0.9, rule="max-time", workers=6, symbols=10**7))
    assert many.regret.total == pytest.approx(worst.regret.total, abs=1e-6)


@pytest.mark.parametrize("symbols", [None, 3])
def test_delay_regret_against_simulation(symbols):
    """Second method: sample delays and play the chain (|z| < 4)."""
    weights = np.array([0.0, 0.2, 0.3, 0.1, 0.15])
    service = ServiceLaw("x", 1, 1.0, 0.25, weights, "exact")
    p, count = 0.7, 200_000
    random = np.random.default_rng(2)
    delays = random.choice(5, size=count, p=[0.25, *weights[1:]])  # 0: not served
    if symbols is None:  # W1: an action d old is right if the d symbols drawn since were all the likeliest
        right = random.random(count) < p**delays
    else:
        state = np.zeros(count, int)
        for step in range(1, 5):
            jumps = (random.random(count) >= p) & (delays >= step)
            state = np.where(jumps, (state + random.integers(1, symbols, count)) % symbols, state)
        right = state == 0
    lost = (delays > 0) & ~right
    expected = delay_regret(service, p, symbols=symbols)
    assert abs(lost.mean() - expected) < 4 * lost.std() / math.sqrt(count)


def test_a_measured_service_law_is_used_as_given():
    measured = ServiceLaw("max-time", 3, 1.0, 0.1, np.array([0, 0.9]), "measurement", standard_error=0.01)
    report = bound(Scenario("1", frame_time=1.0, mode_probability=0.9, rule="frame-pool"), service=measured)
    assert report.method == "measurement"
    assert report.standard_error == 0.01
    assert report.regret.total == pytest.approx(0.1 + 0.9 * 0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode_probability": 1.2}, r"mode probability must lie in \[0, 1\], not 1.2"),
        ({"mode_probability": 0.2, "symbols": 4}, r"mode probability must lie in \[1/4, 1\] for 4 symbols, not 0.2"),
        ({"mode_probability": math.nan}, r"mode probability must lie in \[0, 1\], not nan"),
        ({"symbols": 1}, r"symbols must be a whole number of at least 2, not 1"),
        ({"workers": 0}, r"workers must be a whole number of at least 1 or inf, not 0"),
        ({"workers": 2.5}, r"not 2.5"),
        ({"rule": "magic"}, r"unknown staggering rule 'magic'"),
        ({"rule": "sequential", "workers": 2}, r"runs exactly 1 worker, not 2"),
        ({"gap_default": -1}, r"gap of the default behaviour must be a finite number of at least 0, not -1"),
        ({"gap_delay": math.inf}, r"gap of a wrong action must be a finite number of at least 0, not inf"),
        ({"horizon": 0}, r"horizon must be a positive, finite number of seconds, not 0"),
        ({"frame_time": 0}, r"frame time '0' must be a positive, finite number of seconds"),
        ({"alignment": "odd"}, r"alignment must be one of frame, uniform, not 'odd'"),
        ({"alignment": "uniform"}, r"takes alignment frame, not 'uniform'"),
    ],
)
def test_unusable_input_is_named(changes, message):
    values = {"frame_time": 1.0, "mode_probability": 0.9, "rule": "frame-pool", **changes}
    with pytest.raises(InputError, match=message):
        bound(Scenario(2, **values))


def test_a_rule_without_a_closed_form_says_so():
    with pytest.raises(NoClosedForm, match="simulate it"):
        bound(Scenario("expon(scale=2)", frame_time=1.0, mode_probability=0.9, rule="expected-time", workers=3))
    with pytest.raises(InputError, match="inaction fraction must lie in"):
        inaction_regret(1.5)
