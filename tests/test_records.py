"""Records: round trips, kills, bytes, batch means against an AR(1) process, the summary against plain Python."""

import itertools
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.records import (
    FRAME_DTYPE,
    INFERENCE_DTYPE,
    Record,
    RecordWriter,
    RunSummary,
    batch_count,
    batch_means,
    reader,
    schema,
    storage,
    student_quantile,
    summarise,
)
from regretlab.records.batch_means import correlation_time, doubt
from regretlab.records.schema import TABLES
from regretlab.records.summary import _frequencies
from regretlab.results import RegretParts, interval_quantile

FRAME_TIME = 0.25


def make_rows(count: int, seed: int = 0):
    """Rows of a run in which each frame from 5 on may be served; delays 1 to 4."""
    rng = np.random.default_rng(seed)
    frames = np.zeros(count, FRAME_DTYPE)
    number = np.arange(count)
    frames["frame"] = number
    frames["deadline"] = number * FRAME_TIME
    frames["lateness"] = rng.exponential(1e-4, count)
    served = (rng.random(count) < 0.6) & (number >= 5)
    delay = rng.integers(1, 5, count)
    frames["action"] = np.where(served, rng.integers(1, 5, count), 0)
    frames["served_by"] = np.where(served, rng.integers(0, 3, count), -1)
    frames["observation_frame"] = np.where(served, number - delay, -1)
    frames["delay_frames"] = np.where(served, delay, -1)
    frames["reward"] = rng.random(count)
    frames["terminated"] = rng.random(count) < 0.01
    frames["label"] = rng.integers(-1, 4, count)
    inferences = np.zeros(count // 2, INFERENCE_DTYPE)
    inferences["worker"] = rng.integers(0, 3, count // 2)
    inferences["scheduled"] = np.arange(count // 2) * 2 * FRAME_TIME
    inferences["dispatch"] = inferences["scheduled"] + rng.exponential(1e-4, count // 2)
    inferences["completion"] = inferences["dispatch"] + 0.4
    inferences["release"] = inferences["completion"]
    inferences["effect_frame"] = np.where(rng.random(count // 2) < 0.95, np.arange(count // 2) * 2 + 2, -1)
    inferences["overwritten"] = rng.random(count // 2) < 0.2
    inferences["lost"] = rng.random(count // 2) < 0.05
    inferences["completion"][inferences["lost"]] = math.nan
    return frames, inferences


def write(folder, frames, inferences, *, chunk=1000, flush_every=3, part_rows=8192, **meta):
    with RecordWriter(folder, {"clock": "virtual", **meta}, part_rows=part_rows) as writer:
        for index, first in enumerate(range(0, len(frames), chunk)):
            writer.append_frames(frames[first : first + chunk])
            writer.append_inferences(inferences[first // 2 : (first + chunk) // 2])
            if index % flush_every == 0:
                writer.flush()


def same_rows(table, rows) -> bool:
    return all(
        np.array_equal(table[name].to_numpy(), rows[name], equal_nan=name != "lost") for name in rows.dtype.names
    )


def test_round_trip_keeps_every_value_and_type(tmp_path):
    frames, inferences = make_rows(5000)
    write(tmp_path / "run", frames, inferences, seed=7)
    record = Record.open(tmp_path / "run")
    for table, rows in ((record.frames, frames), (record.inferences, inferences)):
        assert list(table.columns) == list(rows.dtype.names)
        assert [table[name].dtype for name in table] == [rows.dtype[name] for name in rows.dtype.names]
        assert same_rows(table, rows)
    assert record.meta == {"clock": "virtual", "seed": 7, "events": [], "schema_version": 1, "complete": True}
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "frames.parquet",
        "inferences.parquet",
        "meta.json",
    ]


def test_same_rows_give_the_same_bytes_however_they_came(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "ROW_GROUP", 512)  # several row groups, cut across the parts
    frames, inferences = make_rows(4000, seed=1)
    write(tmp_path / "a", frames, inferences, chunk=4000)
    write(tmp_path / "b", frames, inferences, chunk=130, flush_every=2, part_rows=700)
    for name in ("frames.parquet", "inferences.parquet", "meta.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_record_is_readable_while_it_is_written(tmp_path):
    frames, _ = make_rows(100)
    writer = RecordWriter(tmp_path / "run", {})
    assert len(Record.open(tmp_path / "run").frames) == 0
    writer.append_frames(frames[:40])
    writer.flush()
    writer.add_event("restart", worker=1, time=2.5)
    writer.append_frames(frames[40])  # one row alone, not flushed
    frames["reward"][40] += 1  # the writer keeps its own copy
    record = Record.open(tmp_path / "run")
    assert same_rows(record.frames, frames[:40])
    assert record.meta["complete"] is False
    assert record.meta["events"] == [{"kind": "restart", "worker": 1, "time": 2.5}]
    writer.close(complete=False, reason="interrupted")
    record = Record.open(tmp_path / "run")
    assert len(record.frames) == 41
    assert record.frames["reward"][40] == pytest.approx(frames["reward"][40] - 1, abs=1e-6)
    assert (record.meta["complete"], record.meta["reason"]) == (False, "interrupted")
    writer.close()  # closing again changes nothing
    with pytest.raises(InputError, match="is closed"):
        writer.append_frames(frames)


def test_an_exception_in_the_run_closes_the_record_as_incomplete(tmp_path):
    with pytest.raises(RuntimeError), RecordWriter(tmp_path / "run", {}):
        raise RuntimeError("the run fails")
    assert Record.open(tmp_path / "run").meta["complete"] is False


WRITING_PROGRAM = """
import sys
import numpy as np
from regretlab.records import FRAME_DTYPE, INFERENCE_DTYPE, RecordWriter
folder = sys.argv[1]
frames, inferences = np.zeros(50, FRAME_DTYPE), np.zeros(20, INFERENCE_DTYPE)
run = 0
while True:
    with RecordWriter(folder, {"run": run}, overwrite=True) as writer:
        for chunk in range(12):
            frames["frame"] = np.arange(50) + 50 * chunk
            inferences["observation_frame"] = np.arange(20) + 20 * chunk
            writer.append_frames(frames)
            writer.append_inferences(inferences)
            writer.flush()
            print(run, chunk, flush=True)
    run += 1
"""


@pytest.mark.thorough
def test_a_kill_at_any_moment_loses_nothing_that_was_flushed(tmp_path):
    """SIGKILL at random moments: while parts are written, merged, or a record is replaced by the next."""
    rng = random.Random(5)
    seen_during_writing = 0
    for attempt in range(12):
        folder = tmp_path / f"run{attempt}"
        process = subprocess.Popen(
            [sys.executable, "-c", WRITING_PROGRAM, str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.random() * 0.4)
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read()
        process.wait()
        process.stdout.close()
        if not (folder / "meta.json").exists():  # killed between removing one record and starting the next
            with pytest.raises(InputError, match="is not a record"):
                Record.open(folder)
            continue
        record = Record.open(folder)
        lines = [line.split() for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        flushed = sum(int(run) == record.meta["run"] for run, _ in lines)
        seen_during_writing += not record.meta["complete"]
        assert len(record.frames) >= 50 * flushed
        assert len(record.frames) % 50 == 0
        assert np.array_equal(record.frames["frame"], np.arange(len(record.frames)))
        assert np.array_equal(record.inferences["observation_frame"], np.arange(len(record.inferences)))
        RecordWriter(folder, {}, overwrite=True).close()  # what a kill leaves behind can be replaced
    assert seen_during_writing >= 6


@pytest.mark.parametrize("steps", range(7))
def test_a_merge_cut_short_at_each_step_loses_no_row(tmp_path, monkeypatch, steps):
    """The renames and removals of a merge, stopped after each one in turn."""
    frames, inferences = make_rows(200)
    writer = RecordWriter(tmp_path / "run", {}, part_rows=30)
    for first in range(0, 200, 50):
        writer.append_frames(frames[first : first + 50])
    writer.append_inferences(inferences)
    writer.flush()
    calls = 0

    def stopping(function):
        def wrapped(*arguments):
            nonlocal calls
            if calls == steps:
                raise KeyboardInterrupt
            calls += 1
            return function(*arguments)

        return wrapped

    with monkeypatch.context() as patch:
        patch.setattr(storage.os, "rename", stopping(os.rename))
        patch.setattr(storage.os, "replace", stopping(os.replace))
        patch.setattr(storage.shutil, "rmtree", stopping(storage.shutil.rmtree))
        with pytest.raises(KeyboardInterrupt):
            writer.close()
    record = Record.open(tmp_path / "run")
    assert same_rows(record.frames, frames)
    assert same_rows(record.inferences, inferences)
    RecordWriter(tmp_path / "run", {}, overwrite=True).close()
    assert len(Record.open(tmp_path / "run").frames) == 0


def test_a_merge_between_listing_and_reading_is_followed(tmp_path, monkeypatch):
    frames, inferences = make_rows(200)
    writer = RecordWriter(tmp_path / "run", {}, part_rows=30)
    for first in range(0, 200, 50):
        writer.append_frames(frames[first : first + 50])
    writer.append_inferences(inferences)
    writer.flush()
    listed = []

    def then_merged(directory, name):
        listed.append(table_files(directory, name))
        if len(listed) == 1:
            writer.close()
        return listed[-1]

    table_files = storage.table_files
    monkeypatch.setattr(reader, "table_files", then_merged)
    record = Record.open(tmp_path / "run")
    assert len(listed[0]) > 1
    assert len(listed[1]) == 1
    assert same_rows(record.frames, frames)
    assert same_rows(record.inferences, inferences)


def test_a_folder_in_use_is_refused(tmp_path):
    frames, inferences = make_rows(20)
    write(tmp_path / "run", frames, inferences)
    with pytest.raises(InputError, match="already holds a record"):
        RecordWriter(tmp_path / "run", {})
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds 'thesis\.txt', which is not part of a record"):
        RecordWriter(tmp_path / "run", {}, overwrite=True)
    assert same_rows(Record.open(tmp_path / "run").frames, frames)
    with pytest.raises(InputError, match="is a file"):
        RecordWriter(tmp_path / "run" / "thesis.txt", {})
    (tmp_path / "other" / "frames.parquet").mkdir(parents=True)
    (tmp_path / "other" / "frames.parquet" / "notes").write_text("mine")
    with pytest.raises(InputError, match="holds 'notes'"):
        RecordWriter(tmp_path / "other", {}, overwrite=True)


@pytest.mark.parametrize("table", ["frames", "inferences"])
def test_a_complete_record_that_lost_a_table_is_refused(tmp_path, table):
    write(tmp_path / "run", *make_rows(20))
    assert len(Record.open(tmp_path / "run").frames) == 20
    (tmp_path / "run" / f"{table}.parquet").unlink()
    with pytest.raises(InputError, match=f"says it is complete, and table '{table}' is missing"):
        Record.open(tmp_path / "run")


def test_what_is_no_record_is_named(tmp_path):
    with pytest.raises(InputError, match=r"is not a record: it has no readable meta\.json"):
        Record.open(tmp_path)
    (tmp_path / "meta.json").write_text('{"schema_version": 99}')
    with pytest.raises(InputError, match="schema_version 99"):
        Record.open(tmp_path)
    (tmp_path / "meta.json").write_text('{"schema_version": 1}')
    (tmp_path / "frames.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match="table 'frames'"):
        Record.open(tmp_path)


def test_wrong_rows_and_meta_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="finite JSON values"):
        RecordWriter(tmp_path / "a", {"latency": math.nan})
    assert not (tmp_path / "a").exists()
    writer = RecordWriter(tmp_path / "b", {})
    with pytest.raises(InputError, match="rows of 'frames' must have dtype"):
        writer.append_frames(np.zeros(3, INFERENCE_DTYPE))
    writer.close()


def ar1(rng, coefficient, length):
    noise = rng.standard_normal(length)
    series = np.empty(length)
    series[0] = noise[0] / math.sqrt(1 - coefficient**2)
    for index in range(1, length):
        series[index] = coefficient * series[index - 1] + noise[index]
    return series


def test_batch_means_cover_the_mean_of_an_autoregressive_process():
    """Covering at 95 % in 500 runs of an AR(1): |z| < 4 binomial; intervals that ignore correlation do not."""
    rng = np.random.default_rng(11)
    runs, covered, naive = 500, 0, 0
    for _ in range(runs):
        series = ar1(rng, 0.8, 4096)
        mean, error = batch_means(series)
        covered += abs(mean) <= student_quantile(0.95, batch_count(series.size)) * error
        naive += abs(mean) <= interval_quantile(0.95) * series.std() / math.sqrt(series.size)
    # batches of 128: the batch means' own correlation, (1/128) c/(1-c)^2-like terms, costs under half a percent
    spread = math.sqrt(0.95 * 0.05 / runs)
    assert abs(covered / runs - 0.95) < 4 * spread + 0.005
    assert naive / runs < 0.7


def test_the_standard_error_is_the_theoretical_one_on_average():
    """Var of the mean of n AR(1) values is about 1/(n (1-c)^2): mean of squared errors within |z| < 4."""
    rng = np.random.default_rng(12)
    squares = np.array([batch_means(ar1(rng, 0.5, 4096)).standard_error ** 2 for _ in range(200)])
    expected = 1 / (4096 * 0.5**2)
    # each is expected * chi2_31 / 31; batches of 128 understate the variance by 2c/((1-c^2) 128) = 1 %
    assert abs(squares.mean() / expected - 0.99) < 4 * math.sqrt(2 / 31 / 200)


def two_states(rng, length, correlation, share):
    """A stationary two-state chain: with probability 1 - correlation a frame is drawn anew."""
    anew = rng.random(length) < 1.0 - correlation
    anew[0] = True
    drawn = (rng.random(length) < share).astype(float)
    return drawn[np.maximum.accumulate(np.where(anew, np.arange(length), 0))]


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_intervals_of_strongly_correlated_rewards_are_refused_or_cover(share):
    """Lag-1 correlation .99: 95 % intervals that are given cover at least 90 % (less z = 3), all taken far less."""
    rng, runs = np.random.default_rng(3), 200
    given = {}
    all_taken = 0
    for length in (300, 1_000, 3_000, 8_000, 20_000):
        for _ in range(runs):
            series = two_states(rng, length, 0.99, share)
            mean, error = batch_means(series)
            covers = abs(mean - share) <= student_quantile(0.95, batch_count(length)) * error
            all_taken += covers
            if error > 0 and doubt(series) is None:
                given.setdefault(length, []).append(covers)
    assert all_taken / (5 * runs) < 0.75
    assert set(given) == {20_000}
    covered = given[20_000]
    assert len(covered) > runs / 3
    assert np.mean(covered) > 0.9 - 3 * math.sqrt(0.09 / len(covered))


def test_intervals_of_hardly_correlated_series_are_given():
    rng = np.random.default_rng(4)
    for length in (300, 3_000, 20_000):
        assert sum(doubt(rng.random(length) < 0.5) is None for _ in range(100)) >= 98
        assert sum(doubt(rng.standard_normal(length)) is None for _ in range(100)) >= 98
    assert sum(doubt(two_states(rng, 20_000, 0.9, 0.5)) is None for _ in range(50)) == 50
    assert doubt(np.ones(500)) is None
    assert doubt([0.3]) is None


@pytest.mark.parametrize("correlation", [0.5, 0.9])
def test_the_correlation_time_of_known_processes(correlation):
    """(1 + c)/(1 - c) for both, within a tenth on the mean of 30."""
    rng, expected = np.random.default_rng(5), (1 + correlation) / (1 - correlation)
    found = [correlation_time(ar1(rng, correlation, 20_000)) for _ in range(30)]
    assert np.mean(found) == pytest.approx(expected, rel=0.1)
    found = [correlation_time(two_states(rng, 20_000, correlation, 0.3)) for _ in range(30)]
    assert np.mean(found) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("length", [10, 50])
def test_the_correlation_time_of_blocks_is_counted_by_their_changes(length):
    """A half of ones that changes c times has 4 h (1 - h) n / c - 1 = n/c - 1."""
    blocks = np.tile(np.repeat([0.0, 1.0], length), 12)
    assert correlation_time(blocks) == pytest.approx(blocks.size / 23 - 1.0, rel=1e-12)


def test_one_frame_gives_no_standard_error_of_its_delay():
    assert _frequencies(np.array([2])) == ([0.0, 0.0, 1.0], [0.0, None, None])


def test_a_summary_says_why_it_gives_no_standard_error(tmp_path):
    frames, inferences = make_rows(3000, seed=4)
    frames["reward"] = two_states(np.random.default_rng(6), len(frames), 0.99, 0.5)
    write(tmp_path / "run", frames, inferences)
    summary = summarise(Record.open(tmp_path / "run"))
    assert summary.standard_error["reward_per_frame"] is None
    assert "correlated" in summary.doubts["reward_per_frame"] or "changes" in summary.doubts["reward_per_frame"]
    assert "no standard error" in dict(summary.facts())["reward per frame"]
    assert summary.to_json()["reward_per_frame"] == summary.reward_per_frame
    assert summary.standard_error["mean_age"] is not None


def test_a_part_without_a_known_error_has_no_interval():
    found = RegretParts(0.1, 0.2, standard_errors={"total": None, "delay": 0.01})
    assert all(math.isnan(end) for end in found.interval())
    assert found.estimate("delay").interval(0.95)[0] == pytest.approx(0.2 - 1.959964 * 0.01, abs=1e-6)
    assert RegretParts(0.1, 0.2).interval() == (pytest.approx(0.3), pytest.approx(0.3))


def test_batch_means_of_short_and_constant_series():
    assert all(math.isnan(value) for value in batch_means([]))
    assert batch_means([2.5])[0] == 2.5
    assert math.isnan(batch_means([2.5])[1])
    assert batch_means([1.0, 3.0]) == (2.0, 1.0)
    assert batch_means(np.full(1001, 0.1)).standard_error == 0.0
    assert batch_means([True, False, True, True]).mean == 0.75
    values = np.random.default_rng(0).random(100)
    assert batch_means(values, batches=100).standard_error == pytest.approx(values.std(ddof=1) / 10)
    assert batch_means(values, batches=1000) == batch_means(values, batches=100)


def test_the_summary_against_a_plain_recomputation(tmp_path):
    frames, inferences = make_rows(3000, seed=4)
    write(tmp_path / "run", frames, inferences, events=[{"kind": "restart"}, {"kind": "note"}, {"kind": "restart"}])
    summary = summarise(Record.open(tmp_path / "run"))

    warmup = next(index for index, row in enumerate(frames) if row["served_by"] >= 0)
    counted = frames[warmup:]
    served = [row for row in counted if row["served_by"] >= 0]
    assert warmup > 0
    assert (summary.frames, summary.warmup_frames) == (3000, warmup)
    assert summary.reward_per_frame == pytest.approx(sum(float(row["reward"]) for row in counted) / len(counted))
    assert summary.inaction_fraction == pytest.approx(1 - len(served) / len(counted))
    assert summary.delay_law == pytest.approx(
        [sum(row["delay_frames"] == delay for row in served) / len(counted) for delay in range(5)]
    )
    assert sum(summary.delay_law) + summary.inaction_fraction == pytest.approx(1)

    effects = [row["deadline"] + row["lateness"] for row in served]
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(effects))
    mean_gap = sum(gaps) / len(gaps)
    assert summary.action_interval["mean"] == pytest.approx(mean_gap)
    took = [row["completion"] - row["scheduled"] for row in inferences if not row["lost"]]
    assert summary.inference_time["mean"] == pytest.approx(math.fsum(took) / len(took))
    assert summary.inference_time["max"] == max(took)
    assert min(took) <= summary.inference_time["p99"] <= max(took)
    assert 0 < summary.standard_error["inference_time"] < summary.inference_time["std"]
    assert summary.action_interval["std"] == pytest.approx(
        math.sqrt(sum((gap - mean_gap) ** 2 for gap in gaps) / len(gaps))
    )
    assert gaps[int(0.99 * len(gaps)) - 1] <= summary.action_interval["p99"] <= gaps[int(0.99 * len(gaps)) + 1]
    lateness = sorted(row["lateness"] for row in counted)
    assert summary.deadline_lateness["max"] == lateness[-1]
    assert lateness[len(lateness) // 2 - 1] <= summary.deadline_lateness["p50"] <= lateness[len(lateness) // 2 + 1]

    newest, age, peaks = None, 0.0, []
    for row in counted:
        if row["served_by"] >= 0 and (newest is None or row["observation_frame"] > newest):
            if newest is not None:
                peaks.append((row["frame"] - newest) * FRAME_TIME)
            newest = row["observation_frame"]
        age += (row["frame"] + 0.5 - newest) * FRAME_TIME
    assert summary.mean_age == pytest.approx(age / len(counted))
    assert summary.peak_age == pytest.approx(sum(peaks) / len(peaks))

    came = [row for row in inferences if row["effect_frame"] >= 0 and not row["lost"]]
    assert summary.overwritten_fraction == pytest.approx(sum(row["overwritten"] for row in came) / len(came))
    assert summary.restarts == 2
    assert summary.record == str(tmp_path / "run")
    # independent frames: the batch-means error of phi is that of a coin, up to its own 13 % (31 degrees of freedom)
    coin = math.sqrt(0.6 * 0.4 / len(counted))
    assert abs(summary.standard_error["inaction_fraction"] / coin - 1) < 4 * 0.13
    assert summary.standard_error["delay_law"] == pytest.approx(
        [0.0, *(batch_means(counted["delay_frames"] == delay).standard_error for delay in range(1, 5))]
    )


def test_a_long_list_of_delays_is_cut_as_in_a_bound(tmp_path):
    frames, inferences = make_rows(3000, seed=4)
    write(tmp_path / "run", frames, inferences)
    summary = summarise(Record.open(tmp_path / "run"))
    law = [0.0, *[0.04] * 20, 0.1]
    said = dict(replace(summary, delay_law=law).facts())["frames by delay in frames"]
    assert said.count(" at ") == 9
    assert said.endswith("10.00 % at 21, 52.00 % at others")


def test_the_summary_is_a_mapping_that_json_takes(tmp_path):
    frames, inferences = make_rows(50)
    write(tmp_path / "run", frames, inferences)
    summary = summarise(Record.open(tmp_path / "run"))
    wanted = {"frames", "warmup_frames", "reward_per_frame", "inaction_fraction", "delay_law", "action_interval"}
    assert wanted | {"deadline_lateness", "restarts", "record"} <= set(summary)
    assert set(json.loads(json.dumps(dict(summary), allow_nan=False))) == set(summary)
    assert summary["frames"] == 50
    assert len(summary) == len(dict(summary))
    with pytest.raises(KeyError):
        summary["keys"]
    assert isinstance(summary, RunSummary)


def test_evenly_staggered_constant_delays_have_the_age_of_theory():
    """A frame in n is served with delay d: the age runs d..d+n, mean d + n/2 and peak d + n frames."""
    count, every, delay = 4000, 4, 10
    frames = np.zeros(count, FRAME_DTYPE)
    number = np.arange(count)
    frames["frame"], frames["deadline"] = number, number * FRAME_TIME
    served = number % every == every - 1
    frames["served_by"] = np.where(served, 0, -1)
    frames["observation_frame"] = np.where(served, number - delay, -1)
    frames["delay_frames"] = np.where(served, delay, -1)
    none = _table(np.zeros(0, INFERENCE_DTYPE))
    record = SimpleNamespace(
        directory=Path("run"),
        meta={},
        frames=_table(frames[: count - 1]),
        inferences=none,
        learning_steps=none,
    )
    summary = summarise(record)
    assert summary.mean_age == pytest.approx((delay + every / 2) * FRAME_TIME)
    assert summary.peak_age == pytest.approx((delay + every) * FRAME_TIME)
    assert summary.action_interval == pytest.approx({"mean": 1.0, "std": 0.0, "p99": 1.0})
    assert summary.inaction_fraction == pytest.approx(0.75, abs=1e-3)


def test_runs_with_nothing_in_them(tmp_path):
    RecordWriter(tmp_path / "empty", {}).close()
    summary = summarise(Record.open(tmp_path / "empty"))
    assert (summary.frames, summary.warmup_frames, summary.reward_per_frame, summary.delay_law) == (0, 0, None, [0.0])
    frames, inferences = make_rows(30)
    frames["served_by"] = -1
    write(tmp_path / "idle", frames, inferences[:0])
    summary = summarise(Record.open(tmp_path / "idle"))
    assert (summary.warmup_frames, summary.inaction_fraction, summary.delay_law) == (0, 1.0, [0.0])
    assert summary.reward_per_frame == pytest.approx(frames["reward"].mean(dtype=float))
    assert (summary.action_interval["mean"], summary.mean_age, summary.overwritten_fraction) == (None, None, None)
    json.dumps(dict(summary), allow_nan=False)


def _table(rows):
    return storage.to_table("frames" if rows.dtype == FRAME_DTYPE else "inferences", rows).to_pandas()


@pytest.mark.parametrize("table", TABLES)
def test_the_documented_columns_are_those_of_the_schema(table):
    """On a failure, put what is expected into docs/records.md."""
    lines = [f"`{table}.parquet`", "", "| column | type | unit | meaning |", "|---|---|---|---|"]
    for name, column in schema.columns(table).items():
        lines.append(f"| `{name}` | {np.dtype(column.kind).name} | {column.unit} | {column.meaning} |")
    assert "\n".join(lines) + "\n\n" in (Path(__file__).parents[1] / "docs" / "records.md").read_text()


@pytest.mark.parametrize("table", TABLES)
def test_a_blank_row_says_that_nothing_is_there(table):
    (row,) = schema.blank(table, 1)
    assert row.dtype == TABLES[table]
    numbers = {name: row[name].item() for name in row.dtype.names}
    assert all(value in (-1, 0) or np.isnan(value) for value in numbers.values())
