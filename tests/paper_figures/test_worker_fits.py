"""The fits of workers and learners: against the normal equations, and the documentation says what they are."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from paper_figures.measurements.provenance import read_results
from paper_figures.measurements.worker_fits import numbers, worker_fits

ROOT = Path(__file__).parents[2]


def _line(x, y):
    """Return slope and half of its 95 % interval from the normal equations."""
    design = np.stack([np.ones(len(x)), x], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    weights = inverse @ design.T @ y
    variance = ((y - design @ weights) ** 2).sum() / (len(x) - 2)
    return weights[1], stats.t.ppf(0.975, len(x) - 2) * np.sqrt(variance * inverse[1, 1])


def test_lines_and_exponents_are_those_of_the_normal_equations():
    table = numbers()
    times = {
        "N_I*": {row["policy"]: np.mean(row["seconds"]) for row in read_results("inference_times")["networks"]},
        "N_L*": {row["policy"]: np.mean(row["seconds"]) for row in read_results("learning_times")["networks"]},
    }
    for fit in worker_fits():
        used = list(times[fit.of])
        x = np.array([table[policy][0 if "parameters" in fit.against else 1] for policy in used])
        counts = np.ceil(np.array([times[fit.of][policy] for policy in used]) * 59.7275)
        assert (fit.slope, fit.slope_interval) == pytest.approx(_line(x, counts), rel=1e-9)
        power = _line(np.log(x), np.log([times[fit.of][policy] for policy in used]))
        assert (fit.exponent, fit.exponent_interval) == pytest.approx(power, rel=1e-6, abs=1e-9)


def test_a_frame_twice_as_long_needs_half_the_workers():
    for short, long in zip(numbers().values(), numbers(2 / 59.7275).values(), strict=True):
        assert long[2] == np.ceil(short[1] * 59.7275 / 2)


def test_the_documentation_gives_these_numbers():
    page = (ROOT / "docs" / "experiments.md").read_text()
    for fit in worker_fits():
        said = f"{fit.slope:.4g} ± {fit.slope_interval:.2g} | {fit.exponent:.2f} ± {fit.exponent_interval:.2f}"
        assert said in page, said
    for policy in ("impala-k1", "impala-k7", "impala-k29"):
        millions, seconds, workers, learners = numbers()[policy]
        said = f"| {policy} | {millions:.1f} | {1e3 * seconds:.3g} | {workers} | {learners} |"
        assert said in page, said
