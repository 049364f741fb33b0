"""Progress on duel while it is played, and what a script keeps of it when its actions come late."""

from typing import TYPE_CHECKING, Any

from .differences import CONFIDENCE, difference, sign
from .looks import CONCURRENT, words_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "duel"
TITLE = "Reward of a script on duel, against model size"
CLAIMS = (7,)
CLAIM = "Staggered inference with concurrent learning makes more progress per frame than sequential play."
SETTINGS = ("battles", "catching")
RESULTS_READ = (
    *(f"results/duel_{setting}{kind}.parquet" for setting in SETTINGS for kind in ("", "_delay")),
    "delays.py",
    "differences.py",
)
PLAYERS = ("sequential", CONCURRENT, "staggered")
FLOORS = ("random, staggered", "random, sequential")
SAME_RULE = {"staggered": FLOORS[0], CONCURRENT: FLOORS[1]}
"""Agents, and random play that acts by the rule of each."""


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the committed results; nothing is played here."""
    from regretlab.experiments import read_results
    from regretlab.experiments.results import read_metadata

    from .delays import RESULTS, read_sizes, said_verdict
    from .paper_models import GAME_BOY_DELAYS

    played = {model: delay for model, delay in GAME_BOY_DELAYS.items() if delay <= 70}
    progress, commands = [], []
    for setting in SETTINGS:
        path = RESULTS / f"duel_{setting}.parquet"
        metadata = read_metadata(path)
        experiment = metadata["configuration"]["experiment"]
        commands.append(metadata["command"])
        rows = read_results(path)
        curves = {label: _progress(rows[rows["case"] == label]) for label in (*PLAYERS, *FLOORS)}
        progress.append({"title": setting, "curves": curves, "frames": experiment["frames"]})
    sizes = [panel for setting in SETTINGS for panel in read_sizes(f"duel_{setting}_delay", {setting: played})]
    return {
        "progress": progress,
        "panels": sizes,
        "judged": {"7": _judged(progress)},
        "caption": (
            "Our cartridge duel: reward of a script that waits for what its own presses do, third encounter, "
            f"{sizes[0]['seeds']} seeds of {sizes[0]['frames']:,} frames; a size stands for its delay alone, that of "
            "the paper's network of so many parameters. Sequential: "
            f"after each action as many frames of no-op. Played on {sizes[0]['machine']} by "
            + ", ".join(f"`{command}`" for command in (*commands, *(panel["command"] for panel in sizes)))
            + f". {_counterpart(progress)} Those agents: DQN on numbers that describe the screen, "
            "first encounter over and over, virtual clock, 0.08 s for an inference and as long for a learning step; "
            "sequential: the worker infers, then learns itself; staggered: five workers by the maximum time and a "
            f"learner; means over {experiment['seeds']} seeds of {experiment['frames']:,} frames with 95 % intervals "
            "(Student's t), differences seed by seed."
        ),
        "verdict": (
            " ".join(_said(panel) for panel in progress)
            + " Scripts: "
            + "; ".join(said_verdict(panel) for panel in sizes)
            + "."
        ),
    }


def _counterpart(progress: list[dict[str, Any]]) -> str:
    """State whether agents learned this game, hence why the figure does not draw them."""
    learned = any(
        sign(_difference(panel, agent, floor)) > 0 for panel in progress for agent, floor in SAME_RULE.items()
    )
    found = (
        "won more than random play by the same rule in some setting"
        if learned
        else "nowhere won more than random play by the same rule"
    )
    return f"No curve shows agents that learned: they {found}; the verdict states their rewards."


def _progress(own: Any) -> dict[str, list[float]]:
    """Return the rewards up to the end of each window, mean over seeds and half of its 95 % interval."""
    import numpy as np
    from scipy import stats

    table = own.pivot(index="window", columns="seed", values="reward").sort_index().cumsum().to_numpy()
    frames = own.groupby("window")["frames"].first().cumsum()
    half = stats.t.ppf((1 + CONFIDENCE) / 2, table.shape[1] - 1) * stats.sem(table, axis=1)
    return {
        "frames": [0, *map(int, frames)],
        "mean": [0.0, *table.mean(axis=1).tolist()],
        "half": [0.0, *np.asarray(half).tolist()],
        "totals": table[-1].tolist(),
    }


def _last(panel: dict[str, Any], label: str) -> tuple[float, float]:
    curve = panel["curves"][label]
    return curve["mean"][-1], curve["half"][-1]


def _said(panel: dict[str, Any]) -> str:
    ends = {label: _last(panel, label) for label in panel["curves"]}
    against = "; ".join(_compared(panel, agent, floor) for agent, floor in SAME_RULE.items())
    return (
        f"Rewards won in {panel['frames']:,} frames, {panel['title']}: "
        + ", ".join(f"{words_of(label)} {mean:.1f} ± {half:.1f}" for label, (mean, half) in ends.items())
        + f" ({against})."
    )


def _difference(panel: dict[str, Any], first: str, second: str) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two means over seeds."""
    return difference(*(panel["curves"][label]["totals"] for label in (first, second)))


def _compared(panel: dict[str, Any], agent: str, floor: str) -> str:
    low, high = _difference(panel, agent, floor)
    said = "more than" if low > 0 else "fewer than" if high < 0 else "not significantly different from"
    return f"{words_of(agent)} {said} {floor}: difference {low:+.1f} to {high:+.1f}"


def _judged(progress: list[dict[str, Any]]) -> dict[str, str]:
    """Compare the agents at the last frame.

    The claim holds where staggered agents win more than sequential ones and more than random play by their own rule:
    what they win more than sequential ones without that is won by acting more often, not by having learned.
    """
    from .claims import judgement

    differences = [_difference(panel, "staggered", "sequential") for panel in progress]
    floor = SAME_RULE["staggered"]
    learned = [sign(_difference(panel, "staggered", floor)) > 0 for panel in progress]
    apart = [
        sign(interval) if above or interval[1] < 0 else 0 for interval, above in zip(differences, learned, strict=True)
    ]
    outcome = (
        "holds on a stand-in" if min(apart) == 1 else "holds in part" if sum(apart) > 0
        else "does not hold" if min(apart) == -1 else "undecided"
    )  # fmt: skip
    told = "; ".join(
        f"{panel['title']} {_last(panel, 'staggered')[0]:.1f} against {_last(panel, 'sequential')[0]:.1f}, "
        f"a difference of {low:+.1f} to {high:+.1f}"
        for panel, (low, high) in zip(progress, differences, strict=True)
    )
    below = [
        f"{words_of(agent)} ({panel['title']})"
        for panel in progress
        for agent, floor in SAME_RULE.items()
        if _difference(panel, agent, floor)[1] < 0
    ]
    floors = "" if any(learned) else "; staggered agents nowhere win more than random play by the same rule"
    floors += f"; fewer than random play by the same rule: {', '.join(below)}" if below else ""
    return judgement(outcome, f"on duel, rewards won by staggered and by sequential DQN: {told} (95 %){floors}")


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from regretlab.plots.style import house_figure, house_style

    from .delays import draw_panel

    with house_style():
        figure = house_figure("page", 3.1)
        row = figure.subplots(1, 2, sharey=True)
        for axes, panel in zip(row, data["panels"], strict=True):
            draw_panel(axes, panel, frames=1000)
            axes.set_title(f"{panel['title']}, a script plays")
        row[0].set_ylim(bottom=-0.05)
        row[0].set_ylabel("reward per 1,000 frames")
        figure.supxlabel("parameters; in parentheses the delay, frames", fontsize="medium")
        figure.legend(*row[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
        return figure
