"""The virtual twin of a run that learned: the run itself if that was virtual; as much learned if it was not."""

import filecmp

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.play.configuration import RunConfiguration
from regretlab.play.mirror import mirror, mirrored_configuration
from regretlab.play.run import run
from regretlab.records import Record, batch_means
from regretlab.records.learning import step_seconds
from tests.oracles.ring_environment import FRAME_TIME

RING = "tests.oracles.ring_environment:tests/Ring-v0"


def _configuration(**changes):
    values = {
        "environment": RING,
        "environment_options": {"symbols": 4, "mode_probability": 0.9},
        "policy": "nature",
        "workers": 2,
        "rule": "frame-pool",
        "emulate_latency": f"gamma(9, scale={0.15 * FRAME_TIME})",
        "emulate_learning": f"gamma(4, scale={0.5 * FRAME_TIME})",
        "learners": 3,
        "frames": 300,
        "seed": 5,
        "learning": {"batch": 2, "steps": 1, "replay": 400, "target_every": 40, "exploration_frames": 100},
    }
    return RunConfiguration(**{**values, **changes})


BLOCKING = {"rule": "sequential", "workers": 1, "learners": 0, "blocking_learning": True}


@pytest.mark.thorough
@pytest.mark.parametrize("changes", [{}, BLOCKING], ids=["learners", "blocking"])
def test_the_twin_of_a_virtual_learning_run_is_the_run(changes, tmp_path):
    """Same batches, same weights, same actions; only steps that were not ready at the end have no recorded time."""
    run(_configuration(clock="virtual", **changes), tmp_path / "first")
    mirror(tmp_path / "first", tmp_path / "twin", trust=True)
    first, twin = (Record.open(tmp_path / name) for name in ("first", "twin"))
    for column in ("action", "served_by", "observation_frame", "reward"):
        assert np.array_equal(first.frames[column].iloc[:-20], twin.frames[column].iloc[:-20])
    steps, again = (record.learning_steps for record in (first, twin))
    assert len(steps) == first.meta["learning"]["updates"] > 50
    settled = steps["applied"] < first.frames["deadline"].iloc[-20]
    for column in ("learner", "batch", "began", "ready", "applied"):
        np.testing.assert_allclose(again[column][: settled.sum()], steps[column][settled], rtol=1e-12)
    # and not because anything would do: with other step times it is another run
    other = mirrored_configuration(first).model_copy(update={"emulate_learning": f"constant({4 * FRAME_TIME})"})
    run(other, tmp_path / "other")
    assert not np.array_equal(Record.open(tmp_path / "other").frames["action"], first.frames["action"])


def test_the_rows_of_learning_steps_are_those_of_the_run(tmp_path):
    """Batches 0, 1, ... in order, each learner one step at a time, applied when ready and all before it applied."""
    run(_configuration(clock="virtual"), tmp_path)
    record = Record.open(tmp_path)
    rows = record.learning_steps
    assert rows["batch"].tolist() == list(range(len(rows)))
    np.testing.assert_allclose(rows["applied"], np.maximum.accumulate(rows["ready"]))
    for _, own in rows.groupby("learner"):
        assert (own["began"].to_numpy()[1:] >= own["applied"].to_numpy()[:-1]).all()
    assert set(rows["learner"]) == {0, 1, 2}
    law = parse_law("@run/learning.parquet", base_directory=_as_run(tmp_path))
    assert law.mean() == pytest.approx(step_seconds(record).mean())
    assert law.mean() == pytest.approx(2 * FRAME_TIME, rel=4 / np.sqrt(4 * len(rows)))  # four standard errors


def _as_run(folder):
    """Return a folder in which that folder is called "run"."""
    base = folder / "base"
    base.mkdir()
    (base / "run").symlink_to(folder)
    return base


def test_a_run_that_did_not_learn_has_no_such_table(tmp_path):
    run(_configuration(clock="virtual", policy="oracle", learners=0, emulate_learning=None), tmp_path)
    assert not (tmp_path / "learning.parquet").exists()
    assert len(Record.open(tmp_path).learning_steps) == 0
    with pytest.raises(InputError, match="holds no learning step"):
        parse_law(f"@{tmp_path}/learning.parquet")


@pytest.mark.realtime
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"emulate_learning": None, "learners": 1, "learning": {"batch": 16, "replay": 2000, "replay_ratio": 1e6}},
        {**BLOCKING, "emulate_latency": f"constant({1.3 * FRAME_TIME})"},
    ],
    ids=["emulated", "measured", "blocking"],
)
def test_the_twin_learns_as_much_as_the_realtime_run(changes, tmp_path):
    """Updates within 5 % and six (a learner looks each 2 ms; the last steps); inaction within four standard errors."""
    played = run(_configuration(**changes), tmp_path / "real")
    rows = Record.open(tmp_path / "real").learning_steps
    assert len(rows) == played.learning["updates"]
    assert (rows["ready"] >= rows["began"]).all()
    assert (rows["applied"] >= rows["turn"]).all()
    predicted = mirror(tmp_path / "real", tmp_path / "twin", trust=True)
    assert abs(predicted.learning["updates"] - played.learning["updates"]) <= 6 + 0.05 * played.learning["updates"]
    idle = [Record.open(tmp_path / name).frames["served_by"] < 0 for name in ("real", "twin")]
    error = np.hypot(*(batch_means(each).standard_error for each in idle))
    assert abs(predicted.inaction_fraction - played.inaction_fraction) <= 4 * error
    mirror(tmp_path / "real", tmp_path / "again", trust=True)
    assert filecmp.cmp(
        tmp_path / "twin" / "checkpoint.safetensors", tmp_path / "again" / "checkpoint.safetensors", shallow=False
    )
