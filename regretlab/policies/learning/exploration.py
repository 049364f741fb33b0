"""Epsilon-greedy play: the policy's action, or with probability epsilon any action."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..policy import Policy
from ..spec import PolicySpec

__all__ = ["ExploringPolicy"]


class ExploringPolicy:
    """A policy that now and then plays a random action.

    The network runs for a random action too, so that exploring takes as long as not exploring and the delay law stays
    the policy's own.

    Parameters
    ----------
    policy
        What is played otherwise.
    epsilon
        Returns the present probability of a random action.
    stream
        Seed of the random actions, a few whole numbers.
    """

    def __init__(self, policy: Policy, epsilon: Callable[[], float], stream: tuple[int, ...]) -> None:
        self.spec: PolicySpec = policy.spec
        self._policy, self._epsilon = policy, epsilon
        self._generator = np.random.default_rng([*stream, 0xE95])

    def act(self, observation: Any) -> int:
        """Return the action for an observation."""
        chosen = self._policy.act(observation)
        if self._generator.random() < self._epsilon():
            return int(self._generator.integers(self.spec.actions))
        return chosen
