"""Inference on a Ray cluster of two nodes on this machine: same rules, same record."""

import contextlib
import ipaddress
import os
from pathlib import Path

import pytest

from regretlab.cluster import AUTHENTICATION, open_cluster
from regretlab.errors import InputError
from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.reaper import descendants
from regretlab.records import Record
from tests.oracles.two_nodes import left_behind, marked

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.realtime, pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]


def play(address, out, progress=lambda played, total, what: None, **changes):
    """Play beacon with two workers on the cluster."""
    values = {
        "environment_options": {"symbols": 4, "mode_probability": 0.9},
        "policy": "oracle",
        "rule": "frame-pool",
        "workers": 2,
        "frames": 900,
        "emulate_latency": "constant(0.03)",
        "backend": "ray",
        "ray_address": address,
        "seed": 3,
    }
    return run(RunConfiguration(**{**values, **changes}), out, progress=progress)


def test_two_nodes_play_as_local_workers_do(cluster, tmp_path):
    """Three workers, 1.8 frames: an action in every frame, two frames old; a frame is sent to a node once."""
    summary = play(cluster.address, tmp_path, frames=600, workers=3)
    record = Record.open(tmp_path)
    assert summary.frames == 600
    assert summary.inaction_fraction < 0.05
    assert summary.delay_law[2] > 0.9
    nodes = record.meta["nodes"].values()
    assert sorted(node["workers"] for node in nodes) == [1, 2]
    sent = record.meta["cluster"]["frames_sent"].values()
    inferences = len(record.inferences)
    assert all(count <= 601 for count in sent)  # and the one they warm up with
    assert sum(sent) <= inferences + 2 + 600  # never one frame twice to a node
    assert summary.restarts == 0
    virtual = run(
        RunConfiguration(**{**record.meta["config"], "backend": "local", "ray_address": None, "clock": "virtual"}),
        tmp_path / "virtual",
    )
    assert virtual.delay_law[2] > 0.99
    assert summary.reward_per_frame == pytest.approx(virtual.reward_per_frame, abs=0.05)


def test_a_cluster_of_our_own_listens_on_the_loopback_interface_only(capsys):
    here, others = os.getpid(), descendants({os.getpid()})  # another test's cluster may have its daemons here
    exposed = [address for address in listening({here}) if not address.is_loopback]
    with open_cluster(None) as connected:
        task = connected.remote(lambda: os.getpid())
        processes = {connected.get(task.remote())} | {pid for pid, _ in descendants({here}) - others}
        addresses, ours = listening(processes), listening({here})
    assert len(addresses) >= 3  # two daemons and a worker
    assert {address for address in addresses if not address.is_loopback} == set()
    assert [address for address in ours if not address.is_loopback] == exposed
    assert "listens on all network addresses" not in capsys.readouterr().err


def listening(processes):
    """Return the addresses on which any of these processes listens, as the kernel lists them."""
    sockets = set()
    for process in processes:
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{process}/fd").iterdir():
                with contextlib.suppress(OSError):
                    sockets.add(os.readlink(descriptor))
    found = []
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in sockets:
                raw = bytes.fromhex(local.split(":")[0])
                words = [raw[i : i + 4][::-1] for i in range(0, len(raw), 4)]  # each word is in the machine's order
                address = ipaddress.ip_address(b"".join(words))
                found.append(getattr(address, "ipv4_mapped", None) or address)
    return found


def test_a_cluster_of_our_own_leaves_nothing_behind(tmp_path, monkeypatch):
    mark = marked(monkeypatch)
    summary = play(None, tmp_path, frames=120, policy="noop", emulate_latency=None)
    assert summary.frames == 120
    assert not left_behind(mark, within=20)


def test_a_cluster_of_our_own_is_none_that_somebody_runs_here(cluster):
    before = dict(os.environ)
    with open_cluster(None) as connected:
        assert connected.get_runtime_context().gcs_address != cluster.address
        assert len(connected.nodes()) == 1
    assert os.environ.get(AUTHENTICATION) == before.get(AUTHENTICATION)  # or the cluster of two nodes turns us away


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backend": "local", "ray_address": "auto"}, "ray_address is 'auto', but the backend is local"),
        ({"backend": "ray", "clock": "virtual", "emulate_latency": "0.04"}, "plays on the real clock"),
        (
            {"backend": "ray", "rule": "sequential", "blocking_learning": True},
            "blocking learning needs backend 'local'",
        ),
        ({"backend": "slurm"}, "backend"),
    ],
)
def test_what_does_not_go_together(changes, message):
    with pytest.raises(InputError, match=message):
        RunConfiguration(**changes)


def test_nobody_at_the_address(tmp_path):
    with pytest.raises(InputError, match=r"no Ray cluster at '127\.0\.0\.1:1'"):
        play("127.0.0.1:1", tmp_path / "none")
    assert not (tmp_path / "none").exists()
