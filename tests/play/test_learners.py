"""Learners on the wall clock: how fast they are together, what a kill costs, and that a checkpoint is always whole."""

import contextlib
import json
import os
import signal
import time

import numpy as np
import pytest

from regretlab.play.configuration import RunConfiguration
from regretlab.play.learning.checkpoints import CHECKPOINT, load_checkpoint, save_checkpoint
from regretlab.play.learning.state import StateCopy
from regretlab.play.run import run
from regretlab.play.system.processes import process_pool
from regretlab.policies import PolicySpec
from regretlab.policies.parameters import parameter_count
from regretlab.records import Record, summarise
from tests.oracles.marked_run import RING, MarkedRun
from tests.oracles.ring_environment import FRAME_TIME

pytestmark = pytest.mark.realtime

SPEC = PolicySpec("nature", actions=5, channels_last=True)


def _values(**changes):
    return {
        "environment": RING,
        "environment_options": {"symbols": 4, "mode_probability": 0.9},
        "policy": "nature",
        "workers": 2,
        "rule": "frame-pool",
        "emulate_latency": f"constant({1.5 * FRAME_TIME})",
        "emulate_learning": f"constant({3.5 * FRAME_TIME})",
        "learners": 2,
        "frames": 240,
        "learning": {"batch": 2, "steps": 1, "replay": 2000, "target_every": 20, "exploration_frames": 100},
        **changes,
    }


@pytest.fixture(scope="module", autouse=True)
def one_fork_server():
    with process_pool():
        yield


@pytest.mark.parametrize("learners", [1, 3, 4, 5])
def test_the_share_that_learners_process_is_the_formulas(learners, tmp_path):
    """u = min(1, N_L B tau_I / (rho tau_L)) with rho = B and 3.5 frames a step: 4 learners are the fewest."""
    summary = run(RunConfiguration(**_values(learners=learners, frames=480)), tmp_path)
    expected = min(1.0, learners / 3.5)
    assert summary.inaction_fraction == pytest.approx(0, abs=0.02)
    # A learner looks each 2 ms whether there is something to learn, so one that is never idle takes 3.5 frames a step
    # and its turn; the last steps of a run are drawn and not applied.
    assert summary.learning["share"] == pytest.approx(expected, abs=0.05)


def test_blocking_learning_leaves_frames_to_the_default_behaviour(tmp_path):
    """A cycle of ceil(1.4 + 2.3) = 4 frames, one of them with an agent action two frames old."""
    configuration = _values(
        workers=1,
        rule="sequential",
        learners=0,
        blocking_learning=True,
        emulate_latency=f"constant({1.4 * FRAME_TIME})",
        emulate_learning=f"constant({2.3 * FRAME_TIME})",
    )
    summary = run(RunConfiguration(**configuration), tmp_path)
    assert summary.inaction_fraction == pytest.approx(3 / 4, abs=0.03)
    assert summary.delay_law[2] == pytest.approx(1 / 4, abs=0.03)
    assert summary.learning["updates"] > 50


def test_what_is_learned_is_finite_and_counted(tmp_path):
    summary = run(RunConfiguration(**_values(emulate_learning=None)), tmp_path)
    state = load_checkpoint(tmp_path, SPEC)
    assert state.updates == summary.learning["updates"] > 100
    assert state.targets == state.updates // 20
    assert state.frames == 240
    assert np.isfinite(state.weights).all()
    assert (state.second_moment >= 0).all()
    assert np.abs(state.weights - state.target).max() > 0
    cost = summary.core_seconds["measured"]
    assert summary.reward_per_core_second["measured"] == pytest.approx(
        summary.reward_per_frame * (240 - summary.warmup_frames) / cost
    )


def test_a_killed_learner_is_replaced_and_the_others_go_on(tmp_path):
    played = MarkedRun(tmp_path, **_values(frames=420))
    pids = played.wait_for_play()
    os.kill(pids["rl-learner-1"], signal.SIGKILL)
    code, stderr = played.end()
    assert code == 0, stderr
    record = Record.open(tmp_path)
    assert record.frames["frame"].tolist() == list(range(420))
    events = record.meta["events"]
    assert [(event["kind"], event["learner"], event["signal"]) for event in events] == [("learner-restart", 1, 9)]
    summary = summarise(record)
    assert (summary.restarts, summary.learning["restarts"]) == (0, 1)
    # without the replacement, or with the others waiting for a dead learner's turn, half or all updates were lost
    frames_after = 420 - events[0]["time"] / FRAME_TIME
    assert summary.learning["updates"] > 0.8 * 2 / 3.5 * frames_after


def test_a_killed_worker_gives_its_weights_back(tmp_path):
    played = MarkedRun(tmp_path, **_values(frames=300))
    os.kill(played.wait_for_play()["rl-worker-0"], signal.SIGKILL)
    code, stderr = played.end()
    assert code == 0, stderr
    record = Record.open(tmp_path)
    assert summarise(record).restarts == 1
    assert record.meta["learning"]["snapshots"] > 0.5 * record.meta["learning"]["updates"]


def test_a_run_killed_at_any_moment_leaves_a_whole_checkpoint_and_no_process(tmp_path):
    learning = {**_values()["learning"], "checkpoint_every": 0.05}
    played = MarkedRun(tmp_path, **_values(frames=6000, learning=learning))
    played.wait_for_play()
    until = time.monotonic() + 20
    while not (tmp_path / CHECKPOINT).exists() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1.0)
    played.process.kill()
    played.process.communicate()
    played.nothing_left()
    state = load_checkpoint(tmp_path, SPEC)
    assert state.updates > 0
    assert np.isfinite(state.weights).all()
    assert summarise(Record.open(tmp_path)).learning["updates"] > 0
    run(RunConfiguration(**_values(frames=5)), tmp_path, overwrite=True)  # also what a killed writer left is a record's


def test_a_writer_killed_while_it_writes_leaves_an_old_or_a_new_checkpoint(tmp_path):
    """Twenty kills at random moments of a process that writes checkpoint after checkpoint, each full of its number."""
    random, count = np.random.default_rng(0), parameter_count(SPEC)
    for _ in range(20):
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                for version in range(1, 10**6):
                    arrays = [np.full(count, version, np.float32)] * 4
                    save_checkpoint(tmp_path, SPEC, StateCopy(*arrays, updates=version))
            os._exit(0)
        time.sleep(0.05 + 0.05 * random.random())
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        state = load_checkpoint(tmp_path, SPEC)
        for array in (state.weights, state.target, state.first_moment, state.second_moment):
            assert (array == state.updates).all()


def test_a_run_resumes_where_another_ended(tmp_path):
    run(RunConfiguration(**_values(frames=120)), tmp_path / "a")
    first = load_checkpoint(tmp_path / "a", SPEC)
    run(RunConfiguration(**_values(frames=120, resume=str(tmp_path / "a"))), tmp_path / "b")
    second = load_checkpoint(tmp_path / "b", SPEC)
    told = json.loads((tmp_path / "b" / "meta.json").read_text())["learning"]
    assert second.updates == first.updates + told["updates"]
    assert second.frames == 240
