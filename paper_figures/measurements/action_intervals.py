"""Intervals between actions in realtime runs of four rules: real processes, real clock, emulated inference times.

``python -m paper_figures.measurements.action_intervals`` (some five minutes, on an otherwise idle machine).
"""

import argparse
import sys
import tempfile
from pathlib import Path

from .provenance import RESULTS, provenance, write_results

__all__ = ["NAME", "measure"]

NAME = "action_intervals"
RULES = ("max-time", "expected-time", "frame-pool", "frame-hold")
WORKERS = 6
HOLD = 5
TIMES = "gamma(4, scale={!r})"
MEAN_FRAMES = 4.0
BIN = 0.002
LONGEST = 0.2


def measure(frames: int, folder: Path = RESULTS) -> Path:
    """Run the rules one after the other and write histograms of the times between actions taking effect."""
    import numpy as np

    from paper_figures.plays import FRAME_TIME
    from regretlab.play.configuration import RunConfiguration
    from regretlab.play.run import run
    from regretlab.records import Record

    law = TIMES.format(MEAN_FRAMES / 4 * FRAME_TIME)
    edges = np.arange(0, LONGEST + BIN / 2, BIN)
    rules = []
    for index, rule in enumerate(RULES):
        configuration = RunConfiguration(
            environment_options={"symbols": 8, "mode_probability": 0.95},
            policy="oracle",
            rule=rule,
            workers=WORKERS,
            hold=HOLD if rule == "frame-hold" else None,
            frames=frames,
            emulate_latency=law,
            seed=index,
        )
        with tempfile.TemporaryDirectory() as place:
            summary = run(configuration, Path(place) / "record")
            record = Record.open(Path(place) / "record")
            done = record.inferences[(record.inferences["effect_frame"] >= 0) & ~record.inferences["lost"]]
            table = record.frames
        # The first half is left out: Algorithms 1 and 2 learn their cycle there.
        half = frames // 2
        releases = np.diff(np.sort(done.loc[done["effect_frame"] >= half, "release"].to_numpy()))
        served = table[(table["served_by"] >= 0) & (table["frame"] >= half)]
        applied = np.diff((served["deadline"] + served["lateness"]).to_numpy())
        rules.append(
            {
                "rule": rule,
                "seed": index,
                "frames": summary.frames,
                "inaction": summary.inaction_fraction,
                "releases": _histogram(releases, edges),
                "applied": _histogram(applied, edges),
                "lateness_p99": summary.deadline_lateness["p99"],
            }
        )
        print(f"{rule}: {len(releases)} outputs, inaction {summary.inaction_fraction:.3f}", file=sys.stderr)
    content = {
        "provenance": provenance(f"python -m paper_figures.measurements.{NAME} --frames {frames}"),
        "law": law,
        "workers": WORKERS,
        "hold": HOLD,
        "mean_frames": MEAN_FRAMES,
        "counted": "the second half of each run",
        "edges": [round(float(edge), 6) for edge in edges],
        "rules": rules,
    }
    return write_results(NAME, content, folder)


def _histogram(intervals: "object", edges: "object") -> dict[str, object]:
    """Return counts a bin and the moments; what is longer than the last edge is counted apart."""
    import numpy as np

    values = np.asarray(intervals, dtype=float)
    counts, _ = np.histogram(values, np.asarray(edges))
    deviation = float(values.std(ddof=1))
    batches = [float(part.std(ddof=1)) for part in np.array_split(values, 20)]
    return {
        "counts": counts.tolist(),
        "longer": int((values > np.asarray(edges)[-1]).sum()),
        "number": len(values),
        "mean": float(values.mean()),
        "std": deviation,
        "std_error": float(np.std(batches, ddof=1) / np.sqrt(len(batches))),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the times between actions, rule by rule, in real time.")
    parser.add_argument("--frames", type=int, default=3600)
    print(measure(parser.parse_args().frames))
