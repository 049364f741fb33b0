"""Reward against model size from results of the simulated-delay protocol: read, judged and drawn alike for every game.

A model's size stands for its delay: the frames that the paper's machine took for an inference of it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .differences import difference, sign

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_panel", "draw_sizes", "judge_sizes", "paired_differences", "read_cases", "read_sizes", "said_verdict"]

RESULTS = Path(__file__).parent / "results"
WAYS = ("asynchronous", "sequential")


def read_cases(name: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return each case of a results file over its seeds, and the file's metadata."""
    from dataclasses import asdict

    from regretlab.experiments import case_summaries, read_results
    from regretlab.experiments.results import read_metadata

    path = RESULTS / f"{name}.parquet"
    metadata = read_metadata(path)
    counted = metadata["configuration"]["experiment"]["counted"]
    return [asdict(case) for case in case_summaries(read_results(path), counted)], metadata


def read_sizes(name: str, panels: Mapping[str, Mapping[str, int]], label: str | None = None) -> list[dict[str, Any]]:
    """Return panels: each way's points (delay, mean, half of the 95 % interval), floors, and how it was played.

    ``by_seed`` holds what the means are of: each way's values at each delay, and those of the floors that play is
    judged against: not of a fixed action that may be the best there is.

    Parameters
    ----------
    name
        The results file.
    panels
        Title of each panel, and the delay of each model in it; panels of delays that were not played are left out.
    label
        The case whose play is shown, where there are several besides the floors.
    """
    cases, metadata = read_cases(name)
    experiment = metadata["configuration"]["experiment"]
    players = {case["label"]: case["player"] for case in metadata["configuration"]["case"]}
    values = {}
    floors = {}
    seeds = {}
    for case in cases:
        value = [case["reward_per_frame"], case["interval"]]
        is_floor = players[case["case"]] in ("random", "noop", "fixed")
        if not is_floor and label not in (None, case["case"]):
            continue
        if is_floor:
            floors[case["case"]] = value
        else:
            values[case["interaction"], case["delay"]] = value
        seeds[case["case"] if is_floor else (case["interaction"], case["delay"])] = list(case["by_seed"])
    return [
        {
            "title": title,
            "models": list(delays),
            "ways": {way: [[delay, *values[way, delay]] for delay in delays.values()] for way in WAYS},
            "floors": floors,
            "by_seed": {
                "ways": {way: [seeds[way, delay] for delay in delays.values()] for way in WAYS},
                "floors": {label: seeds[label] for label in floors if players[label] != "fixed"},
            },
            "frames": experiment["frames"],
            "seeds": experiment["seeds"],
            "command": metadata["command"],
            "machine": metadata["machine"],
        }
        for title, delays in panels.items()
        if {(way, delay) for way in WAYS for delay in delays.values()} <= set(values)
    ]


def _differences(panel: dict[str, Any]) -> list[tuple[float, float]]:
    """Return for each model the interval of what asynchronous play has more than sequential play."""
    return [difference(*pair) for pair in zip(*(panel["by_seed"]["ways"][way] for way in WAYS), strict=True)]


def paired_differences(panel: dict[str, Any]) -> list[tuple[float, float, float]]:
    """Return (delay, low, high): the interval of what asynchronous play has more than sequential play."""
    delays = [delay for delay, _, _ in panel["ways"][WAYS[0]]]
    return [(delay, *interval) for delay, interval in zip(delays, _differences(panel), strict=True)]


def _clear(panel: dict[str, Any]) -> list[bool]:
    """Return for each model whether asynchronous play is clearly above every floor."""
    floors = panel["by_seed"]["floors"].values()
    return [all(sign(difference(own, floor)) > 0 for floor in floors) for own in panel["by_seed"]["ways"][WAYS[0]]]


