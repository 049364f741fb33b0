"""Regret against model size: larger models play better and act later; the best size is a closed form."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "TITLE", "compute", "draw"]

NAME = "model-size"
TITLE = "Regret against model size, and the best size"
CLAIMS = (1,)
CLAIM = (
    "Staggering makes models orders of magnitude larger usable: the best size is set by the environment's "
    "stochasticity, and with one sequential worker it is far smaller."
)

FACTOR, EXPONENT = 2.0, 0.9
"""Frames of an inference of a model of size m: FACTOR m^EXPONENT."""
QUALITY, DECAY = 0.2, 0.35
"""What its policy falls short of the best: QUALITY m^-DECAY of the gap."""
PROBABILITIES = (0.9, 0.98, 0.995)
SIZES = (0.02, 200.0)


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the curves, the best sizes, and simulated points."""
    import numpy as np
    from scipy.optimize import minimize_scalar

    from regretlab.planning.model_size import PowerLaw, best_model_size, best_sequential_model_size

    from .claims import judgement

    time, quality = PowerLaw(FACTOR, EXPONENT), PowerLaw(QUALITY, -DECAY)
    sizes = np.geomspace(*SIZES, 800)
    curves = []
    for p in PROBABILITIES:
        best = best_model_size(p, time, quality, smallest=SIZES[0], largest=SIZES[1])
        alone = best_sequential_model_size(p, time, quality, smallest=SIZES[0], largest=SIZES[1])

        def loss(log_size: float, p: float = p) -> float:
            return 1.0 - p ** time(np.exp(log_size)) + quality(np.exp(log_size))

        search = minimize_scalar(
            loss, bracket=(np.log(best.size) - 0.5, np.log(best.size) + 0.5), options={"xtol": 1e-12}
        )
        curves.append(
            {
                "p": p,
                "staggered": [1.0 - p ** time(m) + quality(m) for m in sizes],
                "sequential": [1.0 - (p ** time(m) - quality(m)) / max(1.0, time(m)) for m in sizes],
                "best": {"size": best.size, "regret": best.regret, "frames": best.frames},
                "best_sequential": {"size": alone.size, "regret": alone.regret},
                "searched_size": float(np.exp(search.x)),
                "in_frames": [1.0 - p ** np.ceil(time(m)) + quality(m) for m in sizes],
                "points": _simulated(p, time, quality, 40_000 if quick else 1_000_000, seed),
            }
        )
    gap = max(abs(curve["searched_size"] / curve["best"]["size"] - 1) for curve in curves)
    scores = [point["z"] for curve in curves for point in curve["points"]]
    return {
        "sizes": sizes.tolist(),
        "curves": curves,
        "judged": {
            "1": judgement(
                "holds" if max(map(abs, scores)) < 4 else "does not hold",  # 15 points
                f"the delay part of simulated workers is 1 - p^ceil(x), largest |z| {max(map(abs, scores)):.2f}",
            )
        },
        "caption": (
            f"A model of size m takes {FACTOR:g} m^{EXPONENT:g} frames and its policy falls {QUALITY:g} m^-{DECAY:g} "
            "short of the best (an illustrative pair of power laws, in units of the gap). Left: every frame served "
            "by staggered workers, solid in continuous time, dotted with delays of whole frames, as real play has "
            "them. Right: one sequential worker. Dots: the best sizes in continuous time (Lambert W). Above 1 the "
            "policy's shortfall and its delay together lose more than the gap: not to act loses less. "
            f"Crosses: event simulations of ceil(x) workers (seed {seed}; 99 % intervals smaller than the marks) with "
            "the policy's shortfall added; delays are whole frames there, so they lie on the dotted lines."
        ),
        "verdict": (
            f"The closed form of the best size agrees with a numerical search to {gap:.1e}; largest |z| of the "
            "simulated points "
            "against 1 - p^ceil(x): "
            f"{max(map(abs, scores)):.2f}. "
            + "; ".join(
                f"p = {curve['p']:g}: best size {curve['best']['size']:.3g} (regret {curve['best']['regret']:.3f}), "
                "one worker "
                f"{curve['best_sequential']['size']:.3g} ({curve['best_sequential']['regret']:.3f})"
                for curve in curves
            )
            + ". With these laws staggering makes the best size larger by factors of "
            + ", ".join(f"{curve['best']['size'] / curve['best_sequential']['size']:.2g}" for curve in curves)
            + f": {_orders(curves)}."
        ),
    }


def _orders(curves: list[dict[str, Any]]) -> str:
    """Say what became of the claim's orders of magnitude."""
    largest = max(curve["best"]["size"] / curve["best_sequential"]["size"] for curve in curves)
    return "orders of magnitude, as claimed" if largest >= 100 else "not the orders of magnitude that are claimed"


def _simulated(p: float, time: Any, quality: Any, frames: int, seed: int) -> list[dict[str, float]]:
    """Return event simulations of staggered workers on the shift register, in whole frames as a real run has them."""
    import math

    from regretlab.laws import constant
    from regretlab.scenario import Scenario
    from regretlab.simulation import simulate

    points = []
    for size in (0.1, 0.25, 1.0, 8.0, 30.0):
        delay = math.ceil(time(size))
        result = simulate(
            Scenario(constant(time(size)), frame_time=1.0, mode_probability=p, workers=delay, rule="frame-pool"),
            frames=frames,
            replications=8,
            seed=seed,
        )
        error = result.standard_errors["regret_per_frame"]["total"]
        points.append(
            {
                "size": size,
                "regret": result.regret.total + quality(size),
                "z": (result.regret.total - (1.0 - p**delay)) / error,
            }
        )
    return points


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from regretlab.plots.concepts import GREY, RAMP, Look, look
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 3.1)
        left, right = figure.subplots(1, 2, sharey=True)
        simulated = look("simulation").points(markersize=4.5)
        for colour, curve in zip(RAMP[1::2], data["curves"], strict=False):
            left.plot(data["sizes"], curve["staggered"], color=colour, label=f"p = {curve['p']:g}")
            left.plot(data["sizes"], curve["in_frames"], color=colour, linestyle=":", linewidth=0.9)
            right.plot(data["sizes"], curve["sequential"], color=colour)
            for axes, best in ((left, curve["best"]), (right, curve["best_sequential"])):
                mark = look("best").of(Look(colour)).points(markersize=9, zorder=4)
                axes.plot(best["size"], best["regret"], **mark)
            for point in curve["points"]:
                left.plot(point["size"], point["regret"], zorder=5, **simulated)
        left.plot([], [], color=GREY, linestyle=":", linewidth=0.9, label="delays of whole frames")
        left.plot([], [], label="simulated", **simulated)
        left.plot([], [], label="best size", **look("best").points(markersize=9))
        for axes, title in ((left, "staggered workers"), (right, "one sequential worker")):
            axes.axhline(1.0, **look("reference").plain())
            axes.set_title(title)
            axes.set_xscale("log")
            axes.set_xlim(data["sizes"][0], data["sizes"][-1])
        left.set_ylim(0, 1.12)
        left.set_ylabel("regret per frame / gap")
        figure.supxlabel("model size m (units of the power laws)", fontsize="medium")
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=6)
        return figure
