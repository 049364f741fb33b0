"""The event kernel against the plain event loop, inference by inference, and its log against a recomputation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretlab.errors import InputError
from regretlab.rules import get_rule, known_rules
from regretlab.simulation import replay
from regretlab.simulation.events.engine import EventEngine
from tests.oracles.event_loop import run_rule

CASES = [(rule.name, alignment) for rule in known_rules() for alignment in rule.alignments]


def agree(name, alignment, workers, times, frames, frame_time, hold=0, first_estimate=None):
    """Both engines on the same inference times: the same inferences, and the same observation behind each frame."""
    log = replay(
        times, frame_time, workers=workers, rule=name, alignment=alignment, hold=hold, first_estimate=first_estimate,
        frames=frames,
    )  # fmt: skip
    plain = run_rule(
        name, workers, iter(times).__next__, frames, frame_time=frame_time, alignment=alignment, hold=hold,
        first_estimate=first_estimate,
    )  # fmt: skip
    done = log.inferences[log.inferences["completion"] < frames * frame_time]
    order = np.lexsort((done["worker"], done["completion"]))
    assert done["worker"][order].tolist() == plain.workers
    assert done["scheduled"][order].tolist() == plain.starts
    assert done["release"][order].tolist() == plain.releases
    assert done["observation_frame"][order].tolist() == plain.observed
    in_time = np.array(plain.effect) < frames
    assert done["effect_frame"][order][in_time].tolist() == np.array(plain.effect)[in_time].tolist()
    served = {int(row["frame"]): int(row["observation_frame"]) for row in log.frames if row["served_by"] >= 0}
    assert served == {frame: seen for frame, seen in plain.served.items() if frame < frames}
    return log


@pytest.mark.parametrize(("name", "alignment"), CASES)
@pytest.mark.parametrize("frame_time", [1.0, 0.1, 1 / 59.7275])
def test_every_rule_is_the_plain_loop(name, alignment, frame_time):
    rng = np.random.default_rng(5)
    workers = 1 if get_rule(name).single_worker else 4
    agree(name, alignment, workers, rng.gamma(4.0, 0.8, 4000) * frame_time, 800, frame_time, hold=4)


@pytest.mark.parametrize("name", ["max-time", "quantile-time", "expected-time", "free-running"])
def test_rules_told_an_inference_time_are_the_plain_loop(name):
    rng = np.random.default_rng(6)
    agree(name, None, 5, rng.lognormal(1.0, 0.5, 4000), 700, 1.0, first_estimate=3.3)


@settings(max_examples=60)
@given(
    st.sampled_from(CASES),
    st.integers(1, 6),
    st.lists(st.sampled_from([0.25, 0.5, 1.0, 1.5, 2.0, 3.75, 7.0, 40.0]), min_size=400, max_size=400),
    st.integers(0, 9),
)
def test_ties_are_broken_like_the_plain_loop(case, workers, times, hold):
    """Times on a coarse grid: completions, starts and boundaries coincide all the time; some inferences are long."""
    name, alignment = case
    workers = 1 if get_rule(name).single_worker else workers
    agree(name, alignment, workers, times, 12, 1.0, hold=hold)


def test_a_thousand_workers_and_several_turns_of_the_calendar():
    rng = np.random.default_rng(7)
    agree("frame-pool", None, 1000, rng.gamma(2.0, 900.0, 12_000), 6000, 1.0)
    agree("free-running", None, 300, rng.gamma(2.0, 900.0, 3000), 3000, 1.0)


def test_blocks_of_any_length_give_the_same_run():
    rng = np.random.default_rng(8)
    times = rng.gamma(4.0, 0.8, 3000)

    def run(lengths, chunk):
        supply = iter(np.split(times, range(chunk, len(times), chunk)))
        engine = EventEngine(get_rule("max-time"), 3, 1.0, lambda: next(supply, np.empty(0)))
        parts, frame = [], 0
        while frame < 1000:
            length = min(next(lengths), 1000 - frame)
            served = np.zeros(length, np.int32)
            assert engine.serve(frame, length, served, np.empty(0, np.int64)) == length
            parts.append(served)
            frame += length
        return np.concatenate(parts), engine.dispatched, engine.overwritten

    whole = run(iter([1000]), 3000)
    pieces = run(iter(np.resize([1, 7, 64, 3], 1000).tolist()), 11)
    assert np.array_equal(whole[0], pieces[0])
    assert whole[1:] == pieces[1:]


def test_the_log_says_who_was_overwritten():
    rng = np.random.default_rng(9)
    log = replay(rng.exponential(2.5, 4000), 1.0, workers=8, rule="free-running", frames=1000)
    rows = log.inferences
    for frame in range(1000):
        here = rows[rows["effect_frame"] == frame]
        if len(here) == 0:
            assert log.frames["served_by"][frame] == -1
            continue
        best = max(here, key=lambda row: (row["observation_frame"], row["scheduled"], row["worker"]))
        assert log.frames["served_by"][frame] == best["worker"]
        assert log.frames["observation_frame"][frame] == best["observation_frame"]
        assert log.frames["delay_frames"][frame] == frame - best["observation_frame"]
        assert here["overwritten"].sum() == len(here) - 1
    assert not rows["overwritten"][rows["effect_frame"] < 0].any()
    flying = np.isnan(rows["completion"])
    assert flying.sum() == 8
    assert np.all(rows["effect_frame"][flying] == -1)
    assert np.array_equal(rows["dispatch"], rows["scheduled"])


def test_bad_replays_are_named():
    with pytest.raises(InputError, match="2 latencies last for 6 frames only: 100 frames need more"):
        replay([3.0, 3.0], 1.0, rule="sequential", frames=100)
    with pytest.raises(InputError, match="positive, finite"):
        replay([1.0, -1.0], 1.0, frames=10)
    with pytest.raises(InputError, match="frames must lie between 1 and"):
        replay([1.0], 1.0, frames=0)
    with pytest.raises(InputError, match="frame time must be a positive"):
        replay([1.0], 0.0, frames=1)
    with pytest.raises(InputError, match="at most 32767 workers"):
        replay([1.0], 1.0, workers=40_000, frames=1)
