"""Reward on stacker against delay: an action in every frame, or one after each delay."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "stacker"
TITLE = "Reward on stacker against delay, asynchronous and sequential"
CLAIM = (
    "Asynchronous inference keeps far more of the reward than sequential interaction, which leaves the frames of its "
    "inference to the no-op."
)
RESULTS_READ = ("results/stacker.parquet", "results/stacker_fast.parquet", "delays.py")


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the committed results; nothing is played here."""
    from .delays import read_delays, said_verdict

    panels = [read_delays("stacker", "level 0"), read_delays("stacker_fast", "level 9")]
    first = panels[0]
    commands = " and ".join(f"`{panel['command']}`" for panel in panels)
    return {
        "panels": panels,
        "caption": (
            "Falling blocks on the cartridge stacker, from level 0 and from level 9 (pieces fall faster). A script "
            "plays, not a learned policy: it sees board and piece as they were delay frames ago, knows which actions "
            "took effect since, and plans the best landing. The delays are those of the paper's networks of 55K, 1M, "
            "10M and 100M parameters. Sequential: after each action as many frames of no-op as the delay. Means over "
            f"{first['seeds']} seeds of {first['frames']:,} frames each with 95 % intervals (Student's t); the "
            "vertical "
            f"scale is linear below 0.01. Played on {first['machine']} by {commands}."
        ),
        "verdict": (
            ". ".join(said_verdict(panel) for panel in panels)
            + ". Much of what the sequential script loses is time: a piece falls fast only while Down is held, which "
            "pauses do not allow, so at level 0 few pieces land at all and the delay itself makes no difference."
        ),
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from .delays import draw_delays

    return draw_delays(data["panels"], linear_below=0.01)
