"""Reward in Atari Boxing against delay: an action in every frame, or one after each delay."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "boxing"
TITLE = "Reward in Atari Boxing against delay, asynchronous and sequential"
CLAIM = "Frame by frame, asynchronous inference keeps more of the reward than sequential interaction at every delay."
RESULTS_READ = ("results/boxing.parquet", "delays.py")


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the committed results; nothing is played here."""
    from .delays import read_delays, said_verdict

    panel = read_delays("boxing", "Boxing")
    return {
        "panels": [panel],
        "caption": (
            "Atari Boxing, frame by frame, nothing sticky. A script plays, not a learned policy: it sees where the "
            "boxers stood delay frames ago, keeps its distance and punches; one action in twenty is random. The delays "
            "are those of the paper's networks of 55K, 1M, 10M and 100M parameters. Sequential: after each action as "
            f"many frames of no-op as the delay. Means over {panel['seeds']} seeds of {panel['frames']:,} frames each "
            f"with 95 % intervals (Student's t). Played on {panel['machine']} by `{panel['command']}`."
        ),
        "verdict": said_verdict(panel) + ".",
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from .delays import draw_delays

    return draw_delays(data["panels"])
