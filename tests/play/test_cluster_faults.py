"""Faults of a run on a Ray cluster of its own: who dies, what the run does, and that Ray goes with it."""

import os
import signal
import time

import pytest

from regretlab.records import Record
from tests.oracles.marked_run import MarkedRun
from tests.oracles.ring_environment import FRAME_TIME

pytest.importorskip("ray")
pytestmark = [pytest.mark.realtime, pytest.mark.cluster]


def _played(tmp_path, **changes):
    """Start a run with two workers and a learner, and wait until frames have reached the disk."""
    values = {
        "policy": "nature",
        "rule": "frame-pool",
        "workers": 2,
        "learners": 1,
        "frames": 60_000,
        "emulate_latency": f"constant({1.8 * FRAME_TIME})",
        "emulate_learning": f"constant({2.5 * FRAME_TIME})",
        "learning": {"batch": 2, "steps": 1, "replay": 2000},
        "backend": "ray",
    }
    return MarkedRun(tmp_path, **{**values, **changes})


def _whole(record):
    assert not record.meta["complete"]
    assert record.frames["frame"].tolist() == list(range(len(record.frames)))


def test_a_killed_supervisor_takes_the_cluster_along(tmp_path):
    played = _played(tmp_path)
    played.wait_for_play()
    played.process.kill()
    played.process.communicate()
    played.nothing_left(within=10)
    _whole(Record.open(tmp_path))


def test_an_interrupt_ends_the_cluster_too(tmp_path):
    played = _played(tmp_path)
    played.wait_for_play()
    played.process.send_signal(signal.SIGINT)
    played.process.communicate(timeout=60)
    assert played.process.returncode != 0
    played.nothing_left(within=10)
    _whole(Record.open(tmp_path))


def test_a_killed_gateway_ends_the_run_with_its_name(tmp_path):
    played = _played(tmp_path)
    os.kill(played.wait_for_play()["rl-learners"], signal.SIGKILL)
    _, stderr = played.process.communicate(timeout=60)
    assert played.process.returncode == 1
    assert "RunError: the learners' gateway to the cluster was ended by SIGKILL" in stderr
    played.nothing_left(within=10)
    _whole(Record.open(tmp_path))


def test_killed_actors_cost_what_they_were_at_and_come_back(tmp_path):
    """On a cluster of one node they come back there, beside the stores that are still in place."""
    played = _played(tmp_path, frames=1200)
    played.wait_for_play()
    actors = {name: pid for pid, name in played.processes().items() if name in ("ray::InferenceA", "ray::GradientAc")}
    assert set(actors) == {"ray::InferenceA", "ray::GradientAc"}
    for pid in actors.values():
        os.kill(pid, signal.SIGKILL)
    _, stderr = played.process.communicate(timeout=120)
    assert played.process.returncode == 0, stderr
    record = Record.open(tmp_path)
    assert record.meta["complete"]
    assert sorted(event["kind"] for event in record.meta["events"]) == ["learner-restart", "restart"]
    assert record.meta["restarts"] == 1
    assert record.meta["learning"]["restarts"] == 1
    assert record.inferences["lost"].sum() <= 1
    assert set(record.frames.iloc[-300:]["served_by"]) >= {0, 1}
    steps = record.learning_steps
    assert steps["applied"].max() > 1190 * FRAME_TIME
    # weights go on to the node: the dead worker's announcement was taken back
    (sent,) = record.meta["cluster"]["weights_sent"].values()
    assert sent > 0.5 * len(steps)
    time.sleep(0.1)
    played.nothing_left(within=10)
