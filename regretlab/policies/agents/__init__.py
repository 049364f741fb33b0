"""Agents that learn action values: DQN and Rainbow, each on one screen, for frames and for vectors.

They know nothing of delays or of processes: the player passes them transitions in the order in which they happened.
The learners of the harness share the settings, the batch and the loss with DQN. Importing this package imports no
PyTorch.
"""

from typing import TYPE_CHECKING, Any

from ..learning.settings import LearningSettings
from .settings import RainbowSettings

if TYPE_CHECKING:
    from .dqn import DQN
    from .rainbow import Rainbow

__all__ = ["AGENTS", "RainbowSettings", "agent_settings", "make_agent"]

AGENTS = ("dqn", "rainbow")


def agent_settings(agent: str, **values: Any) -> LearningSettings:
    """Return the checked settings of an agent; ``preset="paper"`` for published ones.

    Examples
    --------
    >>> agent_settings("rainbow", batch=64).steps
    3
    """
    return RainbowSettings(**values) if agent == "rainbow" else LearningSettings(**values)


def make_agent(
    agent: str, network: str, shape: tuple[int, ...], actions: int, settings: LearningSettings, seed: int
) -> "DQN | Rainbow":
    """Return an agent with fresh weights.

    Parameters
    ----------
    agent
        "dqn" or "rainbow".
    network
        Name of a network of ``regretlab.policies``; ``mlp`` for what is not a picture.
    shape
        Of an observation.
    actions, settings, seed
        Number of actions, how to learn, seed of weights and draws.
    """
    if isinstance(settings, RainbowSettings):
        from .rainbow import Rainbow

        return Rainbow(network, shape, actions, settings, seed)
    from .dqn import DQN

    return DQN(network, shape, actions, settings, seed)
