"""Episodes, the worst second, warnings and the prediction of a run, each against a second computation."""

import json
import math
import os

import numpy as np
import pandas as pd
import pytest

import regretlab as rl
from regretlab.cli import main
from regretlab.machine_load import MachineLoad, busy_warning
from regretlab.prediction import predict
from regretlab.records.highlights import completed_inferences, episodes, warnings_of, worst_second

FRAME = 1 / 60


def frames_of(rewards, ends):
    return pd.DataFrame({"reward": rewards, "terminated": ends, "truncated": False})


def inferences(times, workers=1):
    starts = np.arange(len(times)) * 1.0
    return pd.DataFrame({"worker": np.arange(len(times)) % workers, "scheduled": starts, "completion": starts + times})


def test_episodes_are_those_that_ended():
    returned, length = episodes(frames_of([1, 2, 3, 4, 5, 6.0], [False, True, False, False, True, False]))
    assert (returned["mean"], returned["episodes"]) == ((3 + 12) / 2, 2)
    assert (length["mean"], length["interval"]) == (
        2.5,
        pytest.approx([2.5 - 12.706 * 0.5, 2.5 + 12.706 * 0.5], rel=1e-4),
    )
    assert episodes(frames_of([1.0], [True]))[0] == {"mean": 1.0, "interval": None, "episodes": 1}
    assert episodes(frames_of([1.0], [False])) == (None, None)


def test_intervals_of_episodes_cover_although_frames_are_correlated():
    """Reward 1 in every frame of geometric episodes: the return is the length, of mean 20."""
    random, covered, runs = np.random.default_rng(5), 0, 400
    for _ in range(runs):
        lengths = random.geometric(1 / 20, 60)
        ends = np.isin(np.arange(lengths.sum()), np.cumsum(lengths) - 1)
        returned, _ = episodes(frames_of(np.ones(len(ends)), ends))
        covered += returned["interval"][0] <= 20 <= returned["interval"][1]
    assert covered / runs > 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs) - 0.01  # skewed: a little below


def test_the_worst_second_against_a_plain_search():
    random = np.random.default_rng(0)
    served = random.random(400) < np.where((np.arange(400) > 150) & (np.arange(400) < 200), 0.2, 0.9)
    counted = pd.DataFrame({"deadline": np.arange(400) * FRAME})
    times = random.exponential(0.1, 60)
    rows = pd.DataFrame({"scheduled": np.arange(60) * 0.11, "completion": np.arange(60) * 0.11 + times})
    found = worst_second(counted, served, rows, FRAME)
    missed = [int((~served[first : first + 60]).sum()) for first in range(341)]
    first = int(np.argmax(missed))
    assert (found["frames"], found["frames_without_action"]) == (60, max(missed))
    assert found["begins"] == first * FRAME
    end = found["begins"] + 1.0
    meanwhile = [t for s, t in zip(rows["scheduled"], times, strict=True) if s < end and s + t > found["begins"]]
    assert found["longest_inference"] == pytest.approx(max(meanwhile))
    assert worst_second(counted[:0], served[:0], rows, FRAME) is None
    assert worst_second(counted[:9], served[:9], rows[:0], 2.0)["longest_inference"] is None


@pytest.mark.parametrize(
    ("meta", "times", "doubts", "word"),
    [
        ({"cores_of_others": 1.25}, [0.04] * 40, {}, "the machine was busy: other processes used 1.2 of"),
        ({"latency": "measured"}, [0.4] + [0.04] * 40, {}, "the first inference of a worker took 400.0 ms, and 99 %"),
        ({"latency": "measured"}, [0.04, 0.4] + [0.04] * 40, {}, "the first inference of a worker took 400.0 ms"),
        ({"latency": "measured", "tau_max": 0.3}, [0.04] * 40, {}, "the longest time that the rule learned, 300.0 ms"),
        ({}, [45.0] * 3, {}, "inferences take 45 s on average: times are in seconds"),
        ({"config": {"emulate_latency": "40"}}, [], {}, "inferences take 40 s on average: times are in seconds"),
        ({}, [0.04], {"mean_age": "it drifts"}, "mean age has no interval: it drifts"),
    ],
)
def test_each_warning_has_its_cause(meta, times, doubts, word):
    (said,) = warnings_of(meta, inferences(np.array(times), workers=2 if times[1:2] == [0.4] else 1), doubts)
    assert said.startswith(word)


