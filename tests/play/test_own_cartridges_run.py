"""Cartridges of one's own and Atari under the harness: the same rules and records as our own games, on both clocks."""

from pathlib import Path

import pytest

from regretlab.errors import RunError
from regretlab.games import memory_map
from regretlab.games.beacon import ROM as BEACON
from regretlab.games.rom import write_header
from regretlab.games.stacker import ROM as STACKER
from regretlab.play import local
from regretlab.play.configuration import RunConfiguration
from regretlab.play.playback import play_back
from regretlab.play.run import run
from regretlab.records import Record

MAPS = Path(memory_map.__file__).parent / "maps"


def _configuration(**changes):
    values = {
        "environment": "regretlab/Cartridge-v0",
        "policy": "noop",
        "clock": "virtual",
        "emulate_latency": "0.04",
        "workers": 3,
        "frames": 240,
        "seed": 3,
    }
    return RunConfiguration(**(values | changes))


@pytest.mark.parametrize("rule", ["sequential", "max-time", "frame-hold"])
def test_a_cartridge_through_a_map_has_the_record_of_our_environment(rule, tmp_path):
    """The oracle on our ring, as an environment of the package and as a stranger's ROM with a memory map."""
    common = {"policy": "oracle", "rule": rule, "workers": 1 if rule == "sequential" else 3, "frames": 600}
    common |= {"hold_probability": 0.9} if rule == "frame-hold" else {}
    ours = {"environment": "regretlab/Beacon-v0", "environment_options": {"symbols": 4, "mode_probability": 0.9}}
    own = {"environment_options": {"rom": str(BEACON), "memory_map": str(MAPS / "beacon.toml")}}
    assert run(_configuration(**common, **ours), tmp_path / "ours").reward_per_frame > 0.1
    run(_configuration(**common, **own), tmp_path / "own")
    records = [Record.open(tmp_path / name) for name in ("ours", "own")]
    assert records[0].frames.equals(records[1].frames)
    assert records[0].inferences.equals(records[1].inferences)
    said = records[1].meta["environment"]
    assert said["reward_source"] == "increase of score (memory map)"
    assert said["rom_sha256"] == records[0].meta["environment"]["rom_sha256"]
    assert len(said["memory_map_sha256"]) == 64


@pytest.mark.parametrize("rom", [BEACON, STACKER], ids=["beacon", "stacker"])
def test_a_cartridge_that_nobody_knows_runs_with_a_policy_that_does_nothing(rom, tmp_path):
    told = []
    configuration = _configuration(environment_options={"rom": str(rom)})
    summary = run(configuration, tmp_path / "r", progress=lambda played, total, what: told.append(what))
    assert (summary.frames, summary.reward_per_frame) == (240, 0.0)
    assert "reward: none (no reward is known for the title" in told[0]
    assert play_back(Record.open(tmp_path / "r"), trust=True).differing == 0


@pytest.mark.realtime
def test_cartridges_and_atari_in_real_time(tmp_path):
    """Real processes: nobody's ROM, falling blocks by their map, and an Atari game at 60 frames a second."""
    pytest.importorskip("ale_py")
    mapped = {"rom": str(STACKER), "memory_map": str(MAPS / "stacker.toml")}
    cases = {
        "unknown": ({"environment_options": {"rom": str(BEACON)}}, 1 / 59.7275),
        "mapped": ({"environment_options": mapped, "policy": "random"}, 1 / 59.7275),
        "atari": ({"environment": "regretlab/Boxing-v0", "policy": "random"}, 1 / 60),
    }
    for name, (changes, frame_time) in cases.items():
        configuration = _configuration(clock="real", emulate_latency=None, frames=120, workers=2, **changes)
        summary = run(configuration, tmp_path / name)
        record = Record.open(tmp_path / name)
        assert (summary.frames, record.meta["frame_time"]) == (120, frame_time)
        assert summary.inaction_fraction < 0.9
        assert play_back(record, trust=True).differing == 0


@pytest.mark.realtime
def test_a_game_that_hangs_the_emulator_while_it_is_played_ends_the_run(tmp_path, monkeypatch):
    """Three loops of about 20 s, then an instruction that does not exist; frames from then on never end."""
    image = bytearray(0x8000)
    image[0x100:0x104] = bytes.fromhex("00C35001")  # jump to 0x0150
    image[0x150:0x160] = bytes.fromhex("06320E0016001520FD0D20FA0520F7D3")
    (tmp_path / "late.gb").write_bytes(write_header(bytes(image), title="LATE"))
    monkeypatch.setattr(local, "LONGEST_STANDSTILL", 1.5)
    configuration = _configuration(
        environment_options={"rom": str(tmp_path / "late.gb")}, clock="real", emulate_latency=None, frames=5000
    )
    with pytest.raises(RunError, match=r"the environment has been at frame \d+ for 1\.5 s: it hangs"):
        run(configuration, tmp_path / "r")
    frames = Record.open(tmp_path / "r").frames
    assert 100 < len(frames) < 2000


def test_an_atari_game_under_the_rules(tmp_path):
    """Four frames of inference, six workers: every action is four frames old at most; the record plays again."""
    pytest.importorskip("ale_py")
    configuration = _configuration(environment="regretlab/NameThisGame-v0", policy="random", workers=6, frames=400)
    summary = run(configuration, tmp_path / "r")
    assert sum(summary.delay_law[:3]) == 0
    assert sum(summary.delay_law[3:5]) == pytest.approx(1.0)
    record = Record.open(tmp_path / "r")
    assert record.meta["frame_time"] == 1 / 60
    assert set(record.frames["action"]) == set(range(6))
    assert play_back(record, gif=tmp_path / "r.gif", every=100).differing == 0


def test_an_id_of_ale_py_itself(tmp_path):
    pytest.importorskip("ale_py")
    configuration = _configuration(
        environment="ale_py:BoxingNoFrameskip-v4", policy="random", frame_time=1 / 60, default_action=0, frames=60
    )
    assert run(configuration, tmp_path / "r").frames == 60
