"""Every rule on the wall clock: the schedule that the virtual clock gives, and what the default behaviour earns."""

import numpy as np
import pytest

from regretlab.play.configuration import RunConfiguration
from regretlab.play.mirror import mirror
from regretlab.play.run import run
from regretlab.play.system.processes import process_pool
from regretlab.records import Record, batch_means
from regretlab.rules import known_rules
from tests.oracles.marked_run import values
from tests.oracles.ring_environment import FRAME_TIME

FRAMES = 120


@pytest.fixture(scope="module")
def one_fork_server():
    with process_pool():
        yield


INDEPENDENT = {"sequential", "sequential-strict", "unstaggered", "free-running"}
"""Rules whose workers do not know of each other: the order in which they finish changes nothing."""


def _play_on_both(directory, frames, virtual_frames, **changes):
    configured = values(**changes)
    for clock, length in (("real", frames), ("virtual", virtual_frames)):
        run(RunConfiguration(**{**configured, "clock": clock, "frames": length}), directory / clock)
    return (Record.open(directory / clock).frames for clock in ("real", "virtual"))


def _workers(rule):
    return 1 if rule.single_worker else 4


def _draws_agree(real, virtual):
    """Check that the k-th inference of each worker took the same time on both clocks, but for late wake-ups."""
    for worker in range(virtual["worker"].max() + 1):
        times = [
            (rows["completion"] - rows["scheduled"])[rows["worker"] == worker].to_numpy() for rows in (real, virtual)
        ]
        both = min(map(len, times))
        assert both > 0
        late = times[0][:both] - times[1][:both]
        assert late.min() > -1e-4
        assert np.median(late) < 0.004


@pytest.mark.realtime
@pytest.mark.parametrize("rule", known_rules(), ids=lambda rule: rule.name)
def test_a_rule_plays_the_same_schedule_on_both_clocks(rule, tmp_path, one_fork_server):
    """Emulated times are one stream on both clocks, and the schedule of the real run is the virtual one of its times.

    A worker that this machine wakes late starts its next inference late as well, and a rule may learn from it: so the
    times of the run itself go through the virtual clock. Only a late frame may make a difference then: nine frames of
    ten must agree. Where workers share the schedule the times are constant: else who finishes first is a matter of
    microseconds.
    """
    real, virtual = _play_on_both(
        tmp_path,
        FRAMES,
        FRAMES,
        rule=rule.name,
        workers=_workers(rule),
        hold=4 if rule.holds else None,
        emulate_latency="gamma(8, scale=0.006)" if rule.name in INDEPENDENT else "constant(0.045)",
    )
    assert len(real) == len(virtual) == FRAMES
    _draws_agree(*(Record.open(tmp_path / clock).inferences for clock in ("real", "virtual")))
    mirror(tmp_path / "real", tmp_path / "twin", trust=True)
    twin = Record.open(tmp_path / "twin").frames
    same = real["observation_frame"].to_numpy() == twin["observation_frame"].to_numpy()
    assert same.mean() >= 0.9
    assert (real["served_by"] >= 0).mean() > 0.2
    if rule.name == "frame-hold":
        assert real["delay_frames"][real["served_by"] >= 0].min() == 4
    if rule.name == "sequential-strict":
        assert (real["served_by"] >= 0).mean() < 0.5


@pytest.mark.realtime
@pytest.mark.parametrize("rule", ["expected-time", "frame-pool", "frame-hold"])
def test_a_shared_schedule_has_the_same_law_on_both_clocks(rule, tmp_path, one_fork_server):
    """With varying times the inaction and the mean delay of 4 s of play are those of a long virtual run (4 sigma)."""
    real, virtual = _play_on_both(
        tmp_path,
        240,
        20_000,
        rule=rule,
        workers=6,
        hold=4 if rule == "frame-hold" else None,
        emulate_latency="gamma(4, scale=0.012)",
    )
    for served_only, column in ((False, "served_by"), (True, "delay_frames")):
        shown, expected = (
            (frames[column][frames["served_by"] >= 0] if served_only else frames[column] >= 0).to_numpy(np.float64)[10:]
            for frames in (real, virtual)
        )
        measured, error = batch_means(shown)
        assert abs(measured - expected.mean()) < 4 * max(error, 0.01)


