"""The longest tolerable inference against the modal probability, with the paper's models placed on it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "NAME", "TITLE", "compute", "draw"]

NAME = "tolerable-time"
TITLE = "Tolerable inference time against modal probability"
CLAIM = (
    "How slow a policy may be is a property of the environment's stochasticity: models of a billion parameters need a "
    "world that keeps its course over hundreds of frames."
)

BUDGETS = (0.05, 0.1, 0.25, 0.5)
MODELS = ((1, "55 K"), (5, "1 M"), (8, "10 M"), (70, "100 M"), (596, "1 B"))
"""Frames of delay of the paper's networks in Game Boy games (its Table of inference times), and their parameters."""
JUMPS = (1e-4, 0.4)


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the longest constant and exponential times, and a search that finds them again."""
    import numpy as np

    from regretlab.bounds.loss import FrameLoss
    from regretlab.planning.inference_time import largest_constant_frames, largest_exponential_frames

    jumps = np.geomspace(*JUMPS, 60 if quick else 400)
    curves = []
    worst = 0
    for budget in BUDGETS:
        constant_frames, exponential_frames = [], []
        for jump in jumps:
            p = 1.0 - float(jump)
            loss = FrameLoss(p)
            frames = largest_constant_frames(budget, loss)
            constant_frames.append(frames)
            exponential_frames.append(largest_exponential_frames(budget, loss))
            searched = np.searchsorted(1.0 - p ** np.arange(1, 60_000), budget, side="right")
            worst = max(worst, abs(int(searched) - int(frames)))
        curves.append({"budget": budget, "constant": constant_frames, "exponential": exponential_frames})
    needed = []
    for frames, name in MODELS:
        p = 1.0 - float(0.9 ** (1.0 / frames))  # 1 - p with 1 - p^d = 0.1
        needed.append((name, p))
    return {
        "jumps": jumps.tolist(),
        "curves": curves,
        "seed": seed,
        "caption": (
            "Largest inference time for a given delay regret per frame (in units of the gap of a wrong action) with "
            "every frame "
            "served. Solid: constant times, in whole frames; dashed: mean of exponential times. Dotted: delays of "
            "the paper's "
            "networks on its machine (Game Boy, 59.7275 frames a second). Closed forms; nothing random."
        ),
        "verdict": (
            f"The closed form for constant times and a search over delays differ by {worst} frames at most. For a "
            "tenth of the "
            "gap per frame the world may leave its likeliest course with probability at most "
            + ", ".join(f"{jump:.2g} ({name})" for name, jump in needed)
            + " per frame."
        ),
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    import numpy as np
    from matplotlib.figure import Figure

    from regretlab.plots.style import COLOURS, GREY, WIDTHS, house_style

    with house_style():
        figure = Figure(figsize=(WIDTHS["text"], 3.4), layout="constrained")
        axes = figure.add_subplot()
        for colour, curve in zip(COLOURS, data["curves"], strict=False):
            constant = np.asarray(curve["constant"], dtype=float)
            exponential = np.asarray(curve["exponential"], dtype=float)
            label = f"{curve['budget']:.0%} of the gap"
            axes.plot(data["jumps"], np.where(constant > 0, constant, np.nan), color=colour, label=label)
            shown = np.where(exponential >= 0.5, exponential, np.nan)
            axes.plot(data["jumps"], shown, color=colour, linestyle="--", linewidth=1)
        for frames, name in MODELS:
            axes.axhline(frames, color=GREY, linestyle=":", linewidth=0.9)
            axes.annotate(
                name,
                (1.0, frames),
                xycoords=("axes fraction", "data"),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
                color=GREY,
            )
        axes.plot([], [], color=GREY, linestyle="--", linewidth=1, label="exponential times, mean")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(data["jumps"][0], data["jumps"][-1])
        axes.set_ylim(0.7, 6000)
        axes.set_xlabel("stochasticity per frame, 1 - p")
        axes.set_ylabel("largest inference time, frames")
        figure.legend(title="delay regret per frame", title_fontsize="small", loc="outside right center")
        return figure
