"""The plan against brute force over everything it could have chosen, and its contract."""

import itertools
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.laws import law_from_samples, parse_law
from regretlab.laws.measured import MeasuredSlowdown
from regretlab.planning import Plan, plan
from regretlab.planning.candidates import Machine, worker_numbers
from regretlab.planning.model_size import PowerLaw, best_model_size
from regretlab.planning.scan import Scan
from regretlab.planning.workers import workers_under_contention
from regretlab.rules.service.frame_pools import finite_pool
from regretlab.rules.service.service import NoClosedForm, service_law
from regretlab.scenario import Scenario
from regretlab.simulation import simulate
from regretlab.simulation.on_witness import outcome
from regretlab.theory.ages import free_running_ages, regret_at_ages
from regretlab.theory.any_rule import lower_bound
from regretlab.theory.loss import FrameLoss
from regretlab.theory.realtime import bound

GAMMA, EXPONENTIAL = parse_law("gamma(4, scale=0.8)"), parse_law("expon(scale=2.5)")


def brute_force(law, p, cost, most, g=1.0, gap=1.0):
    """Return the least regret and cost over rules with a closed form, each worker number tried."""
    best = g
    for rule, alignment in (
        ("sequential", None),
        ("max-time", "frame"),
        ("max-time", "uniform"),
        ("frame-pool", None),
        ("free-running", None),
    ):
        for n in range(1, most + 1):
            if rule == "sequential" and n > 1:
                break
            try:
                report = bound(
                    Scenario(
                        law,
                        frame_time=1.0,
                        mode_probability=p,
                        workers=n,
                        rule=rule,
                        alignment=alignment,
                        gap_default=g,
                        gap_delay=gap,
                    )
                )
            except NoClosedForm:
                continue
            best = min(best, report.regret.total + cost * n)
    return best


@pytest.mark.parametrize("cost", [0.0, 0.005, 0.02, 0.2])
@pytest.mark.parametrize("x", [0.4, 1.0, 2.5, 3.2, 7.9])
@pytest.mark.one_in(4)
def test_constant_times_by_brute_force(x, cost):
    law = parse_law(f"{x}")
    found = plan(Scenario(law, frame_time=1.0, mode_probability=0.9), worker_cost=cost)
    assert found.total == pytest.approx(brute_force(law, 0.9, cost, 20), abs=2e-6)
    assert found.regime == {0: "do-not-act", 1: "sequential"}.get(found.workers, "asynchronous")


@pytest.mark.thorough
@pytest.mark.parametrize("cost", [0.002, 0.02])
def test_exponential_times_by_brute_force(cost):
    found = plan(Scenario(EXPONENTIAL, frame_time=1.0, mode_probability=0.9), worker_cost=cost)
    assert found.total <= brute_force(EXPONENTIAL, 0.9, cost, 30) + 2e-6


def test_the_hold_beats_releasing_and_padding():
    found = plan(Scenario(GAMMA, frame_time=1.0, mode_probability=0.9), rule="frame-hold", services="given")
    assert (found.rule, found.hold, found.regime) == ("frame-hold", 5, "asynchronous")
    assert found.regret.total == pytest.approx(1 - 0.521644380983, abs=1e-5)
    rules = {
        candidate.rule: candidate.total
        for candidate in plan(Scenario(GAMMA, frame_time=1.0, mode_probability=0.9), services="given").alternatives
    }
    assert rules["frame-hold"] < rules["frame-pool"] < rules["sequential"] < rules[None] == 1.0
    assert rules["frame-hold"] < rules["max-time"]


def test_free_running_workers_beat_the_pools_when_times_vary_and_lose_when_they_do_not():
    """One start a frame is a limit of the pools: workers that run back to back start more, and the fastest wins."""
    varying = Scan(GAMMA, FrameLoss(0.9), 1.0)
    steady = Scan(parse_law("3.2"), FrameLoss(0.9), 1.0)
    for workers in (2, 4, 8):
        totals = {}
        for rule in ("free-running", "frame-hold", "frame-pool"):
            for name, scan in (("varying", varying), ("steady", steady)):
                totals[name, rule] = scan.candidate(Machine(1.0), rule, workers).total
        assert totals["varying", "free-running"] < totals["varying", "frame-hold"] - 0.02
        if workers >= 4:  # enough to fill every frame of 3.2, if they are staggered
            assert totals["steady", "free-running"] > totals["steady", "frame-pool"] + 0.02
    found = plan(Scenario(GAMMA, frame_time=1.0, mode_probability=0.9), services="given")
    assert found.rule in ("free-running", "expected-time")  # both start an idle worker without waiting for a frame
    assert plan(Scenario("3.2", frame_time=1.0, mode_probability=0.9)).rule == "max-time"


