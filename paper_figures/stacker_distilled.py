"""Reward on stacker of a network distilled from the script, against its delay: an action in every frame, or pauses."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "stacker-distilled"
TITLE = "Reward on stacker of a network distilled from the script, staggered and sequential"
CLAIMS = (8,)
CLAIM = (
    "Staggered inference keeps far more of the reward than sequential interaction, for a network that plays from "
    "pixels with more skill than holding a button."
)
RESULTS_READ = ("results/stacker_distilled.parquet", "delays.py", "differences.py")


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the committed results; nothing is played here."""
    from .delays import judge_sizes, paired_differences, read_sizes, said_verdict
    from .paper_models import GAME_BOY_DELAYS

    panels = [
        *read_sizes("stacker_distilled", {"network": GAME_BOY_DELAYS}, "distilled"),
        *read_sizes("stacker_distilled", {"script": GAME_BOY_DELAYS}, "script"),
    ]
    network, script = panels
    apart = paired_differences(network)
    held, _ = network["floors"]["Down held"]
    kept = [own[1] / of_script[1] for own, of_script in zip(*_asynchronous(network, script), strict=True)]
    above = [f"{delay}" for delay, mean, half in network["ways"]["asynchronous"] if mean - half > held]
    return {
        "panels": panels,
        "differences": apart,
        "kept": kept,
        "judged": {"8": judge_sizes([network], "one network distilled from our script plays our cartridge")},
        "caption": (
            "Left: a network of 49,268 parameters sees the cartridge stacker, level 0, in 84 x 84 pixels. It was "
            "distilled from the script that reads the game's memory: from boards of the script's games it learned "
            "where the falling piece is and what each landing is worth. Learned is what to see and where to land; the "
            "buttons that bring a piece there are the script's rule, which counts in the network's own actions of the "
            "frames since. Right: the script itself, which reads memory. The same network plays at every delay, so a "
            "size stands for its delay alone. Sequential: after each action as many frames of no-op as the delay. "
            f"Floors: random play, no-op, and Down held ({held:.3g}, without delay), which needs no skill. "
            f"{network['seeds']} seeds of {network['frames']:,} frames each, means with 95 % intervals (Student's t); "
            f"the vertical scale is linear below 0.01. Played on {network['machine']} by `{network['command']}`."
        ),
        "verdict": (
            said_verdict(network)
            + ". 95 % intervals of the difference, seed by seed: "
            + ", ".join(f"{delay} late {low:.3g} to {high:.3g}" for delay, low, high in apart)
            + ". Staggered, the network earns "
            + ", ".join(f"{100 * share:.0f} %" for share in kept)
            + " of what the script earns; its interval lies above Down held at the delays "
            + f"{', '.join(above) or 'none'}. Much of what sequential play loses is time: a piece falls fast only "
            "while Down is held, which pauses do not allow."
        ),
    }


def _asynchronous(*panels: dict[str, Any]) -> list[list[list[float]]]:
    return [panel["ways"]["asynchronous"] for panel in panels]


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from .delays import draw_sizes

    return draw_sizes(data["panels"], linear_below=0.01)
