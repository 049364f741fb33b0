"""Is the hold of "auto" the best, and who wins at equal workers: ``python -m tests.benchmarks.benchmark_hold``.

Gamma times of 3.2 frames, every hold from 1 to 20 simulated with the same random numbers. For each number of workers:
the best hold by brute force; what "auto" (as ``bound`` and ``simulate`` choose it) and the hold learned from the times
seen lose against it; how many inferences a frame each rule starts, and its regret.
"""

import numpy as np

from regretlab.laws import parse_law
from regretlab.rules import get_rule
from regretlab.rules.rule import HoldObjective
from regretlab.rules.state import HOLD
from regretlab.scenario import Scenario
from regretlab.simulation import replay, simulate
from regretlab.theory.hold import hold_to_simulate
from regretlab.theory.loss import FrameLoss

LAW = "gamma(4, scale=0.8)"
RIVALS = ("frame-hold", "max-time", "expected-time", "free-running")


def _learned(p: float, workers: int) -> int:
    """Return the hold that the rule itself has learned after 6000 frames."""
    objective = HoldObjective(p)
    times = parse_law(LAW).sample(np.random.default_rng(0), 8000)
    rows = replay(times, 1.0, workers=workers, rule="frame-hold", frames=6000, hold=objective).inferences
    rule = get_rule("frame-hold")
    state = rule.new_state(workers, 1.0, hold=objective)
    for row in np.sort(rows[~np.isnan(rows["completion"])], order="completion"):
        rule.on_completion(state, 0, row["scheduled"], row["completion"])
    return int(state[HOLD])


def main() -> None:
    """Print the table."""
    law = parse_law(LAW)
    print(
        "p workers | best auto learned | auto and learned lose | regret +- 95 % (inferences a frame): "
        + ", ".join(RIVALS)
    )
    for p in (0.8, 0.9, 0.97):
        for workers in (1, 2, 3, 4, 5, 6, 8, 12):
            asked = Scenario(law, frame_time=1.0, mode_probability=p, workers=workers, rule="frame-hold")
            play = {"frames": 400_000, "seed": 3}
            total = {hold: simulate(asked.replace(hold=hold), **play).regret.total for hold in range(1, 21)}
            best = min(total, key=total.__getitem__)
            auto, learned = hold_to_simulate(law, 1.0, FrameLoss(p), workers=workers), _learned(p, workers)
            text = []
            for rule in RIVALS:
                held = auto if rule == "frame-hold" else None
                found = simulate(asked.replace(rule=rule, hold=held), **play)
                low, high = found.regret.interval(0.95)
                text.append(f"{found.regret.total:.4f} +- {(high - low) / 2:.4f} ({found.inferences_per_frame:.2f})")
            lost = f"{total[auto] - total[best]:.4f} {total[learned] - total[best]:.4f}"
            print(f"{p} {workers} | {best} {auto} {learned} | {lost} | " + ", ".join(text), flush=True)


if __name__ == "__main__":
    main()
