"""Reward against delay from results of the simulated-delay protocol: read, judged and drawn alike for every game."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_delays", "read_cases", "read_delays", "said_verdict"]

RESULTS = Path(__file__).parent / "results"
WAYS = ("asynchronous", "sequential")
SEPARATE_FROM = 5
"""Frames of delay from which on the paper's comparison has to come out."""


def read_cases(name: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return each case of a results file over its seeds, and the file's metadata."""
    from dataclasses import asdict

    from regretlab.experiments import read_results, summarise
    from regretlab.experiments.results import read_metadata

    path = RESULTS / f"{name}.parquet"
    metadata = read_metadata(path)
    counted = metadata["configuration"]["experiment"]["counted"]
    return [asdict(case) for case in summarise(read_results(path), counted)], metadata


def read_delays(name: str, title: str) -> dict[str, Any]:
    """Return a panel: each way's points (delay, mean, half of the 95 % interval), floors, and how it was played."""
    cases, metadata = read_cases(name)
    experiment = metadata["configuration"]["experiment"]
    players = {case["label"]: case["player"] for case in metadata["configuration"]["case"]}
    ways: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    floors = {}
    for case in cases:
        value = [case["reward_per_frame"], case["interval"]]
        if players[case["case"]] in ("random", "noop"):
            floors[case["case"]] = value
        else:
            ways[case["interaction"]].append([case["delay"], *value])
    return {
        "title": title,
        "ways": ways,
        "floors": floors,
        "frames": experiment["frames"],
        "seeds": experiment["seeds"],
        "command": metadata["command"],
        "machine": metadata["machine"],
    }


def said_verdict(panel: dict[str, Any]) -> str:
    """Return which delays keep the intervals of the two ways apart, with the means."""
    parts = []
    for (delay, high, above), (_, low, below) in zip(*(panel["ways"][way] for way in WAYS), strict=True):
        apart = high - above > low + below
        said = "" if apart else ", intervals overlap" if high + above > low - below else ", sequential is better"
        parts.append(f"{delay:.0f} frames {high:.3g} ± {above:.2g} against {low:.2g} ± {below:.2g}{said}")
    return f"{panel['title']} (asynchronous against sequential): " + "; ".join(parts)


def draw_delays(panels: list[dict[str, Any]], *, linear_below: float | None = None) -> "Figure":
    """Draw a panel each; with ``linear_below`` the scale is logarithmic above that value."""
    from matplotlib.figure import Figure

    from regretlab.plots.style import WIDTHS, house_style

    with house_style():
        width = WIDTHS["page"] if len(panels) > 1 else WIDTHS["column"] * 1.25
        figure = Figure(figsize=(width, 3.0), layout="constrained")
        drawn = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, panel in zip(drawn, panels, strict=True):
            _panel(axes, panel)
            if linear_below is not None:
                axes.set_yscale("symlog", linthresh=linear_below)
            if len(panels) > 1:
                axes.set_title(panel["title"])
        drawn[0].set_ylabel("reward per frame")
        figure.legend(
            *drawn[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(WAYS) + len(panel["floors"])
        )
        return figure


def _panel(axes: "Axes", panel: dict[str, Any]) -> None:
    from regretlab.plots.style import COLOURS, DASHES, GREY, MARKERS

    places = range(len(panel["ways"][WAYS[0]]))
    for way, colour, marker in zip(WAYS, COLOURS, MARKERS, strict=False):
        delays, means, halves = zip(*panel["ways"][way], strict=True)
        axes.errorbar(places, means, halves, color=colour, marker=marker, capsize=3, label=way)
    for (label, (mean, half)), dashes in zip(panel["floors"].items(), DASHES[1:], strict=False):
        axes.axhline(mean, color=GREY, linestyle=dashes, linewidth=1, label=label)
        axes.axhspan(mean - half, mean + half, color=GREY, alpha=0.15, linewidth=0)
    axes.set_xticks(list(places), [f"{delay:.0f}" for delay in delays])
    axes.set_xlabel("delay, frames")
