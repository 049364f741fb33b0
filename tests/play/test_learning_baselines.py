"""The baselines of a learning run, on both clocks: what blocks what, what plays meanwhile, and what each run costs."""

import contextlib
import os
import signal
import time

import numpy as np
import pytest

from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.play.system.processes import process_pool
from regretlab.records import Record
from tests.oracles.marked_run import RING, MarkedRun
from tests.oracles.ring_environment import FRAME_TIME

CLOCKS = [
    pytest.param("real", marks=pytest.mark.realtime),
    "virtual",
]
BASELINES = {
    "blocking": {"rule": "sequential", "workers": 1, "learners": 0, "blocking_learning": True},
    "parallel": {"rule": "sequential", "workers": 1, "learners": 2},
    "staggered": {"rule": "frame-pool", "workers": 3, "learners": 2},
}


@pytest.fixture(scope="module", autouse=True)
def one_fork_server():
    with process_pool():
        yield


def _values(**changes):
    return {
        "environment": RING,
        "environment_options": {"symbols": 4, "mode_probability": 0.9},
        "policy": "nature",
        "emulate_latency": f"constant({1.4 * FRAME_TIME})",
        "emulate_learning": f"constant({2.3 * FRAME_TIME})",
        "frames": 240,
        "learning": {"batch": 2, "steps": 1, "replay": 2000, "target_every": 20, "exploration_frames": 100},
        **changes,
    }


@pytest.mark.thorough
@pytest.mark.parametrize("clock", CLOCKS)
def test_what_blocks_what(clock, tmp_path):
    """Inference of 1.4 frames, learning steps of 2.3: the two effects that the three baselines tell apart.

    Blocking, a cycle is ceil(1.4 + 2.3) = 4 frames; with a learner beside it the cycle is ceil(1.4) = 2, whatever a
    step takes; three staggered workers serve every frame.
    """
    served = {}
    for name, baseline in BASELINES.items():
        summary = run(RunConfiguration(**_values(clock=clock, **baseline)), tmp_path / name)
        served[name] = 1 - summary.inaction_fraction
        assert summary.learning["updates"] > 40
    assert served == pytest.approx({"blocking": 1 / 4, "parallel": 1 / 2, "staggered": 1.0}, abs=0.04)


@pytest.mark.parametrize("behaviour", ["noop", "repeat", "random"])
@pytest.mark.parametrize("clock", CLOCKS)
def test_what_plays_while_nobody_acts(clock, behaviour, tmp_path):
    """Under sequential inference with a learner; the ring has actions 0 (no-op) to 4."""
    configuration = _values(clock=clock, default_behaviour=behaviour, **BASELINES["parallel"])
    run(RunConfiguration(**configuration), tmp_path)
    frames = Record.open(tmp_path).frames
    actions, idle = frames["action"].to_numpy(), frames["served_by"].to_numpy() < 0
    assert 0.4 < idle.mean() < 0.6
    if behaviour == "noop":
        assert (actions[idle] == 0).all()
    elif behaviour == "repeat":
        assert (actions[1:][idle[1:]] == actions[:-1][idle[1:]]).all()
        assert len(set(actions[idle])) == 5  # exploration has played everything, and all of it was repeated
    else:
        assert set(actions[idle]) == {0, 1, 2, 3, 4}
        assert not (actions[1:][idle[1:]] == actions[:-1][idle[1:]]).all()


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("learning", [None, *BASELINES])
def test_every_run_tells_its_reward_per_core_second(learning, clock, tmp_path):
    """Measured where processes ran, emulated where times were; with and without learning, by the figures of its rows.

    Emulated: a core for as long as each inference (they complete 1.4 frames after their start) and each step lasts.
    """
    changes = {"policy": "oracle", "workers": 2, "emulate_learning": None} if learning is None else BASELINES[learning]
    summary = run(RunConfiguration(**_values(clock=clock, frames=120, **changes)), tmp_path)
    record = Record.open(tmp_path)
    first = int(np.flatnonzero(record.frames["served_by"] >= 0)[0])
    reward = float(record.frames["reward"][first:].sum())
    assert reward > 0
    completed = int(record.inferences["completion"].notna().sum())
    steps = record.meta["learning"]["busy_seconds"] if learning else 0.0
    emulated = summary.core_seconds["emulated"]
    assert emulated == pytest.approx(completed * 1.4 * FRAME_TIME + steps, rel=0.1)
    assert summary.reward_per_core_second["emulated"] == pytest.approx(reward / emulated)
    if clock == "virtual":
        assert summary.reward_per_core_second["measured"] is None
    else:
        measured = sum(record.meta["processor_seconds"].values())
        assert 0 < measured < os.cpu_count() * 120 * FRAME_TIME * 2
        assert summary.reward_per_core_second["measured"] == pytest.approx(reward / measured)


@contextlib.contextmanager
def _stopped(pids, seconds):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.realtime
def test_learners_that_stand_still_hold_up_nobody_who_acts(tmp_path):
    """All learners are stopped for two seconds, wherever they are: not a frame is lost, and then they go on."""
    played = MarkedRun(
        tmp_path,
        **_values(
            rule="frame-pool",
            workers=2,
            learners=2,
            frames=480,
            emulate_learning=None,
            learning={"batch": 16, "replay": 2000, "replay_ratio": 1e6},
        ),
    )
    pids = played.wait_for_play()
    learners = [pid for name, pid in pids.items() if name.startswith("rl-learner")]
    assert len(learners) == 2
    with _stopped(learners, 2.0):
        pass
    code, stderr = played.end()
    assert code == 0, stderr
    record = Record.open(tmp_path)
    assert record.meta["events"] == []
    applied = np.sort(record.learning_steps["applied"].to_numpy())
    gap = int(np.argmax(np.diff(applied)))
    away, back = applied[gap], applied[gap + 1]
    assert back - away > 1.8
    assert len(applied) - gap > 5  # they go on
    meanwhile = record.frames[record.frames["deadline"].between(away, back)]
    assert len(meanwhile) > 1.8 / FRAME_TIME
    assert (meanwhile["served_by"] >= 0).mean() > 0.95
    assert record.frames["frame"].tolist() == list(range(480))
