"""Real processes on the wall clock: what is served, and that nothing is lost or left behind whoever dies."""

import os
import signal
import time

import numpy as np
import pytest

import regretlab as rl
from regretlab.errors import RunError
from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.records import Record
from tests.oracles.marked_run import MarkedRun, values
from tests.oracles.ring_environment import FRAME_TIME

pytestmark = pytest.mark.realtime


@pytest.mark.smoke
def test_every_frame_is_served_by_enough_staggered_workers(tmp_path):
    summary = run(RunConfiguration(**values()), tmp_path)
    assert summary.frames == 240
    assert summary.inaction_fraction <= 0.02
    assert set(np.flatnonzero(summary.delay_law)) <= {2, 3, 4, 5}
    record = Record.open(tmp_path)
    assert record.meta["complete"]
    assert record.meta["latency"] == "emulated"
    assert "environment_priority" in record.meta
    frames = record.frames
    assert frames["frame"].tolist() == list(range(240))
    assert frames["deadline"].to_numpy() == pytest.approx(np.arange(240) * FRAME_TIME)
    # every reward is explained by the record: the symbol observed then against the symbol shown now
    served = frames[frames["served_by"] >= 0]
    labels = frames["label"].to_numpy()
    explained = labels[served["observation_frame"]] == labels[served["frame"]]
    assert np.array_equal(explained, served["reward"].to_numpy() == 1.0)


def test_real_and_virtual_clock_play_the_same_inferences(tmp_path):
    """The emulated times of a worker are one stream: both clocks start the same inferences, in the same order."""
    configured = values(rule="frame-pool", emulate_latency="gamma(4, scale=0.012)", workers=4)
    run(RunConfiguration(**configured), tmp_path / "real")
    run(RunConfiguration(**{**configured, "clock": "virtual"}), tmp_path / "virtual")
    real, virtual = (Record.open(tmp_path / name).inferences for name in ("real", "virtual"))
    for worker in range(4):
        durations = [
            (rows["completion"] - rows["scheduled"])[rows["worker"] == worker].to_numpy()[:20]
            for rows in (real, virtual)
        ]
        assert durations[0] == pytest.approx(durations[1], abs=2e-3)


@pytest.mark.smoke
def test_a_killed_worker_costs_its_inference_and_nothing_else(tmp_path):
    played = MarkedRun(tmp_path, frames=400)
    children = played.wait_for_play()
    os.kill(children["rl-worker-1"], signal.SIGKILL)
    code, stderr = played.end()
    assert code == 0, stderr
    record = Record.open(tmp_path)
    assert len(record.frames) == 400
    (event,) = record.meta["events"]
    assert (event["kind"], event["worker"], event["signal"]) == ("restart", 1, signal.SIGKILL)
    assert record.meta["restarts"] == 1
    assert int(record.inferences["lost"].sum()) == event["lost_inferences"] <= 1
    rest = record.inferences[~record.inferences["lost"]]
    assert (rest["completion"] > rest["dispatch"]).all()  # nobody else's was
    after = record.inferences[record.inferences["dispatch"] > event["time"] + 1.0]
    assert set(after["worker"]) == {0, 1, 2}  # it came back in its slot


DYING = """
import os, signal, time
from pathlib import Path

class Dying:
    def __init__(self, shape, actions):
        self.calls, self.doomed = 0, False

    def ready(self):
        return len(list(Path(__file__).parent.glob("ready-*")))

    def __call__(self, observation):
        if self.doomed:
            os.kill(os.getpid(), signal.SIGKILL)
        self.calls += 1
        time.sleep(0.045)
        if self.calls == 9 and self.ready() < 3:
            self.doomed = True
            Path(__file__).with_name(f"ready-{os.getpid()}").touch()
            while self.ready() < 3:
                time.sleep(0.001)
        return 1
"""


