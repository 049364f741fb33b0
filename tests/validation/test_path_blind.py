"""Random path-blind rules against the lower bound: right bounds hold, wrong ones are caught, the player agrees."""

import math
from dataclasses import replace

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.laws import constant, law_from_samples, parse_law
from regretlab.play.run import run as play_on_the_clock
from regretlab.records import Record
from regretlab.results import interval_quantile
from regretlab.rules.service.service import service_law
from regretlab.theory.ages import free_running_ages, regret_at_ages
from regretlab.theory.loss import FrameLoss
from regretlab.validation import checks
from regretlab.validation.claim import QUANTILE
from regretlab.validation.path_blind import (
    PathBlindRule,
    lower_bound_claim,
    nearest_claim,
    play_rule,
    random_rule,
    watching_claim,
)
from regretlab.validation.runs import planned_runs
from regretlab.validation.suite import SIMULATED, _chosen
from tests.theory.test_any_rule import play as play_plainly

GAMMA = parse_law("gamma(4, scale=0.8)")
LOSS = FrameLoss(0.9)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.one_in(2)
def test_thirty_random_rules_stay_above_and_a_bound_that_is_too_high_is_caught(seed):
    assert lower_bound_claim(30, 100_000, seed).verdict == "holds"
    caught = lower_bound_claim(30, 100_000, seed, factor=1.05)
    assert caught.verdict == "violated"
    assert caught.measured + caught.quantile * caught.standard_error < caught.predicted


@pytest.mark.long
def test_a_thousand_random_rules_stay_above_and_a_bound_that_is_too_high_is_caught():
    """The limits hold for all 1,000 at once: two per cent too much is enough to be caught."""
    assert lower_bound_claim(1_000, 800_000, 1).verdict == "holds"
    assert lower_bound_claim(1_000, 100_000, 1, factor=1.02).verdict == "violated"


def test_the_limits_are_those_of_all_settings_at_once():
    claim = nearest_claim("n", "s", [0.5] * 30, [(0.6, 0.01)] * 30, source="simulation")
    assert claim.quantile == pytest.approx(interval_quantile(1 - 0.02 / 30, 31))
    assert claim.quantile > QUANTILE
    # one of thirty, 3 standard errors below: not enough to speak against all
    mixed = nearest_claim("n", "s", [0.5] * 30, [(0.47, 0.01), *[(0.6, 0.01)] * 29], source="simulation")
    assert mixed.verdict == "inconclusive"
    below = nearest_claim("n", "s", [0.5] * 30, [(0.45, 0.01), *[(0.6, 0.01)] * 29], source="simulation")
    assert (below.verdict, below.measured) == ("violated", 0.45)


def test_rules_drawn_at_random_are_of_all_kinds():
    rules = [random_rule(np.random.default_rng(seed)) for seed in range(200)]
    for name, fewest in (("length", 3), ("eagerness", 3), ("order", 3), ("keep", 3), ("workers", 6), ("hold", 2)):
        assert len({getattr(rule, name) for rule in rules}) >= fewest, name
    assert any(math.isfinite(rule.threshold) for rule in rules)
    assert 0.2 < np.mean([rule.law.kind != "scipy" for rule in rules]) < 0.7


# --- the player against closed forms and a plain loop ----------------------------------------------------------------


def within(played, expected):
    assert abs(played.regret - expected) < 4.5 * 1.1 * played.standard_error


def phases(workers, seed=0):
    return tuple(np.random.default_rng(seed).uniform(0.0, 50.0, workers))


def test_dropping_is_the_closed_form_of_free_running_workers():
    service = service_law(GAMMA, 1.0, workers=4, rule="free-running")
    played = play_rule(PathBlindRule(GAMMA, 4, LOSS, keep=0, first=phases(4)), 300_000, 2)
    within(played, LOSS.total(service))


def test_repeating_is_the_age_law_of_free_running_workers():
    for workers in (1, 4):
        played = play_rule(PathBlindRule(GAMMA, workers, LOSS, math.inf, first=phases(workers)), 300_000, 3)
        within(played, regret_at_ages(free_running_ages(GAMMA, 1.0, workers), LOSS))
        chunk = play_rule(PathBlindRule(GAMMA, workers, LOSS, 5.0, first=phases(workers)), 300_000, 4)
        within(chunk, regret_at_ages(free_running_ages(GAMMA, 1.0, workers), LOSS, chunk=5))


