"""Faults, each injected into a run on the wall clock, each with its outcome."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest

from regretlab.errors import InputError, RunError
from regretlab.laws import parse_law
from regretlab.play.configuration import RunConfiguration
from regretlab.play.latencies import LatencyStream
from regretlab.play.local import PATIENCE
from regretlab.play.preparation import Prepared, prepare
from regretlab.play.run import run
from regretlab.play.system.processes import process_pool
from regretlab.policies import PolicySpec
from regretlab.policies.networks import build_network
from regretlab.policies.weights import load_parameters, save_parameters
from regretlab.records import Record
from regretlab.records.summary import summarise
from tests.oracles.broken_policies import BrokenSpec
from tests.oracles.marked_run import MarkedRun, values
from tests.oracles.ring_environment import FRAME_TIME

pytestmark = pytest.mark.realtime

RINGS = "tests.oracles.ring_environment:tests/"


@pytest.fixture(scope="module", autouse=True)
def one_fork_server():
    with process_pool():
        yield


@contextlib.contextmanager
def _stopped(pid, seconds):
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_worker_stopped_for_four_seconds_comes_back(tmp_path):
    """The run goes on without it; at most the inference it was stopped in is late; nobody is restarted."""
    played = MarkedRun(tmp_path, rule="frame-pool", frames=720)
    with _stopped(played.wait_for_play()["rl-worker-1"], 4.0):
        pass
    code, stderr = played.end()
    assert code == 0, stderr
    record = Record.open(tmp_path)
    assert record.meta["events"] == []
    assert record.frames["frame"].tolist() == list(range(720))
    rows = record.inferences.sort_values("scheduled")
    own = rows[rows["worker"] == 1]
    starts = own["scheduled"].to_numpy()
    gap = int(np.argmax(np.diff(starts)))
    away, back = starts[gap], starts[gap + 1]
    assert back - away > 3.5
    assert ((own["completion"] - own["scheduled"]) > 1.0).sum() <= 1
    others = rows[(rows["worker"] != 1) & rows["scheduled"].between(away + 0.5, back - 0.5)]
    assert len(others) > 0.6 * (back - away - 1.0) / FRAME_TIME  # two workers of three frames: 2/3 of the frames
    served = record.frames["served_by"].to_numpy() >= 0
    assert served[record.frames["deadline"] > back + 0.5].mean() > 0.9


@pytest.mark.parametrize("stopped", [["rl-worker-1"], ["rl-worker-0", "rl-worker-1", "rl-worker-2"]])
def test_stopped_workers_are_replaced_and_the_summary_says_so(stopped, tmp_path):
    """A worker that gives no sign of life for five seconds, idle or not, is killed; its slot is filled again."""
    played = MarkedRun(tmp_path, rule="frame-pool", frames=1500)
    children = played.wait_for_play()
    for name in stopped:
        os.kill(children[name], signal.SIGSTOP)
    code, stderr = played.end(timeout=120)
    assert code == 0, stderr
    record = Record.open(tmp_path)
    events = record.meta["events"]
    assert {event["worker"] for event in events} == {int(name[-1]) for name in stopped}
    for event in events:
        assert (event["kind"], event["cause"], event["signal"]) == ("restart", "hung", signal.SIGKILL)
        assert PATIENCE <= event["silent"] < PATIENCE + 3.0  # to the millisecond
    summary = summarise(record)
    warning = summary.warnings[0]
    assert warning.startswith("a worker hung ")
    assert ("warning", warning) in summary.facts()
    assert int(record.inferences["lost"].sum()) == sum(event["lost_inferences"] for event in events)
    after = record.frames["deadline"] > max(event["time"] for event in events) + 6.0
    assert after.sum() > 100
    assert (record.frames["served_by"][after] >= 0).mean() > 0.9


def test_a_policy_that_hangs_in_every_worker_is_replaced(tmp_path):
    configuration = RunConfiguration(**values(policy="random", frames=1200))
    prepared = prepare(configuration)
    hanging = Prepared(prepared.environment, BrokenSpec("random", actions=5, fault="hangs", good=60))
    summary = run(configuration, tmp_path, prepared=hanging)
    events = Record.open(tmp_path).meta["events"]
    assert {event["worker"] for event in events if event["cause"] == "hung"} == {0, 1, 2}
    assert summary.warnings
    assert summary.restarts == len(events)


def test_a_long_gap_of_the_clock_is_missed_frames_and_no_burst(tmp_path):
    """The environment is held for three seconds: their frames are counted, and play goes on at its pace."""
    played = MarkedRun(tmp_path, rule="frame-pool", frames=300)
    with _stopped(played.wait_for_play()["rl-environment"], 3.0):
        pass
    code, stderr = played.end()
    assert code == 0, stderr
    record = Record.open(tmp_path)
    frames = record.frames
    assert len(frames) == 300
    missed = record.meta["missed_frames"]
    assert abs(missed - 3.0 / FRAME_TIME) < 0.5 / FRAME_TIME
    jumps = np.diff(frames["frame"])
    gap = int(np.argmax(jumps))
    assert jumps[gap] == missed + 1
    assert np.all(np.delete(jumps, gap) == 1)
    instants = (frames["deadline"] + frames["lateness"]).to_numpy()[gap + 1 : gap + 32]
    assert instants[-1] - instants[0] > 29 * FRAME_TIME
    assert (frames["served_by"].to_numpy()[gap + 31 :] >= 0).mean() > 0.9


def test_a_suspended_machine_is_counted(tmp_path):
    """The monotonic clock stands still in a suspend, so play goes on where it was; the frames of it are counted."""
    configured = values(environment=RINGS + "SuspendedRing-v0", frames=150)
    summary = run(RunConfiguration(**configured), tmp_path)
    assert summary.missed_frames == int(5.0 / FRAME_TIME)
    assert Record.open(tmp_path).frames["frame"].tolist() == list(range(150))


def _ends_for_want_of_disk(played, reason):
    code, stderr = played.end()
    assert code == 1
    last = stderr.strip().splitlines()[-1]
    assert re.search(rf"RunError: the record in '.*' cannot be written any more \({reason}\)", last), stderr
    record = Record.open(played.directory)
    assert not record.meta["complete"]
    assert record.frames["frame"].tolist() == list(range(len(record.frames)))
    assert not list(played.directory.rglob("*.tmp"))
    return len(record.frames)


def test_a_record_that_cannot_grow_ends_the_run_and_stays_readable(tmp_path):
    """What a full disk does, where nothing can be mounted: files larger than a few kB are refused."""
    played = MarkedRun(tmp_path, frames=6000, faults={"largest_file": 6000})
    _ends_for_want_of_disk(played, "File too large")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 96 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here (needs root)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_the_run_and_keeps_what_was_written(small_disk):
    played = MarkedRun(small_disk / "record", frames=6000)
    assert _ends_for_want_of_disk(played, "No space left on device") > 0


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raises", "the network fell over"),
        ("range", "the policy chose action 5; the environment has actions 0 to 4"),
        ("negative", "the policy chose action -1; the environment has actions 0 to 4"),
        ("shape", r"the policy chose array\(\[1, 2\]\); an action is a whole number, 0 to 4"),
        ("nan", "the policy chose nan; an action is a whole number, 0 to 4"),
    ],
)
def test_a_policy_that_fails_ends_the_run_with_its_message(fault, message, tmp_path):
    configuration = RunConfiguration(**values(policy="random", frames=2000))
    prepared = prepare(configuration)
    broken = Prepared(prepared.environment, BrokenSpec("random", actions=5, fault=fault))
    sentence = rf"\Aworker \d ended with exit code 1: policy 'random' failed: {message}(\n|\Z)"
    with pytest.raises(RunError, match=sentence):
        run(configuration, tmp_path, prepared=broken)
    record = Record.open(tmp_path)
    assert not record.meta["complete"]
    assert 0 < len(record.frames) < 2000


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_a_network_that_returns_nan_ends_the_run(clock, tmp_path):
    spec = PolicySpec("nature", actions=5)
    parameters = load_parameters(spec)
    parameters[:] = 1e30  # finite, so that they are loaded; the first sums are not
    path = save_parameters(tmp_path / "large.safetensors", build_network(spec), parameters)
    configuration = RunConfiguration(**values(policy="noop", clock=clock))
    broken = Prepared(prepare(configuration).environment, PolicySpec("nature", actions=5, weights=str(path)))
    with pytest.raises(RunError, match=r"policy 'nature' returned values that are not finite: "):
        run(configuration, tmp_path / "record", prepared=broken)


SHRINKING = """
import torch

