"""frame-hold against the other rules by four routes: closed form, event simulation, virtual clock and real time.

``python -m paper_figures.measurements.hold_routes`` (some fifteen minutes, on an otherwise idle machine). Inference
times are emulated: forty quantiles of a gamma law, of a lognormal law, and of times measured for k = 7 on this machine.
So few values make the longest a matter of seconds to meet, which Algorithm 1 waits for.

Each cell is kept in a folder when it is done, so that a measurement that was stopped goes on where it was.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from ..plays import QUANTILE
from .provenance import RESULTS, provenance, write_results

__all__ = ["NAME", "measure"]

NAME = "hold_routes"
RULES = ("max-time", "expected-time", "free-running", "frame-hold")
SYMBOLS = 4
PROBABILITY = 0.9
QUANTILES = 40
CELLS = (("gamma", 3), ("gamma", 8), ("lognormal", 3), ("lognormal", 8), ("k=7", 2), ("k=7", 4))
LAWS = {"gamma": "gamma(4, scale=0.0125)", "lognormal": "lognorm(0.5, scale=0.044)"}


def measure(frames: int, virtual_frames: int, parts: Path, folder: Path = RESULTS) -> Path:
    """Play every cell by every route that is not in ``parts`` yet; write the regrets with their intervals."""
    parts.mkdir(parents=True, exist_ok=True)
    cells = []
    for number, (name, workers) in enumerate(CELLS):
        kept = parts / f"{number}-{frames}-{virtual_frames}.json"
        if not kept.exists():
            with tempfile.TemporaryDirectory() as place:
                cell = _cell(_times(name, parts), workers, frames, virtual_frames, number, Path(place))
            write_results(kept.stem, {"law": name, "workers": workers, **cell}, parts)
            print(f"{name}, {workers} workers: done", file=sys.stderr)
        cells.append(json.loads(kept.read_text()))
    content = {
        "provenance": provenance(
            f"python -m paper_figures.measurements.{NAME} --frames {frames} --virtual-frames {virtual_frames}"
        ),
        "symbols": SYMBOLS,
        "mode_probability": PROBABILITY,
        "laws": {**LAWS, "k=7": "measured for impala-k7"},
        "quantiles": QUANTILES,
        "latency": "emulated",
        "frames": frames,
        "virtual_frames": virtual_frames,
        "cells": cells,
    }
    return write_results(NAME, content, folder)


def _times(name: str, parts: Path) -> Path:
    """Return the file of a law's quantiles; measured times are measured once."""
    import numpy as np

    from regretlab.laws import parse_law
    from regretlab.policies import PolicySpec
    from regretlab.policies.profile import profile_policy

    file = parts / f"{name.replace('=', '')}.npy"
    if not file.exists():
        middles = (np.arange(QUANTILES) + 0.5) / QUANTILES
        if name in LAWS:
            values = np.array([parse_law(LAWS[name]).quantile(float(q)) for q in middles])
        else:
            values = np.quantile(profile_policy(PolicySpec("impala-k7", actions=7), samples=200).seconds, middles)
        np.save(file, values)
    return file


def _cell(times: Path, workers: int, frames: int, virtual_frames: int, number: int, place: Path) -> dict[str, Any]:
    """Return the regrets of all rules by all routes, and frame-hold's paired differences from the others."""
    from paper_figures.plays import FRAME_TIME
    from regretlab.laws import parse_law

    law = parse_law(f"@{times}")
    rules: dict[str, Any] = {}
    losses: dict[str, dict[str, Any]] = {"virtual": {}, "realtime": {}}
    for rule in RULES:
        rules[rule] = _in_theory(law, FRAME_TIME, rule, workers, number)
        for route, count in (("virtual", virtual_frames), ("realtime", frames)):
            played = _play(times, rule, workers, count, route == "virtual", number, place / f"{number}-{rule}-{route}")
            losses[route][rule] = played.pop("losses")
            rules[rule][route] = played
    differences = {
        route: {
            rule: _with_interval(of[rule]["total"] - of["frame-hold"]["total"])
            | {"delay": _with_interval(of[rule]["delay"] - of["frame-hold"]["delay"])}
            for rule in RULES[:-1]
        }
        for route, of in losses.items()
    }
    return {
        "mean": law.mean(),
        "coefficient_of_variation": law.std() / law.mean(),
        "rules": rules,
        "saved_by_hold": differences,
        "load": os.getloadavg()[1],
    }


def _in_theory(law: Any, frame_time: float, rule: str, workers: int, seed: int) -> dict[str, Any]:
    """Return the closed form, where there is one, and the event simulation."""
    from regretlab.rules.service.service import NoClosedForm
    from regretlab.scenario import Scenario
    from regretlab.simulation import simulate
    from regretlab.theory.realtime import bound

    hold = None
    try:
        report = bound(
            Scenario(
                law, frame_time=frame_time, mode_probability=PROBABILITY, symbols=SYMBOLS, workers=workers, rule=rule
            )
        )
        hold = report.hold
        exact = {**report.to_json()["regret_per_frame"], "hold": hold}
    except NoClosedForm:
        exact = None
    found = simulate(
        Scenario(
            law,
            frame_time=frame_time,
            mode_probability=PROBABILITY,
            symbols=SYMBOLS,
            workers=workers,
            rule=rule,
            hold=hold,
        ),
        frames=1_000_000,
        replications=8,
        seed=seed,
    )
    errors = found.standard_errors["regret_per_frame"]
    simulated = {
        part: {"value": getattr(found.regret, part), "interval": QUANTILE * errors[part]}
        for part in ("total", "inaction", "delay")
    }
    return {"closed_form": exact, "simulated": simulated}


def _play(times: Path, rule: str, workers: int, frames: int, virtual: bool, seed: int, out: Path) -> dict[str, Any]:
    """Play a run; the hold of frame-hold is learned while playing."""
    from regretlab.play.configuration import RunConfiguration
    from regretlab.play.run import run
    from regretlab.records import Record

    configuration = RunConfiguration(
        environment_options={"symbols": SYMBOLS, "mode_probability": PROBABILITY},
        policy="oracle",
        rule=rule,
        workers=workers,
        clock="virtual" if virtual else "real",
        frames=frames,
        emulate_latency=f"@{times}",
        seed=seed,  # the same screens for every rule, so that differences are paired
    )
    summary = run(configuration, out)
    table = Record.open(out).frames.iloc[
        summary.frames // 10 :
    ]  # while tau_max, mean and hold are learned: not counted
    lost = 1.0 - table["reward"].to_numpy(dtype=float)
    acted = (table["served_by"] >= 0).to_numpy()
    losses = {"total": lost, "inaction": lost * ~acted, "delay": lost * acted}
    return {
        **{part: _with_interval(values) for part, values in losses.items()},
        "frames": summary.frames,
        "hold": summary.hold,
        "lateness_p99": summary.deadline_lateness["p99"],
        "losses": losses,
    }


def _with_interval(values: Any) -> dict[str, float]:
    """Return the mean and its 99 % half-width by batch means."""
    from regretlab.records.batch_means import batch_means

    mean, error = batch_means(values)
    return {"value": float(mean), "interval": QUANTILE * float(error)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare the rules by four routes.")
    parser.add_argument("--frames", type=int, default=2400)
    parser.add_argument("--virtual-frames", type=int, default=60_000)
    parser.add_argument("--parts", type=Path, default=Path(f"{NAME}.parts"), help="folder of the cells done so far")
    given = parser.parse_args()
    print(measure(given.frames, given.virtual_frames, given.parts))
