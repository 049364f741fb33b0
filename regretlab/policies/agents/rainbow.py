"""Rainbow (Hessel et al. 2018): DQN with six improvements, each of which its settings can switch off."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..learning.updates import Batch, as_input, following_values
from .dqn import DQN
from .networks import RainbowNetwork
from .settings import RainbowSettings

__all__ = ["Rainbow", "project"]


class Rainbow(DQN):
    """DQN that is double, dueling, prioritised, n-step, noisy and distributional.

    Parameters
    ----------
    network, shape, actions, seed
        As for ``DQN``.
    settings
        How to learn, and with which of the six.

    References
    ----------
    Hessel et al. 2018, "Rainbow: combining improvements in deep reinforcement learning".
    """

    settings: RainbowSettings
    network: RainbowNetwork
    target: RainbowNetwork

    def __init__(
        self, network: str, shape: tuple[int, ...], actions: int, settings: RainbowSettings, seed: int
    ) -> None:
        self._adam_epsilon = settings.adam_epsilon
        super().__init__(network, shape, actions, settings, seed)
        self._noise = torch.Generator().manual_seed(seed)
        self._trace = self._largest = 0.0  # recent rewards discounted by their age, and the largest size of that

    def _built(self, network: str, shape: tuple[int, ...], seed: int) -> RainbowNetwork:
        return RainbowNetwork(network, shape, self.actions, self.settings, seed)

    def act(self, observation: NDArray[Any], exploration: float) -> int:
        """Return the action of largest value under newly drawn noise."""
        if self.settings.noisy:
            self.network.draw_noise(self._noise)
        return super().act(observation, exploration)

    def learn(
        self, observation: NDArray[Any], action: int, reward: float, discount: float, *, last: bool = False
    ) -> None:
        """Remember a transition and update, as DQN does; note how large returns are."""
        self._trace += self.settings.learned_reward(reward)
        self._largest = max(self._largest, abs(self._trace))
        self._trace *= 0.0 if last else discount
        super().learn(observation, action, reward, discount, last=last)

    def _copy_target(self) -> None:
        """Copy the weights, and let the support grow with the returns where it is not given.

        Rewards discounted by their age have, in a long run, the law of returns (the same sum read backwards), and are
        known without waiting for what follows.
        """
        if self.settings.lowest is None:
            reach = 2.0 ** math.ceil(math.log2(1.25 * self._largest)) if self._largest else 1.0
            if reach > float(self.network.support[-1]):
                self.network.support.copy_(torch.linspace(-reach, reach, self.settings.atoms))
        super()._copy_target()

    def _loss(self, batch: Batch) -> tuple[Tensor, NDArray[np.float32]]:
        for network in (self.network, self.target):
            network.draw_noise(self._noise)
        losses = self.losses(batch)
        weights = torch.ones(()) if batch.weights is None else torch.from_numpy(batch.weights)
        return (losses * weights).mean(), losses.detach().numpy()

    def _drawn(self) -> Batch:
        return self._drawer.draw(self.settings.importance_at(self.updates))

    def losses(self, batch: Batch) -> Tensor:
        """Return the loss of each transition, shape (batch,): cross-entropy of distributions, or Huber's of values."""
        rows = torch.arange(len(batch.actions))
        actions, rewards, discounts = (
            torch.from_numpy(part) for part in (batch.actions, batch.rewards, batch.discounts)
        )
        with torch.no_grad():
            following = as_input(batch.next_observations)
            if self.settings.distributional:
                chosen = (self.network if self.settings.double else self.target)(following).argmax(dim=1)
                after = self.target.logits(following)[rows, chosen].softmax(dim=1)
                goal = project(after, rewards, discounts, self.network.support)
            else:
                double = self.settings.double
                goal = rewards + discounts * following_values(self.network, self.target, following, double=double)
        if self.settings.distributional:
            said = self.network.logits(as_input(batch.observations))[rows, actions].log_softmax(dim=1)
            return -(goal * said).sum(dim=1)
        values = self.network(as_input(batch.observations))[rows, actions]
        return functional.huber_loss(values, goal, reduction="none")


def project(probabilities: Tensor, rewards: Tensor, discounts: Tensor, support: Tensor) -> Tensor:
    """Return the distribution of R + g Z on the atoms, mass between two atoms shared by nearness.

    Parameters
    ----------
    probabilities
        Of Z on the atoms, shape (batch, atoms).
    rewards, discounts
        R and g, shape (batch,).
    support
        The atoms, shape (atoms,), evenly spaced and increasing.

    References
    ----------
    Bellemare, Dabney & Munos 2017, "A distributional perspective on reinforcement learning", equation 7.

    Examples
    --------
    >>> certain, reward, discount = torch.tensor([[0.0, 1.0]]), torch.tensor([0.25]), torch.tensor([0.5])
    >>> project(certain, reward, discount, support=torch.tensor([0.0, 1.0])).tolist()
    [[0.25, 0.75]]
    """
    lowest, highest = float(support[0]), float(support[-1])
    moved = (rewards[:, None] + discounts[:, None] * support).clamp(lowest, highest)
    places = ((moved - lowest) / (support[1] - support[0])).clamp(0, len(support) - 1)  # in atoms, from the first
    below = places.floor()
    share = places - below
    result = torch.zeros_like(probabilities)
    result.scatter_add_(1, below.long(), probabilities * (1 - share))
    return result.scatter_add_(1, places.ceil().long(), probabilities * share)
