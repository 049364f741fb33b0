"""Learners on a Ray cluster of two nodes on this machine: they learn as local ones do, and a killed node is no end."""

import threading

import numpy as np
import pytest

from regretlab.errors import RunError
from regretlab.play.configuration import RunConfiguration
from regretlab.play.learning.checkpoints import load_checkpoint
from regretlab.play.run import run
from regretlab.policies import PolicySpec
from regretlab.records import Record
from tests.oracles.ring_environment import FRAME_TIME
from tests.oracles.two_nodes import left_behind, marked
from tests.play.test_learner_faults import RINGS

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.realtime, pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]
SPEC = PolicySpec("nature", actions=5, channels_last=True)


def play(address, out, progress=lambda played, total, what: None, **changes):
    """Play beacon with two workers and two learners on the cluster; two cores carry both nodes, so steps are long."""
    values = {
        "environment_options": {"symbols": 4, "mode_probability": 0.9},
        "policy": "nature",
        "rule": "frame-pool",
        "workers": 2,
        "learners": 2,
        "frames": 600,
        "emulate_latency": f"constant({1.5 * FRAME_TIME})",
        "emulate_learning": f"constant({7.5 * FRAME_TIME})",
        "learning": {"batch": 2, "steps": 1, "replay": 2000, "target_every": 20, "exploration_frames": 100},
        "backend": "ray",
        "ray_address": address,
        "seed": 3,
    }
    return run(RunConfiguration(**{**values, **changes}), out, progress=progress)


def test_learners_on_two_nodes_learn_as_local_ones_do(cluster, tmp_path):
    summary = play(cluster.address, tmp_path / "ray")
    local = play(None, tmp_path / "local", backend="local", frames=240)
    assert summary.learning.keys() == local.learning.keys()
    # Each of two learners ends a step every 7.5 frames, whatever the inferences do. The median, because in some plays
    # Ray delivers nothing to either learner for about one second.
    steps = Record.open(tmp_path / "ray").learning_steps
    for learner in (0, 1):
        ended = np.sort(steps[steps["learner"] == learner]["applied"].to_numpy())
        assert np.median(np.diff(ended)) == pytest.approx(7.5 * FRAME_TIME, rel=0.02)
    # nine processes and two nodes on two cores: 0.055 to 0.135 in six plays on a slow idle machine
    assert summary.inaction_fraction < 0.2
    assert (summary.restarts, summary.learning["restarts"]) == (0, 0)
    record = Record.open(tmp_path / "ray")
    assert record.meta["complete"]
    assert record.meta.keys() - {"nodes", "cluster"} == Record.open(tmp_path / "local").meta.keys()
    nodes = record.meta["nodes"].values()
    assert [node["workers"] for node in nodes] == [1, 1]
    assert [node["learners"] for node in nodes] == [1, 1]
    state = load_checkpoint(tmp_path / "ray", SPEC)
    assert state.updates == summary.learning["updates"] > 100
    assert state.targets == state.updates // 20
    assert np.isfinite(state.weights).all()
    told = record.meta["cluster"]
    # those who infer were sent most versions, those who learn each version at most once
    assert len(told["weights_sent"]) == 2
    assert all(0.3 * state.updates < count <= state.updates for count in told["weights_sent"].values())
    assert 0.5 * state.updates < told["weights_put"] <= state.updates + state.targets + 2
    assert 0 < told["gradients"]["inside"]["p50"] < told["gradients"]["round_trip"]["p50"]
    assert len(record.learning_steps) == state.updates
    assert set(record.learning_steps["learner"]) == {0, 1}
    assert summary.core_seconds["measured"] > 0


def test_a_node_killed_on_the_way_costs_what_it_was_at_and_its_worker_and_learner_come_back(fresh_cluster, tmp_path):
    killed = threading.Event()

    def progress(played, total, what):
        if played > 120 and not killed.is_set():
            killed.set()
            threading.Thread(target=fresh_cluster.kill_other).start()

    summary = play(fresh_cluster.address, tmp_path, progress, frames=1800)
    record = Record.open(tmp_path)
    assert killed.is_set()
    assert record.meta["complete"]
    events = record.meta["events"]
    lost = [event for event in events if event["kind"] == "learner-restart"]
    assert len({event["learner"] for event in lost}) == 1
    assert len({event["worker"] for event in events if event["kind"] == "restart"}) == 1
    assert len({event["node"] for event in events}) == 1  # the one that was killed, never the other
    assert summary.learning["restarts"] == len(lost) >= 1
    assert summary.restarts >= 1
    # one learner goes on while the other is away, then both learn again, and what they learn is played
    steps = record.learning_steps
    late = steps[steps["applied"] > 25]
    assert set(late["learner"]) == {0, 1}
    away = np.diff(np.sort(steps["applied"].to_numpy())).max()
    assert away < 10
    assert load_checkpoint(tmp_path, SPEC).updates == summary.learning["updates"] == len(steps)
    # so with the workers
    inferences, last = record.inferences, record.frames.iloc[-300:]
    assert inferences["lost"].sum() == sum(event["lost_inferences"] for event in events if event["kind"] == "restart")
    assert set(last["served_by"]) >= {0, 1}
    assert (last["served_by"] >= 0).mean() > 0.9
    (worker,) = {event["worker"] for event in events if event["kind"] == "restart"}
    mine = inferences[(inferences["worker"] == worker) & ~inferences["lost"]]["dispatch"].to_numpy()
    assert np.diff(np.sort(mine)).max() < 25
    assert (record.frames["served_by"] == 1 - worker).sum() > 600


def test_a_cluster_of_our_own_learns_and_leaves_nothing_behind(tmp_path, monkeypatch):
    mark = marked(monkeypatch)
    summary = play(None, tmp_path, frames=240)
    assert summary.learning["updates"] > 20
    assert not left_behind(mark, within=20)


def test_a_reward_that_is_no_number_ends_the_run_with_the_learners_number(cluster, tmp_path):
    with pytest.raises(RunError, match=r"learner 0: learning diverged: a gradient is not finite \(loss nan\)"):
        play(cluster.address, tmp_path, learners=1, environment=f"{RINGS}PoisonedRing-v0", emulate_learning=None)
    assert not Record.open(tmp_path).meta["complete"]
    state = load_checkpoint(tmp_path, SPEC)
    assert state.updates > 0
    assert np.isfinite(state.weights).all()


def test_a_policy_that_raises_ends_the_run_with_the_workers_number(cluster, tmp_path):
    policy = tmp_path / "policy.py"
    policy.write_text(
        "class Late:\n    asked = 0\n\n    def __call__(self, frame):\n        self.asked += 1\n"
        "        return 1 if self.asked < 40 else 99\n\n\ndef make(shape, actions):\n    return Late()\n"
    )
    with pytest.raises(RunError, match=r"worker 0: .*99"):
        play(
            cluster.address,
            tmp_path / "run",
            policy=f"module:{policy}:make",
            workers=1,
            learners=0,
            emulate_learning=None,
        )
    assert not Record.open(tmp_path / "run").meta["complete"]
