"""Frames served next to two busy processes: ``python -m tests.benchmarks.benchmark_busy_neighbours [OPTIONS]``.

The goal: five runs of one minute with an emulated inference of 40 ms and three workers, each next to two
processes that compute without a pause, serve at least 98 % of their frames. The module starts the two processes itself;
run it on an otherwise idle machine. Printed for each run: the fraction of frames with an action, the longest inference,
what the rule had learned, the load of other programs (the two count two cores), and the lateness of the frames. Ends
with 1 if a run served less than the goal.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.records import Record
from tests.oracles.busy_processes import busy_processes

FRAME_RATE = 59.7275
GOAL = 0.98


def main() -> int:
    """Play the runs and print what each served."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rules", default="quantile-time", help="separated by commas")
    options.add_argument("--policy", default="random")
    options.add_argument("--emulate-latency", default="0.04")
    options.add_argument("--workers", type=int, default=3)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--busy", type=int, default=2, help="busy processes")
    asked = options.parse_args()
    served = []
    print(f"load before: {os.getloadavg()[0]:.2f}")
    with tempfile.TemporaryDirectory() as folder, busy_processes(asked.busy):
        for rule in asked.rules.split(","):
            for number in range(asked.runs):
                configuration = RunConfiguration(
                    policy=asked.policy,
                    emulate_latency=asked.emulate_latency,
                    workers=asked.workers,
                    rule=rule,
                    frames=round(asked.seconds * FRAME_RATE),
                    seed=number,
                )
                summary = run(configuration, Path(folder) / f"{rule}-{number}")
                record = Record.open(Path(folder) / f"{rule}-{number}")
                served.append(1 - summary.inaction_fraction)
                late = summary.deadline_lateness
                times = record.inferences["completion"] - record.inferences["dispatch"]
                print(
                    f"{rule} {number}: {100 * served[-1]:.2f} % served, longest inference {1e3 * times.max():.1f} ms, "
                    f"learned {summary.learned}, others {record.meta['cores_of_others']} cores, "
                    f"lateness p99 {1e3 * (late['p99'] or 0):.2f} ms, max {1e3 * (late['max'] or 0):.1f} ms",
                    flush=True,
                )
    print(f"least served: {100 * min(served):.2f} % (goal {100 * GOAL:g} %)")
    return 0 if min(served) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
