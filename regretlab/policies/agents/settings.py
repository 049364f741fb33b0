"""The settings of Rainbow; ``preset="paper"`` stands for the published ones (Hessel et al. 2018, table 1)."""

from typing import Any, ClassVar

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
        See there. Without ``lowest`` and ``highest`` the support is even about 0 and grows with the returns that are in
        the replay store: to the next power of two above 1.25 times the largest.
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
    (0.0005, 1.0)
    >>> RainbowSettings(atoms=1)
    Traceback (most recent call last):
    regretlab.errors.InputError: atoms must be at least 2, not 1
    """

    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {},
        "paper": {
            **LearningSettings.PRESETS["paper"],
            "learning_rate": 6.25e-5,
            "steps": 3,
            "minimum": 20_000,
            "target_every": 8_000,
            "replay_ratio": 8.0,
            "lowest": -10.0,
            "highest": 10.0,
            "importance_updates": 12_500_000,
        },
    }

    prioritisation: float = 0.5
    replay_ratio: float | None = 8.0
    double: bool = True
    dueling: bool = True
    noisy: bool = True
    distributional: bool = True
    atoms: int = 51
    lowest: float | None = None
    highest: float | None = None
    noise: float = 0.5
    adam_epsilon: float = 1.5e-4
    importance_updates: int = 20_000

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        if self.atoms < 2:
            raise InputError(f"atoms must be at least 2, not {self.atoms}")
        if (self.lowest is None) != (self.highest is None):
            raise InputError("lowest and highest go together: give both, or neither for a support that grows")
        if self.lowest is not None and self.highest is not None and not self.lowest < self.highest:
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
