"""``device="cuda"``: refused in one sentence where it cannot be, played where there is a GPU."""

import pytest
import torch

from regretlab.errors import InputError
from regretlab.play.configuration import RunConfiguration
from regretlab.play.preparation import prepare
from regretlab.play.run import run
from regretlab.records import Record
from tests.oracles.marked_run import values


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clock": "virtual"}, "device 'cuda' is for the real clock: on the virtual one networks run on the cpu"),
        ({"learners": 1}, "device 'cuda' is for networks that are not trained"),
        ({"backend": "ray"}, "device .cuda. is for backend local"),
        ({"device": "gpu"}, "device: must be 'cpu' or 'cuda', not 'gpu'"),
    ],
)
def test_runs_that_do_not_go_with_a_gpu(changes, message):
    with pytest.raises(InputError, match=message):
        RunConfiguration(**values(policy="nature", **({"device": "cuda"} | changes)))


def test_no_gpu_is_found_out_before_anything_is_written(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device 'cuda' needs a GPU"):
        run(RunConfiguration(**values(policy="nature", device="cuda")), tmp_path / "record")
    assert not (tmp_path / "record").exists()


def test_a_policy_without_a_network_needs_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(InputError, match="policy 'oracle' has no network to run on device 'cuda'"):
        prepare(RunConfiguration(**values(device="cuda")))


@pytest.mark.realtime
@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here")
def test_workers_of_one_gpu_play(tmp_path):
    """Three staggered workers on one GPU: all infer, and next to every frame has an agent's action."""
    configuration = RunConfiguration(
        environment_options={"symbols": 4, "mode_probability": 0.9},
        policy="impala-k1",
        device="cuda",
        workers=3,
        rule="frame-pool",
        frames=360,
    )
    run(configuration, tmp_path / "record")
    record = Record.open(tmp_path / "record")
    assert record.meta["complete"]
    assert set(record.inferences["worker"]) == {0, 1, 2}
    assert (record.frames["served_by"] >= 0)[60:].mean() > 0.9
