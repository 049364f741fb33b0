"""How players look and what they are called: one look for sequential play, one for staggered, in all figures."""

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regretlab.plots.concepts import Look

__all__ = ["CONCURRENT", "look_of", "words_of"]

CONCURRENT = "sequential, learning beside it"
"""The label in committed results of sequential play with a concurrent learner."""


def look_of(player: str) -> "Look":
    """Return the look of a player: that of sequential play or of staggered play, by line where learning differs."""
    from regretlab.plots.concepts import look

    found = look("sequential" if player.startswith("sequential") else "max-time")
    if player == "sequential, blocking learning":
        return replace(found, line=":")
    return replace(found, line="--", hollow=True) if ", learning" in player else found


def words_of(player: str) -> str:
    """Return what a reader is shown for the label of a result: one word for one thing in all figures."""
    concurrent = player.partition(", learning ")[1].replace("learning ", "concurrent learning")
    return player.partition(", learning ")[0].replace("asynchronous", "staggered") + concurrent