def test_kept_outputs_outlive_the_workers_that_made_them(tmp_path):
    """Three workers answer at once and die as they start again: each answer acts, in a frame of its own."""
    (tmp_path / "dying.py").write_text(DYING)
    record = rl.run(
        rl.Scenario(workers=3, mode_probability=0.9, rule="free-running", unused="keep"),
        policy=f"module:{tmp_path / 'dying.py'}:Dying", frames=240, out=tmp_path / "record",
    )  # fmt: skip
    assert record.meta["restarts"] == 3
    frame_time, rows = record.meta["frame_time"], record.inferences
    deaths = rows[rows["lost"]].set_index("worker")["scheduled"].sort_index()
    assert deaths.index.tolist() == [0, 1, 2]
    last = rows[~rows["lost"] & (rows["completion"] <= rows["worker"].map(deaths) + 1e-3)].groupby("worker").last()
    assert (last["effect_frame"] * frame_time >= deaths - 1e-3).all()
    waited = last["effect_frame"] - np.ceil(last["release"] / frame_time)
    assert last["effect_frame"].nunique() == 3
    assert waited.max() >= 1, "the store held it for a frame at least"


@pytest.mark.smoke
def test_a_killed_environment_ends_the_run_and_keeps_the_record(tmp_path):
    played = MarkedRun(tmp_path, frames=4000)
    children = played.wait_for_play()
    os.kill(children["rl-environment"], signal.SIGKILL)
    code, stderr = played.end()
    assert code == 1
    assert "the environment's process was ended by SIGKILL" in stderr
    record = Record.open(tmp_path)
    assert not record.meta["complete"]
    assert 40 <= len(record.frames) < 4000


@pytest.mark.smoke
def test_a_killed_supervisor_takes_its_children_along(tmp_path):
    played = MarkedRun(tmp_path, frames=4000)
    assert {"rl-environment", "rl-worker-0", "rl-worker-1", "rl-worker-2"} <= set(played.wait_for_play())
    played.process.kill()
    played.process.communicate(timeout=60)
    played.nothing_left(within=2.0)
    record = Record.open(tmp_path)
    assert len(record.frames) >= 40
    assert not record.meta["complete"]


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.smoke), signal.SIGTERM])
def test_an_interrupt_ends_everything_and_keeps_the_record(number, tmp_path):
    played = MarkedRun(tmp_path, frames=4000)
    played.wait_for_play()
    played.process.send_signal(number)
    code, stderr = played.end(timeout=20)
    assert code != 0
    assert "KeyboardInterrupt" in stderr
    assert len(Record.open(tmp_path).frames) >= 40


def test_a_run_started_with_interrupts_ignored_ignores_them_and_ends_on_sigterm(tmp_path):
    """As every program in the background of a shell script: Ctrl-C is for the one in the foreground."""
    played = MarkedRun(tmp_path, frames=4000, ignored=signal.SIGINT)
    children = played.wait_for_play()
    for process in (played.process.pid, *children.values()):
        os.kill(process, signal.SIGINT)
    before = len(Record.open(tmp_path).frames)
    played.wait_for_play(before + 60)
    played.process.send_signal(signal.SIGTERM)
    code, stderr = played.end(timeout=20)
    assert code != 0
    assert "KeyboardInterrupt: SIGTERM" in stderr


@pytest.mark.parametrize("who", ["rl-environment", "rl-worker-1"])
def test_an_interrupt_while_processes_get_ready_leaves_nothing(who, tmp_path):
    played = MarkedRun(tmp_path, policy="impala-k1", environment="regretlab/Beacon-v0", frames=4000)
    deadline = time.monotonic() + 60
    while who not in played.processes().values() and time.monotonic() < deadline:
        time.sleep(0.005)
    played.process.send_signal(signal.SIGINT)
    code, stderr = played.end(timeout=20)
    assert code != 0
    assert "KeyboardInterrupt" in stderr
    assert list(tmp_path.iterdir()) == []  # nothing was played, so there is no record


def test_an_environment_that_fails_is_quoted(tmp_path):
    configured = values(environment="tests.oracles.ring_environment:tests/FailingRing-v0")
    with pytest.raises(RunError, match=r"(?s)the environment's process ended with exit code 1.*cartridge fell out"):
        run(RunConfiguration(**configured), tmp_path)
    assert len(Record.open(tmp_path).frames) > 50
