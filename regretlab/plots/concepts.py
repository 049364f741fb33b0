"""How each concept looks: one colour, marker and line in all figures, the explorer and the reports.

A figure asks ``look("max-time")``. It states no colour, marker or dash of its own, and a test refuses one that does.
A marker on a line is that of its rule. The marker of a measured point without a line states where the point comes from
(``virtual clock``, ``real time``, ``simulation``, ``the paper``), in the colour of the rule that it belongs to.

Black and grey serve several concepts, which differ by marker or line: black lines are lower bounds and black marks are
measurements; grey is what play is compared with.
"""

from dataclasses import dataclass, replace
from typing import Any

from ..rules import RULE_NAMES

__all__ = [
    "CONCEPTS",
    "GREY",
    "GRID",
    "INK",
    "RAMP",
    "SHADED",
    "Look",
    "look",
    "look_of_rule",
    "map_of",
    "series",
    "tint",
]

INK, GREY, GRID = "#000000", "#7A828A", "#DDE1E6"
SHADED = 0.18
"""How strong the colour of an interval is, or of a shaded region."""
RAMP = ("#DCCBB5", "#C4A987", "#A6875F", "#84663F", "#5F4525", "#3B2810")
"""Values of a parameter in their order, light to dark; the legend names the parameter."""


@dataclass(frozen=True)
class Look:
    """Colour, marker and line of a concept.

    Attributes
    ----------
    colour
        Six hexadecimal digits after ``#``.
    marker, line
        As Matplotlib writes them; an empty marker for none.
    hollow
        Whether the marker is white inside.
    """

    colour: str
    marker: str = ""
    line: Any = "-"
    hollow: bool = False

    def curve(self, **more: Any) -> dict[str, Any]:
        """Return the options of a line with its markers, for ``plot`` and ``errorbar``."""
        face = {"markerfacecolor": "white" if self.hollow else self.colour} if self.marker else {}
        return {"color": self.colour, "linestyle": self.line, "marker": self.marker, "markersize": 4} | face | more

    def plain(self, **more: Any) -> dict[str, Any]:
        """Return the options of a line without markers."""
        return {"color": self.colour, "linestyle": self.line} | more

    def points(self, **more: Any) -> dict[str, Any]:
        """Return the options of points without a line."""
        return self.curve() | {"linestyle": "none"} | more

    def of(self, owner: "Look") -> "Look":
        """Return this marker in the colour of what it belongs to."""
        return replace(self, colour=owner.colour)


RULES = dict(
    zip(
        RULE_NAMES,
        (
            Look("#D55E00", "v"),  # sequential
            Look("#A0522D", "p"),
            Look("#115500", "X"),
            Look("#0072B2", "D"),  # Algorithm 1, and staggered play where the rule does not matter
            Look("#7B3294", "*"),
            Look("#009E73", "^"),  # Algorithm 2
            Look("#CC79A7", "<"),
            Look("#E69F00", ">"),
            Look("#56B4E9", "P", hollow=True),  # workers that run free, unused outputs dropped
        ),
        strict=False,
    )
)
"""Of each rule, in the order of the registry; rules beyond them share ``look_of_rule``'s, as do those of users."""

CONCEPTS = {
    **RULES,
    # what outputs of free-running workers are used for; dropped unless stated
    "kept": Look("#BB11AA", "P"),
    "cancelled": Look("#AA99FF", "d"),
    "chunks": Look("#990000", "H"),
    # what no rule can be below
    "lower bound": Look(INK),
    "sharper bound": Look(INK, line="--"),
    "published bound": Look(INK, line=":"),
    "boundary": Look(INK, line="-."),  # between regions of a map
    # where a point comes from
    "virtual clock": Look(INK, "o", hollow=True),
    "real time": Look(INK, "s"),
    "simulation": Look(INK, "x"),
    "the paper": Look(GREY, "h"),
    # a value that is picked out among others
    "best": Look(INK, "*"),
    "chosen by the program": Look(INK, "8", hollow=True),
    # what play is compared with
    "prediction": Look(GREY, "+"),
    "fit": Look(GREY, line=(0, (6, 2))),
    "random play": Look(GREY, line="--"),
    "no-op": Look(GREY, line="-."),
    "Down held": Look(GREY, line=":"),
    "reference": Look(GREY, line=(0, (1, 3))),
    # parts of a regret; "inaction" is also a frame without an action
    "inaction": Look("#999933", "X"),
    "delay": Look("#332288"),
    "learning": Look("#882255"),
    # a timeline
    "inference": Look("#455A70"),
    "held": Look("#C3CBD6"),
    "takes effect": Look("#C2185B", "d"),
    "overwritten": Look(GREY, "d", hollow=True),
    "lost": Look("#FF3344"),
    "age": Look("#F1B6CC"),  # of an action in force
    # players and algorithms that learn
    "DQN": Look("#00BBBB", "D"),
    "Rainbow": Look("#99BB00", "^"),
    "oracle": Look("#446644", "v", "-."),
    "ucb": Look("#22AA11"),
    "thompson": Look("#EE66EE", line="--"),
    "ucrl2": Look("#FF8888"),
    "q-ucb": Look("#0066EE", line="--"),
    "q-epsilon": Look("#664477", line="-."),
    # of a record
    "reward": Look("#00808C"),
    "lateness": Look("#00CC77"),
}
"""The look of each concept by its name."""

_REGISTERED = Look("#EE9955", "X")
_LINES = ("-", "--", "-.", ":")
_SERIES = tuple(CONCEPTS[name].colour for name in ("DQN", "Rainbow", "oracle", "ucb", "thompson", "ucrl2", "q-ucb"))


def look(concept: str) -> Look:
    """Return the look of a concept.

    Parameters
    ----------
    concept
        A name in ``CONCEPTS``.

    Raises
    ------
    ValueError
        For any other.
    """
    if concept not in CONCEPTS:
        raise ValueError(f"no look for '{concept}': choose one of {', '.join(CONCEPTS)}")
    return CONCEPTS[concept]


def look_of_rule(name: str) -> Look:
    """Return the look of a rule; rules from other packages share one."""
    return RULES.get(name, _REGISTERED)


def series(number: int) -> Look:
    """Return the look of what has no name here, such as a case of an experiment, by its place among its like."""
    return Look(_SERIES[number % len(_SERIES)], line=_LINES[number // len(_SERIES) % len(_LINES)])


def tint(colour: str, strength: float = 0.22) -> str:
    """Return a colour on white paper, that strong."""
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(255 - strength * (255 - part)):02X}" for part in parts)


def map_of(*colours: str) -> Any:
    """Return a colour map that goes through these colours in equal steps."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("house", colours)
