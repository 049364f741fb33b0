"""Real processes on the wall clock: what is served, and that nothing is lost or left behind whoever dies."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pytest

from regretlab.errors import RunError
from regretlab.harness.configuration import RunConfiguration
from regretlab.harness.run import run
from regretlab.records import Record
from tests.oracles.ring_environment import FRAME_TIME

pytestmark = [pytest.mark.realtime, pytest.mark.xdist_group("realtime")]

RING = "tests.oracles.ring_environment:tests/Ring-v0"
PROGRAM = """
import json, sys
from regretlab.errors import RunError
from regretlab.harness.configuration import RunConfiguration
from regretlab.harness.run import run
if __name__ == "__main__":
    run(RunConfiguration(**json.loads(sys.argv[1])), sys.argv[2])
    print("complete", flush=True)
"""


def _values(**changes):
    return {
        "environment": RING,
        "environment_options": {"symbols": 4, "mode_probability": 0.9},
        "policy": "oracle",
        "workers": 3,
        "rule": "max-time",
        "emulate_latency": "constant(0.04)",
        "frames": 240,
        **changes,
    }


class _Run:
    """A run in a process of its own, whose children can be found by a mark in their environment."""

    def __init__(self, directory, **changes):
        self.mark = f"REGRETLAB_TEST_MARK={uuid.uuid4().hex}"
        name, value = self.mark.split("=")
        self.directory = Path(directory)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps(_values(**changes)), str(directory)],
            env={**os.environ, name: value},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def processes(self):
        """Return the command names of all living processes of this run, by process number."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if self.mark.encode() in (entry / "environ").read_bytes():
                        state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                        if state != "Z":
                            found[int(entry.name)] = (entry / "comm").read_text().strip()
                except OSError:
                    continue
        return found

    def wait_for_play(self, frames=40):
        """Wait until frames have reached the disk; return the child processes by name."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if (self.directory / "meta.json").exists() and len(Record.open(self.directory).frames) >= frames:
                return {name: pid for pid, name in self.processes().items()}
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.1)
        raise AssertionError("the run did not start")

    def end(self, timeout=60):
        """Wait for the end; return exit code and standard error, after checking that nothing is left."""
        _, stderr = self.process.communicate(timeout=timeout)
        self.nothing_left()
        return self.process.returncode, stderr

    def nothing_left(self, within=2.0):
        deadline = time.monotonic() + within
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not left


def _segments():
    return {name for name in os.listdir("/dev/shm") if not name.startswith("sem.loky")}


def test_every_frame_is_served_by_enough_staggered_workers(tmp_path):
    segments = _segments()
    summary = run(RunConfiguration(**_values()), tmp_path)
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
    assert _segments() == segments


def test_real_and_virtual_clock_play_the_same_inferences(tmp_path):
    """The emulated times of a worker are one stream: both clocks start the same inferences, in the same order."""
    values = _values(rule="frame-pool", emulate_latency="gamma(4, scale=0.012)", workers=4)
    run(RunConfiguration(**values), tmp_path / "real")
    run(RunConfiguration(**{**values, "clock": "virtual"}), tmp_path / "virtual")
    real, virtual = (Record.open(tmp_path / name).inferences for name in ("real", "virtual"))
    for worker in range(4):
        durations = [
            (rows["completion"] - rows["scheduled"])[rows["worker"] == worker].to_numpy()[:20]
            for rows in (real, virtual)
        ]
        assert durations[0] == pytest.approx(durations[1], abs=2e-3)


def test_a_killed_worker_costs_its_inference_and_nothing_else(tmp_path):
    played = _Run(tmp_path, frames=400)
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
    after = record.inferences[record.inferences["dispatch"] > event["time"] + 1.0]
    assert set(after["worker"]) == {0, 1, 2}  # it came back in its slot


def test_a_killed_environment_ends_the_run_and_keeps_the_record(tmp_path):
    played = _Run(tmp_path, frames=4000)
    children = played.wait_for_play()
    os.kill(children["rl-environment"], signal.SIGKILL)
    code, stderr = played.end()
    assert code == 1
    assert "the environment's process was ended by SIGKILL" in stderr
    record = Record.open(tmp_path)
    assert not record.meta["complete"]
    assert 40 <= len(record.frames) < 4000


def test_a_killed_supervisor_takes_its_children_along(tmp_path):
    segments = _segments()
    played = _Run(tmp_path, frames=4000)
    assert {"rl-environment", "rl-worker-0", "rl-worker-1", "rl-worker-2"} <= set(played.wait_for_play())
    played.process.kill()
    played.process.communicate(timeout=10)
    played.nothing_left(within=2.0)
    assert _segments() == segments
    record = Record.open(tmp_path)
    assert len(record.frames) >= 40
    assert not record.meta["complete"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_everything_and_keeps_the_record(number, tmp_path):
    played = _Run(tmp_path, frames=4000)
    played.wait_for_play()
    played.process.send_signal(number)
    code, stderr = played.end(timeout=20)
    assert code != 0
    assert "KeyboardInterrupt" in stderr
    assert len(Record.open(tmp_path).frames) >= 40


def test_an_environment_that_fails_is_quoted(tmp_path):
    values = _values(environment="tests.oracles.ring_environment:tests/FailingRing-v0")
    with pytest.raises(RunError, match=r"(?s)the environment's process ended with exit code 1.*cartridge fell out"):
        run(RunConfiguration(**values), tmp_path)
    assert len(Record.open(tmp_path).frames) > 50
