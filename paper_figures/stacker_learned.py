"""Reward that DQN learns from pixels on stacker against its delay: an action in every frame, or pauses."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "stacker-learned"
TITLE = "Reward that DQN learns on stacker from pixels against its delay, staggered and sequential"
CLAIMS = (8,)
CLAIM = (
    "Staggered inference keeps far more of the reward than sequential interaction, for a policy that learned under "
    "the delay it plays with."
)
RESULTS_READ = ("results/stacker_learned.parquet", "delays.py", "differences.py")


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the committed results; nothing is played here."""
    from .delays import judge_sizes, paired_differences, read_cases, read_sizes, said_verdict
    from .paper_models import GAME_BOY_DELAYS

    panels = read_sizes("stacker_learned", {"level 0, learned": GAME_BOY_DELAYS})
    panel = panels[0]
    _, metadata = read_cases("stacker_learned")
    learning, counted = (metadata["configuration"][key] for key in ("learning", "experiment"))
    held, half = panel["floors"]["Down held"]
    apart = paired_differences(panel)
    return {
        "panels": panels,
        "differences": apart,
        "judged": {
            "8": judge_sizes(panels, "one small DQN learned our cartridge at each delay, most of it to hold Down")
        },
        "caption": (
            "DQN learns the cartridge stacker, level 0, from 84 x 84 pixels under the delay it plays with: the small "
            "network nature (55,534 parameters) at each delay, so a size stands for its delay alone. What is learned "
            "is to hold Down, which earns a point a row and which dying does not punish; lines are not cleared. Down "
            "counts only when it is held for three frames, so a player that pauses after each frame cannot earn by "
            f"it whatever it learns. Floors: random play and no-op; Down held ({held:.3g} ± {half:.2g}, without "
            f"delay) is what a perfect imitation of that habit earns. {panel['seeds']} seeds of {panel['frames']:,} "
            f"frames each; points are means of the last {100 * counted['counted']:.0f} %, still with "
            f"some random actions, and 95 % intervals (Student's t). Both ways make {learning['updates_per_frame']:g} "
            f"updates a frame; random actions are held for {learning['exploration_hold']:g} decisions on average and "
            f"fall away over {learning['exploration_frames']:,} frames. No bonus and no script is involved. Played on "
            f"{panel['machine']} by {metadata['command']}."
        ),
        "verdict": (
            said_verdict(panel)
            + ". 95 % intervals of the difference, seed by seed: "
            + ", ".join(f"{delay} late {low:.3g} to {high:.3g}" for delay, low, high in apart)
            + ". Sequential play earned nothing at any delay, because this game rewards a button kept down. Most of "
            "the difference is therefore inaction: even a script that plans, paused, earns 0.018 at most."
        ),
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from .delays import draw_sizes

    return draw_sizes(data["panels"])