@pytest.mark.parametrize("workers", [2, 7])
def test_copies_of_a_free_running_worker_are_the_closed_form(workers):
    scan = Scan(GAMMA, FrameLoss(0.9), 1.0)
    copies = scan.candidate(Machine(1.0), "free-running", workers).service
    direct = service_law(GAMMA, 1.0, workers=workers, rule="free-running")
    assert copies.inaction_fraction == pytest.approx(direct.inaction_fraction, abs=1e-10)
    assert copies.delay_law == pytest.approx(direct.delay_law, abs=1e-10)


def test_the_bound_for_large_pools_is_on_the_safe_side():
    """Where the exact chain is skipped, what is counted as served is served: exact phi is no larger."""
    loss = FrameLoss(0.9)
    law = law_from_samples(np.random.default_rng(0).gamma(4, 1.2, 400).clip(0, 14))
    bounded = Scan(law, loss, 1.0).candidate(Machine(1.0), "frame-pool", 9)
    exact = finite_pool(law, 1.0, 9)
    assert any("upper bound" in text for text in bounded.service.assumptions)
    assert exact.inaction_fraction <= bounded.service.inaction_fraction + 1e-12
    exact_total = exact.inaction_fraction + sum(a * loss.of_delay(j) for j, a in enumerate(exact.delay_law))
    assert exact_total <= bounded.total + 1e-12
    assert bounded.total - exact_total < 1e-3


@pytest.mark.parametrize("workers", [4, 5])
def test_pools_with_long_chains_are_simulated(workers):
    """Independent method: the exact chain, which takes longer; |z| < 4.5, fixed seeds."""
    loss = FrameLoss(0.9)
    scan = Scan(GAMMA, loss, 1.0)
    exact = finite_pool(GAMMA, 1.0, workers)
    exact_total = exact.inaction_fraction + sum(a * loss.of_delay(j) for j, a in enumerate(exact.delay_law))
    quick = scan.candidate(Machine(1.0), "frame-pool", workers)
    settled = scan.settled(Machine(1.0), quick)
    assert quick.service.method == "simulation"
    assert settled.error < 0.4 * quick.error
    for found in (quick, settled):
        assert abs(found.total - exact_total) < 4.5 * found.error


def test_a_rule_that_could_not_be_computed_no_longer_makes_not_acting_the_plan():
    """20 workers, a law without an upper end: its chain is too large and its bound on blocking says nothing."""
    asked = Scenario("lognorm(0.5, scale=4)", frame_time="atari", mode_probability=0.999)
    found = plan(asked, rule="frame-pool", workers=20, services="given")
    assert (found.rule, found.method) == ("frame-pool", "simulation")
    assert found.lower_bound.regret_per_frame < found.regret.total < 1.0
    assert found.to_json()["standard_error"] == found.regret.standard_errors["total"] > 0


def test_the_distance_to_the_lower_bound():
    """Theorem A at the plan's workers; over all numbers of workers, by trying each."""
    asked = Scenario(GAMMA, frame_time=1.0, mode_probability=0.97)
    found = plan(asked, worker_cost=0.01, services="given")
    least = lower_bound(asked.replace(workers=found.workers)).regret_per_frame
    assert found.lower_bound.regret_per_frame == pytest.approx(least)
    assert found.above_lower_bound == pytest.approx(found.regret.total / least)
    every = min(lower_bound(asked.replace(workers=n)).regret_per_frame + 0.01 * n for n in range(1, 25))
    assert found.least_total == pytest.approx(every)
    assert found.least_total <= found.total
    assert "lower bound, any rule" in dict(found.facts())
    values = found.to_json()["lower_bound"]
    rules = "all path-blind rules that cancel no inference"
    assert values == {"regret_per_frame": least, "inaction_fraction": 0.0, "service_model": "once", "rules": rules}


