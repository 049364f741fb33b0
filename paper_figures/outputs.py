"""What becomes of outputs against workers, for heavy-tailed times: dropped, kept, cancelled, in chunks."""

from typing import TYPE_CHECKING, Any

from .best_rule import agreement, curves_of, draw_runs, measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "outputs"
TITLE = "Outputs dropped, kept, cancelled and in chunks"
CLAIM = (
    "Ours, not the paper's: with heavy-tailed times, keeping unused outputs and giving up slow inferences each lower "
    "the regret of the same workers; chunks with an action for each age do as much with few workers."
)

RESULTS_READ = ("results/outputs.json", "measurements/outputs.py", "best_rule.py")
GROUP = "lognormal"
LABELS = {
    "dropped": "free-running, unused outputs dropped",
    "kept": "kept",
    "cancelled": "kept, cancelled after 2 frames",
    "chunk": "unlimited chunks",
}


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return simulated regrets, the bound for outputs of one frame, and the committed measurement."""
    from .measurements.outputs import PROBABILITY

    data = curves_of(GROUP, tuple(LABELS), seed=seed, frames=20_000 if quick else 200_000)
    three = {kind: dict(points)[3] for kind, points in data["curves"].items()}
    return data | {
        "caption": (
            f"Regret per frame against free-running workers on the ring with {data['results']['symbols']} symbols, p = "
            f"{PROBABILITY:g}, gaps 1; inference times are 40 quantiles of a lognormal law of median 2 frames and "
            "sigma 1.2. Lines: event simulations; black: the lower bound over all path-blind rules that cancel nothing "
            f"for outputs that act in one frame. {measured(data['results'])}"
        ),
        "verdict": (
            "With 3 workers: "
            + ", ".join(f"{LABELS[kind]} {value:.3f}" for kind, value in three.items())
            + f". {agreement(data)}"
        ),
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from regretlab.plots.concepts import look
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 3.7)
        axes = figure.add_subplot()
        uses = ("free-running", "kept", "cancelled", "chunks")
        draw_runs(axes, data, LABELS, {kind: look(use) for kind, use in zip(LABELS, uses, strict=True)})
        axes.plot(*zip(*data["bound"], strict=True), label="bound, nothing cancelled", **look("lower bound").plain())
        axes.set_ylim(0.0, 1.0)
        axes.set_xlabel("inference workers")
        axes.set_ylabel("regret per frame")
        figure.legend(loc="outside right center")
        return figure
