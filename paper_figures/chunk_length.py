"""Chunk length against workers: how many workers act in every frame, and what is lost, as outputs hold more actions."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "NAME", "TITLE", "compute", "draw"]

NAME = "chunk-length"
TITLE = "Chunks: longer outputs in place of more workers"
CLAIM = (
    "Remark 2 in another service model: where an output holds an action for each of H ages, fewer workers act in every "
    "frame, the longer the chunk, and not in proportion to the inference time."
)

LAWS = {"4": "constant", "gamma(4, scale=1)": "gamma, shape 4", "expon(scale=4)": "exponential"}
LENGTHS = tuple(range(1, 17))
PLAYED = "gamma(4, scale=1)"
PROBABILITY = 0.95
WORKERS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16)
CHUNKS = (3, 5, 8, None)


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the fewest workers by chunk length, bounds and exact values of free-running workers."""
    from regretlab.laws import parse_law
    from regretlab.theory.ages import free_running_ages, regret_at_ages
    from regretlab.theory.any_rule import lower_bound_of_law, workers_without_inaction
    from regretlab.theory.loss import FrameLoss

    needed = [
        {
            "law": label,
            "workers": [
                workers_without_inaction(parse_law(text), 1.0, service_model="chunk", chunk=length)
                for length in LENGTHS
            ],
        }
        for text, label in LAWS.items()
    ]
    law, loss = parse_law(PLAYED), FrameLoss(PROBABILITY)
    ages = {number: free_running_ages(law, 1.0, number) for number in WORKERS}
    curves = []
    for chunk in CHUNKS:
        bounds = [
            lower_bound_of_law(law, 1.0, loss, workers=n, service_model="chunk", chunk=chunk).regret_per_frame
            for n in WORKERS
        ]
        values = [regret_at_ages(ages[n], loss, chunk=float("inf") if chunk is None else chunk) for n in WORKERS]
        curves.append({"chunk": chunk, "bound": bounds, "free_running": values})
    once = [lower_bound_of_law(law, 1.0, loss, workers=n).regret_per_frame for n in WORKERS]
    four = dict(zip(LENGTHS, needed[0]["workers"], strict=True))
    ratio = [max(v / b for v, b in zip(curve["free_running"], curve["bound"], strict=True)) for curve in curves]
    return {
        "needed": needed,
        "curves": curves,
        "once": once,
        "caption": (
            "Left: smallest number of workers for which the bound leaves no frame without an action, against the "
            "actions in an output, for three laws of mean 4 frames; no number suffices for constant times and fewer "
            "than 4 actions. Right: regret per frame against workers for chunks of "
            f"{', '.join(str(c) for c in CHUNKS if c)} actions and unlimited ones, gamma times, p = {PROBABILITY:g}, "
            "gaps 1. Lines: lower bound over all path-blind rules; where they coincide the narrower one is of the "
            "longer chunk. Black: outputs of one frame each, which may be used at any age, unlike entries of a chunk. "
            "Dots: free-running workers with chunks, exact age law. Closed forms; nothing random."
        ),
        "verdict": (
            f"Constant times of 4 frames need {four[4]}, {four[5]} and {four[7]} workers with 4, 5 and 7 actions in an "
            f"output. Free-running workers lose up to {max(ratio):.1f} times the bound."
        ),
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    import numpy as np
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

    from regretlab.plots.concepts import INK, RAMP, look
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 3.6)
        left, right = figure.subplots(1, 2)
        free = look("free-running")
        dots: dict[str, Any] = {"marker": free.marker, "linestyle": "none", "markersize": 4}
        for place, row in enumerate(data["needed"]):  # the first ones wider, so that all show where they coincide
            number = np.array([np.nan if n is None else n for n in row["workers"]], dtype=float)
            left.plot(
                LENGTHS,
                number,
                color=RAMP[2 * place],
                linewidth=5.0 - 1.7 * place,
                label=row["law"],
            )
        left.set_yscale("log")
        left.yaxis.set_major_locator(FixedLocator([1, 2, 4, 8, 16, 32, 64, 128]))
        left.yaxis.set_minor_locator(NullLocator())
        left.yaxis.set_major_formatter(ScalarFormatter())
        left.xaxis.set_major_locator(FixedLocator(LENGTHS[1::2]))
        left.set_xlabel("actions in an output, $H$ (frames)")
        left.set_ylabel("fewest workers without inaction")
        left.legend(title="times of mean 4 frames", title_fontsize="small")
        right.plot(WORKERS, data["once"], label="one frame", **look("lower bound").plain())
        for place, (colour, curve) in enumerate(zip(RAMP[::2] + RAMP[-1:], data["curves"], strict=True)):
            label = "unlimited" if curve["chunk"] is None else f"{curve['chunk']} actions"
            right.plot(WORKERS, curve["bound"], color=colour, label=label, linewidth=3.0 - 0.6 * place)
            right.plot(WORKERS, curve["free_running"], color=colour, **dots)
        right.set_xscale("log")
        right.xaxis.set_major_locator(FixedLocator([1, 2, 4, 8, 16]))
        right.xaxis.set_minor_locator(NullLocator())
        right.xaxis.set_major_formatter(ScalarFormatter())
        right.set_ylim(0.0, 1.0)
        right.set_xlabel("workers")
        right.set_ylabel("regret per frame (gaps of 1)")
        handles, labels = right.get_legend_handles_labels()
        figure.legend(
            [*handles, Line2D([], [], color=INK, **dots)],
            [*(f"bound, {label}" for label in labels), "free-running workers"],
            loc="outside lower center",
            ncols=3,
        )
        return figure
