"""Every rule and the lower bound over all rules against the number of workers, for two service models."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "NAME", "TITLE", "compute", "draw"]

NAME = "rules-and-bound"
TITLE = "Regret of every rule, and the lower bound, against workers"
CLAIM = (
    "Ours, not the paper's: no path-blind rule loses less than the lower bound of its service model, and keeping "
    "unused outputs closes most of what the rules leave open."
)

LAW = "gamma(4, scale=0.8)"
PROBABILITY = 0.97
WORKERS = (1, 2, 3, 4, 6, 8, 16, 32)
RULES = {
    "sequential": "sequential",
    "sequential-strict": "sequential, strict",
    "unstaggered": "started together",
    "free-running": "free-running",
    "max-time": "Algorithm 1",
    "expected-time": "Algorithm 2",
    "frame-pool": "frame pool",
    "frame-hold": "frame hold",
}
KEPT = "free-running, outputs kept"
MODELS = {"noop": "an output serves one frame", "repeat": "an output serves until a fresher one comes"}


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return simulated regrets per frame with standard errors, and the bounds."""
    from regretlab.laws import parse_law
    from regretlab.rules import get_rule
    from regretlab.scenario import Scenario
    from regretlab.simulation import simulate
    from regretlab.theory.any_rule import lower_bound

    from .plays import QUANTILE

    frames = 10_000 if quick else 200_000
    longest = parse_law(LAW).quantile(0.999)
    panels = []
    runs = 0
    for behaviour, title in MODELS.items():
        curves: list[dict[str, Any]] = []
        kinds = [(rule, label, "drop") for rule, label in RULES.items()]
        if behaviour == "noop":
            kinds.append(("free-running", KEPT, "keep"))
        for rule, label, unused in kinds:
            points = []
            for number in WORKERS:
                if number > 1 and get_rule(rule).single_worker:
                    break
                result = simulate(
                    Scenario(
                        LAW,
                        frame_time=1.0,
                        mode_probability=PROBABILITY,
                        workers=number,
                        rule=rule,
                        unused=unused,
                        default_behaviour=behaviour,
                        mode="stays",
                        hold=5 if rule == "frame-hold" else None,
                        maximum_time=longest if rule == "max-time" else None,
                    ),
                    frames=frames,
                    replications=4,
                    seed=seed + runs,
                )
                runs += 1
                error = result.standard_errors["regret_per_frame"]["total"]
                points.append([number, result.regret.total, QUANTILE * error])
            curves.append({"rule": label, "points": points})
        bounds = []
        for number in WORKERS:
            found = lower_bound(
                Scenario(LAW, frame_time=1.0, mode_probability=PROBABILITY, workers=number, default_behaviour=behaviour)
            )
            sharper = max([found.regret_per_frame, *(one.regret_per_frame for one in found.sharper)])
            bounds.append([number, found.regret_per_frame, sharper])
        panels.append({"title": title, "curves": curves, "bounds": bounds})
    below = sum(_below(panel) for panel in panels)
    return {
        "panels": panels,
        "runs": runs,
        "caption": (
            f"Regret per frame against workers, gamma times of mean 3.2 frames, p = {PROBABILITY:g}, gaps 1, a world "
            f"whose mode stays. Points: event simulations of 4 x {frames:,} frames, seeds from {seed} on, with 99 % "
            "intervals. Black: the lower bound over all path-blind rules (Theorem A); dashed: the phase bound. Frame "
            "hold: 5 frames. Algorithm 1 begins with the 99.9 % quantile as tau_max and learns longer times. The "
            "frame pool starts at most one inference per frame; sequential rules have one worker."
        ),
        "verdict": (
            f"{below} of {runs} simulated regrets lie below the lower bound with their whole 99 % interval. With 4 "
            f"workers that serve one frame each the bound is {_nearest(panels[0])}."
        ),
    }


def _below(panel: dict[str, Any]) -> int:
    bounds = {number: bound for number, bound, _ in panel["bounds"]}
    return sum(value + half < bounds[number] for curve in panel["curves"] for number, value, half in curve["points"])


def _nearest(panel: dict[str, Any]) -> str:
    bound = next(bound for number, bound, _ in panel["bounds"] if number == 4)
    values = {curve["rule"]: p[1] for curve in panel["curves"] for p in curve["points"] if p[0] == 4}
    kept = values.pop(KEPT)
    best = min(values, key=values.__getitem__)
    return f"{bound:.3f}; {KEPT}: {kept:.3f}; best rule that drops them ({best}): {values[best]:.3f}"


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 3.6)
        both = figure.subplots(1, 2, sharey=True)
        for axes, panel in zip(both, data["panels"], strict=True):
            _panel(axes, panel)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.xaxis.set_major_locator(FixedLocator([1, 2, 4, 8, 16, 32]))
            axes.yaxis.set_major_locator(FixedLocator([0.03, 0.05, 0.1, 0.2, 0.5, 1.0]))
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_minor_locator(NullLocator())
                axis.set_major_formatter(ScalarFormatter())
            axes.set_title(panel["title"])
            axes.set_xlabel("workers")
        both[0].set_ylabel("regret per frame (gaps of 1)")
        handles, labels = both[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
        return figure


def _panel(axes: "Axes", panel: dict[str, Any]) -> None:
    from regretlab.plots.concepts import look

    looks = {label: look(rule) for rule, label in RULES.items()} | {KEPT: look("kept")}
    for curve in panel["curves"]:
        own, kept = looks[curve["rule"]], curve["rule"] == KEPT
        number, value, half = zip(*curve["points"], strict=True)
        axes.errorbar(
            number,
            value,
            yerr=half,
            label=curve["rule"],
            zorder=4 if kept else 3,
            **(own.curve(linewidth=1.0, elinewidth=0.8) if len(number) > 1 else own.points()),
        )
    number, bound, sharper = zip(*panel["bounds"], strict=True)
    axes.plot(number, bound, label="lower bound over all rules", **look("lower bound").plain())
    if any(not math.isclose(low, high) for low, high in zip(bound, sharper, strict=True)):
        axes.plot(number, sharper, label="phase bound", **look("sharper bound").plain(linewidth=1.0))
