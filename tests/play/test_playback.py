"""Records played again: identical to the frame, whole or cut short; a changed record is found out."""

import json
import shutil

import numpy as np
import pytest

from regretlab.cli import main
from regretlab.errors import InputError
from regretlab.play.configuration import RunConfiguration
from regretlab.play.playback import play_back
from regretlab.play.run import run
from regretlab.records import Record, RecordWriter


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A run on the virtual clock."""
    folder = tmp_path_factory.mktemp("playback") / "run"
    configuration = RunConfiguration(
        environment_options={"symbols": 6, "mode_probability": 0.9},
        policy="oracle",
        rule="frame-pool",
        workers=2,
        clock="virtual",
        frames=400,
        emulate_latency="0.04",
        default_behaviour="random",
        seed=11,
    )
    run(configuration, folder)
    return folder


def test_every_frame_is_the_same(recorded):
    again = play_back(Record.open(recorded))
    assert (again.frames, again.differing, again.first_difference) == (400, 0, None)
    assert again.reward == again.recorded_reward > 100


def test_a_record_cut_short_and_one_that_was_changed(recorded, tmp_path):
    record = Record.open(recorded)
    rows = record.frames.to_records(index=False).astype(
        [(name, record.frames[name].dtype) for name in record.frames.columns]
    )
    from regretlab.records import FRAME_DTYPE

    table = np.zeros(len(rows), FRAME_DTYPE)
    for name in FRAME_DTYPE.names:
        table[name] = rows[name]
    meta = {key: value for key, value in record.meta.items() if key not in ("complete", "schema_version")}
    writer = RecordWriter(tmp_path / "short", meta)
    writer.append_frames(table[:150])
    writer.close(complete=False)
    assert play_back(Record.open(tmp_path / "short")).differing == 0
    table["reward"][77] = 1 - table["reward"][77]
    with RecordWriter(tmp_path / "changed", meta) as changed:
        changed.append_frames(table)
    found = play_back(Record.open(tmp_path / "changed"))
    assert (found.differing, found.first_difference) == (1, 77)


def test_pictures(recorded, tmp_path):
    from PIL import Image

    play_back(Record.open(recorded), gif=tmp_path / "run.gif", every=10)
    with Image.open(tmp_path / "run.gif") as animation:
        assert animation.n_frames > 20
        assert animation.size == (160, 144)
    with pytest.raises(InputError, match=r"pictures go to a \.gif file"):
        play_back(Record.open(recorded), gif=tmp_path / "run.mp4")


def test_a_record_that_does_not_say_what_was_played(recorded, tmp_path):
    shutil.copytree(recorded, tmp_path / "run")
    meta = json.loads((tmp_path / "run" / "meta.json").read_text())
    meta["config"]["environment"] = "os:system"
    (tmp_path / "run" / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(InputError, match="environment: 'os:system' imports a Python module: give --trust"):
        play_back(Record.open(tmp_path / "run"))
    del meta["config"]
    (tmp_path / "run" / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(InputError, match="does not state what was played"):
        play_back(Record.open(tmp_path / "run"))


def test_the_commands(recorded, tmp_path, capsys):
    assert main(["record", "info", str(recorded), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["frames"], said["complete"], said["clock"]) == (400, True, "virtual")
    assert main(["record", "export", str(recorded), "--out", str(tmp_path / "tables")]) == 0
    lines = (tmp_path / "tables" / "frames.csv").read_text().splitlines()
    assert len(lines) == 401
    assert lines[0].startswith("frame,deadline,lateness,action")
    assert main(["record", "export", str(recorded), "--out", str(tmp_path / "tables")]) == 2
    assert main(["record", "replay", str(recorded), "--json"]) == 0
    capsys.readouterr()
    assert main(["record", "info", str(tmp_path / "nothing")]) == 2
    assert "nothing" in capsys.readouterr().err