def test_a_search_limit_that_binds_is_stated():
    asked = Scenario("expon(scale=2.5)", frame_time=1.0, mode_probability=0.97)
    for limit in (3, None):
        found = plan(asked, most_workers=limit, services="given")
        assert found.workers == found.most_workers
        assert found.most_workers_binds
        assert "search limit" in dict(found.facts())
    costly = plan(asked, worker_cost=0.01, services="given")
    assert costly.workers < costly.most_workers
    assert not costly.most_workers_binds
    assert not plan(asked, workers=3, services="given").most_workers_binds


def test_the_plan_is_written_and_tabulated_with_what_it_ignored():
    found = plan(Scenario(GAMMA, frame_time=1.0, mode_probability=0.9, workers=3), services="given")
    assert found.to_json()["ignored"] == ["rule", "workers"]
    table = found.to_frame()
    assert table["rule"].notna().all()
    assert "not acting" in set(table["rule"])


def test_not_acting_is_a_plan():
    found = plan(Scenario("30", frame_time=1.0, mode_probability=0.8), worker_cost=0.01)
    assert (found.regime, found.rule, found.workers, found.hold) == ("do-not-act", None, 0, None)
    assert found.regret.total == 1.0
    assert found.to_json()["rule"] is None
    free = plan(Scenario("3", frame_time=1.0, mode_probability=0.9, gap_default=0.0))
    assert free.regime == "do-not-act"


def test_a_target_takes_the_cheapest_that_meets_it():
    easy, strict = (plan(Scenario("6", frame_time=1.0, mode_probability=0.95), target_regret=eta) for eta in (0.7, 0.3))
    assert easy.meets_target
    assert strict.meets_target
    assert easy.workers < strict.workers == 6
    one_fewer = plan(Scenario("6", frame_time=1.0, mode_probability=0.95), target_regret=0.7, workers=easy.workers - 1)
    assert not one_fewer.meets_target
    out_of_reach = plan(Scenario("6", frame_time=1.0, mode_probability=0.95), target_regret=0.1)
    assert not out_of_reach.meets_target
    assert out_of_reach.regret.total == pytest.approx(1 - 0.95**6)
    assert strict.largest_inference_time == math.floor(math.log(0.7) / math.log(0.95)) == 6


def test_what_binds():
    assert plan(Scenario("5", frame_time=1.0, mode_probability=0.9)).binds == "stochasticity"
    assert plan(Scenario("5", frame_time=1.0, mode_probability=0.9), workers=2).binds == "workers"
    assert plan(Scenario("5", frame_time=1.0, mode_probability=0.9), worker_cost=0.2).binds == "workers"
    assert plan(Scenario("5", frame_time=1.0, mode_probability=0.9, cores=2)).binds == "cores"
    assert plan(Scenario("5", frame_time=1.0, mode_probability=0.9), contention=0.15).binds == "cores"
    assert plan(Scenario("5", frame_time=1.0, mode_probability=0.9, cores=64)).binds == "stochasticity"


def test_shared_cores_are_part_of_every_candidate():
    found = plan(Scenario("3", frame_time=1.0, mode_probability=0.9, cores=4), learners=1)
    best = min(
        bound(
            Scenario(
                parse_law("3").scaled(max(1.0, (n + 2) / 4)),
                frame_time=1.0,
                mode_probability=0.9,
                workers=n,
                rule="max-time",
                alignment=aligned,
            )
        ).regret.total
        for n in range(1, 12)
        for aligned in ("frame", "uniform")
    )
    assert found.total == pytest.approx(best, abs=2e-6)


