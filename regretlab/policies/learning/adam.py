"""Adam (Kingma & Ba 2015, algorithm 1) on flat arrays that processes share.

The arithmetic is that of ``torch.optim.Adam`` without its per-tensor state: weights, first and second moment are three
float32 arrays of one length, wherever they lie, and the number of steps so far is the caller's.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["BETAS", "EPSILON", "adam_step"]

BETAS = (0.9, 0.999)
EPSILON = 1e-8


def adam_step(
    weights: NDArray[np.float32],
    gradient: NDArray[np.float32],
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    step: int,
    learning_rate: float,
) -> None:
    """Change weights and moments in place by one step.

    Parameters
    ----------
    weights, gradient, first, second
        Arrays of shape (count,): the weights, the loss's gradient, the running mean of gradients and of their squares.
    step
        Number of this step, from 1.
    learning_rate
        Step size.

    References
    ----------
    Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1.

    Examples
    --------
    >>> weights, first, second = np.ones(1, np.float32), np.zeros(1, np.float32), np.zeros(1, np.float32)
    >>> adam_step(weights, np.array([4.0], np.float32), first, second, 1, 0.1)
    >>> round(float(weights[0]), 6)
    0.9
    """
    w, g, m, v = (torch.from_numpy(array) for array in (weights, gradient, first, second))
    m.lerp_(g, 1 - BETAS[0])
    v.mul_(BETAS[1]).addcmul_(g, g, value=1 - BETAS[1])
    denominator = (v.sqrt() / math.sqrt(1 - BETAS[1] ** step)).add_(EPSILON)
    w.addcdiv_(m, denominator, value=-learning_rate / (1 - BETAS[0] ** step))
