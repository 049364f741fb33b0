"""Independent workers placed in frames: age by age the plain loop and the event kernel on the same inference times."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regretlab as rl
from regretlab.laws import law_from_samples
from regretlab.rules import FREE_RUNNING
from regretlab.rules.store import MOST_KEPT, NO_LIMIT
from regretlab.simulation.events.engine import EventEngine, Outputs
from regretlab.simulation.independent import IndependentRun
from regretlab.simulation.independent._kernels import TOGETHER
from regretlab.simulation.tallies._kernels import COLUMNS, DISPATCHED, OVERWRITTEN
from tests.oracles.plain_outputs import served as plain_ages

QUARTERS = [0.25, 0.5, 1.0, 1.5, 2.0, 3.75, 7.0, 70.0]


class Recorded:
    """A law that hands out given times in their order and says which."""

    def __init__(self, times):
        self.times, self.text = list(times), "recorded"

    def mean(self):
        return 4.0

    def sample(self, rng, size):
        taken, self.times = self.times[:size], self.times[size:]
        return np.array(taken + [1.0] * (size - len(taken)))


def played(workers, times, lengths, outputs, cancel_after):
    """Return ages, what was counted, and the first starts, for blocks of given lengths."""
    seed = np.random.SeedSequence(3)
    run = IndependentRun(Recorded(times), 1.0, workers, seed, max(lengths), outputs, cancel_after)
    first, row = run._starts.copy(), np.zeros(COLUMNS, np.int64)
    ages = np.concatenate([run.serve(count, row)[:count].copy() for count in lengths])
    return ages.tolist(), row, first


def timeline(workers, times, lengths, first, cancel_after):
    """Return every inference, the workers drawing their times in turns, some frames at a time."""
    times, now, rows, begin = iter(times), list(first), [], 0
    for length in lengths:
        for piece in range(0, length, TOGETHER):
            until = begin + min(length, piece + TOGETHER)
            for worker in range(workers):
                while now[worker] < until:
                    takes, start = next(times), now[worker]
                    now[worker] = start + min(takes, cancel_after)
                    observed = math.floor(start + 1e-7)
                    effect = max(observed + 1, math.ceil(now[worker] - 1e-7))
                    rows.append((effect, observed, start, worker, takes <= cancel_after, takes))
        begin += length
    names = ("effect", "observed", "starts", "workers", "kept", "times")
    return SimpleNamespace(**dict(zip(names, zip(*rows, strict=True), strict=True)))


def event_ages(workers, inferences, frames, first, outputs, cancel_after):
    """Return the ages of the event kernel, which draws the times in the order of the starts."""
    order = sorted(range(len(inferences.starts)), key=lambda i: (inferences.starts[i], inferences.workers[i]))
    supply = iter([np.array([inferences.times[i] for i in order] + [1.0] * 50)])
    engine = EventEngine(
        FREE_RUNNING, workers, 1.0, lambda: next(supply, np.empty(0)), offsets=first, outputs=outputs,
        cancel_after=cancel_after,
    )  # fmt: skip
    ages = np.zeros(frames, np.int32)
    assert engine.serve(0, frames, ages, np.empty(0, np.int64)) == frames
    return ages.tolist()


def check(workers, times, lengths, outputs, cancel_after):
    ages, row, first = played(workers, times, lengths, outputs, cancel_after)
    frames = sum(lengths)
    inferences = timeline(workers, times, lengths, first, cancel_after)
    limit = None if outputs.limit == NO_LIMIT else outputs.limit
    assert ages == plain_ages(inferences, frames, most=outputs.most, limit=limit)
    if limit is None or outputs.most:
        assert ages == event_ages(workers, inferences, frames, first, outputs, cancel_after)
    assert row[DISPATCHED] == len(inferences.starts)
    came = sum(kept and effect < frames for kept, effect in zip(inferences.kept, inferences.effect, strict=True))
    if outputs.most == 0 and limit is None:
        assert row[OVERWRITTEN] == came - np.count_nonzero(ages)
    elif limit is None and outputs.most == MOST_KEPT:
        assert row[OVERWRITTEN] == 0


@pytest.mark.parametrize("workers", [1, 2, 5, 40])
@pytest.mark.parametrize("cancel_after", [math.inf, 2.5])
@pytest.mark.parametrize(
    "outputs",
    [
        *(Outputs(), Outputs(limit=5), Outputs(MOST_KEPT), Outputs(MOST_KEPT, limit=6)),
        *(Outputs(1), Outputs(1, limit=4), Outputs(2, limit=9), Outputs(3), Outputs(12), Outputs(64)),
    ],
)
def test_every_frame_gets_the_output_of_the_plain_loop(workers, outputs, cancel_after):
    times = np.random.default_rng(workers).gamma(2.0, 1.7, 30_000)
    check(workers, times, [300, 1, 64, 128, 7], outputs, cancel_after)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(0, 2**32),
    st.lists(st.integers(1, 90), min_size=1, max_size=4),
    st.sampled_from(
        [Outputs(), Outputs(MOST_KEPT), Outputs(MOST_KEPT, limit=3), Outputs(1), Outputs(2), Outputs(5, limit=4)]
    ),
    st.sampled_from([math.inf, 1.0, 2.0]),
)
def test_times_on_boundaries_and_equal_times_are_placed_alike(workers, seed, lengths, outputs, cancel_after):
    times = np.random.default_rng(seed).choice(QUARTERS, 20_000)
    check(workers, times, lengths, outputs, cancel_after)


def test_a_store_that_fills_discards_its_oldest():
    run = IndependentRun(
        law_from_samples([0.0625]), 1.0, 8, np.random.SeedSequence(1), 64, Outputs(MOST_KEPT), math.inf
    )
    row = np.zeros(COLUMNS, np.int64)
    for _ in range(12):
        assert (run.serve(64, row)[1:64] == 1).all()
    unused = int(row[DISPATCHED]) - 12 * 64 - int(row[OVERWRITTEN])
    assert row[OVERWRITTEN] > 30_000
    assert abs(unused - MOST_KEPT) <= 200


def test_what_it_plays_and_what_events_play():
    assert IndependentRun.plays(4, Outputs(MOST_KEPT))
    assert IndependentRun.plays(1024, Outputs())
    assert IndependentRun.plays(4, Outputs(3))
    assert not IndependentRun.plays(4, Outputs(100))
    assert not IndependentRun.plays(1025, Outputs())
    assert not IndependentRun.plays(4, Outputs(MOST_KEPT, oldest_first=True))


def test_a_time_longer_than_any_run_ends_no_inference():
    run = IndependentRun(law_from_samples([1e14]), 1.0, 2, np.random.SeedSequence(1), 64, Outputs(MOST_KEPT), math.inf)
    run._starts[:] = [0.0, 3.0]
    row = np.zeros(COLUMNS, np.int64)
    assert not run.serve(64, row)[:64].any()
    assert not run.serve(64, row)[:64].any()
    assert row[DISPATCHED] == 2
    assert row[OVERWRITTEN] == 0


def test_a_run_in_which_no_inference_completes():
    """A chain that keeps no frame before its first would write past its end: the reach is 1 at least."""
    run = IndependentRun(law_from_samples([2.5]), 1.0, 1, np.random.SeedSequence(1), 64, Outputs(), 0.3)
    assert not run.serve(64, np.zeros(COLUMNS, np.int64))[:64].any()
    assert run.reach == 1
    asked = rl.Scenario("uniform(0.4, 1)", frame_time=1.0, mode_probability=0.9, symbols=4, cancel_after=0.3)
    assert rl.simulate(asked, frames=5_000, replications=2, threads=1).inaction_fraction == 1.0