def test_model_sizes():
    p = math.exp(-0.02)
    found = plan(Scenario("2", frame_time=1.0, mode_probability=p), scaling="2*m**0.9", quality="0.2*m**-0.35")
    assert found.model_size == pytest.approx(1.79717549745, abs=1e-9)
    faster = plan(Scenario("0.02", frame_time=0.01, mode_probability=p), scaling="0.02*m**0.9", quality="0.2*m**-0.35")
    assert faster.model_size == pytest.approx(found.model_size)  # the same in frames
    half = plan(
        Scenario("2", frame_time=1.0, mode_probability=p, gap_delay=0.5, gap_default=0.5),
        scaling="2*m**0.9",
        quality="0.1*m**-0.35",
    )
    assert half.model_size == pytest.approx(found.model_size)  # the same in units of the gap
    ring = plan(
        Scenario("2", frame_time=1.0, mode_probability=p, symbols=5),
        scaling=PowerLaw(2.0, 0.9),
        quality=PowerLaw(0.2, -0.35),
    )
    decay = FrameLoss(p, 5).decay
    assert ring.model_size == pytest.approx(best_model_size(decay, PowerLaw(2.0, 0.9), PowerLaw(0.25, -0.35)).size)
    within = plan(Scenario("2", frame_time=1.0, mode_probability=0.9), scaling="2*m**0.9", target_regret=0.25)
    assert within.largest_inference_time == 2.0
    assert within.model_size == pytest.approx(1.0)
    assert plan(Scenario("2", frame_time=1.0, mode_probability=0.9), scaling="2*m**0.9").model_size is None  # no limit
    assert (
        plan(Scenario("2", frame_time=1.0, mode_probability=0.5), scaling="2*m**0.9", quality="5*m**-0.05").model_size
        is None
    )


def test_the_contract_of_the_json():
    values = plan(Scenario(GAMMA, frame_time=1.0, mode_probability=0.9)).to_json()
    assert {"workers", "hold", "rule", "largest_inference_time", "regime", "model_size"} <= set(values)
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    unlimited = plan(Scenario(GAMMA, frame_time=1.0, mode_probability=0.9), workers=math.inf, rule="frame-pool")
    assert unlimited.to_json()["workers"] is None
    assert isinstance(unlimited, Plan)
    assert "alternatives" not in repr(unlimited)


def test_numbers_tried_cover_small_and_filling_ones():
    numbers = list(worker_numbers(parse_law("600.4"), Machine(1.0), 1202))
    assert numbers[:16] == list(range(1, 17))
    assert {600, 601, 1202} <= set(numbers)
    assert max(b / a for a, b in itertools.pairwise(numbers[15:])) < 1.2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode_probability": 1.1}, r"mode probability must lie in \[0, 1\], not 1.1"),
        ({"rule": "magic"}, "unknown staggering rule 'magic'"),
        ({"rule": "max-time", "hold": 3}, "rule 'max-time' has no hold, and 3 is given"),
        ({"rule": "sequential", "workers": 3}, "runs exactly 1 worker, not 3"),
        ({"workers": 2.5}, r"workers must be a whole number of at least 1 or inf, not 2\.5"),
        ({"workers": math.inf, "worker_cost": 0.1}, "an unlimited pool has no cores to share and no cost"),
        ({"worker_cost": -0.1}, r"worker cost must be a finite number of at least 0, not -0\.1"),
        ({"target_regret": 0}, "target regret must be a positive, finite number, not 0"),
        ({"cores": 0}, "cores must be a positive, finite number, not 0"),
        ({"contention": -1}, "contention must be a finite number of at least 0, not -1"),
        ({"learners": -1}, "learners must be a whole number of at least 0, not -1"),
        ({"scaling": "m+1"}, "scaling 'm.1' is not understood"),
        ({"scaling": "2*m**-1"}, "inference time must grow with model size"),
        ({"quality": "2*m**-1"}, "a quality law needs a scaling law"),
        ({"scaling": "m", "quality": "2*k"}, "quality '2.k' is not understood"),
        ({"services": "all"}, "services must be one of given, outputs, any, not 'all'"),
        ({"tolerance": 0}, "tolerance must be a positive"),
        ({"most_workers": 0}, "most workers must be a whole number of at least 1, not 0"),
        ({"hold": 3, "alignment": "uniform"}, "no rule allows alignment 'uniform' with hold 3"),
    ],
)
def test_unusable_input_is_named(changes, message):
    world = {"mode_probability": 0.9}
    world |= {name: changes[name] for name in ("cores", "mode_probability", "symbols") if name in changes}
    rest = {name: value for name, value in changes.items() if name not in world}
    with pytest.raises(InputError, match=message):
        plan(Scenario(GAMMA, frame_time=1.0, **world), **rest)


