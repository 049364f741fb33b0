"""Batches on one accelerator: the virtual clock and real processes against the simulator and the closed form."""

import numpy as np
import pytest

import regretlab as rl
from regretlab.errors import InputError
from regretlab.play.configuration import RunConfiguration
from regretlab.play.mirror import mirror
from regretlab.policies.policy import NetworkPolicy
from regretlab.records import Record

FRAME = 1 / 59.7275
P = 0.9


def asked(alpha=2.5, beta=0.25, workers=8, **fields):
    return rl.Scenario(
        batch_law=f"{alpha * FRAME!r}, {beta * FRAME!r}", mode_probability=P, symbols=4, workers=workers, **fields
    )


@pytest.mark.parametrize("unused", ["drop", "keep", "keep:1"])
@pytest.mark.parametrize(("alpha", "beta", "workers"), [(2.5, 0.25, 8), (3.2, 0.1, 2), (0.4, 0.2, 4)])
def test_the_virtual_clock_serves_batches_as_the_simulator(alpha, beta, workers, unused, tmp_path):
    scenario = asked(alpha, beta, workers, unused=unused)
    record = rl.run(scenario, policy="oracle", clock="virtual", frames=1_200, out=tmp_path)
    law = np.bincount(record.frames["delay_frames"][200:].clip(0)) / 1_000
    expected = rl.simulate(scenario, frames=20_000, replications=1, threads=1)
    assert law[0] == pytest.approx(expected.inaction_fraction, abs=0.01)
    for age, share in enumerate(law[1:], 1):
        assert share == pytest.approx(expected.delay_law[age], abs=0.01)
    assert record.scenario.batch_law is not None
    assert record.scenario.workers == workers


def test_items_of_a_batch_are_the_observations_since_the_last(tmp_path):
    record = rl.run(asked(unused="keep"), policy="oracle", clock="virtual", frames=400, out=tmp_path / "run")
    labels = dict(zip(record.frames["frame"], record.frames["label"], strict=True))
    rows = record.inferences
    assert rows["observation_frame"].is_unique
    assert (rows["label"] == rows["observation_frame"].map(labels)).all()
    assert (rows["action"] == rows["label"] + 1).all()
    sizes = rows.groupby("scheduled").size()
    assert set(sizes.iloc[2:-2]) == {4}  # 2.5 + 4 / 4 frames: four observations come meanwhile
    seconds = (rows["completion"] - rows["scheduled"]).groupby(rows["scheduled"]).first()
    assert seconds.to_numpy() == pytest.approx((2.5 + 0.25 * sizes.to_numpy()) * FRAME)
    with pytest.raises(InputError, match="a run of batches has no inference times to mirror"):
        mirror(tmp_path / "run", tmp_path / "twin")


def test_a_network_infers_on_a_batch_in_one_forward_pass(tmp_path, monkeypatch):
    sizes, alone = [], []
    many, values = NetworkPolicy.act_many, NetworkPolicy.values

    def counted(self, observations):
        sizes.append(len(observations))
        answers = many(self, observations)
        alone.extend(int(values(self, seen).argmax()) == a for seen, a in zip(observations, answers, strict=True))
        return answers

    monkeypatch.setattr(NetworkPolicy, "act_many", counted)
    record = rl.run(asked(unused="keep"), policy="nature", clock="virtual", frames=120, out=tmp_path)
    played = record.inferences.groupby("scheduled").size()
    assert set(sizes[2:]) == set(played.iloc[2:-2]) == {4}
    assert np.mean(alone) > 0.99, "but for ties within the rounding of float32"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"emulate_latency": "0.04"}, "a batch law already says how long inferences take"),
        ({"workers": 2, "rule": "free-running"}, "batches are of one worker"),
        ({"batch": 33}, "a batch has 1 to 32 observations, not 33"),
    ],
)
def test_what_does_not_go_with_batches_is_refused(fields, said):
    with pytest.raises(InputError, match=said):
        RunConfiguration(**{"batch_law": "0.04, 0.01", "batch": 4, "workers": 1, "rule": "sequential"} | fields)


@pytest.mark.realtime
def test_real_processes_serve_batches_as_the_virtual_clock(tmp_path):
    scenario = asked(2.4, 0.25, unused="keep")  # what an awakening costs fits before the fourth boundary
    laws = []
    for clock in ("virtual", "real"):
        rl.run(scenario, policy="oracle", clock=clock, frames=480, out=tmp_path / clock)
        frames = Record.open(tmp_path / clock).frames
        laws.append(np.bincount(frames["delay_frames"][60:].clip(0), minlength=30)[:30] / 420)
    assert laws[1] == pytest.approx(laws[0], abs=0.05)
