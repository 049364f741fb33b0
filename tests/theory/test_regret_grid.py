"""The compiled grid against the report, point by point; memory; refusals."""

import tracemalloc

import numpy as np
import pytest

from regretlab.errors import InputError
from regretlab.laws import constant, parse_law
from regretlab.scenario import Scenario
from regretlab.theory.grid import regret_grid
from regretlab.theory.realtime import bound

TIMES = np.array([0.003, 0.05, 0.1, 0.17, 0.3, 0.3 + 1e-12, 0.95, 6.0])
P = np.array([0.0, 0.34, 0.5, 0.9, 0.999, 1.0])


def law_of(family, mean, shape):
    if family == "constant":
        return constant(mean)
    if family == "exponential":
        return parse_law(f"expon(scale={mean!r})")
    return parse_law(f"gamma({shape}, scale={mean / shape!r})")


@pytest.mark.parametrize("symbols", [None, 3])
@pytest.mark.parametrize("rule", ["sequential", "sequential-strict"])
@pytest.mark.parametrize(
    ("family", "shape"), [("constant", 1), ("exponential", 1), ("gamma", 1), ("gamma", 4), ("gamma", 11)]
)
def test_one_worker_against_the_report(family, shape, rule, symbols):
    p = P if symbols is None else P[1:]
    found = regret_grid(family, TIMES, p, 0.1, rule=rule, shape=shape, symbols=symbols, gap_default=0.9, gap_delay=0.7)
    for i, mean in enumerate(TIMES):
        for j, mode in enumerate(p):
            report = bound(
                Scenario(
                    law_of(family, float(mean), shape),
                    frame_time=0.1,
                    mode_probability=float(mode),
                    rule=rule,
                    symbols=symbols,
                    gap_default=0.9,
                    gap_delay=0.7,
                )
            )
            assert found[i, j] == pytest.approx(report.regret.total, abs=2e-12)


@pytest.mark.parametrize(("family", "shape"), [("constant", 1), ("exponential", 1), ("gamma", 4)])
def test_every_frame_served_is_the_delay_moment(family, shape):
    found = regret_grid(family, TIMES, P, 0.1, shape=shape, gap_delay=0.5)
    expected = [
        [0.5 * (1 - law_of(family, float(mean), shape).moment(float(mode), 0.1).value) for mode in P] for mean in TIMES
    ]
    assert found == pytest.approx(np.array(expected), abs=1e-12)


@pytest.mark.parametrize("workers", [1, 4, 90])
def test_max_time_against_the_report(workers):
    found = regret_grid("constant", TIMES, P, 0.1, rule="max-time", workers=workers)
    for i, mean in enumerate(TIMES):
        for j, mode in enumerate(P):
            report = bound(
                Scenario(
                    constant(float(mean)),
                    frame_time=0.1,
                    mode_probability=float(mode),
                    rule="max-time",
                    workers=workers,
                    alignment="frame",
                )
            )
            assert found[i, j] == pytest.approx(report.regret.total, abs=1e-12)


def test_very_long_delays_keep_their_digits():
    times = np.array([500.0, 1023.0, 1024.0, 1025.0, 1e5, 1e6])
    p = np.array([0.5, 0.999, 1 - 1e-6])
    expected = 1 - np.exp(times[:, None] * np.log(p)[None, :])
    assert regret_grid("constant", times, p, 1.0) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("rule", [None, "sequential"])
def test_times_far_below_a_frame_and_far_above(rule):
    found = regret_grid("gamma", [1e-14, 1e-5, 1e7], [0.3, 0.9], 1.0, rule=rule, shape=24)
    assert found[0] == pytest.approx([0.7, 0.1], abs=1e-14)
    assert found[1] == pytest.approx([0.7, 0.1], abs=1e-14)
    assert found[2] == pytest.approx([1.0, 1.0], abs=1e-6)


def test_blocks_and_repeated_rows_change_nothing():
    random = np.random.default_rng(2)
    times, p = random.uniform(0.1, 9.0, 60), random.uniform(0, 1, 1300)
    shuffled = random.permutation(60)
    for family, shape in (("constant", 1), ("exponential", 1), ("gamma", 5)):
        whole = regret_grid(family, np.sort(times), p, 1.0, shape=shape)
        pieces = regret_grid(family, np.sort(times)[shuffled], p[::-1], 1.0, shape=shape)
        assert np.array_equal(whole[shuffled][:, ::-1], pieces)


@pytest.mark.parametrize(("family", "shape"), [("constant", 1), ("exponential", 1), ("gamma", 4)])
def test_nothing_the_size_of_the_grid_is_made_but_the_result(family, shape):
    times, p = np.linspace(0.1, 9, 800), np.linspace(0.3, 1, 900)
    out = np.empty((800, 900))
    regret_grid(family, times[:2], p, 1.0, rule="sequential", shape=shape)  # compile
    tracemalloc.start()
    result = regret_grid(family, times, p, 1.0, rule="sequential", shape=shape, out=out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result is out
    assert peak < out.nbytes / 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family": "weibull"}, "family must be one of constant, exponential, gamma, not 'weibull'"),
        ({"rule": "frame-pool"}, "a grid is for rules of one worker and for .max-time., not for .frame-pool."),
        ({"rule": "max-time"}, "rule 'max-time' on a grid is for constant times, not family 'gamma'"),
        ({"shape": 25}, r"shape must be 1 \(gamma: up to 24\), not 25"),
        ({"shape": 2, "family": "constant"}, "not 2 for family 'constant'"),
        ({"shape": 1.5}, r"shape must be a whole number of at least 1, not 1\.5"),
        ({"inference_times": [1.0, 0.0]}, r"inference times must be positive, finite numbers of seconds, not 0\.0"),
        ({"inference_times": [[1.0]]}, r"must be one-dimensional, not \(1, 1\) and \(1,\)"),
        ({"mode_probabilities": [0.5, 1.5]}, r"mode probability must lie in \[0, 1\], not 1\.5"),
        (
            {"mode_probabilities": [0.2], "symbols": 4},
            r"mode probability must lie in \[1/4, 1\] for 4 symbols, not 0\.2",
        ),
        ({"symbols": 1}, "symbols must be a whole number of at least 2, not 1"),
        ({"frame_time": 0.0}, "frame time must be a positive"),
        ({"workers": 0}, "workers must be a whole number of at least 1, not 0"),
        ({"gap_delay": -1}, "gap of a wrong action must be a finite number"),
        ({"out": np.empty((2, 2))}, r"out must be a float64 array of shape \(1, 1\), not float64 of \(2, 2\)"),
    ],
)
def test_unusable_input_is_named(changes, message):
    values = {"family": "gamma", "inference_times": [1.0], "mode_probabilities": [0.9], "frame_time": 1.0, **changes}
    with pytest.raises(InputError, match=message):
        regret_grid(
            values.pop("family"),
            values.pop("inference_times"),
            values.pop("mode_probabilities"),
            values.pop("frame_time"),
            **values,
        )
