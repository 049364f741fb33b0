"""Reward in Atari Boxing against model size: an action in every frame, or one after each delay."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "boxing"
TITLE = "Reward in Atari Boxing against model size, staggered and sequential"
CLAIMS = (9,)
CLAIM = "Frame by frame, staggered inference keeps more of the reward than sequential interaction at every delay."
RESULTS_READ = ("results/boxing.parquet", "delays.py", "differences.py")


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the committed results; nothing is played here."""
    from .delays import judge_sizes, read_sizes, said_verdict
    from .paper_models import ATARI_DELAYS

    panels = read_sizes("boxing", {f"networks {depth}": delays for depth, delays in ATARI_DELAYS.items()})
    first = panels[0]
    return {
        "panels": panels,
        "judged": {"9": judge_sizes(panels, "Boxing only, a script plays")},
        "caption": (
            "Atari Boxing, frame by frame, nothing sticky. A script plays, not a learned policy: it sees where the "
            "boxers stood delay frames ago, keeps its distance and punches; one action in twenty is random. There is "
            "no counterpart with agents that learned: none learned Boxing in the committed results. A size "
            "stands for its delay alone: that of the paper's network of so many parameters (twice as deep: of six "
            "stages, not three). Sequential: after each action as many frames of no-op as the delay. Means over "
            f"{first['seeds']} seeds of {first['frames']:,} frames each with 95 % intervals (Student's t). Played on "
            f"{first['machine']} by `{first['command']}`."
        ),
        "verdict": ". ".join(said_verdict(panel) for panel in panels) + ".",
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from .delays import draw_sizes

    return draw_sizes(data["panels"])
