"""Learners that raise: the run ends with the learner's number and its reason; what was learned until then is kept."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from regretlab.errors import RunError
from regretlab.play.configuration import RunConfiguration
from regretlab.play.learning.checkpoints import CHECKPOINT, load_checkpoint
from regretlab.play.preparation import prepare
from regretlab.play.run import run
from regretlab.play.system.processes import process_pool
from regretlab.policies import PolicySpec
from regretlab.records import Record, summarise
from tests.oracles.broken_learners import BrokenLearnerSpec
from tests.oracles.marked_run import MarkedRun
from tests.oracles.ring_environment import FRAME_TIME

pytestmark = pytest.mark.realtime

RINGS = "tests.oracles.ring_environment:tests/"
SPEC = PolicySpec("nature", actions=5, channels_last=True)
FRAMES = 3000


def _values(**changes):
    return {
        "environment": RINGS + "Ring-v0",
        "environment_options": {"symbols": 4, "mode_probability": 0.9},
        "policy": "nature",
        "workers": 2,
        "rule": "frame-pool",
        "emulate_latency": f"constant({1.5 * FRAME_TIME})",
        "learners": 2,
        "frames": FRAMES,
        "learning": {"batch": 2, "steps": 1, "replay": 2000, "target_every": 20, "exploration_frames": 100},
        **changes,
    }


@pytest.fixture(scope="module", autouse=True)
def one_fork_server():
    with process_pool():
        yield


def _broken(configuration, good):
    prepared = prepare(configuration)
    return replace(prepared, policy=BrokenLearnerSpec(**asdict(prepared.policy), good=good))


def test_a_learner_that_raises_ends_the_run_and_keeps_what_was_learned(tmp_path):
    """Not restarted, unlike a killed one: what raised once would raise again, and half the learners are another run."""
    configuration = RunConfiguration(**_values())
    message = r"\Alearner \d ended with exit code 1: ArithmeticError: the gradient fell over\n.*Traceback"
    with pytest.raises(RunError, match=message):
        run(configuration, tmp_path, prepared=_broken(configuration, good=30))
    record = Record.open(tmp_path)
    assert (record.meta["complete"], record.meta["events"], record.meta["learning"]["restarts"]) == (False, [], 0)
    assert 0 < len(record.frames) < FRAMES
    assert record.frames["frame"].tolist() == list(range(len(record.frames)))
    # The warm-up is one of each learner's thirty gradients; the other one's last may wait for the failed ticket.
    told = summarise(record).learning
    state = load_checkpoint(tmp_path, SPEC)
    assert 29 <= told["updates"] == state.updates <= 58
    assert np.isfinite(state.weights).all()


def test_a_learner_that_raises_before_the_first_frame_ends_the_run_there(tmp_path):
    configuration = RunConfiguration(**_values())
    with pytest.raises(RunError, match=r"\Alearner \d ended with exit code 1: ArithmeticError: the gradient fell over"):
        run(configuration, tmp_path, prepared=_broken(configuration, good=0))
    assert not (tmp_path / "meta.json").exists()  # nothing was played, so there is no record


def test_a_learner_that_raises_while_it_blocks_its_worker_ends_the_run(tmp_path):
    """With blocking learning the worker is the learner, and it is the worker's number that is told."""
    configuration = RunConfiguration(
        **_values(rule="sequential", workers=1, learners=0, blocking_learning=True, emulate_latency="constant(0.01)")
    )
    with pytest.raises(RunError, match=r"\Aworker 0 ended with exit code 1: ArithmeticError: the gradient fell over"):
        run(configuration, tmp_path, prepared=_broken(configuration, good=30))
    assert load_checkpoint(tmp_path, SPEC).updates == 29


def test_a_checkpoint_that_finds_no_room_ends_the_run_and_keeps_the_record(tmp_path):
    """The tables still fit, the weights do not (files larger than 300 kB are refused from the first frame on)."""
    played = MarkedRun(tmp_path, faults={"largest_file": 300_000}, **_values(frames=240))
    code, stderr = played.end()
    assert code == 1
    assert f"RunError: the checkpoint '{tmp_path / CHECKPOINT}' cannot be written: " in stderr
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".parquet"}  # no checkpoint, and no half of one
    record = Record.open(tmp_path)
    assert record.frames["frame"].tolist() == list(range(240))
    assert len(record.learning_steps) == record.meta["learning"]["updates"] > 0


def test_a_reward_that_is_no_number_never_reaches_the_weights(tmp_path):
    """A process of its own: exit code 1, one sentence, nothing left behind, finite weights in the checkpoint."""
    played = MarkedRun(tmp_path, **_values(environment=RINGS + "PoisonedRing-v0"))
    code, stderr = played.end()
    assert code == 1
    assert "learning diverged: a gradient is not finite (loss nan)" in stderr
    state = load_checkpoint(tmp_path, SPEC)
    assert state.updates > 0
    for array in (state.weights, state.target, state.first_moment, state.second_moment):
        assert np.isfinite(array).all()


def test_on_the_virtual_clock_the_same_reward_ends_the_run_without_a_checkpoint(tmp_path):
    configuration = RunConfiguration(
        **_values(
            environment=RINGS + "PoisonedRing-v0", clock="virtual", emulate_learning=f"constant({1.5 * FRAME_TIME})"
        )
    )
    with pytest.raises(RunError, match="learning diverged: a gradient is not finite"):
        run(configuration, tmp_path)
    assert not Record.open(tmp_path).meta["complete"]
    assert not (tmp_path / CHECKPOINT).exists()