class Shrinking(torch.nn.Module):
    def __init__(self, observation_shape, actions):
        super().__init__()
        self.answers, self.actions = 0, actions

    def forward(self, frames):
        self.answers += 1
        return torch.zeros(len(frames), self.actions - (self.answers > 40))
"""


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_a_network_that_returns_another_shape_ends_the_run(clock, tmp_path):
    """After forty right answers, in the worker's own process; the record holds the frames until then."""
    (tmp_path / "network.py").write_text(SHRINKING)
    policy = f"module:{tmp_path / 'network.py'}:Shrinking"
    with pytest.raises(RunError, match=r"returned \(1, 4\) where values of shape \(1, 5\) are due"):
        run(RunConfiguration(**values(policy=policy, clock=clock, frames=3000)), tmp_path / "record")
    record = Record.open(tmp_path / "record")
    assert not record.meta["complete"]
    assert len(record.frames) < 3000
    if clock == "real":
        assert len(record.frames) > 30


def test_an_inference_ten_times_slower_than_learned_stretches_the_cycle_evenly(tmp_path):
    """Algorithm 1: tau_max grows to it, and from then on starts are (ten times longer) / N apart, still even."""
    np.save(tmp_path / "times.npy", np.array([0.04] * 99 + [0.4]))
    text = f"@{tmp_path / 'times.npy'}"

    def first_slow(seed):
        streams = [LatencyStream(parse_law(text), seed, worker) for worker in range(3)]
        usual = all(stream.warm_up == 0.04 for stream in streams)
        return usual and min([*(stream.next() for _ in range(50)), 0.4].index(0.4) for stream in streams)

    seed = next(seed for seed in range(1000) if 25 <= first_slow(seed) <= 40)
    played = RunConfiguration(**values(emulate_latency=text, frames=480, seed=seed))
    run(played, tmp_path / "record")
    record = Record.open(tmp_path / "record")
    rows = record.inferences.sort_values("scheduled")
    slow = rows[(rows["completion"] - rows["scheduled"]) > 0.39].iloc[0]
    starts = rows["scheduled"].to_numpy()
    before = np.diff(starts[starts < slow["scheduled"]])
    after = np.diff(starts[starts > slow["completion"] + 0.4])
    assert np.median(before) == pytest.approx(0.04 / 3, rel=0.05)
    assert np.median(after) == pytest.approx(0.4 / 3, rel=0.05)
    assert after.std() < 0.1 * after.mean()
    frames = record.frames[record.frames["deadline"] > slow["completion"] + 0.8]
    # three actions in 0.4 s: all the others are the default behaviour's
    assert (frames["served_by"] >= 0).mean() == pytest.approx(3 * FRAME_TIME / 0.4, abs=0.03)


