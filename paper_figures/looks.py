"""How each rule, and each way of playing, looks: one colour and marker in all figures."""

from typing import Any

from regretlab.plots.style import COLOURS, GREY, SHADES

__all__ = ["CONCURRENT", "LOOKS", "PAPER", "PLAYED", "REAL", "SIMULATED", "USES", "look_of", "words_of"]

CONCURRENT = "sequential, learning beside it"
"""The label in committed results of sequential play with a concurrent learner."""

LOOKS = {
    "max-time": (COLOURS[0], "o"),
    "sequential": (COLOURS[1], "s"),
    "expected-time": (COLOURS[2], "D"),
    "frame-pool": (COLOURS[3], "^"),
    "frame-hold": (COLOURS[4], "v"),
    "free-running": (COLOURS[5], "P"),
    "quantile-time": ("#7B3294", "*"),
    "unstaggered": (GREY, "X"),
    "sequential-strict": ("#A0522D", "X"),
    "lower bound": (COLOURS[6], ""),
}
"""Colour and marker of each rule, the same in every figure. Staggered play where the rule does not matter looks as
``max-time``."""

USES = {
    "dropped": ("#A6D5F0", "P"),
    "kept": LOOKS["free-running"],
    "cancelled": (SHADES[0], "D"),
    "chunks": (SHADES[1], "^"),
}
"""The same by what outputs of free-running workers are used for; open or pale where unused ones are dropped."""

PLAYED, REAL, SIMULATED = ("#000000", "o"), ("#000000", "s"), ("#000000", "x")
"""Colour and marker of what was found on the virtual clock, in real time, and by simulation."""
PAPER = (GREY, "^")
"""The same of the paper's own runs."""


def look_of(player: str) -> dict[str, Any]:
    """Return colour, marker and line of a player: one look for sequential play, one for staggered, in all figures."""
    colour, marker = LOOKS["sequential" if player.startswith("sequential") else "max-time"]
    look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 4}
    if player == "sequential, blocking learning":
        return look | {"linestyle": ":"}
    return look | {"markerfacecolor": "white", "linestyle": "--"} if ", learning" in player else look


def words_of(player: str) -> str:
    """Return what a reader is shown for the label of a result: one word for one thing in all figures."""
    concurrent = player.partition(", learning ")[1].replace("learning ", "concurrent learning")
    return player.partition(", learning ")[0].replace("asynchronous", "staggered") + concurrent
