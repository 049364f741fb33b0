"""The paper's networks: an IMPALA residual network of width k, its 2x-deep variant, and a small Nature network.

IMPALA (Espeholt et al. 2018), as used by Riemer, Subbaraj, Berseth & Rish (2024): stages of 16k, 32k, 32k filters,
each a 3x3 convolution without padding, a 3x3 max-pool of stride 2 and two residual blocks; then 512 units and one
output an action. For one 84x84 frame and 6 actions the parameters number 903,718 (k=1), 10,368,742 (k=7),
104,682,918 (k=29) and, for the paper's smallest, 54,178 (k=1/16). The 2x-deep variant has six stages of 16k, 32k,
32k, 32k, 32k, 32k filters whose pools have strides 2, 1, 1, 1, 2, 1, as in the paper's published code: 70,108
parameters at k=1/16, 1,288,198 at k=1.

``mlp`` has two hidden layers of 64 units, for observations that are not pictures.

``nature`` is the network of Mnih et al. (2015), *Human-level control through deep reinforcement learning*, with a
quarter of its filters (8, 16, 16) and 64 units: 55,534 parameters for 6 actions.
"""

import math
from fractions import Fraction
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from regretlab.errors import InputError
from regretlab.policies.spec import PolicySpec

__all__ = ["FrameNetwork", "build_network"]

_IMPALA_STRIDES = {1: (2, 2, 2), 2: (2, 1, 1, 1, 2, 1)}
_IMPALA_UNITS = 512
_NATURE_FILTERS = ((8, 8, 4), (16, 4, 2), (16, 3, 1))  # filters, kernel, stride
_NATURE_UNITS = 64
_MLP_UNITS = 64


class FrameNetwork(nn.Module):
    """A convolutional trunk, one hidden layer and one output for each action.

    Parameters
    ----------
    trunk
        Maps (batch, 1, height, width) to feature maps.
    trunk_size
        Number of values in the trunk's feature maps for one frame.
    units
        Width of the hidden layer.
    actions
        Number of outputs.
    """

    def __init__(self, trunk: nn.Module, trunk_size: int, units: int, actions: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.hidden = nn.Linear(trunk_size, units)
        self.output = nn.Linear(units, actions)

    def features(self, frames: Tensor) -> Tensor:
        """Return the hidden layer's values, shape (batch, units), of frames in [0, 1], (batch, 1, height, width)."""
        return functional.relu(self.hidden(functional.relu(self.trunk(frames)).flatten(1)))

    def forward(self, frames: Tensor) -> Tensor:
        """Return the action values, shape (batch, actions)."""
        return cast(Tensor, self.output(self.features(frames)))


class _Residual(nn.Module):
    """x + conv(relu(conv(relu(x)))) with 3x3 convolutions that keep the size."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(filters, filters, 3, padding=1)
        self.second = nn.Conv2d(filters, filters, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.second(functional.relu(self.first(functional.relu(x)))))


def _impala_stage(channels: int, filters: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, filters, 3), nn.MaxPool2d(3, stride), _Residual(filters), _Residual(filters)
    )


def _after(size: int, kernel: int, stride: int) -> int:
    """Size of a side after a window of `kernel` moved by `stride` without padding."""
    return (size - kernel) // stride + 1 if size >= kernel else 0


def _impala(width: Fraction, depth: int, frame_shape: tuple[int, int], actions: int) -> FrameNetwork:
    strides = _IMPALA_STRIDES[depth]
    filters = [int(16 * width)] + [int(32 * width)] * (len(strides) - 1)
    sides = list(frame_shape)
    for stride in strides:
        sides = [_after(_after(side, 3, 1), 3, stride) for side in sides]
    _check_sides(sides, frame_shape)
    stages = [_impala_stage(*shape) for shape in zip([1, *filters], filters, strides, strict=False)]
    return FrameNetwork(nn.Sequential(*stages), filters[-1] * sides[0] * sides[1], _IMPALA_UNITS, actions)


def _nature(frame_shape: tuple[int, int], actions: int) -> FrameNetwork:
    layers: list[nn.Module] = []
    sides, channels = list(frame_shape), 1
    for filters, kernel, stride in _NATURE_FILTERS:
        layers += [nn.ReLU()] if layers else []
        layers.append(nn.Conv2d(channels, filters, kernel, stride))
        sides, channels = [_after(side, kernel, stride) for side in sides], filters
    _check_sides(sides, frame_shape)
    return FrameNetwork(nn.Sequential(*layers), channels * sides[0] * sides[1], _NATURE_UNITS, actions)


def _mlp(shape: tuple[int, ...], actions: int) -> FrameNetwork:
    first = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), _MLP_UNITS))
    return FrameNetwork(first, _MLP_UNITS, _MLP_UNITS, actions)


def _check_sides(sides: list[int], frame_shape: tuple[int, int]) -> None:
    if min(sides) < 1:
        raise InputError(f"a frame of {frame_shape[0]} x {frame_shape[1]} pixels is too small for this network")


def build_network(spec: PolicySpec) -> FrameNetwork:
    """Build the network of `spec` without memory for its weights (on PyTorch's meta device).

    Parameters
    ----------
    spec
        A policy with a network.

    Returns
    -------
    FrameNetwork
        The module, to be given its weights by `regretlab.policies.parameters.attach_parameters`.

    Raises
    ------
    InputError
        If the policy has no network, or the frame is too small for it.

    Examples
    --------
    >>> network = build_network(PolicySpec("impala-k29", actions=6))
    >>> sum(parameter.numel() for parameter in network.parameters())
    104682918
    """
    network = spec.network
    if network is None:
        raise InputError(f"policy {spec.name!r} has no network")
    with torch.device("meta"):
        if network.family == "mlp":
            built = _mlp(spec.frame_shape, spec.actions)
        elif network.family == "nature":
            built = _nature((spec.frame_shape[0], spec.frame_shape[1]), spec.actions)
        else:
            frame_shape = (spec.frame_shape[0], spec.frame_shape[1])
            built = _impala(network.width, network.depth, frame_shape, spec.actions)
    return built.requires_grad_(False).eval()
