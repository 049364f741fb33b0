"""frame-hold that learns its hold: against the exact hold of the law, through changes, and on the virtual clock."""

import math

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.records import Record
from regretlab.rules import get_rule
from regretlab.rules.rule import HoldObjective
from regretlab.rules.state import HOLD
from regretlab.scenario import Scenario
from regretlab.simulation import replay, simulate
from regretlab.theory.hold import regret_of_holds
from regretlab.theory.loss import FrameLoss

LAWS = ("gamma(4, scale=0.8)", "lognorm(0.5, scale=2.46)", "expon(scale=3)", "uniform(1, 5)", "constant(3.2)")


def learned(law, objective, workers, frames, seed=0):
    """Play the rule on drawn times; return the hold at the end and the log."""
    times = law.sample(np.random.default_rng(seed), frames + 1000)
    log = replay(times, 1.0, workers=workers, rule="frame-hold", frames=frames, hold=objective)
    rows = log.inferences[~np.isnan(log.inferences["completion"])]
    rule = get_rule("frame-hold")
    state = rule.new_state(workers, 1.0, hold=objective)
    for row in np.sort(rows, order="completion"):
        rule.on_completion(state, 0, row["scheduled"], row["completion"])
    return int(state[HOLD]), log


@pytest.mark.parametrize("text", LAWS)
@pytest.mark.parametrize("gaps", [(1.0, 1.0), (0.4, 1.0), (1.0, 0.3)])
def test_the_hold_becomes_that_of_least_regret(text, gaps):
    """With enough workers the formula is exact: what the learned hold loses is within 0.01 of the least."""
    law = parse_law(text)
    regret = regret_of_holds(law, 1.0, FrameLoss(0.9, None, *gaps))
    for seed in range(3):
        hold, _ = learned(law, HoldObjective(0.9, *gaps), 40, 4000, seed)
        assert regret[hold] <= regret[1:].min() + 0.01


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("text", ["gamma(4, scale=0.8)", "lognorm(0.5, scale=2.46)"])
def test_with_few_workers_it_is_near_the_best_of_all_holds(text, workers):
    """Starts are not independent of each other then: the learned hold loses at most 0.02 more than the best one."""
    law = parse_law(text)
    hold, _ = learned(law, HoldObjective(0.9), workers, 4000)
    total = {
        h: simulate(
            Scenario(law, frame_time=1.0, mode_probability=0.9, workers=workers, rule="frame-hold", hold=h),
            frames=200_000,
        ).regret.total
        for h in range(1, 11)
    }
    assert total[min(hold, 10)] <= min(total.values()) + 0.02


def test_it_follows_a_change_of_the_inference_time():
    """After four memories the delays of before weigh e^-4: the hold is that of the new law."""
    rng = np.random.default_rng(1)
    slow, fast = parse_law("gamma(8, scale=1.2)"), parse_law("gamma(8, scale=0.3)")
    objective = HoldObjective(0.95)
    rule = get_rule("frame-hold")
    state = rule.new_state(30, 1.0, hold=objective)
    for law in (slow, fast, slow):
        for index, time in enumerate(law.sample(rng, 4000)):
            rule.on_completion(state, 0, float(index), index + time)
        regret = regret_of_holds(law, 1.0, FrameLoss(0.95))
        assert regret[int(state[HOLD])] <= regret[1:].min() + 0.01


def test_the_hold_is_calm():
    """A change costs a frame: after it has learned, fewer than one frame in two hundred is spent on changes."""
    law = parse_law("gamma(4, scale=0.8)")
    rule = get_rule("frame-hold")
    state = rule.new_state(30, 1.0, hold=HoldObjective(0.9))
    holds = []
    for index, time in enumerate(law.sample(np.random.default_rng(2), 20_000)):
        rule.on_completion(state, 0, float(index), index + time)
        holds.append(int(state[HOLD]))
    changes = np.count_nonzero(np.diff(holds[2000:]))
    assert changes < 18_000 / 200


def test_learning_costs_little_against_knowing():
    """Regret a frame of the learned hold, from the served delays of a replay, against the exact one: within 0.02."""
    law = parse_law("gamma(4, scale=0.8)")
    _, log = learned(law, HoldObjective(0.9), 40, 20_000)
    rows = log.frames[100:]
    served = rows["served_by"] >= 0
    regret = np.where(served, 1 - 0.9 ** rows["delay_frames"], 1.0).mean()
    best = regret_of_holds(law, 1.0, FrameLoss(0.9))[1:].min()
    assert best - 0.01 < regret < best + 0.02


