"""The virtual clock: exact against the plain event loop, reproducible to the byte, right against the ring's formula."""

import filecmp
from pathlib import Path

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.games import emulated_game
from regretlab.games.emulator import downsample
from regretlab.laws import parse_law
from regretlab.play.configuration import RunConfiguration
from regretlab.play.latencies import LatencyStream
from regretlab.play.preparation import hold_of
from regretlab.play.run import run
from regretlab.records import Record
from regretlab.rules import known_rules
from tests.oracles.event_loop import run_rule
from tests.oracles.ring_environment import FRAME_TIME

RING = "tests.oracles.ring_environment:tests/Ring-v0"


def _configuration(**changes):
    values = {
        "environment": RING,
        "environment_options": {"symbols": 4, "mode_probability": 0.9},
        "policy": "oracle",
        "clock": "virtual",
        "emulate_latency": "gamma(4, scale=0.012)",
        "frames": 3000,
        "seed": 3,
    }
    return RunConfiguration(**{**values, **changes})


@pytest.mark.parametrize("rule", known_rules(), ids=lambda rule: rule.name)
def test_effect_frames_are_those_of_the_plain_event_loop(rule, tmp_path):
    """Same rule, same inference times (drawn per worker), two event loops: the same frames are served alike."""
    workers = 1 if rule.single_worker else 5
    configuration = _configuration(rule=rule.name, workers=workers)
    run(configuration, tmp_path)
    record = Record.open(tmp_path)
    law = parse_law(configuration.emulate_latency)
    streams = [LatencyStream(law, configuration.seed, worker) for worker in range(workers)]
    first_estimate = max(stream.warm_up for stream in streams)
    log = run_rule(
        rule.name,
        workers,
        lambda worker: streams[worker].next(),
        3000,
        FRAME_TIME,
        first_estimate=first_estimate,
        hold=hold_of(configuration, record.meta["environment"]),
    )
    served = record.frames[record.frames["served_by"] >= 0]
    expected = {frame: observed for frame, observed in log.served.items() if frame < 3000}
    got = dict(zip(served["frame"].tolist(), served["observation_frame"].tolist(), strict=True))
    assert {f: o for f, o in got.items() if f < 2990} == {f: o for f, o in expected.items() if f < 2990}
    assert len(got) > 400


def test_two_runs_of_one_seed_are_the_same_files(tmp_path):
    for name in ("a", "b"):
        run(_configuration(workers=3, rule="max-time", frames=700), tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert {path.name for path in files} >= {"frames.parquet", "inferences.parquet", "meta.json"}
    for path in files:
        assert filecmp.cmp(tmp_path / "a" / path, tmp_path / "b" / path, shallow=False), path
    run(_configuration(workers=3, rule="max-time", frames=700, seed=4), tmp_path / "c")
    assert not filecmp.cmp(tmp_path / "a" / "frames.parquet", tmp_path / "c" / "frames.parquet", shallow=False)


@pytest.mark.parametrize("delay", [1, 2, 5])
def test_a_constant_delay_earns_what_the_ring_formula_says(delay, tmp_path):
    latency = f"constant({(delay - 0.5) * FRAME_TIME})"
    configuration = _configuration(rule="frame-pool", workers=delay, emulate_latency=latency, frames=40_000)
    summary = run(configuration, tmp_path)
    assert summary.delay_law == pytest.approx([0.0] * delay + [1.0])
    eigenvalue = (4 * 0.9 - 1) / 3
    expected = 1 / 4 + 3 / 4 * eigenvalue**delay
    # the matches are a stationary 0/1 sequence whose correlation dies out with eigenvalue**lag and after `delay` frames
    rewards = Record.open(tmp_path).frames["reward"].to_numpy()[delay:]
    lags = [np.cov(rewards[:-lag], rewards[lag:])[0, 1] for lag in range(1, 6 * delay + 30)]
    error = np.sqrt((rewards.var() + 2 * sum(lags)) / len(rewards))
    assert abs(rewards.mean() - expected) < 4 * error


def test_the_default_behaviour_repeats_the_last_action_if_told(tmp_path):
    run(_configuration(rule="sequential", default_behaviour="repeat", frames=300), tmp_path)
    frames = Record.open(tmp_path).frames
    served = frames["served_by"].to_numpy() >= 0
    actions = frames["action"].to_numpy()
    for index in np.flatnonzero(~served):
        assert actions[index] == (actions[index - 1] if index else 0)


def test_the_virtual_clock_needs_a_law():
    with pytest.raises(InputError, match="the virtual clock needs an inference time"):
        _configuration(emulate_latency=None)


def test_wrong_settings_are_named():
    with pytest.raises(InputError, match=r"frames must be at least 1, not 0"):
        _configuration(frames=0)
    with pytest.raises(InputError, match=r"default_behaviour: .*'sleep'"):
        _configuration(default_behaviour="sleep")
    with pytest.raises(InputError, match=r"workrs: "):
        _configuration(workrs=3)
    with pytest.raises(InputError, match="unknown staggering rule 'magic'"):
        _configuration(rule="magic")


def test_nothing_is_written_for_a_policy_that_does_not_exist(tmp_path):
    with pytest.raises(InputError, match="no policy is named 'impala'"):
        run(_configuration(policy="impala"), tmp_path / "record")
    assert not Path(tmp_path / "record").exists()


def test_a_policy_that_is_given_the_symbol_plays_the_same_without_pictures(tmp_path, monkeypatch):
    """None is drawn unless asked for, and no table differs by a byte."""
    drawn = []
    monkeypatch.setattr(emulated_game, "downsample", lambda screen: drawn.append(1) or downsample(screen))
    for name, asked in {"with": {"pixels": True}, "without": {}}.items():
        drawn.clear()
        options = {"symbols": 4, "mode_probability": 0.9, **asked}
        configuration = RunConfiguration(
            environment_options=options, policy="oracle", emulate_latency="0.04", frames=300, clock="virtual"
        )
        run(configuration, tmp_path / name)
        assert len(drawn) > 300 if asked else len(drawn) < 10
    for table in ("frames.parquet", "inferences.parquet"):
        assert (tmp_path / "with" / table).read_bytes() == (tmp_path / "without" / table).read_bytes()
