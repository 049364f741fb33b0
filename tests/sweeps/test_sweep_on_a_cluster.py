"""The Ray engine on two nodes, one of them killed: the same values to the bit, and nothing left behind."""

import os
import threading
import time

import pytest

from regretlab.errors import InputError
from regretlab.sweeps import read_configuration, run_sweep

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.realtime, pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]

SWEEP = {
    "sweep": {"command": "simulate", "seed": 3, "chunk": 1},
    "fixed": {"frame_time": 1, "mode_probability": 0.9, "frames": 100_000, "replications": 4, "rule": "free-running"},
    "grid": {
        "workers": [1, 2, 3, 4, 5, 6, 7, 8],
        "inference_time": {"template": "gamma(4, scale={})", "values": [0.2, 0.4, 0.8]},
    },
}


def test_a_cluster_that_loses_a_node_gives_the_same_values(cluster, tmp_path):
    sweep = read_configuration(SWEEP)
    alone = run_sweep(sweep, tmp_path / "alone.nc", cores=1)
    killed = threading.Event()

    def progress(done, total, what):
        if done >= 4 and not killed.is_set():
            killed.set()
            cluster.kill_other()

    together = run_sweep(sweep, tmp_path / "cluster.nc", engine="ray", address=cluster.address, progress=progress)
    assert killed.is_set()
    assert together.computed == together.chunks == 24
    assert together.dataset.identical(alone.dataset)
    assert (tmp_path / "alone.nc").read_bytes() == (tmp_path / "cluster.nc").read_bytes()


def test_a_cluster_of_our_own_is_ended(tmp_path):
    before = _daemons()
    small = SWEEP | {"fixed": SWEEP["fixed"] | {"frames": 1000}, "grid": {"workers": [1, 2]}}
    small["fixed"] = small["fixed"] | {"inference_time": 2}
    result = run_sweep(read_configuration(small), tmp_path / "own.nc", engine="ray")
    assert result.unanswered == 0
    deadline = time.monotonic() + 20
    while _daemons() - before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _daemons() - before


def test_no_cluster_there(tmp_path):
    with pytest.raises(InputError, match=r"no Ray cluster at '127\.0\.0\.1:1'"):
        run_sweep(read_configuration(SWEEP), tmp_path / "a.nc", engine="ray", address="127.0.0.1:1")
    assert list(tmp_path.iterdir()) == []


def test_engines_and_addresses_that_do_not_fit(tmp_path):
    with pytest.raises(InputError, match="unknown engine 'grid'"):
        run_sweep(read_configuration(SWEEP), tmp_path / "a.nc", engine="grid")
    with pytest.raises(InputError, match="address 'auto' has no effect without the engine ray"):
        run_sweep(read_configuration(SWEEP), tmp_path / "a.nc", address="auto")
    with pytest.raises(InputError, match="cores must be at least 1, not 0"):
        run_sweep(read_configuration(SWEEP), tmp_path / "a.nc", cores=0)
    assert list(tmp_path.iterdir()) == []


def _daemons():
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as line:
                    words = line.read()
            except OSError:
                continue
            if b"raylet" in words or b"gcs_server" in words or b"ray::" in words:
                found.add(int(entry))
    return found
