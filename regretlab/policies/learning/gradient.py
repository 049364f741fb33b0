"""The gradient of a batch, computed on a private copy of the weights.

A learner copies weights when they are not being changed, computes for as long as it takes, and hands in a gradient: no
process reads weights that are being written, and none waits for a computation.
"""

import numpy as np
import torch

from ...errors import RunError
from ..networks import build_network
from ..parameters import attach_parameters, named_views, parameter_count
from ..spec import PolicySpec
from .losses import Batch, temporal_difference_loss

__all__ = ["GradientComputer"]


class GradientComputer:
    """A network, its target network and the gradient of their loss, all as flat arrays.

    Parameters
    ----------
    spec
        A policy with a network.
    gradient_clip
        Largest Euclidean norm of a gradient.

    Attributes
    ----------
    weights, target
        To be filled in before `compute`; shape (count,), float32, in the order that ``spec.channels_last`` says.
    gradient
        The last batch's, in the same order.
    differences
        The last batch's temporal differences, shape (batch,).
    version
        How many updates made the weights, and how many copies the target, if the process that filled them in reports
        it.
    """

    def __init__(self, spec: PolicySpec, gradient_clip: float) -> None:
        count = parameter_count(spec)
        self.weights, self.target, self.gradient = (np.zeros(count, np.float32) for _ in range(3))
        self.differences = np.zeros(0, np.float32)
        self.version: tuple[int, int] | None = None
        self._clip = gradient_clip
        self._network, self._target = build_network(spec), build_network(spec)
        attach_parameters(self._network, self.weights, channels_last=spec.channels_last)
        attach_parameters(self._target, self.target, channels_last=spec.channels_last)
        self._network.requires_grad_(True)
        self._parts = named_views(self._network, self.gradient, channels_last=spec.channels_last)

    def compute(self, batch: Batch) -> float:
        """Fill in `gradient` and return the batch's loss.

        Raises
        ------
        RunError
            If the gradient is not finite.
        """
        self._network.zero_grad(set_to_none=True)
        loss, self.differences = temporal_difference_loss(self._network, self._target, batch)
        loss.backward()
        for name, parameter in self._network.named_parameters():
            assert parameter.grad is not None
            self._parts[name][...] = parameter.grad.numpy()
        norm = float(torch.linalg.vector_norm(torch.from_numpy(self.gradient)))
        if not np.isfinite(norm):
            raise RunError(f"learning diverged: a gradient is not finite (loss {loss.item()})")
        if norm > self._clip:
            self.gradient *= np.float32(self._clip / norm)
        return loss.item()
