"""The rule quantile-time: what it learns, how often an output is late, and what a hiccup costs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regretlab.rules import QUANTILE_TIME
from regretlab.rules.quantile_time import RANK, WINDOW, rank_among
from regretlab.rules.state import LEARNED_TIME
from regretlab.simulation import replay
from tests.oracles.event_loop import run_rule


def spacing_after(times, **options):
    """Return q after each of these occupations."""
    state = QUANTILE_TIME.new_state(1, 1.0, **options)
    found = []
    for time in times:
        QUANTILE_TIME.on_completion(state, 0, 0.0, time)
        found.append(state[LEARNED_TIME])
    return np.array(found)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["gamma", "ties", "rising", "constant"]), st.integers(1, 700))
def test_the_spacing_is_the_order_statistic_of_the_window(seed, kind, number):
    rng = np.random.default_rng(seed)
    times = {
        "gamma": rng.gamma(4.0, 0.8, number),
        "ties": rng.integers(1, 6, number).astype(float),
        "rising": np.arange(1.0, number + 1),
        "constant": np.full(number, 3.0),
    }[kind]
    found = spacing_after(times, first_estimate=99.0)
    for seen in range(1, number + 1):
        window = np.sort(times[max(0, seen - 256) : seen])[::-1]
        rank = max(1, (len(window) + 1) * 5 // 257)
        assert found[seen - 1] == window[rank - 1]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 30, 101, 102, 255, 256]), st.booleans())
def test_of_any_exchangeable_occupations_at_most_the_promised_share_is_late(seed, known, ties):
    """Each of n + 1 values is the last to complete equally often: at most k_n of them exceed the q of the others."""
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 9, known + 1).astype(float) if ties else rng.lognormal(0.0, 1.0, known + 1)
    late = 0
    for last in range(known + 1):
        spacing = spacing_after(np.delete(values, last))[-1]
        late += values[last] > spacing
    assert late <= rank_among(known)
    assert ties or late == rank_among(known)
    assert rank_among(known) / (known + 1) <= max(1 / (known + 1), RANK / (WINDOW + 1))


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("law", ["gamma", "lognormal", "two values"])
def test_the_share_of_late_outputs_in_a_run(law, workers):
    """At most 5/257 by standard errors over 12 runs of their own (z < 4); with one worker and no ties exactly that."""
    shares = []
    for seed in range(12):
        rng = np.random.default_rng([seed, workers])
        times = {
            "gamma": lambda rng=rng: rng.gamma(4.0, 0.8, 12_000),
            "lognormal": lambda rng=rng: rng.lognormal(1.0, 0.8, 12_000),
            "two values": lambda rng=rng: np.where(rng.random(12_000) < 0.01, 9.0, 3.0),
        }[law]()
        rows = replay(times, 1.0, workers=workers, rule="quantile-time", frames=8_000, first_estimate=5.0).inferences
        rows = np.sort(rows[~np.isnan(rows["completion"])], order="completion")
        took = rows["completion"] - rows["scheduled"]
        windows = np.lib.stride_tricks.sliding_window_view(took[:-1], WINDOW)
        late = took[WINDOW:] > np.partition(windows, -RANK, axis=1)[:, -RANK] + 1e-9
        if law != "two values":  # an output is released on completion exactly where it is late
            assert np.array_equal(late, (rows["release"] == rows["completion"])[WINDOW:])
        shares.append(np.mean(late))
    mean, error = np.mean(shares), np.std(shares, ddof=1) / np.sqrt(len(shares))
    assert mean < RANK / (WINDOW + 1) + 4 * error
    if workers == 1 and law != "two values":
        assert mean == pytest.approx(RANK / (WINDOW + 1), abs=4 * error)


def test_a_hiccup_is_forgotten_and_max_time_keeps_it():
    """40 ms and once 60.7 ms, 60 frames/s, 3 workers: every frame is served again within 256 completions."""
    times = np.full(6000, 0.040)
    times[500] = 0.0607
    served = {}
    for rule in ("max-time", "quantile-time"):
        log = replay(times, 1 / 60, workers=3, rule=rule, frames=4000, first_estimate=0.04)
        served[rule] = np.mean(log.frames["served_by"][1000:] >= 0)
    assert served["quantile-time"] == 1.0
    assert served["max-time"] == pytest.approx(3 / (0.0607 * 60), abs=0.002)


def test_rare_long_inferences_cost_a_fraction_of_what_they_cost_max_time():
    """.1507 s, one in 200 of them .3516 s, ten workers, 60 frames/s: 1 - 10/21.1 = .526 under max-time."""
    rng = np.random.default_rng(3)
    times = np.where(rng.random(120_000) < 1 / 200, 0.3516, 0.1507)
    left = {}
    for rule in ("max-time", "quantile-time"):
        log = replay(times, 1 / 60, workers=10, rule=rule, frames=60_000, first_estimate=0.1507)
        left[rule] = np.mean(log.frames["served_by"][5000:] < 0)
    assert left["max-time"] == pytest.approx(1 - 10 / (60 * 0.3516), abs=0.002)
    assert left["quantile-time"] < left["max-time"] / 4


def test_in_time_outputs_leave_as_evenly_as_they_started():
    rng = np.random.default_rng(4)
    log = run_rule("quantile-time", 3, lambda: rng.uniform(3.0, 5.3), 6000)
    late = np.array(log.releases) == np.array(log.completions)
    held = np.array(log.releases) - np.array(log.starts)
    assert held[1000:].std() < 0.02
    assert np.mean(late[1000:]) < 0.03
    spacing = np.diff(np.sort(log.starts))[1000:]
    off = np.abs(spacing - np.median(held) / 3)
    assert np.mean(off > 0.02) < 0.06  # where all three workers are busy, a start waits for a late one


def test_on_frames_the_spacing_is_whole_frames():
    state = QUANTILE_TIME.new_state(2, 0.1, alignment="frame", first_estimate=0.33)
    assert QUANTILE_TIME.learned(state) == {"quantile_time": pytest.approx(0.4)}
    release = QUANTILE_TIME.on_completion(state, 0, 0.2, 0.45)
    assert release == pytest.approx(0.6)  # the estimate held it
    assert QUANTILE_TIME.learned(state) == {"quantile_time": pytest.approx(0.3)}  # and is forgotten
