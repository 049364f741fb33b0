"""Regret over ten million (inference time, p) points: compiled sweep against direct NumPy, side by side.

Run ``python -m tests.benchmarks.benchmark_grid``. Prints seconds, the ratio, and the largest difference. Each is the
best of three, after one call to compile; the alternatives are what one would write with NumPy and SciPy:

* constant: ``1 - p ** ceil(x)``;
* exponential: ``1 - p (1 - e^-mu) / (1 - p e^-mu)``, broadcast;
* gamma: the series (1-p) sum_n p^n F(n) with ``scipy.stats.gamma.cdf``, until what is left is below 1e-12.
"""

import time

import numpy as np
from scipy import stats

from regretlab.theory.grid import regret_grid

SIDE = 3163  # squared: ten million points
TIMES = np.linspace(0.05, 12.0, SIDE)
P = np.linspace(0.3, 0.999, SIDE)
SHAPE = 4


def constant_numpy():
    return 1.0 - P[None, :] ** np.ceil(TIMES)[:, None]


def exponential_numpy():
    mu = 1.0 / TIMES[:, None]
    return 1.0 - P[None, :] * (1.0 - np.exp(-mu)) / (1.0 - P[None, :] * np.exp(-mu))


def exponential_numpy_pointwise():
    times, p = np.meshgrid(TIMES, P, indexing="ij")
    mu = 1.0 / times
    return 1.0 - p * (1.0 - np.exp(-mu)) / (1.0 - p * np.exp(-mu))


def gamma_scipy_series():
    total = np.zeros((SIDE, SIDE))
    frame = 0
    while True:
        frame += 1
        below = stats.gamma.cdf(frame, SHAPE, scale=TIMES / SHAPE)
        total += below[:, None] * P[None, :] ** frame
        if 1.0 - below.min() < 1e-12:  # the rest of the series is geometric
            return 1.0 - (1.0 - P) * total - P ** (frame + 1)


def gamma_scipy_matrix():
    last = int(stats.gamma.isf(1e-12, SHAPE, scale=TIMES[-1] / SHAPE)) + 1
    frames = np.arange(1, last + 1)
    below = stats.gamma.cdf(frames[None, :], SHAPE, scale=TIMES[:, None] / SHAPE)
    powers = P[None, :] ** frames[:, None]
    return 1.0 - (1.0 - P) * (below @ powers) - P ** (last + 1)


def best_of(call, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return min(times), result


def main():
    print(f"{SIDE * SIDE:,} points, seconds (best of three)")
    cases = [
        ("constant / NumPy", constant_numpy, lambda: regret_grid("constant", TIMES, P, 1.0), 3),
        ("exponential / NumPy, broadcast", exponential_numpy, lambda: regret_grid("exponential", TIMES, P, 1.0), 3),
        (
            "exponential / NumPy, point by point",
            exponential_numpy_pointwise,
            lambda: regret_grid("exponential", TIMES, P, 1.0),
            3,
        ),
        (
            f"gamma({SHAPE}) / SciPy series",
            gamma_scipy_series,
            lambda: regret_grid("gamma", TIMES, P, 1.0, shape=SHAPE),
            1,
        ),
        (
            f"gamma({SHAPE}) / SciPy series as a matrix product",
            gamma_scipy_matrix,
            lambda: regret_grid("gamma", TIMES, P, 1.0, shape=SHAPE),
            3,
        ),
    ]
    for name, direct, compiled, repeats in cases:
        compiled()
        slow, expected = best_of(direct, repeats)
        fast, found = best_of(compiled, 3)
        difference = np.abs(found - expected).max()
        print(f"{name:48s} {slow:8.3f} / {fast:6.3f} = {slow / fast:6.1f} times, differ by {difference:.1e}")


if __name__ == "__main__":
    main()
