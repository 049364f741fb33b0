"""Sequential inference, the paper's two algorithms, workers that keep unused outputs, and the bound."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from regretlab.plots.concepts import Look

__all__ = [
    "CLAIM",
    "NAME",
    "RESULTS_READ",
    "TITLE",
    "agreement",
    "compute",
    "curves_of",
    "draw",
    "draw_runs",
    "measured",
]

NAME = "best-rule"
TITLE = "Regret against workers: sequential, the paper's algorithms, the best rule, the bound"
CLAIM = (
    "Ours, not the paper's: as many free-running workers that keep unused outputs lose less than Algorithms 1 and 2 "
    "and come near the lower bound over all path-blind rules, in theory and in real processes."
)

RESULTS_READ = ("results/outputs.json", "measurements/outputs.py")
GROUP = "gamma"
LABELS = {
    "sequential": "sequential, one worker",
    "max-time": "Algorithm 1 (max-time)",
    "expected-time": "Algorithm 2 (expected-time)",
    "kept": "best rule: free-running, outputs kept",
}
CLOCKS = {"virtual": "virtual clock", "real": "real time"}
"""The source of a run, as figures name it, by its clock."""


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return simulated regrets, bounds, and the committed measurement."""
    from .measurements.outputs import PROBABILITY

    data = curves_of(GROUP, tuple(LABELS), seed=seed, frames=20_000 if quick else 200_000)
    made, four = data["results"], {kind: dict(points)[4] for kind, points in data["curves"].items() if kind != LONE}
    best = min((value, kind) for kind, value in four.items())[1]
    bound = dict(data["bound"])[4]
    return data | {
        "caption": (
            "Regret per frame against workers on the ring with "
            f"{made['symbols']} symbols, p = {PROBABILITY:g}, gaps 1; inference times are 40 quantiles of a gamma law "
            "of shape 4 and mean 3.2 frames (54 ms). Lines: event simulations; black: the lower bound over all "
            f"path-blind rules. {measured(made)}"
        ),
        "verdict": (
            f"With 4 workers the least regret, {four[best]:.3f}, is that of the {LABELS[best]}: "
            f"{four[best] / bound:.2f} times the bound; "
            f"Algorithm 1 {four['max-time'] / bound:.2f} and Algorithm 2 {four['expected-time'] / bound:.2f} times. "
            f"{agreement(data)}"
        ),
    }


LONE = "sequential"


def measured(made: dict[str, Any]) -> str:
    """Return what the caption says of the measured points."""
    origin = made["provenance"]
    return (
        f"Points: the cartridge beacon played by the oracle with these times, {made['virtual_frames']:,} frames on the "
        f"virtual clock and {made['frames']:,} by real processes, a frame counted by the age of its action; 99 % "
        f"intervals. Measured {origin['measured'][:10]} on {origin['machine']} next to other work, by "
        f"`{origin['command']}`."
    )


def agreement(data: dict[str, Any]) -> str:
    """Say how many of the runs have the simulated value in their interval."""
    met = total = 0
    for run in data["runs"]:
        curve = dict(data["curves"][run["kind"]])
        total += 1
        met += abs(run["regret"] - curve[run["workers"]]) <= run["half"] + 0.01
    return f"{met} of {total} runs contain the simulated value in their interval, widened by 0.01."


def curves_of(group: str, kinds: tuple[str, ...], *, seed: int, frames: int) -> dict[str, Any]:
    """Return simulated regrets and bounds of a group of ``measurements.outputs`` with its measured runs."""
    import tempfile
    from pathlib import Path

    from regretlab.simulation import simulate
    from regretlab.theory.any_rule import lower_bound

    from .measurements.outputs import GROUPS, scenario_of, times_of
    from .measurements.provenance import read_results

    numbers = GROUPS[group]["workers"]
    with tempfile.TemporaryDirectory() as place:
        times = times_of(group, Path(place))
        curves: dict[str, list[list[float]]] = {}
        for kind in kinds:
            of = (1,) if kind == LONE else numbers
            asked = [scenario_of(group, kind, number, times) for number in of]
            found = [simulate(one, frames=frames, replications=4, seed=seed + i) for i, one in enumerate(asked)]
            curves[kind] = [[number, one.regret.total] for number, one in zip(of, found, strict=True)]
        plain = [scenario_of(group, kinds[-1], n, times).replace(unused="drop", chunk=None) for n in numbers]
        bound = [
            [number, lower_bound(one, sharper=False).regret_per_frame]
            for number, one in zip(numbers, plain, strict=True)
        ]
    results = read_results("outputs")
    runs = [cell for cell in results.pop("cells") if cell["group"] == group and cell["kind"] in kinds]
    return {"curves": curves, "bound": bound, "runs": runs, "results": results}


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from regretlab.plots.concepts import look
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 3.7)
        axes = figure.add_subplot()
        concepts = ("sequential", "max-time", "expected-time", "kept")
        looks = {label: look(concept) for label, concept in zip(LABELS, concepts, strict=True)}
        lone = data["curves"][LONE][0][1]
        axes.axhline(lone, label=LABELS[LONE], **looks[LONE].plain())
        draw_runs(axes, data, LABELS, looks)
        axes.plot(*zip(*data["bound"], strict=True), label="lower bound over all rules", **look("lower bound").plain())
        axes.set_yscale("log")
        axes.set_ylim(0.05, 1.0)
        axes.set_yticks([0.05, 0.1, 0.2, 0.5, 1.0], ["0.05", "0.1", "0.2", "0.5", "1"])
        axes.set_xlabel("inference workers")
        axes.set_ylabel("regret per frame")
        figure.legend(loc="outside right center")
        return figure


def draw_runs(axes: "Axes", data: dict[str, Any], labels: dict[str, str], looks: dict[str, "Look"]) -> None:
    """Draw the simulated curves and the measured runs of each kind; open marks are the virtual clock."""
    from matplotlib.lines import Line2D

    from regretlab.plots.concepts import look

    for kind, label in labels.items():
        points = data["curves"][kind]
        if len(points) > 1:
            axes.plot(*zip(*points, strict=True), label=label, **looks[kind].plain())
        for run in (run for run in data["runs"] if run["kind"] == kind):
            clock = run["clock"]
            mark = _mark(look(CLOCKS[clock]).of(looks[kind]), clock)
            axes.errorbar([run["workers"]], [run["regret"]], yerr=[run["half"]], elinewidth=1.0, **mark)
    for clock, label in CLOCKS.items():
        axes.add_artist(Line2D([], [], label=label, **_mark(look(CLOCKS[clock]), clock)))
    numbers = [number for number, _ in data["bound"]]
    axes.set_xticks(numbers)


def _mark(source: "Look", clock: str) -> dict[str, Any]:
    """Return a mark of a run; that of the virtual clock is larger, so that both show where they coincide."""
    return source.points(markersize=4, zorder=4) if clock == "real" else source.points(markersize=6, zorder=3)
