r"""What a frame loses on average, given who serves it: what every rule, hold and number of workers is judged by.

.. math:: \phi\,g + \Delta\,(1 - 1/K)\,(1 - \phi - S(\lambda))

with lambda = p and no factor 1 - 1/K on the shift register (K = infinity). Derived in docs/theory.
"""

from dataclasses import dataclass

from ..results import ServiceLaw
from .checks import check_gap
from .delay import check_mode_probability, delay_regret, ring_eigenvalue
from .inaction import inaction_regret

__all__ = ["FrameLoss"]


@dataclass(frozen=True)
class FrameLoss:
    """The stakes: how fast an observation goes stale, and what a late action and no action cost.

    Attributes
    ----------
    p
        Modal probability per frame: in [0, 1], or [1/K, 1] with ``symbols``.
    symbols
        K for the ring W2; None for the shift register W1, the worst case of all.
    gap_default, gap_delay
        g and Delta, reward per frame.

    Examples
    --------
    >>> round(FrameLoss(0.8).of_delay(3), 12)
    0.488
    """

    p: float
    symbols: int | None = None
    gap_default: float = 1.0
    gap_delay: float = 1.0

    def __post_init__(self) -> None:
        check_mode_probability(self.p, self.symbols)
        check_gap(self.gap_default, "gap of the default behaviour")
        check_gap(self.gap_delay, "gap of a wrong action")

    @property
    def decay(self) -> float:
        """p, or lambda on the ring: what each frame of delay multiplies the value of an action by."""
        return float(self.p) if self.symbols is None else ring_eigenvalue(self.p, self.symbols)

    @property
    def stake(self) -> float:
        """Delta, or Delta (1 - 1/K) on the ring: the loss of an action that knows nothing."""
        return self.gap_delay * (1.0 if self.symbols is None else 1.0 - 1.0 / self.symbols)

    def of_delay(self, frames: float) -> float:
        """Return the loss of a frame served by an action of that delay in frames."""
        return self.stake * (1.0 - self.decay**frames)

    def inaction(self, service: ServiceLaw) -> float:
        """Return phi g."""
        return inaction_regret(service.inaction_fraction, self.gap_default)

    def delay(self, service: ServiceLaw) -> float:
        """Return the delay part per frame."""
        return delay_regret(service, self.p, symbols=self.symbols, gap_delay=self.gap_delay)

    def total(self, service: ServiceLaw) -> float:
        """Return the two parts together, per frame."""
        return self.inaction(service) + self.delay(service)
