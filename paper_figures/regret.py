"""Regret per frame against inference time, sequential and staggered: theory and runs on the cartridge.

Stands for the claims that sequential regret does not vanish and that staggered workers leave only the delay part. The
points are runs on the virtual clock with their 99 % intervals.
"""

import tempfile
from pathlib import Path

from regretlab.harness.run import run
from regretlab.records import Record
from regretlab.validation.report import regret_figure
from regretlab.validation.runs import MAIN_PROBABILITY, PlannedRun, planned_runs

__all__ = ["NAME", "compute", "draw"]

NAME = "regret"
FRAMES = 20_000


def compute(folder: Path) -> list[tuple[PlannedRun, Record]]:
    """Play the runs with constant inference times, ``FRAMES`` frames each; return them with their records."""
    played = []
    for planned in planned_runs(quick=True, clocks=("virtual",)):
        configuration = planned.configuration
        constant = (configuration.emulate_latency or "").startswith("constant")
        if constant and configuration.environment_options["mode_probability"] == MAIN_PROBABILITY:
            shorter = configuration.model_copy(update={"frames": FRAMES})
            run(shorter, folder / planned.name, overwrite=True)
            played.append((planned, Record.open(folder / planned.name)))
    return played


def draw(out: Path) -> list[Path]:
    """Write the figure as PDF and PNG; return the paths."""
    with tempfile.TemporaryDirectory() as folder:
        figure = regret_figure(compute(Path(folder)))
    paths = [out / f"{NAME}.pdf", out / f"{NAME}.png"]
    for path in paths:
        figure.savefig(path, bbox_inches="tight", metadata={"CreationDate": None} if path.suffix == ".pdf" else None)
    return paths
