"""Batches on one accelerator: a linear programme, a plain loop, simulation, and the bound of one item."""

import math

import numpy as np
import pytest
from scipy.optimize import linprog

import regretlab as rl
from regretlab.rules import known_rules
from regretlab.theory.any_rule import lower_bound_of_law
from regretlab.theory.loss import FrameLoss

ASKED = rl.Scenario(frame_time=1, mode_probability=0.9, workers=8, batch_law="2.5, 0.25")


def by_programme(alpha, beta, most, worth, chunk=0):
    """The most that a mixture of batch sizes earns: one variable a size, and one a use of an item at an age."""
    costs, times, outputs, uses = [], [], [], []
    for n in range(1, most + 1):
        size = len(costs)
        costs.append(0.0)
        times.append((size, alpha + beta * n))
        for item in range(n):
            first = max(1, math.ceil(alpha + beta * n - 1e-9)) + item
            for age in range(first, (chunk or len(worth) - 1) + 1):
                uses.append(len(costs))
                outputs.append((size, len(costs), (n, item, 0 if chunk == 0 else age)))
                costs.append(-worth[age])
    rows, limits = [np.zeros(len(costs)), np.zeros(len(costs))], [1.0, 1.0]
    for size, seconds in times:
        rows[0][size] = seconds
    rows[1][uses] = 1.0
    for key in {key for *_, key in outputs}:
        row = np.zeros(len(costs))
        for size, use, own in outputs:
            if own == key:
                row[use], row[size] = 1.0, -1.0
        rows.append(row)
        limits.append(0.0)
    return -linprog(costs, A_ub=np.array(rows), b_ub=limits).fun


@pytest.mark.parametrize(("chunk", "most"), [(None, 1), (None, 5), (6, 1), (6, 4)])
@pytest.mark.parametrize("times", ["2.5, 0.25", "0.4, 0.9", "1, 1.5"])
def test_a_linear_programme_finds_the_same_bound(times, chunk, most):
    asked = ASKED.replace(batch_law=times, workers=most, chunk=chunk)
    alpha, beta = map(float, times.split(","))
    worth = FrameLoss(0.9).worth(np.arange(40))
    expected = 1.0 - by_programme(alpha, beta, most, worth, chunk or 0)
    assert rl.lower_bound(asked).regret_per_frame == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("model", [{}, {"chunk": 6}, {"default_behaviour": "repeat"}])
def test_one_item_is_one_worker_of_constant_time(model):
    asked = ASKED.replace(workers=1, **model)
    alone = lower_bound_of_law(
        rl.parse_law("2.75"), 1.0, FrameLoss(0.9), service_model=asked.service_model, chunk=asked.chunk
    )
    found = rl.lower_bound(asked)
    assert found.regret_per_frame == pytest.approx(alone.regret_per_frame, abs=1e-12)
    assert found.workers_without_inaction == (1 if "chunk" in model else 4)


