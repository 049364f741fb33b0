"""A million lower bounds of one law, against one at a time: ``python -m tests.benchmarks.benchmark_lower_bound``.

1,000 mode probabilities times 1,000 numbers of workers, and 10^5 times 10; the ratio is that to ``lower_bound_of_law``
on 50 of the same points. One core.
"""

import time

import numpy as np

from regretlab.laws import parse_law
from regretlab.theory.any_rule import lower_bound_of_law, lower_bounds
from regretlab.theory.loss import FrameLoss

LAWS = ("gamma(4, scale=0.8)", "lognorm(1, scale=3)", "3.2")


def main() -> None:
    """Print seconds for a million points, and the ratio to one call per point."""
    lower_bounds(parse_law(LAWS[0]), 1.0, [0.9], [1])  # compiled
    for text in LAWS:
        law = parse_law(text)
        for p_count, n_count in ((1_000, 1_000), (100_000, 10)):
            p, workers = np.linspace(0.5, 0.9999, p_count), np.arange(1, n_count + 1)
            for model in ("once", "repeat"):
                begin = time.perf_counter()
                grid = lower_bounds(law, 1.0, p, workers, service_model=model)
                seconds = time.perf_counter() - begin
                begin = time.perf_counter()
                for i in np.linspace(0, p_count - 1, 50).astype(int):
                    single = lower_bound_of_law(
                        law, 1.0, FrameLoss(float(p[i])), workers=int(workers[i % n_count]), service_model=model
                    )
                    assert abs(single.regret_per_frame - grid[i, i % n_count]) < 1e-12
                each = (time.perf_counter() - begin) / 50
                print(
                    f"{text:20} {model:6} {p_count} x {n_count}: {seconds:.3f} s for a million points,"
                    f" {each * 1e6 / seconds:,.0f} times one call per point"
                )


if __name__ == "__main__":
    main()
