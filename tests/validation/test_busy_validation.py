"""A validation on a busy machine: what is reported, what is played again, and which theories a claim excludes."""

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from regretlab.play.run import run as play
from regretlab.records import Record
from regretlab.validation import suite
from regretlab.validation.checks import claims_of
from regretlab.validation.load import BUSY, BusyRun, LoadWatch
from regretlab.validation.report import _points
from regretlab.validation.runs import planned_runs

RUNS = {run.name: run for run in planned_runs(quick=True)}


@pytest.mark.realtime
def test_a_process_that_spins_is_seen_and_one_s_own_is_not():
    spinning = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)
        watch, before = LoadWatch(), time.process_time()
        while time.process_time() - before < 1.0:
            pass
        others, stolen = watch.cores(time.process_time() - before)
    finally:
        spinning.kill()
        spinning.wait()
    assert others > 0.4
    assert 0.0 <= stolen < (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("cores", "verdicts", "played", "reported"),
    [
        ([(0.1, 0.0)], [False], 1, []),
        ([(0.9, 0.2)], [True], 1, [False]),
        ([(0.9, 0.2), (0.1, 0.0)], [False], 2, [True]),
        ([(0.9, 0.2), (1.9, 0.2)], [False, False], 2, [True, False]),
    ],
)
def test_a_run_is_played_once_more_if_the_machine_was_busy(monkeypatch, tmp_path, cores, verdicts, played, reported):
    loads, passed, plays = iter(cores), iter(verdicts), []

    def play_one(run, directory, tell, *, again):
        plays.append(again)
        tell(1, 2, "playing")

    monkeypatch.setattr(suite, "_play_one", play_one)
    monkeypatch.setattr(suite, "LoadWatch", lambda: SimpleNamespace(cores=lambda own: next(loads)))
    monkeypatch.setattr(suite.Record, "open", lambda folder: SimpleNamespace(meta={}))
    monkeypatch.setattr(suite, "_claims", lambda *_: [SimpleNamespace(passed=next(passed))])
    found = suite._play_real(RUNS["realtime-k1"], tmp_path, lambda *_: None)
    assert (len(plays), plays[1:]) == (played, [True] * (played - 1))
    assert [run.repeated for run in found] == reported
    assert all(run.others + run.stolen >= BUSY for run in found)


def test_the_words_name_both_loads():
    assert str(BusyRun("a", 1.234, 0.1)) == (
        "a: other processes used 1.23 cores while it played, and 0.10 were stolen by other machines on the host"
    )


@pytest.mark.parametrize("name", ["realtime-k1", "realtime-16", "realtime-sequential"])
def test_a_realtime_claim_excludes_wrong_theories(name, tmp_path):
    """On the virtual clock, where the theory is exact: it holds, and a run with a frame more of delay does not."""
    law = RUNS[name].configuration.emulate_latency or "0.003"
    asked = RUNS[name].configuration.model_copy(update={"clock": "virtual", "emulate_latency": law, "policy": "oracle"})
    play(asked, tmp_path / "right")
    claims = {claim.name: claim for claim in claims_of(RUNS[name], Record.open(tmp_path / "right"))}
    regret = claims[f"{name}-regret"]
    assert regret.verdict == "holds"
    assert regret.rival
    assert abs(regret.rival_predicted - regret.predicted) > 0.02
    assert [claim.name for claim in claims.values() if claim.identity] == [f"{name}-explained"]
    record = Record.open(tmp_path / "right")
    frames = record.frames
    later = frames.assign(delay_frames=np.where(frames["delay_frames"] > 0, frames["delay_frames"] + 1, -1))
    observed = np.where(frames["served_by"] >= 0, frames["observation_frame"] - 1, -1)
    labels = frames["label"].to_numpy()
    reward = np.where(observed >= 0, labels == labels[observed], 0.0)
    shifted = SimpleNamespace(
        meta=record.meta, inferences=record.inferences, frames=later.assign(observation_frame=observed, reward=reward)
    )
    wrong = {claim.name: claim for claim in claims_of(RUNS[name], shifted)}[f"{name}-regret"]
    assert wrong.measured > regret.measured + 0.02
    assert not wrong.passed


def test_the_first_figure_shows_the_runs_that_its_curves_describe():
    """Learners that know nothing yet, and fewer workers than the curve has, have no place on it."""
    summary = {"mode_probability": 0.99}
    record = SimpleNamespace(meta={"environment": summary})
    assert _points(RUNS["learners-3"], record, None) == []
    assert _points(RUNS["realtime-k1"], record, None) == []