@pytest.mark.thorough
@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_measured_slowdowns_are_those_of_a_slower_law(workers):
    """With N workers fixed, a measured factor f(N) is the plan for the law f(N) T."""
    law, slowdown = parse_law("gamma(4, scale=0.8)"), MeasuredSlowdown((1, 2, 4), (1.0, 1.1, 1.9))
    shared = plan(Scenario(law, frame_time=1.0, mode_probability=0.9), workers=workers, contention=slowdown)
    alone = plan(Scenario(law.scaled(slowdown(workers)), frame_time=1.0, mode_probability=0.9), workers=workers)
    assert (shared.rule, shared.hold) == (alone.rule, alone.hold)
    assert shared.total == pytest.approx(alone.total, rel=1e-9)


def test_measured_slowdowns_on_a_line_are_the_line():
    law = parse_law("5")
    line = MeasuredSlowdown((1, 2, 9), (1.0, 1.1, 1.8))
    measured, fitted = (
        plan(Scenario(law, frame_time=1.0, mode_probability=0.9), contention=chi, rule="max-time")
        for chi in (line, 0.1)
    )
    assert measured.workers == fitted.workers == 9  # N* = ceil(x (1 - chi) / (1 - chi x))
    assert measured.total == pytest.approx(fitted.total, rel=1e-9)
    assert measured.binds == fitted.binds == "cores"


@pytest.mark.parametrize("x", [0.5, 1.0, 2.5, 3.9, 6.0, 11.0])
def test_workers_for_every_frame_by_trying_them_all(x):
    for slowdown in (MeasuredSlowdown((1, 2, 4), (1.0, 1.0, 1.3)), MeasuredSlowdown((1, 3), (1.0, 1.2))):
        tried = next((n for n in range(1, 5000) if n >= x * slowdown(n) - 1e-9), None)
        assert workers_under_contention(x, slowdown) == tried


def test_workers_that_slow_each_other_down_are_found_however_many_it_takes():
    """chi x = 0.75: N* = ceil(5 (1 - 0.15) / (1 - 0.75)) = 17 workers, worth it in a world that hardly moves."""
    found = plan(Scenario("5", frame_time=1.0, mode_probability=0.9999), contention=0.15, rule="max-time")
    assert found.workers == workers_under_contention(5.0, 0.15) == 17
    assert found.regret.inaction == pytest.approx(0, abs=1e-9)


def test_outputs_kept_and_inferences_cancelled_are_chosen_where_they_help():
    """The simulator's own figure for what was chosen, on a witness and with other random numbers: |z| < 4.5."""
    asked = Scenario(GAMMA, frame_time=1.0, mode_probability=0.97)
    given = plan(asked, workers=4, services="given")
    found = plan(asked, workers=4)
    assert "unused" not in given.options
    assert found.options["unused"] == "keep"
    assert found.regret.total < 0.7 * given.regret.total
    assert found.lower_bound.regret_per_frame < found.regret.total
    again = simulate(found.scenario, frames=200_000, replications=2, seed=5)
    error = math.hypot(found.regret.standard_errors["total"], again.regret.standard_errors["total"])
    assert abs(found.regret.total - again.regret.total) < 4.5 * error
    cancelled = plan(Scenario("lognorm(1, scale=3)", frame_time=1.0, mode_probability=0.97), workers=4)
    assert cancelled.scenario.cancel_after == cancelled.options["cancel_after"] > 0  # a number that a run can use


