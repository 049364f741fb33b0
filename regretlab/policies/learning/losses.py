"""The loss of DQN (Mnih et al. 2015) on transitions of any length.

A transition is (x, a, R, g, x'): observation, action, discounted reward of the frames that the action answers for, the
discount over those frames (0 if the episode ended in them) and the observation of the next decision. Its target is
R + g max_b Q'(x', b) with the target network's Q', and its loss the Huber loss of Q(x, a) against that.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Batch", "as_input", "temporal_difference_loss"]


@dataclass(frozen=True)
class Batch:
    """Transitions drawn from a store.

    Attributes
    ----------
    observations, next_observations
        Shape (batch, height, width), uint8, or (batch, n), float32. A row of ``next_observations`` with discount 0 may
        hold anything.
    actions
        Shape (batch,), int64.
    rewards, discounts
        Shape (batch,), float32.
    weights
        Importance of each transition in the mean, shape (batch,), float32; None for 1 each.
    rows
        Where in the store the transitions lie.
    """

    observations: NDArray[Any]
    actions: NDArray[np.int64]
    rewards: NDArray[np.float32]
    discounts: NDArray[np.float32]
    next_observations: NDArray[Any]
    rows: NDArray[np.int64]
    weights: NDArray[np.float32] | None = None


def temporal_difference_loss(network: nn.Module, target: nn.Module, batch: Batch) -> tuple[Tensor, NDArray[np.float32]]:
    """Return the mean Huber loss of a batch and each transition's temporal difference.

    Parameters
    ----------
    network, target
        Map observations as ``as_input`` gives them to action values (batch, actions).
    batch
        The transitions.

    Returns
    -------
    loss
        Scalar tensor that can be differentiated in the weights of ``network``.
    differences
        Q(x, a) minus its target, shape (batch,).

    References
    ----------
    Mnih et al. 2015, "Human-level control through deep reinforcement learning", algorithm 1.
    """
    with torch.no_grad():
        following = target(as_input(batch.next_observations)).max(dim=1).values
        goal = torch.from_numpy(batch.rewards) + torch.from_numpy(batch.discounts) * following
    values = network(as_input(batch.observations)).gather(1, torch.from_numpy(batch.actions)[:, None])[:, 0]
    losses = functional.huber_loss(values, goal, reduction="none")
    if batch.weights is not None:
        losses = losses * torch.from_numpy(batch.weights)
    return losses.mean(), (values.detach() - goal).numpy()


def as_input(observations: NDArray[Any]) -> Tensor:
    """Return observations (batch, ...) as networks want them, (batch, 1, ...); bytes become numbers in [0, 1]."""
    scaled = torch.from_numpy(observations)[:, None].to(torch.float32)
    return scaled / 255 if observations.dtype == np.uint8 else scaled
