"""Rainbow (Hessel et al. 2018): DQN with six improvements, each of which its settings can switch off."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..learning.updates import Batch, as_input
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
    network: RainbowNetwork  # type: ignore[assignment]
    target: RainbowNetwork  # type: ignore[assignment]

    def __init__(
        self, network: str, shape: tuple[int, ...], actions: int, settings: RainbowSettings, seed: int
    ) -> None:
        super().__init__(network, shape, actions, settings, seed)
        self.network, self.target = (RainbowNetwork(network, shape, actions, settings, seed) for _ in range(2))
        self.optimiser = torch.optim.Adam(self.network.parameters(), settings.learning_rate, eps=settings.adam_epsilon)
        self._noise = torch.Generator().manual_seed(seed)

    def act(self, observation: NDArray[np.generic], exploration: float) -> int:
        """Return the action of largest value under newly drawn noise."""
        if self.settings.noisy:
            self.network.draw_noise(self._noise)
        return super().act(observation, exploration)

    def _update(self) -> None:
        if self.updates % self.settings.target_every == 0:
            self.target.load_state_dict(self.network.state_dict())
        batch = self._drawer.draw(self.settings.importance_at(self.updates))
        for network in (self.network, self.target):
            network.draw_noise(self._noise)
        losses = self.losses(batch)
        weights = torch.ones(()) if batch.weights is None else torch.from_numpy(batch.weights)
        self.optimiser.zero_grad(set_to_none=True)
        (losses * weights).mean().backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.gradient_clip)
        self.optimiser.step()
        self._drawer.learned(batch, losses.detach().numpy())
        self.updates += 1

    def losses(self, batch: Batch) -> Tensor:
        """Return the loss of each transition, shape (batch,): cross-entropy of distributions, or Huber's of values."""
        rows = torch.arange(len(batch.actions))
        actions, rewards, discounts = (
            torch.from_numpy(part) for part in (batch.actions, batch.rewards, batch.discounts)
        )
        with torch.no_grad():
            following = as_input(batch.next_observations)
            chosen = (self.network if self.settings.double else self.target)(following).argmax(dim=1)
            if self.settings.distributional:
                after = self.target.logits(following)[rows, chosen].softmax(dim=1)
                goal = project(after, rewards, discounts, self.network.support)
            else:
                goal = rewards + discounts * self.target(following)[rows, chosen]
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