def test_nothing_is_warned_of_without_a_cause():
    even = inferences(np.array([0.1] + [0.04] * 40))
    assert warnings_of({"latency": "measured", "cores_of_others": 0.2, "tau_max": 0.1}, even, {}) == []
    cut = {"latency": "measured", "tau_max": 0.5, "config": {"cancel_after": "auto"}}  # by the threshold
    assert warnings_of(cut, even, {}) == []
    slow_first = inferences(np.array([0.4] + [0.04] * 40))  # emulated times have no warm-up
    assert warnings_of({"latency": "emulated", "cores_of_others": None}, slow_first, {}) == []


def test_the_load_of_others_is_what_they_used_meanwhile(tmp_path, monkeypatch):
    """A process of 3 ends: its 200 ticks pass to 3, and only the 50 that came after the first look count."""
    monkeypatch.setattr(os, "sysconf", lambda name: 100)
    monkeypatch.setattr(os, "getpid", lambda: 10)

    def write(processes, stolen):
        (tmp_path / "stat").write_text(f"cpu 1 2 3 4 5 6 7 {stolen} 0 0\n")
        for folder in tmp_path.glob("[0-9]*"):
            (folder / "stat").unlink()
            folder.rmdir()
        for number, (parent, own, of_children) in processes.items():
            (tmp_path / str(number)).mkdir()
            used = f"{own} 0 {of_children} 0"
            (tmp_path / str(number) / "stat").write_text(f"{number} (a (b) c) S {parent} 0 0 0 0 0 0 0 0 0 {used} 20\n")

    write({1: (0, 5, 0), 2: (0, 900, 0), 3: (1, 100, 0), 4: (3, 150, 0), 10: (3, 700, 0), 11: (10, 10, 0)}, stolen=0)
    load = MachineLoad(tmp_path)
    write({1: (0, 5, 0), 2: (0, 990, 0), 3: (1, 100, 200), 10: (3, 800, 0), 11: (10, 500, 0)}, stolen=30)
    monkeypatch.setattr("regretlab.machine_load.time.monotonic", lambda: load._began + 2.0)
    assert load.cores_of_others() == pytest.approx((50 + 30) / 100 / 2)
    assert MachineLoad(tmp_path / "nowhere").cores_of_others() is None
    assert busy_warning(None, "times") is None


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    "scenario",
    [
        rl.Scenario("gamma(4, scale=0.01)", mode_probability=0.9, symbols=4, workers=3, rule="free-running"),
        rl.Scenario("gamma(4, scale=0.01)", mode_probability=0.9, symbols=4, workers=4, rule="frame-pool"),
        rl.Scenario("gamma(4, scale=0.01)", mode_probability=0.9, symbols=4, workers=3, rule="expected-time"),
        rl.Scenario("uniform(0.03, 0.03)", mode_probability=0.9, symbols=4, workers=2, rule="max-time"),
    ],
    ids=lambda scenario: scenario.rule,
)
def test_the_prediction_holds_in_the_run(scenario, tmp_path, capsys):
    """On simulated time the inaction of a run lies within four standard errors (and a share for learning) of it."""
    record = rl.run(scenario, policy="oracle", clock="virtual", frames=6_000, seed=3, out=tmp_path / "run")
    summary = record.summary
    assert summary.predicted == predict(record)
    assert dict(summary)["predicted"]["method"] == (
        "simulation" if scenario.rule == "expected-time" else summary.predicted["method"]
    )
    for measured, predicted, error in (
        (
            summary.inaction_fraction,
            summary.predicted["inaction_fraction"],
            summary.standard_error["inaction_fraction"],
        ),
        (summary.regret.total, summary.predicted["regret_per_frame"]["total"], summary.regret.standard_errors["total"]),
    ):
        assert abs(measured - predicted) < 4 * (error or 0.0) + 0.01
    open_left = summary.predicted["sampling_interval"]
    assert open_left["samples"] == len(completed_inferences(record))
    assert (
        open_left["inaction_fraction"][0] <= summary.predicted["inaction_fraction"] <= open_left["inaction_fraction"][1]
    )
    low, high = open_left["regret_per_frame"]["total"]
    assert low <= summary.predicted["regret_per_frame"]["total"] <= high
    assert "  predicted" in dict(summary.facts())
    assert main(["record", "info", str(tmp_path / "run"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {**json.loads(json.dumps(dict(summary))), "complete": True, "clock": "virtual"}
    assert not any("phases" in warning for warning in summary.warnings)
    assert summary.learned == {
        "tau_max": summary.tau_max,
        "quantile": summary.quantile_time,
        "hold": summary.hold,
        "mean": summary.mean_time,
    }


def test_a_random_default_behaviour_has_the_gap_of_its_number_of_actions(tmp_path):
    """Beacon with 4 symbols has 5 actions: a frame without an action loses 1 - 1/5."""
    asked = rl.Scenario("uniform(0.04, 0.04)", mode_probability=0.9, symbols=4, rule="sequential")
    asked = asked.replace(default_behaviour="random", workers=1)
    summary = rl.run(asked, policy="oracle", clock="virtual", frames=6_000, out=tmp_path / "run").summary
    predicted = summary.predicted
    assert predicted["regret_per_frame"]["inaction"] == pytest.approx(0.8 * predicted["inaction_fraction"])
    error = summary.regret.standard_errors["total"]
    assert abs(summary.regret.total - predicted["regret_per_frame"]["total"]) < 4 * error + 0.01


def test_a_prediction_that_is_a_mean_over_phases_says_so(tmp_path):
    """Constant times never mix: 2 workers, 2.4 frames, predicted .338 without an action, played .199."""
    asked = rl.Scenario(0.04, mode_probability=0.9, symbols=4, workers=2, rule="free-running")
    played = {"policy": "oracle", "clock": "virtual", "frames": 600, "out": tmp_path / "run", "overwrite": True}
    summary = rl.run(asked, **played).summary
    assert abs(summary.inaction_fraction - summary.predicted["inaction_fraction"]) > 0.1
    assert "mean over phases" in summary.warnings[-1]
    assert rl.run(asked.replace(workers=1), **played).summary.warnings == []


@pytest.mark.parametrize(("rule", "workers"), [("max-time", 3), ("free-running", 1)])
def test_evenly_spaced_starts_keep_their_phases_too(rule, workers, tmp_path):
    """A start every 2.5 or 7.5 frames: all ages are 8 frames, and half of them 9 from an arbitrary phase."""
    asked = rl.Scenario(0.15, fps=50, mode_probability=0.9, symbols=4, workers=workers, rule=rule)
    played = {"policy": "oracle", "clock": "virtual", "frames": 600, "out": tmp_path / "run", "overwrite": True}
    summary = rl.run(asked, **played).summary
    assert summary.delay_law[8] == pytest.approx(2 * summary.predicted["delay_law"][9], abs=0.01)
    assert "mean over phases" in summary.warnings[-1]
    if rule == "max-time":
        assert rl.run(asked.replace(alignment="frame"), **played).summary.warnings == []


@pytest.mark.parametrize("default", ["noop", "random"])
def test_a_run_of_an_environment_of_unknown_predictability_predicts_who_serves(default, tmp_path):
    pytest.importorskip("gymnasium")
    asked = rl.Scenario("uniform(0.03, 0.03)", frame_time=0.02, workers=2, rule="free-running")
    asked, own = asked.replace(default_behaviour=default), {"default_action": 0} if default == "noop" else {}
    played = {"env": "CartPole-v1", "policy": "random", "clock": "virtual", **own}
    record = rl.run(asked, frames=3_000, out=tmp_path / "run", **played)
    summary = record.summary
    assert summary.predicted["regret_per_frame"] is None
    assert summary.predicted["sampling_interval"]["regret_per_frame"] is None
    error = summary.standard_error["inaction_fraction"]
    assert abs(summary.inaction_fraction - summary.predicted["inaction_fraction"]) < 4 * error + 0.005
    low, high = summary.episode_length["interval"]
    assert low < summary.episode_length["mean"] < high < 60  # of random play
    assert summary.episode_return["mean"] == summary.episode_length["mean"]  # CartPole pays 1 a frame
