"""How far the paper's Algorithms 1 and 2 are from the lower bound over all rules: spread, workers, predictability."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "NAME", "TITLE", "compute", "draw"]

NAME = "algorithms-and-bound"
TITLE = "Algorithms 1 and 2 of the paper against the lower bound over all rules"
CLAIM = (
    "The paper proposes staggering by the longest (Algorithm 1) and by the expected inference time (Algorithm 2). Put "
    "to the test here: their regret as a multiple of the least that any path-blind rule can reach."
)

MEAN_FRAMES = 4.0
PROBABILITIES = (0.9, 0.97, 0.99)
SPREADS = (0.05, 0.2, 0.5, 1.0, 1.5)
WORKERS = (1, 2, 4, 6, 8, 12)
ALGORITHMS = {"max-time": "Algorithm 1", "expected-time": "Algorithm 2"}


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the regret of both algorithms and the bound in every cell."""
    from regretlab.laws import parse_law
    from regretlab.results import interval_quantile
    from regretlab.scenario import Scenario
    from regretlab.simulation import simulate
    from regretlab.theory.any_rule import lower_bound_of_law
    from regretlab.theory.loss import FrameLoss
    from regretlab.theory.realtime import bound

    frames = 30_000 if quick else 300_000
    cells = []
    runs = 0
    for spread in SPREADS:
        shape = 1 / spread**2
        law = parse_law(f"gamma({shape!r}, scale={MEAN_FRAMES / shape!r})")
        for workers in WORKERS:
            second = simulate(
                Scenario(law, frame_time=1.0, mode_probability=0.9, workers=workers, rule="expected-time"),
                frames=frames,
                replications=4,
                seed=seed + runs,
            )
            runs += 1
            error = second.standard_errors["inaction_fraction"]
            for p in PROBABILITIES:
                first = bound(
                    Scenario(
                        law,
                        frame_time=1.0,
                        mode_probability=p,
                        workers=workers,
                        rule="max-time",
                        maximum_time=law.quantile(0.999),
                    )
                )
                loss = FrameLoss(p)
                cells.append(
                    {
                        "spread": spread,
                        "workers": workers,
                        "p": p,
                        "bound": lower_bound_of_law(law, 1.0, loss, workers=workers).regret_per_frame,
                        "max-time": first.regret.total,
                        "expected-time": loss.total(second.service),
                        "inaction_error": error,
                    }
                )
    worst = {rule: max(cells, key=lambda cell, r=rule: cell[r] / cell["bound"]) for rule in ALGORITHMS}
    near = {rule: sum(cell[rule] < 1.25 * cell["bound"] for cell in cells) for rule in ALGORITHMS}
    said = "; ".join(
        f"{label} loses up to {worst[rule][rule] / worst[rule]['bound']:.1f} times the bound (coefficient of variation "
        f"{worst[rule]['spread']:g}, {worst[rule]['workers']} workers, p = {worst[rule]['p']:g}) and less than 1.25 "
        f"times in {near[rule]} of {len(cells)} cells"
        for rule, label in ALGORITHMS.items()
    )
    return {
        "cells": cells,
        "caption": (
            "Regret per frame divided by the lower bound over all path-blind rules (Theorem A), an output serving one "
            f"frame, gaps 1, gamma times of mean {MEAN_FRAMES:g} frames. Algorithm 1: closed form, padded to the 99.9 "
            f"% quantile. Algorithm 2: served delays of event simulations of 4 x {frames:,} frames, seeds from {seed} "
            "on; the largest 99 % interval of a fraction of frames is "
            f"{interval_quantile(0.99) * max(cell['inaction_error'] for cell in cells):.2g}."
        ),
        "verdict": f"{said}.",
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 4.4)
        grid = figure.subplots(2, len(PROBABILITIES), sharex=True, sharey=True)
        most = max(cell[rule] / cell["bound"] for cell in data["cells"] for rule in ALGORITHMS)
        norm = LogNorm(1.0, max(most, 2.0))
        for row, (rule, label) in zip(grid, ALGORITHMS.items(), strict=True):
            for axes, p in zip(row, PROBABILITIES, strict=True):
                image = _map(axes, [cell for cell in data["cells"] if cell["p"] == p], rule, norm)
                axes.set_title(f"{label}, $p$ = {p:g}")
            row[0].set_ylabel("coefficient of variation")
        figure.supxlabel("workers", fontsize="medium")
        bar = figure.colorbar(image, ax=grid, label="regret / lower bound", shrink=0.8)
        bar.ax.yaxis.set_major_locator(FixedLocator([1, 2, 5, 10, 20, 50]))
        bar.ax.yaxis.set_minor_locator(NullLocator())
        bar.ax.yaxis.set_major_formatter(ScalarFormatter())
        return figure


def _map(axes: "Axes", cells: list[dict[str, Any]], rule: str, norm: Any) -> Any:
    import numpy as np

    from regretlab.plots.concepts import INK, RAMP, map_of

    grid = np.full((len(SPREADS), len(WORKERS)), np.nan)
    for cell in cells:
        row, column = SPREADS.index(cell["spread"]), WORKERS.index(cell["workers"])
        ratio = grid[row, column] = cell[rule] / cell["bound"]
        shade = "white" if norm(ratio) > 0.55 else INK
        axes.text(column, row, f"{ratio:.1f}", ha="center", va="center", color=shade, fontsize=7.5)
    image = axes.imshow(grid, cmap=map_of("white", *RAMP), norm=norm, aspect="auto", origin="lower")
    axes.set_xticks(range(len(WORKERS)), [str(number) for number in WORKERS])
    axes.set_yticks(range(len(SPREADS)), [f"{spread:g}" for spread in SPREADS])
    axes.grid(visible=False)
    return image
