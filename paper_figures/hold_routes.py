"""What frame-hold saves against each other rule: closed form, simulation, virtual clock and real time."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "hold-routes"
TITLE = "Frame-hold against the other rules, by four routes"
CLAIM = (
    "Ours, not the paper's: at equal workers frame-hold, its hold learned while playing, loses less than Algorithms 1 "
    "and 2 wherever inference times vary. Put to the test on beacon, for gamma, lognormal and measured times."
)

RESULTS_READ = ("results/hold_routes.json", "plays.py")
OTHERS = {
    "max-time": "against Algorithm 1",
    "expected-time": "against Algorithm 2",
    "free-running": "against free-running workers",
}
ROUTES = {"exact": "closed form", "simulated": "simulation", "virtual": "virtual clock", "realtime": "real time"}


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the differences in regret by every route, read from the committed measurement."""
    from .measurements.provenance import read_results

    results = read_results("hold_routes")
    made = results["provenance"]
    cells = []
    for cell in results["cells"]:
        saved = {other: _saved(cell, other) for other in OTHERS}
        cells.append({"law": cell["law"], "workers": cell["workers"], "saved": saved, "frames": _frames(cell)})
    return {
        "provenance": made,
        "cells": cells,
        "caption": (
            f"Regret per frame that frame-hold saves, beacon with K = {results['symbols']}, "
            f"p = {results['mode_probability']:g}, gaps 1; positive: frame-hold loses less. Rows: the law of the "
            f"inference time (gamma(4, scale = 0.0125 s), lognormal of sigma 0.5 and median 0.044 s, times measured "
            f"for impala-k7; {results['quantiles']} quantiles of each, emulated) and the workers. Closed forms where "
            f"there are; simulations of 8 x 1,000,000 frames; {results['virtual_frames']:,} frames on the virtual "
            f"clock and {results['frames']:,} in real time, the first tenth not counted, the hold learned while "
            "playing, the same screens for both rules, differences frame by frame. Bars: 99 % intervals. Measured "
            f"{made['measured'][:10]} on {made['machine']} by `{made['command']}`."
        ),
        "verdict": " ".join(
            f"{label[0].upper()}{label[1:]}: {_verdict(cells, other)}." for other, label in OTHERS.items()
        )
        + f" {_judged(cells)}",
    }


def _saved(cell: dict[str, Any], other: str) -> dict[str, Any]:
    """Return value and half-width by route."""
    import math

    ours, theirs = cell["rules"]["frame-hold"], cell["rules"][other]
    saved: dict[str, Any] = {}
    if ours["closed_form"] and theirs["closed_form"]:
        saved["exact"] = {"value": theirs["closed_form"]["total"] - ours["closed_form"]["total"], "interval": 0.0}
    pair = theirs["simulated"]["total"], ours["simulated"]["total"]
    saved["simulated"] = {
        "value": pair[0]["value"] - pair[1]["value"],
        "interval": math.hypot(pair[0]["interval"], pair[1]["interval"]),
    }
    for route in ("virtual", "realtime"):
        found = cell["saved_by_hold"][route][other]
        saved[route] = {"value": found["value"], "interval": found["interval"], "delay": found["delay"]}
    return saved


def _frames(cell: dict[str, Any]) -> float:
    from .plays import FRAME_TIME

    return float(cell["mean"]) / FRAME_TIME


def _verdict(cells: list[dict[str, Any]], other: str) -> str:
    """Count the cells in which each measured route distinguishes better from worse."""
    parts = []
    for route in ("simulated", "virtual", "realtime"):
        found = [cell["saved"][other][route] for cell in cells]
        better = sum(each["value"] > each["interval"] for each in found)
        worse = sum(each["value"] < -each["interval"] for each in found)
        parts.append(f"{ROUTES[route]}: better in {better}, worse in {worse} of {len(found)}")
    return "; ".join(parts)


def _judged(cells: list[dict[str, Any]]) -> str:
    """Say whether the claim stands, by simulation (the closed form has no Algorithm 2)."""
    lost = [
        f"{label} in {sum(found['value'] < -found['interval'] for found in measured)} of {len(cells)}"
        for other, label in list(OTHERS.items())[:2]
        for measured in [[cell["saved"][other]["simulated"] for cell in cells]]
        if any(found["value"] < -found["interval"] for found in measured)
    ]
    return (
        f"The claim is false in general: by simulation frame-hold loses {', '.join(lost)}."
        if lost
        else ("The claim stands in every case played.")
    )


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 5.0, column=9.0)
        panels = figure.subplots(1, len(OTHERS), sharey=True)
        for axes, (other, label) in zip(panels, OTHERS.items(), strict=True):
            _panel(axes, data["cells"], other)
            axes.set_title(label, fontsize="medium")
        panels[0].set_yticks(
            range(len(data["cells"])), [f"{cell['law']}, N = {cell['workers']}" for cell in data["cells"]]
        )
        panels[0].invert_yaxis()
        figure.supxlabel("regret per frame saved by frame-hold", fontsize="medium")
        handles, labels = panels[0].get_legend_handles_labels()
        for axes in panels[1:]:
            for handle, text in zip(*axes.get_legend_handles_labels(), strict=True):
                if text not in labels:
                    handles.append(handle)
                    labels.append(text)
        figure.legend(handles, labels, loc="outside upper center", ncols=4)
        return figure


def _panel(axes: "Axes", cells: list[dict[str, Any]], other: str) -> None:
    from regretlab.plots.concepts import GREY, look

    sources = {"exact": "prediction", "simulated": "simulation", "virtual": "virtual clock", "realtime": "real time"}
    axes.axvline(0, color=GREY, linewidth=0.8)
    for number, (route, label) in enumerate(ROUTES.items()):
        rows = [(row, cell["saved"][other][route]) for row, cell in enumerate(cells) if route in cell["saved"][other]]
        if not rows:
            continue
        axes.errorbar(
            [found["value"] for _, found in rows],
            [row + 0.2 * (number - 1.5) for row, _ in rows],
            xerr=None if route == "exact" else [found["interval"] for _, found in rows],
            label=label,
            **look(sources[route]).points(),
        )
    axes.grid(visible=False, axis="y")
