"""The settings of Rainbow; its defaults are the published ones (Hessel et al. 2018, table 1)."""

from typing import Any

from ...errors import InputError
from ..learning.settings import LearningSettings

__all__ = ["RainbowSettings"]


class RainbowSettings(LearningSettings):
    """How Rainbow learns: the settings of DQN with other defaults, a switch for each ingredient and their settings.

    ``steps`` is the n of n-step returns (1 switches them off) and ``prioritisation`` the exponent of prioritised replay
    (0 switches it off).

    Attributes
    ----------
    double
        The online network chooses the next action, the target network values it.
    dueling
        Separate streams for the value of a state and the advantages of actions.
    noisy
        Noise on weights, learned, in place of random actions.
    distributional
        The distribution of the return on ``atoms`` values from ``lowest`` to ``highest`` in place of its mean.
    atoms, lowest, highest
        See there.
    noise
        sigma_0 of noisy layers.
    adam_epsilon
        epsilon of Adam.
    importance_updates
        Updates over which ``importance`` grows to 1.

    Raises
    ------
    InputError
        For a value out of range.

    Examples
    --------
    >>> RainbowSettings().learning_rate, RainbowSettings(noisy=False).exploration(0)
    (6.25e-05, 1.0)
    >>> RainbowSettings(atoms=1)
    Traceback (most recent call last):
    regretlab.errors.InputError: atoms must be at least 2, not 1
    """

    learning_rate: float = 6.25e-5
    steps: int = 3
    prioritisation: float = 0.5
    importance: float = 0.4
    minimum: int | None = 20_000
    target_every: int = 8_000
    replay_ratio: float | None = 8.0
    double: bool = True
    dueling: bool = True
    noisy: bool = True
    distributional: bool = True
    atoms: int = 51
    lowest: float = -10.0
    highest: float = 10.0
    noise: float = 0.5
    adam_epsilon: float = 1.5e-4
    importance_updates: int = 12_500_000

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        if self.atoms < 2:
            raise InputError(f"atoms must be at least 2, not {self.atoms}")
        if not self.lowest < self.highest:
            raise InputError(f"lowest must be below highest ({self.highest}), not {self.lowest}")
        if not self.noise > 0 or not self.adam_epsilon > 0 or self.importance_updates < 1:
            raise InputError(
                "noise, adam_epsilon and importance_updates must be positive, not "
                f"{self.noise}, {self.adam_epsilon} and {self.importance_updates}"
            )

    def exploration(self, frame: int) -> float:
        """Return the probability of a random action in a frame: none with noisy layers."""
        return 0.0 if self.noisy else super().exploration(frame)

    def importance_at(self, update: int) -> float:
        """Return how far the loss corrects for prioritised draws at an update."""
        return self.importance + (1 - self.importance) * min(1.0, update / self.importance_updates)
