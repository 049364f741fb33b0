"""Cancelled inferences: what the record holds of them on both clocks, and that no late answer acts."""

import itertools
import math

import numpy as np
import pyarrow.parquet as pq
import pytest

import regretlab as rl
from regretlab.errors import InferenceStopped, InputError
from regretlab.front import with_numbers
from regretlab.laws import parse_law
from regretlab.play import local
from regretlab.play.configuration import BEACON, RunConfiguration
from regretlab.play.mirror import mirror
from regretlab.play.worker_process import REPLACEMENT_GRACE
from regretlab.policies import policy as policies
from regretlab.records import Record, batch_means
from regretlab.theory.loss import FrameLoss, worth_of
from regretlab.validation.checks import regret_of_delay
from tests.oracles.slow_policy import slow_policy

FRAME = 1 / 59.7275
HEAVY = f"lognorm(1.2, scale={2 * FRAME!r})"
P, SYMBOLS = 0.95, 8


def asked(**changes):
    return rl.Scenario(
        **{
            "inference_time": HEAVY, "mode_probability": P, "symbols": SYMBOLS, "workers": 3, "unused": "keep",
            "cancel_after": 2 * FRAME, **changes,
        }
    )  # fmt: skip


def cancelled_rows(record):
    """The cancelled inferences, after checks that hold on every clock."""
    rows = record.inferences
    cancelled = rows[rows["cancelled"]]
    assert len(cancelled) > 5
    assert (cancelled["effect_frame"] == -1).all()
    assert (cancelled["action"] == -1).all()
    assert cancelled["completion"].isna().all()
    assert cancelled["release"].isna().all()
    assert (cancelled["freed"] > cancelled["scheduled"]).all()
    assert rows[~rows["cancelled"]]["freed"].isna().all()
    applied = record.frames[record.frames["served_by"] >= 0]
    ended = {tuple(row) for row in rows[~rows["cancelled"]][["worker", "observation_frame"]].to_numpy()}
    given_up = {tuple(row) for row in cancelled[["worker", "observation_frame"]].to_numpy()} - ended
    assert not given_up & {tuple(row) for row in applied[["served_by", "observation_frame"]].to_numpy()}
    return cancelled


def test_the_virtual_clock_records_what_it_cancels(tmp_path):
    record = rl.run(asked(), policy="oracle", clock="virtual", frames=3_000, seed=2, out=tmp_path)
    cancelled = cancelled_rows(record)
    took = (cancelled["freed"] - cancelled["scheduled"]).to_numpy()
    assert took == pytest.approx(2 * FRAME)
    said = record.summary.cancelled
    assert said["inferences"] == len(cancelled)
    assert said["seconds"] == pytest.approx(len(cancelled) * 2 * FRAME)
    assert said["overhead"] == pytest.approx(0.0, abs=1e-9)
    expected = 1.0 - parse_law(HEAVY).cdf(2 * FRAME)
    count = len(cancelled) + record.inferences["completion"].notna().sum()
    assert abs(said["fraction"] - expected) < 4.5 * math.sqrt(expected * (1 - expected) / count)
    shown = dict(record.facts())["inferences cancelled"]
    assert shown == f"{100 * said['fraction']:.2f} % of all, their workers free 0.000 ms after the threshold"


def test_a_record_with_cancelled_inferences_is_mirrored_and_predicted(tmp_path):
    record = rl.run(asked(), policy="oracle", clock="virtual", frames=2_000, seed=2, out=tmp_path / "run")
    mirror(tmp_path / "run", tmp_path / "twin")
    twin = Record.open(tmp_path / "twin")  # but for inferences that the end cut off, which have other times there
    assert twin.frames["delay_frames"][:1_900].tolist() == record.frames["delay_frames"][:1_900].tolist()
    assert abs(twin.summary.cancelled["inferences"] - record.summary.cancelled["inferences"]) <= 3
    law = record.scenario.inference_time  # a cancelled inference counts as longer than its threshold
    assert float(1.0 - law.cdf(2 * FRAME)) == pytest.approx(record.summary.cancelled["fraction"], abs=1e-3)
    drawn, own = (rl.simulate(s, frames=100_000, seed=1, threads=1).regret.total for s in (asked(), record.scenario))
    assert own == pytest.approx(drawn, abs=0.03)


def test_a_record_of_an_earlier_version_has_no_cancelled_inferences_and_no_entries(tmp_path):
    record = rl.run(asked(cancel_after=None), policy="oracle", clock="virtual", frames=300, out=tmp_path)
    (file,) = tmp_path.glob("inferences*.parquet")
    pq.write_table(pq.read_table(file).drop_columns(["cancelled", "freed"]), file)
    (file,) = tmp_path.glob("frames*.parquet")
    pq.write_table(pq.read_table(file).drop_columns(["entry"]), file)
    assert set(record.frames["entry"]) == {-1, 0}
    old = Record.open(tmp_path)
    assert set(old.frames["entry"]) == {-1}
    assert old.inferences["cancelled"].dtype == bool
    assert not old.inferences["cancelled"].any()
    assert old.inferences["freed"].isna().all()
    assert old.summary.cancelled is None
    assert old.summary.to_json() == record.summary.to_json() | {"predicted": None}  # only a run asks the theory


