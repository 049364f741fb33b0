"""An update of DQN (Mnih et al. 2015): the loss of transitions of any length, its gradient, and a step of Adam.

A transition is (x, a, R, g, x'): observation, action, discounted reward of the frames that the action answers for, the
discount over those frames (0 if the episode ended in them) and the observation of the next decision. Its target is
R + g max_b Q'(x', b) with the target network's Q', and its loss the Huber loss of Q(x, a) against that.

A learner copies weights when no process changes them, computes for as long as it takes, and hands in a gradient: no
process reads weights that are being written, and none waits for a computation. Weights, gradient and Adam's moments are
flat arrays, which processes may share.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ...errors import RunError
from ..networks import build_network
from ..parameters import attach_parameters, named_views, parameter_count
from ..spec import PolicySpec

__all__ = [
    "BETAS",
    "EPSILON",
    "Adam",
    "Batch",
    "GradientComputer",
    "adam_step",
    "as_input",
    "following_values",
    "temporal_difference_loss",
]

BETAS = (0.9, 0.999)
EPSILON = 1e-8


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
        Importance of each transition on average, shape (batch,), float32; None for 1 each.
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


def following_values(network: nn.Module, target: nn.Module, inputs: Tensor, *, double: bool) -> Tensor:
    """Return what a target network says that the best next action is worth, shape (batch,).

    Parameters
    ----------
    network, target
        Map inputs to action values.
    inputs
        What the next decisions are made from.
    double
        Let ``network`` choose the action (van Hasselt, Guez & Silver 2016, "Deep reinforcement learning with double
        Q-learning", equation 4), not ``target``.
    """
    with torch.no_grad():
        values: Tensor = target(inputs)
        if not double:
            return values.amax(dim=1)
        return values.gather(1, network(inputs).argmax(dim=1, keepdim=True))[:, 0]


def temporal_difference_loss(
    network: nn.Module, target: nn.Module, batch: Batch, *, double: bool = False
) -> tuple[Tensor, NDArray[np.float32]]:
    """Return the mean Huber loss of a batch and each transition's temporal difference.

    Parameters
    ----------
    network, target
        Map observations as ``as_input`` gives them to action values (batch, actions).
    batch
        The transitions.
    double
        As for `following_values`.

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
    following = following_values(network, target, as_input(batch.next_observations), double=double)
    goal = torch.from_numpy(batch.rewards) + torch.from_numpy(batch.discounts) * following
    values = network(as_input(batch.observations)).gather(1, torch.from_numpy(batch.actions)[:, None])[:, 0]
    losses = functional.huber_loss(values, goal, reduction="none")
    if batch.weights is not None:
        losses = losses * torch.from_numpy(batch.weights)
    return losses.mean(), (values.detach() - goal).numpy()


def as_input(observations: NDArray[Any]) -> Tensor:
    """Return observations (batch, ...) as networks want them, (batch, 1, ...); bytes become numbers in [0, 1]."""
    scaled = torch.from_numpy(observations)[:, None].to(torch.float32)
    return scaled.div_(255) if observations.dtype == np.uint8 else scaled


class GradientComputer:
    """A network, its target network and the gradient of their loss, all as flat arrays.

    Parameters
    ----------
    spec
        A policy with a network.
    gradient_clip
        Largest Euclidean norm of a gradient.
    double
        As for `following_values`.

    Attributes
    ----------
    weights, target
        To be filled in before `compute`; shape (count,), float32, in the order that ``spec.channels_last`` says.
    gradient
        The last batch's, in the same order.
    differences
        The last batch's temporal differences, shape (batch,).
    version
        How many updates made the weights, and how many copies the target, if the caller that filled them in says so.
    """

    def __init__(self, spec: PolicySpec, gradient_clip: float, *, double: bool = False) -> None:
        count = parameter_count(spec)
        self.weights, self.target, self.gradient = (np.zeros(count, np.float32) for _ in range(3))
        self.differences = np.zeros(0, np.float32)
        self.version: tuple[int, int] | None = None
        self._clip, self._double = gradient_clip, double
        self._network, self._target = build_network(spec), build_network(spec)
        attach_parameters(self._network, self.weights, channels_last=spec.channels_last)
        attach_parameters(self._target, self.target, channels_last=spec.channels_last)
        self._network.requires_grad_(True)
        parts = named_views(self._network, self.gradient, channels_last=spec.channels_last)
        for name, parameter in self._network.named_parameters():
            parameter.grad = torch.from_numpy(parts[name])  # backward adds to it in place

    def compute(self, batch: Batch) -> float:
        """Fill in `gradient` and return the batch's loss.

        Raises
        ------
        RunError
            If the gradient is not finite.
        """
        self.gradient.fill(0.0)
        loss, self.differences = temporal_difference_loss(self._network, self._target, batch, double=self._double)
        loss.backward()
        norm = float(torch.linalg.vector_norm(torch.from_numpy(self.gradient)))
        if not np.isfinite(norm):
            raise RunError(f"learning diverged: a gradient is not finite (loss {loss.item()})")
        if norm > self._clip:
            self.gradient *= np.float32(self._clip / norm)
        return loss.item()


def _shaped(flat: Tensor, shape: torch.Size, *, channels_last: bool) -> Tensor:
    if len(shape) < 4 or not channels_last:
        return flat.view(shape)
    filters, channels, height, width = shape
    return flat.view(filters, height, width, channels).permute(0, 3, 1, 2)


class Adam:
    """Adam for a module whose weights, gradients and moments lie in flat arrays: a step is some eight operations.

    Parameters
    ----------
    module
        The network; its parameters are moved.
    learning_rate, epsilon
        As for `adam_step`.
    gradient_clip
        Largest Euclidean norm of a gradient.
    channels_last
        Keep filters as (output, height, width, input): faster for residual networks, slower for the small one.

    Attributes
    ----------
    weights
        All parameters, shape (count,).

    Examples
    --------
    >>> layer = nn.Linear(1, 1, bias=False)
    >>> adam = Adam(layer, 0.1, gradient_clip=10.0)
    >>> before = layer.weight.item()
    >>> adam.step(layer(torch.ones(1, 1)).sum())
    >>> round(layer.weight.item() - before, 4)
    -0.1
    """

    def __init__(
        self,
        module: nn.Module,
        learning_rate: float,
        *,
        gradient_clip: float,
        epsilon: float = EPSILON,
        channels_last: bool = False,
    ) -> None:
        self.weights = torch.zeros(sum(parameter.numel() for parameter in module.parameters()))
        self._gradient = torch.zeros_like(self.weights)
        start = 0
        for parameter in module.parameters():
            piece = slice(start, start + parameter.numel())
            view, parameter.grad = (  # backward adds to the gradient in place
                _shaped(flat[piece], parameter.shape, channels_last=channels_last)
                for flat in (self.weights, self._gradient)
            )
            parameter.data = view.copy_(parameter.detach())
            start = piece.stop
        self._moments = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self._settings, self._clip, self._steps = (learning_rate, epsilon), gradient_clip, 0

    def step(self, loss: Tensor) -> None:
        """Change the weights by the clipped gradient of a loss.

        Raises
        ------
        RunError
            If the gradient is not finite.
        """
        self._gradient.zero_()
        loss.backward()
        norm = float(torch.linalg.vector_norm(self._gradient))
        if not math.isfinite(norm):
            raise RunError(f"learning diverged: a gradient is not finite (loss {loss.item()})")
        if norm > self._clip:
            self._gradient.mul_(self._clip / norm)
        self._steps += 1
        weights, gradient, first, second = (array.numpy() for array in (self.weights, self._gradient, *self._moments))
        adam_step(weights, gradient, first, second, self._steps, *self._settings)


def adam_step(
    weights: NDArray[np.float32],
    gradient: NDArray[np.float32],
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    step: int,
    learning_rate: float,
    epsilon: float = EPSILON,
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
    epsilon
        Added to the root of the second moment.

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
    denominator = (v.sqrt() / math.sqrt(1 - BETAS[1] ** step)).add_(epsilon)
    w.addcdiv_(m, denominator, value=-learning_rate / (1 - BETAS[0] ** step))