def by_loop(alpha, beta, most, frames, keeps):
    """Ages frame by frame, 0 for the default behaviour: the freshest of the completed, unused outputs acts."""
    ages, stored, running, newest, idle_from = [], [], [], -1, 0
    for frame in range(frames):
        if frame >= idle_from:
            stored = [*stored, *running]
            running = list(range(max(newest + 1, frame - most + 1), frame + 1))
            newest, idle_from = frame, frame + max(1, math.ceil(alpha + beta * len(running)))
        ages.append(frame - max(stored) if stored else 0)
        stored = sorted(stored)[:-1] if keeps else []
    return np.array(ages[len(ages) // 2 :])


@pytest.mark.parametrize("unused", ["drop", "keep"])
@pytest.mark.parametrize(("times", "most"), [("2.5, 0.25", 3), ("2.5, 0.25", 8), ("0.4, 0.9", 6), ("1, 1.5", 4)])
def test_a_plain_loop_and_the_simulator_serve_the_same(times, most, unused):
    asked = ASKED.replace(batch_law=times, workers=most, unused=unused)
    alpha, beta = map(float, times.split(","))
    ages = by_loop(alpha, beta, most, 9_000, unused == "keep")
    found, simulated = rl.bound(asked), rl.simulate(asked, frames=20_000, seed=1)
    expected = np.bincount(ages) / len(ages)
    shares = np.zeros(max(len(expected), len(found.service.delay_law)))
    shares[: len(found.service.delay_law)] = found.service.delay_law
    shares[0] = found.inaction_fraction
    assert shares[: len(expected)] == pytest.approx(expected, abs=0.005)  # the ends of a cycle
    assert simulated.inaction_fraction == pytest.approx(found.inaction_fraction, abs=1e-3)
    error = simulated.regret.standard_errors["total"]
    assert abs(simulated.regret.total - found.regret.total) < 4.5 * error + 1e-9
    assert found.regret.total >= found.lower_bound.regret_per_frame - 1e-12


def test_more_items_serve_more_frames_and_no_fresher_ones():
    kept = 1 - (0.9**4 + 0.9**6 + 0.9**8 + 0.9**10) / 4
    assert rl.bound(ASKED.replace(unused="keep")).regret.total == pytest.approx(kept, abs=1e-12)
    assert rl.bound(ASKED.replace(unused="keep", workers=1)).regret.total == pytest.approx(0.757)
    for model in ({"chunk": 6}, {"default_behaviour": "repeat"}):
        values = [rl.bound(ASKED.replace(workers=n, **model)).regret.total for n in (1, 3, 8)]
        assert values == sorted(values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inference_time": 0.1}, "bound with a batch law takes no inference time, which it has of its own"),
        ({"rule": "max-time"}, "takes no rule"),
        ({"cancel_after": 1.0}, "takes no cancel after"),
        ({"workers": "inf"}, "a batch has at most 100000 items"),
    ],
)
def test_what_goes_without_batches_is_refused(changes, message):
    with pytest.raises(rl.InputError, match=message):
        rl.bound(ASKED.replace(**changes))


@pytest.mark.thorough
def test_a_plan_tries_every_number_of_items():
    base = ASKED.replace(workers=1)
    for changes in ({}, {"batch_law": "1, 1.5"}, {"chunk": "inf"}, {"default_behaviour": "repeat"}):
        asked = base.replace(**changes)
        found = rl.plan(asked)
        kept = ["drop"] if asked.service_model != "once" else ["drop", "keep"]
        values = [rl.bound(asked.replace(workers=n, unused=u)).regret.total for n in range(1, 30) for u in kept]
        assert found.regret.total == pytest.approx(min(values), abs=1e-12)
        assert rl.bound(found.scenario).regret.total == pytest.approx(found.regret.total)
        assert found.above_lower_bound >= 1.0
    assert rl.plan(base.replace(gap_default=0.05)).scenario is None  # not acting loses least
    limited = rl.plan(base, most_workers=2)
    assert (limited.workers, limited.most_workers_binds, limited.binds) == (2, True, "workers")
    within = rl.plan(base, target_regret=0.7)
    assert within.meets_target
    assert within.workers < rl.plan(base).workers
    with pytest.raises(rl.InputError, match="a plan of batches takes no worker cost: leave it out"):
        rl.plan(base, worker_cost=0.1)


def test_a_comparison_ranks_every_number_of_items():
    """The rows are the bounds of their scenarios, and the first is what a plan takes."""
    asked = rl.Scenario(frame_time=1, mode_probability=0.9, batch_law="2.5, 0.25", workers=4)
    found = rl.compare(asked)
    assert len(found.rows) == 8
    for row in found.rows:
        items = int(row.rule.split(",")[0].rsplit(" ", 1)[1])
        bound = rl.bound(asked.replace(workers=items, unused="keep" if "kept" in row.rule else "drop"))
        assert row.regret.total == bound.regret.total
    plan = rl.plan(asked)
    assert (found.best.rule, found.regret.total) == (plan.in_words(), plan.regret.total)
    assert set(found.not_computed) == {rule.name for rule in known_rules()}


def test_a_sweep_takes_batches_and_races(tmp_path):
    """Each point is the bound of its scenario."""
    from regretlab.sweeps import read_configuration, run_sweep

    grid = {"workers": [2, 4], "mode_probability": [0.8, 0.9]}
    for fixed in (
        {"batch_law": "2.5, 0.25", "frame_time": 1, "unused": "keep"},
        {"inference_time": "uniform(2, 1)", "frame_time": 1, "replicas": 2, "rule": "max-time"},
    ):
        sweep = read_configuration({"sweep": {"command": "bound"}, "fixed": fixed, "grid": grid})
        found = run_sweep(sweep, str(tmp_path / f"{len(fixed)}.nc"), cores=1).dataset
        assert not found["status"].any()
        for workers in grid["workers"]:
            for p in grid["mode_probability"]:
                value = float(found["regret"].sel(workers=workers, mode_probability=p))
                alone = rl.bound(rl.Scenario(**fixed, workers=workers, mode_probability=p))
                assert value == pytest.approx(alone.regret.total, abs=1e-12)
