"""The longest tolerable inference against the mode probability, with the paper's models placed on it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "TITLE", "compute", "draw"]

NAME = "tolerable-time"
TITLE = "Tolerable inference time against mode probability"
CLAIMS = (1,)
CLAIM = (
    "How slow a policy may be is a property of the environment's stochasticity: models of a billion parameters need a "
    "world that keeps its course over hundreds of frames."
)

BUDGETS = (0.05, 0.1, 0.25, 0.5)
JUMPS = (5e-5, 0.4)


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the longest constant and exponential times, and a search that finds them again."""
    import numpy as np

    from regretlab.planning.inference_time import largest_constant_frames, largest_exponential_frames
    from regretlab.theory.loss import FrameLoss

    from .claims import judgement
    from .paper_models import GAME_BOY_DELAYS

    jumps = np.geomspace(*JUMPS, 400)
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
    placed = [
        {"model": name, "frames": frames, "budget": budget, "jump": float(-np.expm1(np.log1p(-budget) / frames))}
        for name, frames in GAME_BOY_DELAYS.items()
        for budget in BUDGETS
    ]  # 1 - p^d is the budget there
    needed = [(place["model"], place["jump"]) for place in placed if place["budget"] == 0.1]
    return {
        "jumps": jumps.tolist(),
        "curves": curves,
        "placed": placed,
        "seed": seed,
        "judged": {
            "1": judgement(
                "holds" if worst == 0 else "does not hold",
                f"inverted for the time, the delay part differs from a search by {worst} frames at most",
            )
        },
        "caption": (
            "Largest inference time for a given delay regret per frame (in units of the gap of a wrong action) with "
            "every frame "
            "served. Solid: constant times, in whole frames; dashed: mean of exponential times. Dotted: delays of "
            "the paper's networks, by parameters, on its machine (Game Boy, 59.7275 frames a second); hexagons: the "
            "stochasticity at which each of them costs just the budget. Closed forms; nothing random."
        ),
        "verdict": (
            f"The closed form for constant times and a search over delays differ by {worst} frames at most. For a "
            "tenth of the "
            "gap per frame the world may leave its most likely course with probability at most "
            + ", ".join(f"{jump:.2g} ({name})" for name, jump in needed)
            + " per frame."
        ),
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    import numpy as np

    from regretlab.plots.concepts import GREY, RAMP, Look, look
    from regretlab.plots.style import house_figure, house_style

    from .paper_models import GAME_BOY_DELAYS

    with house_style():
        figure = house_figure("text", 3.4)
        axes = figure.add_subplot()
        for colour, curve in zip(RAMP[1:], data["curves"], strict=False):
            constant = np.asarray(curve["constant"], dtype=float)
            exponential = np.asarray(curve["exponential"], dtype=float)
            label = f"{curve['budget']:.0%} of the gap"
            axes.plot(data["jumps"], np.where(constant > 0, constant, np.nan), color=colour, label=label)
            shown = np.where(exponential >= 0.5, exponential, np.nan)
            axes.plot(data["jumps"], shown, color=colour, linestyle="--", linewidth=1)
        for place in data["placed"]:
            colour = RAMP[1:][BUDGETS.index(place["budget"])]
            axes.plot(place["jump"], place["frames"], zorder=4, **look("the paper").of(Look(colour)).points())
        for name, frames in GAME_BOY_DELAYS.items():
            axes.axhline(frames, **look("reference").plain(linewidth=0.9))
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
        axes.annotate(
            "parameters",
            (1.0, 1.0),
            xycoords="axes fraction",
            xytext=(4, -2),
            textcoords="offset points",
            va="top",
            fontsize=7.5,
            color=GREY,
        )
        axes.plot([], [], color=GREY, linestyle="--", linewidth=1, label="exponential times, mean")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(data["jumps"][0], data["jumps"][-1])
        axes.set_ylim(0.7, 9000)
        axes.set_xlabel("stochasticity per frame, $1 - p$")
        axes.set_ylabel("largest inference time, frames")
        figure.legend(title="delay regret per frame", title_fontsize="small", loc="outside right center")
        return figure