@pytest.mark.realtime
def test_the_quantile_is_learned_while_processes_play(tmp_path, one_fork_server):
    """After ten seconds q is that of a virtual run of the same times, within a tenth, and outputs are held to it."""
    configuration = values(rule="quantile-time", workers=4, emulate_latency="gamma(4, scale=0.01)", frames=600)
    found = {}
    for clock in ("real", "virtual"):
        summary = run(RunConfiguration(**configuration, clock=clock), tmp_path / clock)
        rows = Record.open(tmp_path / clock).inferences
        held = (rows["release"] - rows["scheduled"])[rows["release"] > rows["completion"]]
        assert (rows["release"] <= rows["completion"] + 1e-9)[100:].mean() < 0.06
        assert held.iloc[-50:].median() == pytest.approx(summary.quantile_time, rel=0.1)
        found[clock] = summary.quantile_time
    assert found["real"] == pytest.approx(found["virtual"], rel=0.1)


@pytest.mark.realtime
def test_the_hold_is_learned_while_processes_play(tmp_path, one_fork_server):
    """After five seconds it is what the virtual clock learns from the times of that very run, to a frame."""
    configuration = values(
        environment="regretlab/Beacon-v0",
        environment_options={"symbols": 4, "mode_probability": 0.9, "pixels": False},
        rule="frame-hold",
        workers=8,
        hold="auto",
        emulate_latency="gamma(4, scale=0.0134)",
        frames=300,
    )
    played = run(RunConfiguration(**configuration), tmp_path / "real")
    assert abs(played.hold - mirror(tmp_path / "real", tmp_path / "twin", trust=True).hold) <= 1
    assert played.hold > 1  # it begins at 1
    frames = Record.open(tmp_path / "real").frames
    served = frames["delay_frames"][frames["served_by"] >= 0]
    assert served.iloc[-50:].min() >= played.hold - 1


def _ring(delay, symbols, probability):
    """What an action earns that was chosen `delay` frames ago."""
    eigenvalue = (symbols * probability - 1) / (symbols - 1)
    return 1 / symbols + (1 - 1 / symbols) * eigenvalue**delay


@pytest.mark.thorough
@pytest.mark.parametrize("behaviour", ["noop", "repeat", "random"])
@pytest.mark.parametrize("environment", ["regretlab/Beacon-v0", "tests.oracles.ring_environment:tests/Ring-v0"])
def test_what_a_default_behaviour_earns(behaviour, environment, tmp_path):
    """Sequential inference of 3.5 frames: one frame in four is the agent's, at delay 4.

    In the other three frames the no-op earns nothing; the repeated action is 5, 6 and 7 frames old; a random one of
    1 + K actions is right once in 1 + K.
    """
    symbols, probability = 4, 0.9
    options = {"symbols": symbols, "mode_probability": probability}
    if "Beacon" in environment:
        options["pixels"] = False
    configuration = RunConfiguration(
        **values(
            environment=environment,
            environment_options=options,
            rule="sequential",
            workers=1,
            clock="virtual",
            emulate_latency=f"constant({3.5 * FRAME_TIME})",
            default_behaviour=behaviour,
            frames=40_000,
            seed=5,
        )
    )
    run(configuration, tmp_path)
    record = Record.open(tmp_path)
    p = record.meta["environment"].get("mode_probability", probability)  # the cartridge's is a 16-bit fraction
    agent = _ring(4, symbols, p)
    others = {
        "noop": [0.0] * 3,
        "repeat": [_ring(delay, symbols, p) for delay in (5, 6, 7)],
        "random": [1 / (1 + symbols)] * 3,
    }
    expected = (agent + sum(others[behaviour])) / 4
    measured, error = batch_means(record.frames["reward"].to_numpy(np.float64)[8:])
    assert abs(measured - expected) < 4 * error
    assert error < 0.006