@pytest.mark.parametrize("order", ["freshest", "oldest", "random"])
@pytest.mark.parametrize(("length", "cancel"), [(0.0, None), (3.0, None), (0.0, 2)])
def test_a_plain_loop_loses_the_same(order, length, cancel):
    """Both played with their own random numbers: z = 4.5 on the difference."""
    samples = [1.0, 2.0, 2.0, 5.0]
    rule = PathBlindRule(
        law_from_samples(samples),
        2,
        LOSS,
        length,
        eagerness=0.7,
        order=order,
        threshold=math.inf if cancel is None else cancel,
    )
    ours = play_rule(rule, 200_000, 5)
    ages = play_plainly(
        samples,
        2,
        20_000,
        np.random.default_rng(6),
        length=int(length),
        eagerness=0.7,
        order=order,
        cancel=None if cancel is None else cancel,
    )
    lost = np.where(ages < 0, 1.0, LOSS.of_age(np.maximum(ages, 0))).reshape(20, -1).mean(axis=1)
    error = math.hypot(ours.standard_error, lost.std(ddof=1) / math.sqrt(20))
    assert abs(ours.regret - lost.mean()) < 4.5 * 1.2 * error


def test_a_store_of_one_lies_between_none_and_all():
    """Figures of an earlier event simulation, gamma(4, .8), p = .9, N = 4."""
    for keep, expected in ((0, 0.4721), (1, 0.3751), (2**31, 0.3585)):
        played = play_rule(PathBlindRule(GAMMA, 4, LOSS, keep=keep, first=phases(4)), 1_000_000, 7)
        assert played.regret == pytest.approx(expected, abs=5e-5 + 4.5 * 1.1 * played.standard_error)
    aligned = play_rule(PathBlindRule(GAMMA, 4, LOSS, eagerness=1.0), 1_000_000, 8)
    assert aligned.regret == pytest.approx(0.3533, abs=5e-5 + 4.5 * 1.1 * aligned.standard_error)


def test_holding_and_constant_times_are_exact():
    held = play_rule(PathBlindRule(constant(1.5), 1, LOSS, hold=3.0), 3_000, 1)
    assert held.regret == pytest.approx(1 - 0.9**3 / 3)  # one action of age 3 in three frames
    spaced = PathBlindRule(constant(4.0), 2, LOSS, math.inf, first=(0.0, 2.0))
    assert play_rule(spaced, 4_000, 1).regret == pytest.approx(spaced.lower_bound())


def test_the_rule_that_watches():
    claim = watching_claim(30_000, 1)
    assert claim.verdict == "holds"
    assert claim.predicted == pytest.approx(0.1980, abs=5e-5)
    assert claim.interval[1] < 0.2305  # the run itself is below what path-blind rules can reach


def test_validate_holds_runs_against_the_bound_too():
    """`--claims` takes the names of simulated claims; the other one asks for all runs of known times."""
    runs = planned_runs(quick=True)
    assert _chosen(runs, ("lower-bound-random",), ("lower-bound-random",)) == []
    held = _chosen(runs, ("lower-bound-runs",), ())
    assert {run.name for run in held} >= {"delay-0.99-2", "sequential-5", "pool-gamma", "max-time-6"}
    assert not any(run.configuration.clock == "real" or run.group == "learners" for run in held)
    with pytest.raises(InputError, match=r"no claim is named 'upper-bound'.*lower-bound-random"):
        _chosen(runs, ("upper-bound",), ())
    assert set(SIMULATED) == {"lower-bound-random", "rule-that-watches"}


def test_a_record_below_the_bound_is_caught(tmp_path, monkeypatch):
    """The claim of the runs, from two short runs: with the bound doubled it is violated."""
    played = []
    for planned in planned_runs(quick=True):
        if planned.name in ("delay-0.8-2", "sequential-5"):
            short = replace(planned, configuration=planned.configuration.model_copy(update={"frames": 4_000}))
            play_on_the_clock(short.configuration, tmp_path / short.name)
            played.append((short, Record.open(tmp_path / short.name)))
    (claim,) = checks.claims_of_many(played)
    assert claim.verdict != "violated"
    right = checks.lower_bound

    def doubled(scenario, **options):
        found = right(scenario, **options)
        return replace(found, regret_per_frame=2.0 * found.regret_per_frame)

    monkeypatch.setattr(checks, "lower_bound", doubled)
    (claim,) = checks.claims_of_many(played)
    assert claim.verdict == "violated"
