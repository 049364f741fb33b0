"""A bad day: what the user's environment or policy did wrong, or who ended the run, and what the run reports.

One row a fault. A run that breaks off raises ``RunError`` (exit code 1) with one sentence, never a summary.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest

from regretlab.cli import main
from regretlab.errors import InputError, RunError
from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.play.system.processes import process_pool
from regretlab.records import Record
from tests.oracles.marked_run import MarkedRun, marked

ROOT = Path(__file__).parents[2]
ENVIRONMENT = "tests.oracles.bad_day:tests/BadDay-v0"
STARTING = "tests.oracles.bad_day:tests/Starting-v0"
POLICIES = f"module:{ROOT / 'tests' / 'oracles' / 'bad_day_policies.py'}:"
FAILED = rf"environment '{ENVIRONMENT}' failed at frame 90 of 200: "
DUE = r" \(observations are uint8 of shape \(84, 84\)\)"

FAULTS = {
    # name: (environment's fault, policy, error, sentence on the virtual clock, and where it differs on the real one)
    "environment ends its process": (
        "os._exit",
        "random",
        RunError,
        FAILED + r"it ended the program \(sys.exit\(0\)\)",
        "the environment ended its process at frame 90 of 200 without an error",
    ),
    "environment exits": ("sys.exit", "random", RunError, FAILED + r"it ended the program \(sys.exit\(0\)\)", None),
    "environment raises": ("raise", "random", RunError, FAILED + "the cartridge fell out", None),
    "no observation": ("none", "random", RunError, FAILED + ".*its observation is None" + DUE, None),
    "observation of another shape": ("shape", "random", RunError, FAILED + r".*of shape \(84, 1\)" + DUE, None),
    "observation of another type": ("type", "random", RunError, FAILED + ".*its observation is float64 .*" + DUE, None),
    "policy exits": ("", "exits", RunError, r"failed: it ended the program \(sys.exit\(0\)\)", None),
    "policy exits when it is made": ("", "exits_at_once", InputError, "exits_at_once.* failed", None),
    "policy raises": ("", "raises", RunError, "failed: the network fell over", None),
    "policy answers nonsense": ("", "answers", RunError, "the policy chose 'left'; an action is a whole number", None),
}


@pytest.fixture(scope="module", autouse=True)
def one_fork_server():
    with process_pool():
        yield


CLOCKS = ["virtual", pytest.param("real", marks=pytest.mark.realtime)]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_ends_the_run_with_a_sentence(name, clock, tmp_path):
    fault, policy, error, sentence, real = FAULTS[name]
    configuration = {
        "environment": ENVIRONMENT,
        "environment_options": {"fault": fault},
        "policy": policy if policy == "random" else POLICIES + policy,
        "emulate_latency": "0.02",
        "frames": 200,
        "clock": clock,
    }
    with pytest.raises(error, match=real if real and clock == "real" else sentence) as refused:
        run(RunConfiguration(**configuration), tmp_path / "record")
    assert "\n" not in str(refused.value)
    assert error is InputError or not Record.open(tmp_path / "record").meta["complete"]


def test_rewards_that_are_not_numbers_are_reported(tmp_path, capsys):
    configuration = RunConfiguration(
        environment=ENVIRONMENT, environment_options={"fault": "nan reward"}, policy="random", emulate_latency="0.02",
        frames=200, clock="virtual",
    )  # fmt: skip
    run(configuration, tmp_path / "record")
    assert main(["record", "info", str(tmp_path / "record")]) == 0
    assert main(["record", "info", str(tmp_path / "record"), "--json"]) == 0
    printed, _, values = capsys.readouterr().out.rpartition("\n{")
    sentence = json.loads("{" + values)["warnings"][0]
    assert "reward was not a finite number in 110 of 198 frames, first in frame 90: figures" in sentence
    assert sentence in " ".join(printed.split())
    assert json.loads("{" + values)["reward_per_frame"] is None


@pytest.mark.parametrize("clock", CLOCKS)
def test_what_user_code_prints_is_not_among_the_json(clock, tmp_path):
    words = ["run", "--env", ENVIRONMENT, "--policy", POLICIES + "prints", "--frames", "60", "--clock", clock]
    words += ["--emulate-latency", "0.02", "--out", str(tmp_path / "record"), "--json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "regretlab", *words], capture_output=True, text=True, env=environment, timeout=900
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames"] == 60
    assert "the policy prints" in done.stderr


def test_the_json_of_a_call_in_this_process_is_alone_too(tmp_path, capsys):
    words = ["run", "--env", ENVIRONMENT, "--policy", POLICIES + "prints", "--frames", "40", "--clock", "virtual"]
    assert main([*words, "--emulate-latency", "0.02", "--out", str(tmp_path / "record"), "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["frames"] == 40
    assert "the policy prints" in printed.err


SIGNALS = {
    "the terminal is closed": [signal.SIGHUP],
    "asked to end": [signal.SIGTERM],
    "Ctrl-C": [signal.SIGINT],
    "Ctrl-C twice": [signal.SIGINT, signal.SIGINT],
    "Ctrl-C, then the terminal is closed": [signal.SIGINT, signal.SIGHUP, signal.SIGHUP],
}


@pytest.mark.realtime
@pytest.mark.parametrize("name", SIGNALS)
def test_an_ended_run_keeps_its_rows_and_leaves_nothing(name, tmp_path):
    temporary = tempfile.mkdtemp(prefix="r")  # short: the names of sockets have a limit
    words = ["run", "--env", ENVIRONMENT, "--policy", "random", "--frames", "100000", "--emulate-latency", "0.02"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": temporary}
    process = subprocess.Popen(
        [sys.executable, "-m", "regretlab", *words, "--out", str(tmp_path / "record")],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    until = time.monotonic() + 120
    while not list((tmp_path / "record").glob("frames.parquet/part-*.parquet")) and time.monotonic() < until:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    for number in SIGNALS[name]:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        time.sleep(0.05)
    _, stderr = process.communicate(timeout=900)
    process.stderr.close()
    assert (process.returncode, stderr.strip().splitlines()[-1]) == (130, "regretlab: error: interrupted")
    record = Record.open(tmp_path / "record")
    assert (record.meta["complete"], (tmp_path / "record" / "frames.parquet").is_file()) == (False, True)
    os.rmdir(temporary)  # only possible if nothing was left in it


ENDS = {
    # how the run ends: the signals, to which process, and the exit code
    "played to its end": (None, None, 0),
    "a worker is killed": ("rl-worker-0", signal.SIGKILL, 0),
    "the supervisor is killed": ("supervisor", signal.SIGKILL, -signal.SIGKILL),
    "asked to end": ("supervisor", signal.SIGTERM, -signal.SIGINT),
}


@pytest.mark.realtime
@pytest.mark.parametrize("name", ENDS)
def test_what_a_policy_has_started_ends_with_the_run(name, tmp_path):
    """The policy of each worker starts a process, and another one in a session of its own, whose parent then ends."""
    whose, number, code = ENDS[name]
    played = MarkedRun(tmp_path / "record", policy=POLICIES + "starts", frames=240)
    found = played.wait_for_play()
    assert len(played.processes()) >= 3 * 2 + 3 + 1 + 1, found
    if whose is not None:
        os.kill(played.process.pid if whose == "supervisor" else found[whose], number)
    ended, stderr = played.end()  # which checks that nothing is left
    assert ended == code, stderr


@pytest.mark.parametrize("who", ["policy", "environment"])
@pytest.mark.one_in(2)
def test_what_a_virtual_run_has_started_ends_with_the_command(who, tmp_path):
    mark = {"MARK": uuid.uuid4().hex, "PYTHONPATH": str(ROOT)}
    policy, environment = (POLICIES + "starts", ENVIRONMENT) if who == "policy" else ("random", STARTING)
    words = ["run", "--env", environment, "--policy", policy, "--frames", "40", "--clock", "virtual"]
    words += ["--emulate-latency", "0.02", "--out", str(tmp_path / "record")]
    done = subprocess.run(
        [sys.executable, "-m", "regretlab", *words], env=os.environ | mark, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    assert "started 2 processes" in done.stderr
    assert marked(mark["MARK"]) == {}


@pytest.mark.realtime
def test_a_killed_fork_server_is_named(tmp_path):
    played = MarkedRun(tmp_path / "record", frames=4000)
    worker = played.wait_for_play()["rl-worker-0"]
    server = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(server, signal.SIGKILL)
    code, stderr = played.end()
    assert code == 1
    assert stderr.splitlines()[-1] == (
        "regretlab.errors.RunError: the environment's process ended with the fork server that had started it, which "
        "was ended by SIGKILL"
    )
    assert not Record.open(tmp_path / "record").meta["complete"]