def test_other_service_models_are_listed_or_chosen():
    """Repeating is worth more than leaving frames idle; the shortest chunk that does the same is named."""
    asked = Scenario(GAMMA, frame_time=1.0, mode_probability=0.97)
    found = plan(asked, workers=3)
    services = {tuple(each.options): each for each in found.other_services}
    assert set(services) == {("default_behaviour",), ("chunk",)}
    for each in services.values():
        assert each.regret.total < found.regret.total
    free = plan(asked, workers=3, services="any")
    best = services["default_behaviour",]
    alone = min((each for each in free.alternatives if "replicas" not in each.options), key=lambda each: each.total)
    assert alone.total == pytest.approx(best.total, abs=4.5 * (alone.error + best.error))
    assert free.options["replicas"] == 3  # three that race lose less than three that follow each other
    assert free.other_services == ()
    ages = free_running_ages(GAMMA, 1.0, 3)
    closed = regret_at_ages(ages, FrameLoss(0.97))
    repeated = plan(asked.replace(default_behaviour="repeat"), workers=3, rule="free-running", services="given")
    assert abs(repeated.regret.total - closed) < 4.5 * repeated.regret.standard_errors["total"]
    short = services["chunk",].options["chunk"]
    assert 3 <= short < 40
    one_less = plan(asked.replace(chunk=short - 2), workers=3, rule=services["chunk",].rule, services="given")
    assert one_less.regret.total > services["chunk",].regret.total


@pytest.mark.parametrize("given", [{"chunk": 4}, {"age_limit": 5}, {"age_limit": 5, "default_behaviour": "repeat"}])
def test_what_outputs_serve_is_kept_in_every_candidate(given):
    """No output is younger than 9 frames, so none acts; holds and other services once left out what was asked for."""
    for services in ("given", "any"):
        found = plan(Scenario(0.15, fps=60, mode_probability=0.95, **given), services=services)
        assert (found.rule, found.total) == (None, 1.0)
        for each in (*found.alternatives[1:], *found.other_services):
            assert each.total == 1.0
            assert all(each.options[name] == given[name] for name in ("chunk", "age_limit") if name in given)


def test_a_moving_mode_is_never_planned_by_a_closed_form_that_knows_the_delay():
    asked = Scenario(GAMMA, frame_time=1.0, mode_probability=0.97, mode="moves")
    once, chunk = plan(asked, workers=3), plan(asked, workers=3, services="any")
    assert once.method == chunk.method == "simulation"
    assert math.isfinite(chunk.options["chunk"]) or chunk.options["chunk"] == math.inf
    assert chunk.regret.total < 0.5 * once.regret.total
    stays = plan(asked.replace(mode="stays"), workers=3, services="any")
    assert chunk.regret.total == pytest.approx(stays.regret.total, abs=0.01)  # a chunk is right at every age in both


def test_what_cannot_be_computed_is_listed_with_its_reason(monkeypatch):
    def refuse(scenario, **_):
        raise InputError(f"rule '{scenario.rule}' cannot be played")

    monkeypatch.setattr("regretlab.planning.scan.outcome", refuse)
    found = plan(Scenario(GAMMA, frame_time=1.0, mode_probability=0.9))
    assert found.rule == "free-running"
    assert found.not_computed["expected-time, starts on frames"] == "rule 'expected-time' cannot be played"
    listed = {each["candidate"] for each in found.to_json()["not_computed"]}
    assert {"expected-time, starts anywhere", "free-running, unused outputs kept"} <= listed
    assert "not computed" in dict(found.facts())
    with pytest.raises(InputError, match="no candidate can be computed for inference time gamma"):
        plan(Scenario(GAMMA, frame_time=1.0, mode_probability=0.9), rule="expected-time", services="given")


def test_progress_is_reported_and_shown_where_it_takes_long(monkeypatch, capsys):
    from regretlab.cli import main

    seen = []
    asked = Scenario("3", frame_time=1.0, mode_probability=0.9)
    plan(asked, progress=lambda done, total, what: seen.append((done, total, what)))
    assert [done for done, _, _ in seen] == list(range(1, len(seen) + 1))
    assert all(done <= total for done, total, _ in seen)
    words = ["plan", "--inference-time", "3", "--frame-time", "1", "--mode-probability", "0.9", "--services", "given"]
    monkeypatch.setattr("regretlab.cli.plan._PATIENCE", -1.0)
    assert main(words) == 0
    assert "planning (" in capsys.readouterr().err