def beacon(**values):
    from regretlab.play.configuration import RunConfiguration

    return RunConfiguration(
        environment_options={"symbols": 4, "mode_probability": 0.9},
        policy="oracle",
        rule="frame-hold",
        workers=12,
        clock="virtual",
        emulate_latency="gamma(4, scale=0.0134)",
        **values,
    )


def test_the_virtual_harness_learns_the_same_hold_as_the_event_kernel(tmp_path):
    """Same times, same frames served from the same observations; the summary tells the hold."""
    from regretlab.play.run import run

    frames = 2500
    summary = run(beacon(frames=frames), tmp_path)
    record = Record.open(tmp_path)
    rows = record.inferences.sort_values(["scheduled", "worker"], kind="stable")
    latencies = (rows["completion"] - rows["scheduled"]).to_numpy()
    objective = HoldObjective.of_ring(0.9, 4)
    log = replay(
        np.append(latencies, np.full(20, 10.0)),
        record.meta["frame_time"],
        workers=12,
        rule="frame-hold",
        frames=frames - 100,
        hold=objective,
        first_estimate=record.meta["first_estimate"],
    )
    played = record.frames.iloc[: frames - 100]
    assert played["observation_frame"].tolist() == log.frames["observation_frame"].tolist()
    law = parse_law("gamma(4, scale=0.0134)")
    regret = regret_of_holds(law, record.meta["frame_time"], FrameLoss(0.9, 4))
    assert regret[summary.hold] <= regret[1:].min() + 0.01


def test_auto_is_the_default_and_a_given_hold_is_kept(tmp_path):
    from regretlab.play.run import run

    assert beacon(frames=10).hold is None
    assert run(beacon(frames=300, hold=7), tmp_path / "given").hold == 7
    assert run(beacon(frames=300, hold="auto"), tmp_path / "auto").hold > 1
    assert run(beacon(frames=300), tmp_path / "default").hold > 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rule": "max-time", "hold": 3}, "rule 'max-time' has no hold, and hold 3 is given"),
        ({"hold": -1}, "hold must lie between 0 and"),
        ({"hold": 4, "hold_probability": 0.9}, "hold_probability is 0.9, but no hold is learned"),
        ({"hold_probability": 1.5}, r"hold 'auto' needs a mode probability in \[0, 1\], not 1.5"),
        ({"gap_delay": -1.0}, "gap of a wrong action must be a finite number of at least 0, not -1.0"),
        ({"hold": "long"}, "hold"),
    ],
)
def test_what_is_wrong_is_named(values, message):
    from regretlab.play.configuration import RunConfiguration

    given = {"rule": "frame-hold", "clock": "virtual", "emulate_latency": "0.04", **values}
    with pytest.raises(InputError, match=message):
        RunConfiguration(**given)


def test_an_environment_that_does_not_tell_how_fast_it_changes_is_asked_for(tmp_path):
    from regretlab.play.configuration import RunConfiguration
    from regretlab.play.run import run

    stacker = RunConfiguration(
        environment="regretlab/Stacker-v0",
        policy="noop",
        rule="frame-hold",
        workers=12,
        clock="virtual",
        emulate_latency="gamma(4, scale=0.0134)",
        frames=300,
    )
    with pytest.raises(InputError, match="hold 'auto' needs the mode probability a frame"):
        run(stacker, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert run(stacker.model_copy(update={"hold_probability": 0.95}), tmp_path / "told").hold > 1
    with pytest.raises(InputError, match="rule 'max-time' has no hold to learn"):
        get_rule("max-time").new_state(2, 1.0, hold=HoldObjective(0.9))
    assert math.isclose(HoldObjective.of_ring(0.25, 4).retention, 0.0)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((1.2,), r"needs a mode probability in \[0, 1\], not 1.2"),
        ((0.9, 1.0, -1.0), "gap of a wrong action must be .* not -1.0"),
        ((0.9, math.inf), "gap of the default behaviour must be .* not inf"),
    ],
)
def test_objectives_are_checked(values, words):
    with pytest.raises(InputError, match=words):
        HoldObjective(*values)
