"""What ``hold="auto"`` is best for, when the hold is learned while playing."""

import math
from dataclasses import dataclass

from ..errors import InputError

__all__ = ["HoldObjective"]


@dataclass(frozen=True)
class HoldObjective:
    """Losses a frame-hold rule weighs while it learns its hold from the inference times it sees.

    A frame without an action loses ``gap_default``; one whose action is j frames old loses
    ``min(gap_default, gap_delay * (1 - retention**j))``, since the agent may choose the default action too.

    Attributes
    ----------
    retention
        p of the fresh-state witness, or lambda = (K p - 1)/(K - 1) of a ring of K symbols, in [0, 1].
    gap_default, gap_delay
        g and Delta, at least 0 (of a ring, Delta (1 - 1/K)).

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> HoldObjective.of_ring(0.9, 4)
    HoldObjective(retention=0.8666666666666667, gap_default=1.0, gap_delay=0.75)
    """

    retention: float
    gap_default: float = 1.0
    gap_delay: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.retention <= 1:
            raise InputError(f"hold 'auto' needs a modal probability in [0, 1], not {self.retention!r}")
        for name, gap in (
            ("gap of the default behaviour", self.gap_default),
            ("gap of a wrong action", self.gap_delay),
        ):
            if not (math.isfinite(gap) and gap >= 0):
                raise InputError(f"{name} must be a finite number of at least 0, not {gap!r}")

    @classmethod
    def of_ring(
        cls, mode_probability: float, symbols: int, *, gap_default: float = 1.0, gap_delay: float = 1.0
    ) -> "HoldObjective":
        """Return the objective of a ring of symbols that stays with a given probability and else jumps to another."""
        retention = max(0.0, (symbols * mode_probability - 1) / (symbols - 1))
        return cls(retention, gap_default, gap_delay * (1 - 1 / symbols))
