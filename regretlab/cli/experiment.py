"""The commands that play experiments: ``experiment simulated-delay`` and ``experiment asynchronous``."""

from pathlib import Path
from typing import Any

from cyclopts import App

from .options import Flag, Json, Whole, app
from .output import print_json, print_rows, show_progress

__all__ = ["asynchronous", "simulated_delay"]

experiment = App(name="experiment", help="Play agents, scripts and floors with several seeds; resumes where it was.")
app.command(experiment)


@experiment.command
def simulated_delay(
    configuration: Path,
    *,
    out: Path,
    budget: str = "full",
    seeds: Whole | None = None,
    cores: Whole = 1,
    figure: Path | None = None,
    trust: Flag = False,
    json: Json = False,
) -> int:
    """Play by observations that are so many frames old, with an action in each frame or with pauses between them.

    Example: regretlab experiment simulated-delay stacker.toml --budget cpu --out stacker.parquet

    Parameters
    ----------
    configuration
        TOML file with the sections experiment and case (see paper_figures/experiments).
    out
        Results file to write, .parquet. Finished cells (a case, a seed) are kept next to it until all are there.
    budget
        full, or the name of a smaller size in the file: cpu in the included files.
    seeds
        Number of seeds in place of the file's.
    cores
        Processes that play cells at the same time.
    figure
        File for a figure of the reward against the frames played: .pdf, .svg or .png.
    trust
        Run the Python files and modules, and join the Ray clusters, that the file names. Only for a file you have read.
    """
    return _play("simulated-delay", configuration, out, budget, seeds, cores, figure, trust, json)


@experiment.command
def asynchronous(
    configuration: Path,
    *,
    out: Path,
    budget: str = "full",
    seeds: Whole | None = None,
    cores: Whole = 1,
    figure: Path | None = None,
    trust: Flag = False,
    json: Json = False,
) -> int:
    """Play with staggered workers and learners: the runs of the harness, on either clock.

    Example: regretlab experiment asynchronous beacon.toml --budget cpu --out beacon.parquet

    Parameters
    ----------
    configuration
        TOML file with the sections experiment, run and case (see paper_figures/experiments).
    out
        Results file to write, .parquet. Finished cells (a case, a seed) are kept next to it until all are there.
    budget
        full, or the name of a smaller size in the file: cpu in the included files.
    seeds
        Number of seeds in place of the file's.
    cores
        Processes that play cells at the same time (virtual clock only).
    figure
        File for a figure of the reward against the frames played: .pdf, .svg or .png.
    trust
        Run the Python files and modules, and join the Ray clusters, that the file names. Only for a file you have read.
    """
    return _play("asynchronous", configuration, out, budget, seeds, cores, figure, trust, json)


def _play(
    protocol: str,
    configuration: Path,
    out: Path,
    budget: str,
    seeds: int | None,
    cores: int,
    figure: Path | None,
    trust: bool,
    json: bool,
) -> int:
    import time
    from dataclasses import asdict

    from ..errors import InputError
    from ..experiments import read_experiment, read_results, run_experiment

    if figure is not None and figure.suffix not in (".pdf", ".svg", ".png"):
        raise InputError(f"a figure goes to a .pdf, .svg or .png file, not '{figure}'")
    chosen = read_experiment(configuration, budget, seeds, trust=trust)
    if chosen.settings.protocol != protocol:
        raise InputError(f"{configuration}: is of protocol {chosen.settings.protocol}, not {protocol}")
    words = ["regretlab", "experiment", protocol, str(configuration), "--budget", budget]
    words += ["--trust"] if trust else []
    words += [] if seeds is None else ["--seeds", str(seeds)]
    began = time.perf_counter()
    with show_progress() as tell:
        outcome = run_experiment(
            chosen,
            out,
            cores=cores,
            command=" ".join([*words, "--out", str(out)]),
            progress=tell,
        )
    if figure is not None:
        from ..plots.rewards import draw_rewards

        draw_rewards(read_results(outcome.path), chosen.settings.title).savefig(figure)
    if json:
        print_json(
            {
                "out": str(outcome.path),
                "protocol": protocol,
                "budget": budget,
                "cells": outcome.cells,
                "played_cells": outcome.played,
                "seconds": time.perf_counter() - began,
                "cases": [asdict(case) for case in outcome.summaries],
            }
        )
        return 0
    rows = [_row(case) for case in outcome.summaries]
    columns = ("case", "delay", "interaction", "reward per frame, 95 %", "acted")
    played = f"{chosen.settings.seeds} seed{'' if chosen.settings.seeds == 1 else 's'}"
    print_rows(f"{chosen.settings.title or configuration}, {played}: {outcome.path}", columns, rows, 0)
    return 0


def _row(case: Any) -> list[str]:
    interval = "" if case.interval is None else f" ± {case.interval:.2g}"
    return [
        case.case,
        str(case.delay),
        case.interaction,
        f"{case.reward_per_frame:.4g}{interval}",
        f"{100 * case.acted:.3g} %",
    ]