def said_verdict(panel: dict[str, Any]) -> str:
    """Return for each model both means, whether their difference, and that from the floors, differs from zero."""
    parts = []
    for model, interval, clear, (delay, high, above), (_, low, below) in zip(
        panel["models"],
        _differences(panel),
        _clear(panel),
        *(panel["ways"][way] for way in WAYS),
        strict=True,
    ):
        said = {1: "", 0: "undecided", -1: "sequential is ahead"}[sign(interval)]
        if not clear:
            said += f"{', ' if said else ''}staggered play not clear of the floors"
        told = f"{model} ({_frames(delay)}) {high:.3g} ± {above:.2g} against {low:.2g} ± {below:.2g}"
        parts.append(f"{told}, {said}" if said else told)
    return f"{panel['title']} (staggered against sequential): " + "; ".join(parts)


def _frames(number: float) -> str:
    return "1 frame" if number == 1 else f"{number:.0f} frames"


def judge_sizes(panels: Sequence[dict[str, Any]], who: str) -> dict[str, str]:
    """Return the judgement of the paper's comparison over all models of all panels.

    It holds if for each model asynchronous play is ahead and above every floor, in part if for some: to be less bad
    than a player who loses by its pauses is not to keep a reward.

    Parameters
    ----------
    panels
        As ``read_sizes`` returns them.
    who
        Who played.
    """
    from .claims import judgement

    signs = [sign(interval) for panel in panels for interval in _differences(panel)]
    clear = [found for panel in panels for found in _clear(panel)]
    first, second = signs.count(1), signs.count(-1)
    both = sum(found and each == 1 for each, found in zip(signs, clear, strict=True))
    outcome = (
        "holds on a stand-in" if both == len(signs)
        else "does not hold" if second >= max(first, 1)
        else "holds in part" if both
        else "undecided"
    )  # fmt: skip
    return judgement(
        outcome,
        f"the 95 % interval of the difference has staggered play ahead in {first} of {len(signs)} pairs ({both} of "
        f"them clear of random play and no-op), sequential in {second}; {who}",
    )


def draw_sizes(panels: list[dict[str, Any]], *, linear_below: float | None = None) -> "Figure":
    """Draw a panel each; with ``linear_below`` the scale is logarithmic above that value."""
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 3.1)
        drawn = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, panel in zip(drawn, panels, strict=True):
            draw_panel(axes, panel)
            if linear_below is not None:
                axes.set_yscale("symlog", linthresh=linear_below)
            axes.set_title(panel["title"])
        drawn[0].set_ylabel("reward per frame")
        figure.supxlabel("parameters; in parentheses the delay, frames", fontsize="medium")
        figure.legend(
            *drawn[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(WAYS) + len(panel["floors"])
        )
        return figure


def draw_panel(axes: "Axes", panel: dict[str, Any], *, frames: int = 1) -> None:
    """Draw both ways of a panel with their intervals, and the floors, as reward in so many frames."""
    from regretlab.plots.concepts import SHADED, look

    from .looks import look_of, words_of
    from .paper_models import PARAMETERS

    sizes = [PARAMETERS[model] for model in panel["models"]]
    for way, apart in zip(WAYS, (0.94, 1.06), strict=True):  # so that bars show
        delays, means, halves = zip(
            *((d, frames * mean, frames * half) for d, mean, half in panel["ways"][way]), strict=True
        )
        places = [size * apart for size in sizes]
        axes.errorbar(places, means, halves, label=words_of(way), **look_of(way).curve(capsize=3))
    for label, (mean, half) in panel["floors"].items():
        floor = look({"random": "random play"}.get(label, label))
        axes.axhline(frames * mean, label=label, **floor.plain(linewidth=1))
        axes.axhspan(frames * (mean - half), frames * (mean + half), color=floor.colour, alpha=SHADED, linewidth=0)
    axes.set_xscale("log")
    axes.set_xlim(sizes[0] / 2, sizes[-1] * 2)
    axes.set_xticks(sizes, [f"{model}\n({delay:.0f})" for model, delay in zip(panel["models"], delays, strict=True)])
    axes.set_xticks([], minor=True)
