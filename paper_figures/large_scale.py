"""Theorem B: keeping unused outputs comes to the lower bound as times and workers grow, dropping does not."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "NAME", "TITLE", "compute", "draw"]

NAME = "large-scale"
TITLE = "Longer inferences, more workers: who comes to the lower bound"
CLAIM = (
    "Ours (Theorem B): with times, workers and the world's memory s times as long, workers that keep unused outputs "
    "and use the freshest first come to the lower bound as s grows; workers that drop them do not."
)

SHAPE, SCALE, PROBABILITY = 4, 0.8, 0.9
RATES = (0.75, 1.25, 2.0)
SCALES = (1, 2, 4, 8, 16, 32)


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return regrets of both ways to treat unused outputs, the bounds, and the limit of dropping."""
    import numpy as np
    from scipy.integrate import quad

    from regretlab.laws import parse_law
    from regretlab.theory.loss import FrameLoss
    from regretlab.validation.path_blind import PathBlindRule, play_rule

    from .plays import QUANTILE

    frames = 40_000 if quick else 1_000_000
    base, rng = parse_law(f"gamma({SHAPE}, scale={SCALE})"), np.random.default_rng(seed)
    panels = []
    for rate in RATES:
        points = []
        for s in SCALES:
            workers = round(rate * base.mean() * s)
            first = tuple(rng.uniform(0.0, 20.0 * base.mean() * s, workers))
            point: dict[str, Any] = {"s": s, "workers": workers}
            for name, keep in (("kept", 2**31), ("dropped", 0)):
                rule = PathBlindRule(
                    base.scaled(float(s)), workers, FrameLoss(PROBABILITY ** (1 / s)), keep=keep, first=first
                )
                played = play_rule(rule, frames, int(rng.integers(2**32)), warm_up=100 * s, span=2048)
                point[name] = [played.regret, QUANTILE * played.standard_error]
            point["bound"] = rule.lower_bound()
            points.append(point)
        decay = -math.log(PROBABILITY)
        served = quad(
            lambda age, r=rate, d=decay: -math.expm1(-r * float(base.cdf(age))) * d * math.exp(-d * age),
            0.0,
            300.0,
            limit=400,
        )[0]
        panels.append({"rate": rate, "points": points, "limit_of_dropping": 1.0 - served})
    last = ", ".join(
        f"{panel['points'][-1]['kept'][0] - panel['points'][-1]['bound']:.3f} (r = {panel['rate']:g})"
        for panel in panels
    )
    lost = ", ".join(f"{panel['points'][-1]['dropped'][0] - panel['points'][-1]['bound']:.3f}" for panel in panels)
    return {
        "panels": panels,
        "caption": (
            f"Regret per frame at scale s: gamma times of mean {SHAPE * SCALE:g} s frames, p = {PROBABILITY:g} to the "
            "power 1/s, workers so that about r inferences complete per frame (r = 2, s = 1: 6 workers), gaps 1, an "
            f"output serves one frame. Points: plays of {frames:,} frames with workers at random phases, seeds from "
            f"{seed} on, with 99 % intervals (smaller than the marks). Black: lower bound over all path-blind rules; "
            "its steps come from whole numbers of workers. Dotted: limit of dropping, from 1 - exp(-r F(a))."
        ),
        "verdict": f"At s = {SCALES[-1]} keeping loses more than the bound by {last}; dropping by {lost}.",
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

    from regretlab.plots.concepts import look
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 2.9)
        for axes, panel in zip(figure.subplots(1, 3, sharey=True), data["panels"], strict=True):
            scales = [point["s"] for point in panel["points"]]
            for name, use in (("dropped", "free-running"), ("kept", "kept")):
                value, half = zip(*(point[name] for point in panel["points"]), strict=True)
                axes.errorbar(scales, value, yerr=half, label=f"unused outputs {name}", **look(use).curve())
            limit = look("reference").of(look("free-running"))
            axes.axhline(panel["limit_of_dropping"], label="limit of dropping", **limit.plain())
            bounds = [point["bound"] for point in panel["points"]]
            axes.plot(scales, bounds, label="lower bound", **look("lower bound").plain())
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_locator(FixedLocator(scales))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.set_ylim(0.0, 0.75)
            axes.set_title(f"{panel['rate']:g} inferences per frame")
            axes.set_xlabel("scale $s$")
        figure.axes[0].set_ylabel("regret per frame (gaps of 1)")
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        return figure
