"""What becomes of outputs, measured on the cartridge: kept, in chunks, cancelled, and the paper's two algorithms.

``python -m paper_figures.measurements.outputs`` (some fifteen minutes). Inference times are emulated, actions the
oracle's, so that the processes measure the rule and not this machine. A frame whose action is of age j counts what the
ring loses at that age on average over the world.

Each cell is kept in a folder when it is done, so that a measurement that was stopped goes on where it was.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from ..plays import FRAME_TIME, QUANTILE
from .provenance import RESULTS, provenance, write_results

__all__ = ["GROUPS", "NAME", "PROBABILITY", "SYMBOLS", "measure", "scenario_of"]

NAME = "outputs"
SYMBOLS = 8
PROBABILITY = 0.97
QUANTILES = 40
GROUPS: dict[str, dict[str, Any]] = {
    "gamma": {
        "law": f"gamma(4, scale={0.8 * FRAME_TIME!r})",
        "workers": (1, 2, 3, 4, 6, 8),
        "realtime": (1, 2, 4, 8),
        "kinds": {
            "sequential": {"rule": "sequential"},
            "max-time": {"rule": "max-time"},
            "expected-time": {"rule": "expected-time"},
            "kept": {"unused": "keep"},
        },
    },
    "lognormal": {
        "law": f"lognorm(1.2, scale={2 * FRAME_TIME!r})",
        "workers": (1, 2, 3, 4, 6, 8),
        "realtime": (1, 3, 6),
        "kinds": {
            "dropped": {},
            "kept": {"unused": "keep"},
            "cancelled": {"unused": "keep", "cancel_after": 2 * FRAME_TIME},
            "chunk": {"chunk": "inf"},
        },
    },
}
"""Laws of the inference time (seconds; 40 quantiles of each are played), and the rules played with each."""


def times_of(group: str, folder: Path) -> Path:
    """Write the quantiles of a group's law into a folder; return the file."""
    import numpy as np

    from regretlab.laws import parse_law

    law, file = parse_law(GROUPS[group]["law"]), folder / f"{group}.npy"
    np.save(file, np.array([law.quantile((i + 0.5) / QUANTILES) for i in range(QUANTILES)]))
    return file


def scenario_of(group: str, kind: str, workers: int, times: Path) -> Any:
    """Return what is played in a cell."""
    from regretlab.scenario import Scenario

    fields = {"mode_probability": PROBABILITY, "symbols": SYMBOLS, "workers": workers, **GROUPS[group]["kinds"][kind]}
    return Scenario(f"@{times}", frame_time=FRAME_TIME, **fields)


def measure(frames: int, virtual_frames: int, parts: Path, folder: Path = RESULTS) -> Path:
    """Play every cell that is not in ``parts`` yet; write the regrets with their intervals."""
    parts.mkdir(parents=True, exist_ok=True)
    cells = []
    for group, settings in GROUPS.items():
        times = times_of(group, parts)
        for kind, fields in settings["kinds"].items():
            for clock, workers in (("virtual", settings["workers"]), ("real", settings["realtime"])):
                for number in workers if fields.get("rule") != "sequential" else (1,):
                    count = virtual_frames if clock == "virtual" else frames
                    kept = parts / f"{group}-{kind}-{clock}-{number}-{count}.json"
                    if not kept.exists():
                        cell = _cell(scenario_of(group, kind, number, times), clock, count)
                        place = {"group": group, "kind": kind, "clock": clock, "workers": number}
                        write_results(kept.stem, place | cell, parts)
                        print(f"{kept.stem}: done", file=sys.stderr)
                    cells.append(json.loads(kept.read_text()))
    content = {
        "provenance": provenance(
            f"python -m paper_figures.measurements.{NAME} --frames {frames} --virtual-frames {virtual_frames}"
        ),
        "symbols": SYMBOLS,
        "mode_probability": PROBABILITY,
        "quantiles": QUANTILES,
        "frames": frames,
        "virtual_frames": virtual_frames,
        "cells": cells,
    }
    return write_results(NAME, content, folder)


def _cell(asked: Any, clock: str, frames: int) -> dict[str, Any]:
    """Play a cell; return its regret per frame with the half-width of its 99 % interval, and the load."""
    import numpy as np

    from regretlab.front import run
    from regretlab.records import batch_means
    from regretlab.theory.loss import FrameLoss

    with tempfile.TemporaryDirectory() as place:
        record = run(asked, policy="oracle", clock=clock, frames=frames, seed=1, out=place)  # type: ignore[arg-type]
        age = record.frames["delay_frames"].to_numpy()[frames // 10 :]
        said = {"cancelled": record.summary.cancelled, "restarts": record.summary.restarts}
    loss = np.where(age < 0, 1.0, FrameLoss(PROBABILITY, SYMBOLS).curve(np.maximum(age, 0)))
    value, error = batch_means(loss)
    return {"regret": value, "half": QUANTILE * error, "load": os.getloadavg()[0], **said}


def main() -> None:
    """Measure, with the lengths from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=900)
    parser.add_argument("--virtual-frames", type=int, default=20_000)
    parser.add_argument("--parts", type=Path, default=Path("outputs-parts"))
    asked = parser.parse_args()
    print(measure(asked.frames, asked.virtual_frames, asked.parts))


if __name__ == "__main__":
    main()