def test_two_runs_at_once_do_not_meet(tmp_path):
    runs = [MarkedRun(tmp_path / name, frames=240, seed=seed) for seed, name in enumerate("ab")]
    for played in runs:
        code, stderr = played.end()
        assert code == 0, stderr
    for name in "ab":
        record = Record.open(tmp_path / name)
        assert record.meta["complete"]
        served = record.frames[record.frames["served_by"] >= 0]
        labels = record.frames["label"].to_numpy()
        assert np.array_equal(labels[served["observation_frame"]] == labels[served["frame"]], served["reward"] == 1.0)


def test_a_run_never_shares_a_folder(tmp_path):
    configuration = RunConfiguration(**values(clock="virtual"))
    run(configuration, tmp_path)
    with pytest.raises(InputError, match="already holds a record"):
        run(configuration, tmp_path)


def test_a_worker_killed_too_often_ends_the_run(tmp_path):
    played = MarkedRun(tmp_path, frames=4000, faults={"maximum_restarts": 1})
    os.kill(played.wait_for_play()["rl-worker-2"], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while played.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
        if len(Record.open(tmp_path).meta["events"]) == 1:
            for pid, name in played.processes().items():
                if name == "rl-worker-2":
                    os.kill(pid, signal.SIGKILL)
    code, stderr = played.end()
    assert code == 1
    assert "RunError: worker 2 was killed 2 times: something on this machine ends it" in stderr


def test_without_realtime_priority_a_run_plays_all_the_same(tmp_path):
    through = ["setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice"]
    if (
        shutil.which("setpriv") is None
        or subprocess.run([*through, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("privileges cannot be dropped here (needs setpriv and root); then the other tests play without")
    played = MarkedRun(tmp_path, through=through, rule="frame-pool", frames=180)
    code, stderr = played.end()
    assert code == 0, stderr
    record = Record.open(tmp_path)
    for who in ("environment_priority", "worker_priority"):
        assert record.meta[who] == "nice 0 (no higher priority was permitted)"
    assert (record.frames["served_by"] >= 0)[10:].mean() > 0.9
