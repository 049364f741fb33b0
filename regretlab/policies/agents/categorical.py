"""The projection of a shifted and shrunk distribution of returns onto the atoms that a network has outputs for."""

import torch
from torch import Tensor

__all__ = ["project"]


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