@pytest.mark.parametrize("name", ["impala-k1", "nature"])
def test_a_forward_pass_stops_at_a_layer(name, monkeypatch):
    network = policies.make_policy(name, actions=5)
    frame = np.zeros((84, 84), np.uint8)
    network.stop_at_layers()
    entered = []
    for layer in network.network.modules():
        if not list(layer.children()):
            layer.register_forward_hook(lambda *_: entered.append(1))
    expected = network.act(frame)  # no deadline
    layers = len(entered)
    assert layers > 5
    times = itertools.count()
    monkeypatch.setattr(policies.time, "monotonic", lambda: float(next(times)))
    network.deadline = 3.5  # the fourth look before a layer is late
    entered.clear()
    with pytest.raises(InferenceStopped):
        network.act(frame)
    assert len(entered) == 4
    network.deadline = math.inf
    assert network.act(frame) == expected


def test_numbers_are_found_for_a_run(tmp_path):
    """The threshold of the least lower bound and j*, for the mode probability that the cartridge plays."""
    chosen = asked(cancel_after="auto", age_limit="auto", gap_default=0.5)
    record = rl.run(chosen, policy="oracle", clock="virtual", frames=60, out=tmp_path)
    threshold, limit = record.meta["config"]["cancel_after"], record.meta["config"]["age_limit"]
    loss = FrameLoss(record.meta["environment"]["mode_probability"], SYMBOLS, gap_default=0.5)
    worth = loss.of_delay(limit - 1), loss.of_delay(limit)
    assert worth[0] < 0.5 <= worth[1]
    bounds = {
        frames: rl.lower_bound(chosen.replace(cancel_after=frames * FRAME), sharper=False).regret_per_frame
        for frames in range(1, 9)
    }
    assert threshold == pytest.approx(FRAME * min(bounds, key=bounds.__getitem__))
    never = asked(inference_time=3.2 * FRAME, cancel_after="auto", age_limit="auto")  # nothing to gain
    record = rl.run(never, policy="oracle", clock="virtual", frames=60, out=tmp_path, overwrite=True)
    assert (record.meta["config"]["cancel_after"], record.meta["config"]["age_limit"]) == (None, None)
    unknown, settings = with_numbers(rl.Scenario(mode_probability=0.5, symbols=8, cancel_after="auto"), BEACON, {})
    assert unknown.cancel_after == "learned"  # where the law of the inference time is not given
    assert settings["cancel_worth"] == pytest.approx(worth_of(FrameLoss(0.5, 8)))


def test_actors_on_a_cluster_cancel_nothing():
    with pytest.raises(InputError, match="actors on a cluster do not cancel inferences"):
        RunConfiguration(backend="ray", cancel_after=0.05)


@pytest.mark.realtime
def test_both_clocks_cancel_the_same_inferences(tmp_path):
    """Heavy-tailed emulated times: as many cancelled, workers busy up to the threshold, the simulated regret."""
    real, virtual = (
        rl.run(asked(), policy="oracle", clock=clock, frames=900, seed=2, out=tmp_path / clock)
        for clock in ("real", "virtual")
    )
    rows, twins = cancelled_rows(real), cancelled_rows(virtual)
    assert len(rows) == pytest.approx(len(twins), rel=0.03)
    took = rows["freed"] - rows["scheduled"]
    assert took.min() >= 2 * FRAME - 1e-9
    assert took.quantile(0.95) < 2 * FRAME + 0.005
    delays = real.frames["delay_frames"].to_numpy()
    value, error = batch_means(regret_of_delay(delays, P, SYMBOLS))
    assert abs(value - rl.simulate(asked(), frames=100_000, seed=1, threads=1).regret.total) < 4.5 * error + 0.01


@pytest.mark.realtime
def test_a_network_gives_up_between_two_layers(tmp_path):
    """An inference of impala-k5 takes some ten times the threshold; its worker is free after about a layer."""
    fields = {"inference_time": None, "workers": 1, "mode_probability": P}
    whole = rl.run(rl.Scenario(**fields), policy="impala-k5", frames=240, out=tmp_path / "whole")
    mean = whole.summary.inference_time["mean"]
    record = rl.run(
        rl.Scenario(**fields, cancel_after=0.1 * mean), policy="impala-k5", frames=240, out=tmp_path / "cut"
    )
    rows = cancelled_rows(record)
    assert len(rows) > 0.9 * len(record.inferences)
    assert (rows["freed"] - rows["scheduled"]).median() < 0.6 * mean
    assert record.meta["restarts"] == 0


@pytest.mark.realtime
@pytest.mark.parametrize("spares", [local.SPARES, 0])
def test_a_policy_without_layers_loses_its_worker_to_a_spare(spares, tmp_path, monkeypatch):
    """Every thirtieth call sleeps for half a second: a spare ends it after 60 ms; without spares it runs on, unused."""
    monkeypatch.setattr(local, "SPARES", spares)
    (tmp_path / "slow.py").write_text(slow_policy(every=30, slow=0.5, usual=0.02))
    record = rl.run(
        rl.Scenario(workers=2, mode_probability=P, cancel_after=0.06),
        policy=f"module:{tmp_path / 'slow.py'}:Slow", frames=480, out=tmp_path / "record",
    )  # fmt: skip
    rows = cancelled_rows(record)
    took = rows["freed"] - rows["scheduled"]
    assert took.min() > 0.06
    if spares:
        assert took.median() < 0.06 + REPLACEMENT_GRACE + 0.02
    else:
        assert took.median() > 0.49
    assert record.meta["complete"]
    assert record.meta["restarts"] == 0
    assert not record.inferences["lost"].any()
    assert set(record.inferences["worker"]) == {0, 1}
