"""Regret per frame against inference time: what inaction costs and what delay costs, rule by rule."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "TITLE", "compute", "draw"]

NAME = "decomposition"
TITLE = "Regret against inference time: inaction and delay, by rule and stochasticity"
CLAIMS = (1, 2, 3)
CLAIM = (
    "Theorem 1, Remarks 1 and 2: realtime regret is the sum of a learning, an inaction and a delay part; with one "
    "sequential worker the inaction part does not vanish, with ceil(tau_max / frame time) staggered workers it is zero "
    "and the rest depends on the environment's stochasticity over an inference."
)

SYMBOLS = 15
PROBABILITIES = (0.8, 0.9, 0.95, 0.99, 0.999)
RULES = (
    ("sequential", "one sequential worker"),
    ("unstaggered", "workers started together"),
    ("max-time", "as many, staggered"),
)
LONGEST = 24.0
PLAYED = (1.3819, 4.3819, 9.3819, 18.3819)
"""Frames of an inference of the runs: no simple fraction, so that starts come to lie at all phases of a frame."""


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return curves and measured points, inference times in frames."""
    from .plays import FRAME_TIME, QUANTILE, cartridge_probability, play_beacon

    frames = 3_000 if quick else 30_000
    played_at = PLAYED[1:3] if quick else PLAYED
    probabilities = [cartridge_probability(p, SYMBOLS) for p in PROBABILITIES]
    grid = sorted({step / 10 for step in range(2, int(10 * LONGEST) + 1)} | {n + 1e-6 for n in range(1, int(LONGEST))})
    panels = []
    scores = []
    for rule, label in RULES:
        inaction = [_regret(rule, x, probabilities[0]).regret.inaction for x in grid]
        curves = [[_regret(rule, x, p).regret.total for x in grid] for p in probabilities]
        points = []
        for index, p in enumerate(probabilities):
            for x in played_at:
                measured = play_beacon(
                    rule=rule,
                    workers=_workers(rule, x),
                    latency=f"constant({x * FRAME_TIME!r})",
                    frames=frames,
                    seed=seed + 1000 * len(panels) + len(points),
                    symbols=SYMBOLS,
                    mode_probability=p,
                )
                error = QUANTILE * measured["regret_error"]
                predicted = _regret(rule, x, p).regret.total
                scores.append((measured["regret"] - predicted) / measured["regret_error"])
                points.append(
                    {
                        "p": index,
                        "frames": x,
                        "predicted": predicted,
                        "regret": measured["regret"],
                        "interval": error,
                        "inaction": measured["inaction"],
                    }
                )
        panels.append({"rule": rule, "label": label, "inaction": inaction, "curves": curves, "points": points})
    within = sum(abs(score) < QUANTILE for score in scores)
    return {
        "frames_grid": grid,
        "judged": _judged(panels, scores),
        "probabilities": probabilities,
        "panels": panels,
        "runs_frames": frames,
        "z": scores,
        "caption": (
            f"Ring of {SYMBOLS} symbols (the cartridge beacon), both gaps 1, constant inference times. Lines: closed "
            "forms "
            f"for mode probabilities {', '.join(f'{p:.4g}' for p in probabilities)}; shaded: the inaction part. "
            "Points: "
            f"{len(scores)} runs of {frames:,} frames on the cartridge (virtual clock, seeds from {seed} on) with 99 % "
            "intervals by batch means. The middle and right panels have as many workers as an inference takes frames."
        ),
        "verdict": (
            f"{within} of {len(scores)} runs lie within their 99 % interval of the closed form (largest |z| "
            f"{max(map(abs, scores)):.2f}). Inaction at {grid[-1]:g} frames: "
            + ", ".join(f"{panel['inaction'][-1]:.3g} ({panel['label']})" for panel in panels)
            + "."
        ),
    }


def _judged(panels: list[dict[str, Any]], scores: list[float]) -> dict[str, dict[str, str]]:
    from scipy.stats import norm

    from .claims import judgement

    largest = max(map(abs, scores))
    allowed = float(norm.isf(0.005 / len(scores)))  # Bonferroni: 99 % for all runs together
    by_rule = {panel["rule"]: panel["points"] for panel in panels}
    least = min(point["regret"] - point["interval"] for point in by_rule["sequential"])
    idle = max(point["inaction"] for point in by_rule["max-time"])
    return {
        "1": judgement(
            "holds" if largest < allowed else "does not hold",
            f"inaction and delay parts add up to what {len(scores)} runs lost, largest |z| {largest:.2f}; an oracle "
            "plays, which learns nothing",
        ),
        "2": judgement(
            "holds" if least > 0 else "does not hold", f"sequential runs lose at least {least:.2f} per frame"
        ),
        "3": judgement(
            "holds" if idle == 0 else "does not hold",
            f"{idle:.2g} of the frames without an action in {len(by_rule['max-time'])} staggered runs",
        ),
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 2.75)
        row = figure.subplots(1, len(data["panels"]), sharey=True)
        for axes, panel in zip(row, data["panels"], strict=True):
            _panel(axes, panel, data)
        row[0].set_ylabel("regret per frame")
        row[1].set_xlabel("inference time, frames")
        handles, labels = row[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), columnspacing=1.2)
        return figure


def _panel(axes: "Axes", panel: dict[str, Any], data: dict[str, Any]) -> None:
    from regretlab.plots.concepts import RAMP, Look, look, tint

    grid = data["frames_grid"]
    inaction = tint(look("inaction").colour, 0.4)
    axes.fill_between(grid, panel["inaction"], color=inaction, linewidth=0, label="inaction part")
    for index, (p, curve) in enumerate(zip(data["probabilities"], panel["curves"], strict=True)):
        axes.plot(grid, curve, color=RAMP[index + 1], linewidth=1.2, label=f"p = {p:.4g}")
    for point in panel["points"]:
        axes.errorbar(
            point["frames"],
            point["regret"],
            yerr=point["interval"],
            **look("virtual clock").of(Look(RAMP[point["p"] + 1])).points(elinewidth=1, capsize=2, zorder=5),
        )
    axes.set_xlim(0, grid[-1])
    axes.set_ylim(0, 1.03)
    axes.set_title(panel["label"])


def _workers(rule: str, x: float) -> int:
    return 1 if rule == "sequential" else max(1, math.ceil(x))


def _regret(rule: str, x: float, p: float) -> Any:
    from regretlab.laws import constant
    from regretlab.scenario import Scenario
    from regretlab.theory.realtime import bound

    from .plays import FRAME_TIME

    return bound(
        Scenario(
            constant(x * FRAME_TIME),
            frame_time=FRAME_TIME,
            mode_probability=p,
            rule=rule,
            workers=_workers(rule, x),
            symbols=SYMBOLS,
        )
    )
