"""Phase diagram: where to stagger, where one worker will do, and where it is better not to act at all."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "TITLE", "compute", "draw"]

NAME = "phase-diagram"
TITLE = "Phase diagram: sequential, staggered, or not acting"
CLAIMS = (2,)
CLAIM = (
    "The usable inference time is limited by the environment's stochasticity over an inference and not by the "
    "frequency "
    "of actions: staggering pays up to a delay that the mode probability sets."
)

SYMBOLS = 15
COSTS = (0.001, 0.01)
"""Reward that a worker costs per frame."""
DELAYS = (0.4, 400.0)
JUMPS = (1e-4, 0.5)
REGIMES = ("sequential", "asynchronous", "do-not-act")
PLAYED_AT = (1, 5, 17, 60)
"""Delays in frames of the runs, of times half a frame shorter. At 1, the one worker that is needed is sequential."""
PLAYED_JUMPS = (0.002, 0.02, 0.1)


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the regions on a grid, the boundary, and runs that choose among the three."""
    import numpy as np

    from regretlab.planning.regime import boundary_delay, choose_regime

    from .claims import judgement

    frames = 3_000 if quick else 20_000
    resolution = 90 if quick else 240
    delays = np.geomspace(*DELAYS, resolution)
    jumps = np.geomspace(*JUMPS, resolution)
    panels = []
    for cost in COSTS:
        regions = [
            [REGIMES.index(choose_regime(1.0 - jump, max(1, math.ceil(delay)), worker_cost=cost)) for delay in delays]
            for jump in jumps
        ]
        panels.append(
            {
                "cost": cost,
                "regions": regions,
                "boundary": [boundary_delay(1.0 - float(jump), cost) for jump in jumps],
                "points": [],
            }
        )
    for index, (delay, jump) in enumerate((delay, jump) for delay in PLAYED_AT for jump in PLAYED_JUMPS):
        gains = _played_gains(delay, jump, frames, seed + 10 * index)
        for panel in panels:
            panel["points"].append(_choice(gains, panel["cost"]) | {"frames": delay - 0.5, "jump": jump})
    points = [point for panel in panels for point in panel["points"]]
    agree = sum(point["chosen"] == point["predicted"] for point in points if point["clear"])
    clear = sum(point["clear"] for point in points)
    long = [point for point in points if point["frames"] > 1 and point["clear"]]
    alone = sum(point["chosen"] == "sequential" for point in long)
    return {
        "delays": delays.tolist(),
        "jumps": jumps.tolist(),
        "panels": panels,
        "judged": {
            "2": judgement(
                "holds in part" if alone else "holds",
                f"with inferences of {sorted(PLAYED_AT)[1] - 0.5:g} frames and more one sequential worker is the best "
                f"choice in {alone} of {len(long)} decided runs",
            )
        },
        "caption": (
            "Constant inference times, both gaps 1, a cost per worker and frame as in the titles. Colours: the regime "
            "of least regret plus cost, exactly, among d staggered workers, one worker, and none. Line: "
            "d = W(lam/c)/lam with lam = -ln p and Lambert's W; the colours step next to it because delays are whole "
            "frames. Marks: what runs choose, each from a run of one sequential "
            f"worker and one of d workers of {frames:,} frames on the cartridge beacon ({SYMBOLS} symbols, virtual "
            "clock, "
            f"seeds from {seed} on): diamond staggered, triangle sequential, cross neither; hollow where the two best "
            "differ by "
            "less than the 99 % interval of their difference. The cartridge's ring of symbols is kinder to old "
            "actions than "
            "the shift register of the regions, so a mark near the line may lie on its other side."
        ),
        "verdict": (
            f"{agree} of the {clear} decided runs choose the predicted regime of the cartridge's own closed form "
            f"({len(points) - clear} of {len(points)} are undecided). With constant times one worker alone is best "
            "only where an "
            "inference fits into a frame."
        ),
    }