@pytest.mark.parametrize("rule", [None, "free-running"])
def test_a_plan_of_one_worker_does_not_contradict_itself(rule):
    """It once read "play sequential" and, below it, "with free-running, 1 worker"."""
    found = plan(Scenario("uniform(0.002, 0.006)", mode_probability=0.95), rule=rule, services="given")
    facts = dict(found.facts())
    assert (found.regime, facts["play"], facts["with"]) == ("sequential", "one worker", found.in_words())
    assert found.title == f"plan: {found.in_words()}"
    assert facts["inference time"] == "uniform on [0.002, 0.008] s"


def test_a_plan_loads_what_it_needs():
    """Less than half of the two seconds that the command may take are for planning: the rest are imports."""
    code = (
        "import sys, regretlab as rl; rl.plan(rl.Scenario(0.05, mode_probability=0.9));"
        "print(sorted({'pandas', 'pyarrow', 'torch', 'sympy', 'regretlab.mdp'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.thorough
@pytest.mark.parametrize(("law", "p", "most"), [("lognorm(1, scale=3)", 0.97, 20), ("gamma(4, scale=0.8)", 0.9, 5)])
def test_it_says_when_the_most_workers_bind(law, p, most):
    """With the threshold of cancelling of the best, not only one that is searched for again."""
    asked = Scenario(law, frame_time=1, mode_probability=p)
    found = plan(asked, most_workers=most)
    assert found.workers == most
    assert found.most_workers_binds
    assert simulate(found.scenario.replace(workers=2 * most), frames=100_000).regret.total < found.regret.total


@pytest.mark.thorough
def test_a_law_with_a_long_tail_is_planned():
    """Its delays do not fit a table: every rule is simulated."""
    found = plan(Scenario("lomax(1.5, scale=8)", frame_time=1, mode_probability=0.97), workers=4, rule="free-running")
    assert 0 < found.regret.total < 1


@pytest.mark.parametrize(("workers", "p"), [(2, 0.9), (4, 0.9)])
def test_a_plan_of_any_service_lets_workers_race_where_that_loses_less(workers, p):
    """Of repeated actions of exponential times, which have a closed form: against every number of replicas in turn."""
    asked = Scenario("expon(loc=0.2, scale=2.5)", frame_time=1, mode_probability=p, default_behaviour="repeat")
    fixed = {"workers": workers, "rule": "free-running"}
    raced = {r: asked.replace(replicas=r, **fixed) for r in range(1, workers + 1) if workers % r == 0}
    values = {r: bound(each).regret.total for r, each in raced.items()}
    found = plan(asked, services="any", **fixed)
    assert min(values, key=values.__getitem__) == found.options["replicas"] > 1
    own = simulate(found.scenario, frames=100_000, replications=2, seed=7, threads=1).regret  # it cancels as well
    error = math.hypot(*(each.standard_errors["total"] for each in (own, found.regret)))
    assert own.total < min(values.values())
    assert abs(found.regret.total - own.total) < 4.5 * error
    assert found.lower_bound.regret_per_frame < found.regret.total
    assert found.above_lower_bound == pytest.approx(found.regret.total / found.lower_bound.regret_per_frame)
    assert plan(asked, **fixed).options.get("replicas", 1) == 1


def test_races_are_cancelled_where_that_loses_less_and_keep_to_the_most_workers():
    """.247 with two that race and repeat; .190 where they give up after a frame too (alone .289), by the simulator."""
    found = plan(Scenario("expon(loc=0.2, scale=2.5)", frame_time=1, mode_probability=0.9), services="any", workers=2)
    assert found.options == {"default_behaviour": "repeat", "replicas": 2, "cancel_after": 1.0}
    own = simulate(found.scenario, frames=100_000, replications=2, seed=7, threads=1).regret
    errors = [each.standard_errors["total"] for each in (own, found.regret)]
    assert own.total == pytest.approx(found.regret.total, abs=4.5 * math.hypot(*errors))
    assert own.total < 0.2
    most = plan(
        Scenario("lognorm(1, scale=3)", frame_time=1, mode_probability=0.9, default_behaviour="repeat"),
        services="any", most_workers=6, rule="free-running",
    )  # fmt: skip
    assert max(each.workers for each in most.alternatives) <= 6


@pytest.mark.thorough
def test_a_plan_chooses_the_number_of_workers_that_race():
    found = plan(
        Scenario("lognorm(1, scale=3)", frame_time=1, mode_probability=0.9, default_behaviour="repeat"),
        services="any", most_workers=6, rule="free-running", worker_cost=0.01,
    )  # fmt: skip
    replicas = {each.options.get("replicas", 1): each for each in found.alternatives if each.rule}
    assert set(replicas) >= {1, 2, 3}
    assert all(each.workers % number == 0 for number, each in replicas.items())
    assert found.regret.total + found.cost == min(each.total for each in found.alternatives)


@pytest.mark.parametrize(
    "changes",
    [
        {"rule": "max-time", "unused": "keep", "cancel_after": 3.0},
        {"rule": "frame-pool"},
        {"rule": "free-running", "unused": "keep"},
        {"rule": "expected-time", "default_behaviour": "repeat"},
        {"rule": "expected-time", "mode": "moves", "symbols": 4},
    ],
)
def test_an_outcome_is_that_of_a_simulation(changes):
    """The short way that a scan takes to regret and service, against all figures of ``simulate``: the same numbers."""
    asked = Scenario(GAMMA, frame_time=1.0, mode_probability=0.9, workers=3, **changes)
    short = outcome(asked, frames=3_000, warmup=100, seed=2, batches=6)
    full = simulate(asked, frames=3_000, replications=1, warmup=100, seed=2, threads=1, batches=6)
    assert (short.regret, dict(short.regret.standard_errors)) == (full.regret, dict(full.regret.standard_errors))
    assert short.service.inaction_fraction == full.service.inaction_fraction
    assert np.array_equal(short.service.delay_law, full.service.delay_law)


@pytest.mark.parametrize("asked", [{"worker_cost": 0.02}, {"target_regret": 0.3}])
def test_what_the_lower_bound_rules_out_would_not_have_been_chosen(asked, monkeypatch):
    """The same plan, from fewer simulations."""
    numbers = []

    def counted(scenario, **options):
        numbers.append(scenario.workers)
        return outcome(scenario, **options)

    monkeypatch.setattr("regretlab.planning.scan.outcome", counted)
    world = Scenario(GAMMA, frame_time=1.0, mode_probability=0.95)
    found = plan(world, rule="expected-time", services="given", **asked)
    played = len(numbers)
    monkeypatch.setattr("regretlab.planning.scan._ruled_out", lambda *_: False)
    every = plan(world, rule="expected-time", services="given", **asked)
    assert played < len(numbers) - played
    assert (found.workers, found.regret) == (every.workers, every.regret)


def test_a_learned_threshold_is_planned_and_worded():
    asked = Scenario(GAMMA, frame_time=1.0, mode_probability=0.95, cancel_after="learned")
    found = plan(asked, rule="max-time", workers=3)
    assert found.options["cancel_after"] == "learned"
    assert "cancelled at a threshold that is learned" in dict(found.facts())["with"]
    alone = simulate(found.scenario, frames=100_000, replications=2)
    error = math.hypot(alone.standard_errors["regret_per_frame"]["total"], found.regret.standard_errors["total"])
    assert abs(alone.regret.total - found.regret.total) < 4.5 * error
    assert any("learned threshold is that of the least lower bound" in said for said in alone.assumptions) == any(
        "learned threshold is that of the least lower bound" in said for said in found.assumptions
    )


def test_outputs_of_heavy_tails_are_held_too():
    """The table of delays is cut where it would be too long; the best hold is that of the law cut at 1,000 frames."""
    heavy = parse_law("pareto(1.5)")
    found = plan(Scenario(heavy, frame_time=1.0, mode_probability=0.9), rule="frame-hold", services="given")
    assert (found.rule, found.not_computed) == ("frame-hold", {})
    F = np.append(0.0, heavy.cdf(np.arange(1.0, 1_001.0)))
    f, worth = np.diff(F, prepend=0.0), 0.9 ** np.arange(1_001.0)
    value = [
        F[h] * worth[h] + (1.0 - F[h]) * sum(f[j] * worth[j] * np.prod(1.0 - f[h + 1 : j]) for j in range(h + 1, 200))
        for h in range(1, 12)
    ]
    assert found.hold == 1 + int(np.argmax(value))
