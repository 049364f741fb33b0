"""Asking again after s entries: the closed forms against a loop over frames, the simulator, and a run."""

import math

import numpy as np
import pytest

import regretlab as rl
from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.rules import get_rule
from regretlab.rules.service.service import service_law

LAWS = ("3.5", "gamma(4, scale=1.3)", "uniform(2, 5)", "expon(scale=2)")


def looped(law, spacing, workers, starts, seed=0):
    """Play the rule in a plain loop over starts; return the fractions of frames by age and of those served once."""
    drawn = np.random.default_rng(seed)
    delays = np.maximum(1, np.ceil(law.sample(drawn, starts) - 1e-7).astype(int))
    idle, last, effects = [0] * workers, -spacing, []
    for delay in delays:
        worker = int(np.argmin(idle))
        observed = max(last + spacing, idle[worker])
        effects.append((observed + delay, observed))
        idle[worker], last = observed + delay, observed
    end, fresh = last, {}
    for effect, observed in effects:
        fresh[effect] = max(observed, fresh.get(effect, -1))
    ages, once, newest = np.zeros(400), np.zeros(400), -1
    for frame in range(end):
        if frame in fresh:
            once[frame - fresh[frame]] += 1
            newest = max(newest, fresh[frame])
        if newest >= 0 and frame > 1000:
            ages[frame - newest] += 1
    return ages / ages.sum(), once / end


@pytest.mark.one_in(4)
@pytest.mark.parametrize("text", LAWS)
@pytest.mark.parametrize(("spacing", "workers"), [(1, 1), (4, 1), (12, 1), (3, 40), (5, 40)])
def test_closed_forms_are_those_of_a_plain_loop(text, spacing, workers):
    """6 standard errors of 8 independent loops of 4,000 starts, and .002 for their beginnings and ends."""
    law = parse_law(text)
    exact = service_law(law, 1.0, workers=workers, rule=f"execution-horizon-{spacing}", service_model="chunk")
    once = service_law(law, 1.0, workers=workers, rule=f"execution-horizon-{spacing}")
    loops = [looped(law, spacing, workers, 4000, seed) for seed in range(8)]
    for found, expected in (
        (np.array([ages for ages, _ in loops]), exact.delay_law),
        (np.array([ages for _, ages in loops]), once.delay_law),
    ):
        padded = np.zeros(400)
        padded[: len(expected)] = expected[:400]
        mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / math.sqrt(8)
        assert (np.abs(mean - padded) < 6 * error + 2e-3).all()
    assert exact.delay_law.sum() == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("text", LAWS)
def test_a_horizon_of_one_entry_is_the_rule_that_asks_at_once(text):
    law = parse_law(text)
    for model in ("once", "chunk"):
        one = service_law(law, 1.0, rule="execution-horizon-1", service_model=model).delay_law
        same = service_law(law, 1.0, rule="sequential", service_model=model).delay_law
        size = min(len(one), len(same))
        np.testing.assert_allclose(one[:size], same[:size], atol=1e-12)
        assert max(one[size:].sum(), same[size:].sum()) < 1e-9
    many = service_law(law, 1.0, workers=60, rule="execution-horizon-1")
    pool = service_law(law, 1.0, workers=math.inf, rule="frame-pool")
    size = min(len(many.delay_law), len(pool.delay_law))
    np.testing.assert_allclose(many.delay_law[:size], pool.delay_law[:size], atol=1e-9)


def test_a_constant_delay_acts_at_ages_d_to_d_plus_s_less_1():
    for spacing, workers in ((16, 2), (30, 1)):
        service = service_law(
            parse_law("0.8"), 1 / 30, workers=workers, rule=f"execution-horizon-{spacing}", service_model="chunk"
        )
        expected = np.zeros(len(service.delay_law))
        expected[24 : 24 + spacing] = 1 / spacing
        np.testing.assert_allclose(service.delay_law, expected, atol=1e-12)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_simulator_agrees(workers):
    world = rl.Scenario("gamma(9, scale=0.03)", fps=30, mode_probability=0.97, execution_horizon=8, chunk=20)
    asked = world.replace(workers=workers if workers == 1 else 6)
    exact, found = rl.bound(asked), rl.simulate(asked, frames=60_000, replications=8)
    low, high = found.regret.interval(0.9999)
    assert low < exact.regret.total < high
    assert high - low < 0.05
    short = asked.replace(chunk=4)
    found, exact = rl.simulate(short, frames=60_000, replications=8), rl.bound(short)
    assert found.service.inaction_fraction == pytest.approx(exact.service.inaction_fraction, abs=0.01)


def test_a_run_has_the_ages_and_the_prediction_of_its_horizon(tmp_path):
    world = rl.Scenario(0.3, fps=30, mode_probability=0.97, symbols=4, chunk=20, execution_horizon=12)
    record = rl.run(world, policy="oracle", clock="virtual", frames=1209, out=tmp_path)
    ages = np.bincount(record.frames["delay_frames"].to_numpy()[9:], minlength=24)
    np.testing.assert_array_equal(ages[9:21], 100)
    assert record.summary.predicted["method"] == "closed-form"
    assert record.scenario.execution_horizon == 12
    np.testing.assert_allclose(record.summary.predicted["delay_law"][9:21], 1 / 12, atol=1e-12)


@pytest.mark.realtime
def test_workers_ask_again_after_the_entries_in_real_time(tmp_path):
    world = rl.Scenario("0.1", mode_probability=0.97, symbols=4, chunk=40, execution_horizon=15, workers=2)
    record = rl.run(world, policy="oracle", frames=600, out=tmp_path)
    observed = np.sort(record.inferences["observation_frame"].to_numpy())
    assert np.median(np.diff(observed)) == 15
    assert (np.diff(observed) >= 15).mean() > 0.95
    ages = record.frames["delay_frames"].to_numpy()
    assert ((ages >= 6) & (ages <= 23)).mean() > 0.9


def test_what_is_no_horizon_is_refused():
    for asked, sentence in (
        ({"execution_horizon": 0}, "lies between 1 and 65536 entries, not 0"),
        ({"execution_horizon": 2.5}, "must be a whole number of entries, not 2.5"),
        ({"execution_horizon": "soon"}, "must be a whole number of entries, not 'soon'"),
        ({"execution_horizon": 4, "rule": "max-time"}, "a start rule: leave it"),
        ({"rule": "execution-horizon-"}, "unknown staggering rule"),
        ({"rule": "execution-horizon-x"}, "unknown staggering rule"),
    ):
        with pytest.raises(InputError, match=sentence):
            rl.Scenario(0.1, **asked)
    with pytest.raises(InputError, match="closed form for 1 worker, or for 5 and more"):
        service_law(parse_law("9.5"), 1.0, workers=3, rule="execution-horizon-2")
    assert get_rule("execution-horizon-7") is get_rule("execution-horizon-7")
    assert rl.Scenario(0.1).execution_horizon is None
    assert rl.Scenario(0.1, execution_horizon=3).replace(execution_horizon=5).rule == "execution-horizon-5"