def _played_gains(delay: int, jump: float, frames: int, seed: int) -> dict[str, Any]:
    """Return what acting earns over not acting, measured and predicted, for one worker and for d."""
    from regretlab.laws import constant
    from regretlab.scenario import Scenario
    from regretlab.theory.realtime import bound

    from .plays import FRAME_TIME, cartridge_probability, play_beacon

    p = cartridge_probability(1.0 - jump, SYMBOLS)
    gains: dict[str, Any] = {"delay": delay}
    for rule, workers in (("sequential", 1), ("frame-pool", delay))[: 1 if delay == 1 else 2]:
        time = (delay - 0.5) * FRAME_TIME
        played = play_beacon(
            rule=rule,
            workers=workers,
            latency=f"constant({time!r})",
            frames=frames,
            seed=seed + workers,
            symbols=SYMBOLS,
            mode_probability=p,
        )
        report = bound(
            Scenario(
                constant(time), frame_time=FRAME_TIME, mode_probability=p, rule=rule, workers=workers, symbols=SYMBOLS
            )
        )
        gains[rule] = (1.0 - played["regret"], played["regret_error"], 1.0 - report.regret.total)
    return gains


def _choice(gains: dict[str, Any], cost: float) -> dict[str, Any]:
    from .plays import QUANTILE

    played = {"sequential": gains["sequential"], "do-not-act": (0.0, 0.0, 0.0)}
    costs = {"sequential": cost, "asynchronous": cost * gains["delay"], "do-not-act": 0.0}
    if "frame-pool" in gains:
        played["asynchronous"] = gains["frame-pool"]
    measured = {regime: (mean, error) for regime, (mean, error, _) in played.items()}
    predicted = {regime: mean for regime, (_, _, mean) in played.items()}
    net = {regime: measured[regime][0] - costs[regime] for regime in played}
    best, second = sorted(net, key=lambda regime: -net[regime])[:2]
    interval = QUANTILE * math.hypot(measured[best][1], measured[second][1])
    return {
        "chosen": best,
        "predicted": max(predicted, key=lambda regime: predicted[regime] - costs[regime]),
        "clear": net[best] - net[second] > interval,
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 3.2)
        row = figure.subplots(1, len(data["panels"]), sharey=True)
        for axes, panel in zip(row, data["panels"], strict=True):
            _panel(axes, panel, data)
        row[0].set_ylabel("stochasticity per frame, $1 - p$")
        figure.supxlabel("inference time, frames", fontsize="medium")
        _legend(figure)
        return figure


def _legend(figure: "Figure") -> None:
    from matplotlib.lines import Line2D

    from regretlab.plots.concepts import look

    handles = [
        Line2D([], [], label="boundary (Lambert W)", **look("boundary").plain()),
        *(Line2D([], [], label=label, **look(_CONCEPTS[regime]).points(markersize=5)) for regime, label in _CHOSEN),
        Line2D([], [], label="undecided", **replace(look("max-time"), hollow=True).points(markersize=5)),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


_CONCEPTS = {"sequential": "sequential", "asynchronous": "max-time", "do-not-act": "inaction"}
_CHOSEN = (("asynchronous", "runs choose: staggered"), ("sequential", "sequential"), ("do-not-act", "not to act"))


def _panel(axes: "Axes", panel: dict[str, Any], data: dict[str, Any]) -> None:
    from matplotlib.colors import ListedColormap

    from regretlab.plots.concepts import look, tint

    fill = ListedColormap([tint(look(concept).colour) for concept in _CONCEPTS.values()])
    axes.pcolormesh(data["delays"], data["jumps"], panel["regions"], cmap=fill, vmin=0, vmax=2, rasterized=True)
    axes.plot(panel["boundary"], data["jumps"], **look("boundary").plain())
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(data["delays"][0], data["delays"][-1])
    axes.set_ylim(data["jumps"][0], data["jumps"][-1])
    axes.set_title(f"a worker costs {panel['cost']:g} of the gap a frame")
    axes.grid(visible=False)
    for point in panel["points"]:
        mark = replace(look(_CONCEPTS[point["chosen"]]), hollow=not point["clear"])
        axes.plot(point["frames"], point["jump"], **mark.points(markersize=5))
    axes.text(0.75, 0.0005, "sequential", rotation=90, ha="center", va="center", fontsize="small")
    axes.text(3.2, 0.0006, "staggered", ha="center", va="center")
    axes.text(150, 0.25, "do not act", ha="center", va="center")
