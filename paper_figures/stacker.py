"""Reward on stacker against model size: an action in every frame, or one after each delay."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "stacker"
TITLE = "Reward on stacker against model size, staggered and sequential"
CLAIMS = (8,)
CLAIM = (
    "Staggered inference keeps far more of the reward than sequential interaction, which leaves the frames of its "
    "inference to the no-op."
)
RESULTS_READ = ("results/stacker.parquet", "results/stacker_fast.parquet", "delays.py", "differences.py")


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the committed results; nothing is played here."""
    from .delays import judge_sizes, read_sizes, said_verdict
    from .paper_models import GAME_BOY_DELAYS

    panels = [
        *read_sizes("stacker", {"level 0": GAME_BOY_DELAYS}),
        *read_sizes("stacker_fast", {"level 9": GAME_BOY_DELAYS}),
    ]
    first = panels[0]
    commands = " and ".join(f"`{panel['command']}`" for panel in panels)
    return {
        "panels": panels,
        "judged": {"8": judge_sizes(panels, "a script plays our cartridge, no network learned it")},
        "caption": (
            "Falling blocks on the cartridge stacker, from level 0 and from level 9 (pieces fall faster). A script "
            "plays, not a learned policy: it sees board and piece as they were delay frames ago, knows which actions "
            "took effect since, and plans the best landing. "
            "The figures stacker-learned and stacker-distilled are its counterparts with networks "
            "that learned. A size stands for its delay alone: that of the paper's "
            "network of so many parameters on its machine. Sequential: after each action as many frames of no-op as "
            f"the delay. Means over {first['seeds']} seeds of {first['frames']:,} frames each with 95 % intervals "
            f"(Student's t); the vertical scale is linear below 0.01. Played on {first['machine']} by {commands}."
        ),
        "verdict": (
            ". ".join(said_verdict(panel) for panel in panels)
            + ". Much of what the sequential script loses is time: a piece falls fast only while Down is held, which "
            "pauses do not allow, so at level 0 few pieces land at all, whatever the delay."
        ),
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from .delays import draw_sizes

    return draw_sizes(data["panels"], linear_below=0.01)
