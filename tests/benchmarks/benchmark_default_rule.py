"""Which staggering rule to use by default: regret per frame of each rule that runs any number of workers.

Laws with a mean of about four frames: constant, narrow, wide, heavy-tailed, and the times of an idle and of a loaded
machine (narrow, with one inference in 100 or in 1,000 ten times as long); times of .1507 s of which one in 200 is
.3516 s; and two traces whose times depend on each other: a law that shifts and a laptop loaded by spells. Run ``python
-m tests.benchmarks.benchmark_default_rule``; the seeds are fixed, so it prints the same numbers everywhere.
"""

import numpy as np

from regretlab.laws import law_from_samples
from regretlab.scenario import Scenario
from regretlab.simulation import replay, simulate

RULES = ("max-time", "quantile-time", "expected-time", "free-running", "frame-pool", "frame-hold")
FRAME = 1 / 59.7275


def loaded(share: float, length: float = 10.0) -> object:
    """Times of a machine that now and then does something else: gamma of cv 0.1, some ten times as long."""
    random = np.random.default_rng(7)
    times = random.gamma(100, 4 * FRAME / 100, 100_000)
    return law_from_samples(np.where(random.random(len(times)) < share, length * times, times), text=f"{share:g} late")


LAWS = {
    "constant": 4.2 * FRAME,
    "gamma, cv 0.1": f"gamma(100, scale={4 * FRAME / 100})",
    "gamma, cv 0.5": f"gamma(4, scale={FRAME})",
    "exponential": f"expon(scale={4 * FRAME})",
    "lognormal, cv 1": f"lognorm(0.83, scale={2.83 * FRAME})",
    "hiccup 1 in 1,000": loaded(0.001),
    "hiccup 1 in 100": loaded(0.01),
    "outlier 1 in 200": law_from_samples([0.1507] * 199 + [0.3516], text="1 in 200"),
}


def traces() -> dict[str, np.ndarray]:
    """Return inference times that are not independent: a law that shifts, and a laptop that others load by spells."""
    random = np.random.default_rng(11)
    times = random.gamma(100, 4 * FRAME / 100, 120_000)
    shifts = np.where(np.arange(len(times)) // 3000 % 2, 2.0, 1.0)  # every 3,000 inferences to twice as long, or back
    loaded = np.repeat(random.random(len(times) // 300) < 0.2, 300)  # spells of 300 inferences, a fifth of them
    shares = random.uniform(1, 3, len(times))  # what a core that others use leaves
    return {"shifting law": times * shifts, "loaded laptop": np.where(loaded, shares, 1.0) * times}


def replayed(times: np.ndarray, rule: str, workers: int, p: float) -> float:
    """Return the regret per frame of the rule on those times, each frame losing 1 - p^delay, or 1 without an action."""
    log = replay(times, FRAME, workers=workers, rule=rule, frames=40_000, first_estimate=float(np.median(times[:8])))
    served = log.frames["served_by"] >= 0
    return float(np.mean(np.where(served, 1 - p ** log.frames["delay_frames"], 1.0)))


def main() -> None:
    """Print the table, and for each rule its mean and its worst excess over the best rule of each cell."""
    excess: dict[str, list[float]] = {rule: [] for rule in RULES}
    print("law | p | workers | " + " | ".join(RULES))
    for name, law in LAWS.items():
        for p in (0.9, 0.97):
            for workers in (1, 2, 4, 6, 8):
                asked = Scenario(law, mode_probability=p, workers=workers)
                found = {rule: simulate(asked.replace(rule=rule), frames=100_000).regret.total for rule in RULES}
                for rule, regret in found.items():
                    excess[rule].append(regret - min(found.values()))
                print(f"{name} | {p} | {workers} | " + " | ".join(f"{found[rule]:.3f}" for rule in RULES), flush=True)
    for name, times in traces().items():
        for p in (0.9, 0.97):
            for workers in (1, 2, 4, 6, 8):
                found = {rule: replayed(times, rule, workers, p) for rule in RULES}
                for rule, regret in found.items():
                    excess[rule].append(regret - min(found.values()))
                print(f"{name} | {p} | {workers} | " + " | ".join(f"{found[rule]:.3f}" for rule in RULES), flush=True)
    for rule in RULES:
        print(f"{rule}: above the best rule by {np.mean(excess[rule]):.3f} on average, {max(excess[rule]):.3f} at most")


if __name__ == "__main__":
    main()
