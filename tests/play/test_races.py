"""Races on both clocks: R workers infer on one observation, the first to complete counts, the others are cancelled."""

import numpy as np
import pytest

import regretlab as rl
from regretlab.errors import InputError
from regretlab.laws import parse_law
from regretlab.laws.racing import fastest_of
from regretlab.play.configuration import RunConfiguration
from regretlab.play.mirror import mirror
from regretlab.records import batch_means
from regretlab.validation.checks import regret_of_delay
from tests.oracles.slow_policy import slow_policy

FRAME = 1 / 59.7275
LAW = f"lognorm(1, scale={3 * FRAME!r})"
P, SYMBOLS, REPLICAS = 0.95, 8, 3


def frees_the_others(race, early=1e-9):
    """Whether no other is free before the one that completed (a real one may be late: its time is emulated)."""
    return race["completion"].isna().all() or race["freed"].min() >= race["completion"].max() - early


def asked(**changes):
    fields = {"mode_probability": P, "symbols": SYMBOLS, "workers": 6, "replicas": REPLICAS}
    return rl.Scenario(LAW, **fields | changes)


def races_of(record):
    """The races that ended, after checks that hold on every clock: at most one completes, and only such outputs act."""
    rows = record.inferences[~record.inferences["lost"]]
    rows = rows.assign(group=rows["worker"] // REPLICAS)
    ended = rows[rows["completion"].notna() | rows["cancelled"]]
    races = list(ended.groupby(["group", "scheduled"]))
    for _, race in races:
        assert race["observation_frame"].nunique() == 1
        assert race["worker"].is_unique
        assert race["completion"].notna().sum() <= 1
    applied = record.frames[record.frames["served_by"] >= 0]
    whole = rows[rows["completion"].notna()]
    done = {tuple(row) for row in whole[["worker", "observation_frame"]].to_numpy()}
    assert {tuple(row) for row in applied[["served_by", "observation_frame"]].to_numpy()} <= done
    return [race for _, race in races]


@pytest.mark.parametrize(
    "changes", [{}, {"unused": "keep", "cancel_after": 3 * FRAME}, {"rule": "expected-time"}, {"workers": 3}]
)
def test_the_virtual_clock_races_as_the_simulator_does(changes, tmp_path):
    record = rl.run(asked(**changes), policy="oracle", clock="virtual", frames=6_000, seed=2, out=tmp_path)
    races = races_of(record)
    assert all(len(race) == REPLICAS for race in races[:-REPLICAS])
    assert all(frees_the_others(race) for race in races)
    drawn = rl.simulate(asked(**changes), frames=100_000, replications=2, seed=1, threads=1)
    delays = record.frames["delay_frames"].to_numpy()
    value, error = batch_means(regret_of_delay(delays, P, SYMBOLS))
    assert abs(value - drawn.regret.total) < 4.5 * np.hypot(error, drawn.standard_errors["regret_per_frame"]["total"])
    if "cancel_after" not in changes:  # the record's law is that of the fastest, and its workers are the groups
        own, fastest = record.scenario.inference_time, fastest_of(parse_law(LAW), REPLICAS)
        assert record.scenario.workers == asked(**changes).workers / REPLICAS
        assert own.mean() == pytest.approx(
            fastest.mean(), rel=4.5 * fastest.frozen.std() / fastest.mean() / len(races) ** 0.5
        )
        assert record.summary.cancelled["fraction"] == pytest.approx(1 - 1 / REPLICAS, abs=0.01)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"workers": 4, "replicas": 3}, "multiple of 3 replicas"),
        ({"workers": 2, "replicas": 2, "learners": 1, "emulate_learning": "0.01"}, "2 replicas race"),
        ({"workers": 2, "replicas": 2, "policy": "ws://localhost:9"}, "2 replicas race"),
    ],
)
def test_what_does_not_go_with_races_is_refused(fields, said):
    with pytest.raises(InputError, match=said):
        RunConfiguration(clock="virtual", emulate_latency="0.03", **fields)


def test_a_run_of_races_is_not_mirrored(tmp_path):
    rl.run(asked(), policy="oracle", clock="virtual", frames=60, out=tmp_path / "run")
    with pytest.raises(InputError, match="lacks the times of those who lost"):
        mirror(tmp_path / "run", tmp_path / "twin")


@pytest.mark.realtime
@pytest.mark.parametrize("changes", [{}, {"unused": "keep", "cancel_after": 3 * FRAME}])
def test_both_clocks_race_alike(changes, tmp_path):
    """Emulated times: nearly every race has all its workers, and the regret is the simulated one."""
    record = rl.run(asked(**changes), policy="oracle", frames=900, seed=2, out=tmp_path)
    races = races_of(record)
    assert np.mean([len(race) == REPLICAS for race in races]) > 0.8
    assert np.mean([frees_the_others(race) for race in races]) > 0.8
    value, error = batch_means(regret_of_delay(record.frames["delay_frames"].to_numpy(), P, SYMBOLS))
    drawn = rl.simulate(asked(**changes), frames=100_000, seed=1, threads=1).regret.total
    assert abs(value - drawn) < 4.5 * error + 0.01
    assert record.meta["restarts"] == 0


@pytest.mark.realtime
def test_measured_inferences_race_until_the_first_completes(tmp_path):
    (tmp_path / "slow.py").write_text(slow_policy(every=3, slow=0.2, usual=0.03))
    record = rl.run(
        rl.Scenario(workers=3, replicas=3, mode_probability=P), policy=f"module:{tmp_path / 'slow.py'}:Slow",
        frames=300, out=tmp_path / "record",
    )  # fmt: skip
    races = races_of(record)
    won = [race for race in races if race["completion"].notna().any()]
    assert len(won) > 20
    assert np.mean([frees_the_others(race, early=0.01) for race in won]) > 0.8  # two that end together take turns
    took = [(race["completion"] - race["scheduled"]).min() for race in won]
    assert np.median(took) < 0.1
    assert record.meta["complete"]
