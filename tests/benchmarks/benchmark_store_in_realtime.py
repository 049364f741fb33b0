"""What a store of unused outputs costs in real time: ``python -m tests.benchmarks.benchmark_store_in_realtime``.

Realtime runs with and without a store, in turns, on a machine that should be idle (the load is printed). Under max-time
enough workers serve every frame, so that both must serve the same frames; the store is asked in each frame all the
same. Free-running workers serve more frames with a store, and the lateness is what may not change.
"""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median

from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run

FRAME_RATE = 59.7275
GAMMA = f"gamma(4, scale={0.8 / FRAME_RATE!r})"


def main() -> None:
    """Play the runs in turns and print what each served, and how late its frames were."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--turns", type=int, default=6)
    options.add_argument("--seconds", type=float, default=20.0)
    options.add_argument("--workers", type=int, default=3)
    asked = options.parse_args()
    for law, rule in (("0.04", "max-time"), ("0.04", "free-running"), (GAMMA, "free-running")):
        print(f"{rule}, inference time {law}, {asked.workers} workers; load {os.getloadavg()[0]:.1f}", flush=True)
        found: dict[str, list[tuple[float, ...]]] = {"drop": [], "keep": []}
        for turn in range(asked.turns):
            for unused, figures in found.items():
                configuration = RunConfiguration(
                    policy="oracle",
                    emulate_latency=law,
                    workers=asked.workers,
                    rule=rule,
                    unused=unused,
                    frames=round(asked.seconds * FRAME_RATE),
                    seed=turn,
                )
                with tempfile.TemporaryDirectory() as folder:
                    summary = run(configuration, Path(folder) / "run")
                late = summary.deadline_lateness
                figures.append(
                    (
                        100 * (1 - summary.inaction_fraction), float(summary.missed_frames),
                        1e3 * (late["p99"] or 0.0), 1e3 * (late["max"] or 0.0),
                    )
                )  # fmt: skip
        for place, name in enumerate(("% served", "missed frames", "lateness p99, ms", "lateness max, ms")):
            columns = {unused: [row[place] for row in rows] for unused, rows in found.items()}
            more = [kept - dropped for dropped, kept in zip(columns["drop"], columns["keep"], strict=True)]
            print(
                f"  {name:18} drop {median(columns['drop']):8.3f}  keep {median(columns['keep']):8.3f}  "
                f"more with a store {median(more):+.3f} ({min(more):+.3f} to {max(more):+.3f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
