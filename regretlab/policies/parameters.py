"""A network's weights as one flat float32 array that processes share.

The array holds the tensors of the module's state in the module's own order. A module attached to it owns no weights:
each parameter is a view, so any number of worker processes that map the same shared memory use one copy. With
channels-last weights the array holds each convolution's filters as (output, height, width, input), so that the views
are in the order that the convolution wants and nothing is rearranged at run time.
"""

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regretlab.errors import InputError
from regretlab.policies.networks import build_network
from regretlab.policies.spec import PolicySpec

__all__ = [
    "attach_parameters",
    "flatten_parameters",
    "named_views",
    "parameter_count",
    "random_parameters",
]

OUTPUT_SCALE = 0.0003
"""First weights of an output layer, as a share of what their fan-in would give them."""
BRANCH_SCALE = 0.5
"""The same for the last convolution of a residual branch."""


def parameter_count(spec: PolicySpec) -> int:
    """Return how many float32 numbers the weights of `spec` take; 0 for a policy without a network.

    Examples
    --------
    >>> parameter_count(PolicySpec("impala-k1", actions=6))
    903718
    >>> parameter_count(PolicySpec("noop", actions=6))
    0
    """
    return _size(build_network(spec)) if spec.has_network else 0


def _size(module: nn.Module) -> int:
    return sum(tensor.numel() for tensor in module.state_dict().values())


def _views(
    module: nn.Module, flat: NDArray[np.float32], channels_last: bool
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    start = 0
    for name, tensor in module.state_dict().items():
        if tensor.dtype != torch.float32:
            raise InputError(f"only float32 weights can be shared, and {name!r} is {tensor.dtype}")
        piece = flat[start : start + tensor.numel()]
        start += tensor.numel()
        if channels_last and tensor.dim() == 4:
            filters, channels, height, width = tensor.shape
            yield name, piece.reshape(filters, height, width, channels).transpose(0, 3, 1, 2)
        else:
            yield name, piece.reshape(tuple(tensor.shape))


def named_views(
    module: nn.Module, flat: NDArray[np.float32], *, channels_last: bool = False
) -> dict[str, NDArray[np.float32]]:
    """Return views into `flat` under the names of the module's tensors, each in its logical shape.

    Parameters
    ----------
    module
        The network (its weights are not touched and may be on the meta device).
    flat
        Array of shape (count,).
    channels_last
        Whether `flat` holds convolutions in channels-last order.

    Raises
    ------
    InputError
        If `flat` is not a one-dimensional float32 array of the module's size.
    """
    count = _size(module)
    if flat.dtype != np.float32 or flat.shape != (count,):
        raise InputError(
            f"this network needs a float32 array of shape ({count},), not {flat.dtype} of shape {flat.shape}"
        )
    return dict(_views(module, flat, channels_last))


def flatten_parameters(module: nn.Module, *, channels_last: bool = False) -> NDArray[np.float32]:
    """Copy a module's weights into one flat array.

    Parameters
    ----------
    module
        A network whose weights are in memory.
    channels_last
        Order of the convolutions in the result.

    Returns
    -------
    ndarray
        Shape (count,), float32.
    """
    flat = np.empty(_size(module), np.float32)
    state = module.state_dict()
    for name, view in named_views(module, flat, channels_last=channels_last).items():
        view[...] = state[name].detach().cpu().numpy()
    return flat


def attach_parameters(
    module: nn.Module, buffer: NDArray[np.float32] | memoryview, *, channels_last: bool = False
) -> None:
    """Point all of a module's weights into `buffer`, without copying them.

    Parameters
    ----------
    module
        The network; it keeps `buffer` alive.
    buffer
        Flat float32 array, or memory that holds one (a shared-memory block may be longer than the weights).
    channels_last
        Whether `buffer` holds convolutions in channels-last order.

    Raises
    ------
    InputError
        If the buffer is too short or not float32.

    Examples
    --------
    >>> network = build_network(PolicySpec("impala-k1/16", actions=4))
    >>> flat = np.zeros(parameter_count(PolicySpec("impala-k1/16", actions=4)), np.float32)
    >>> attach_parameters(network, flat)
    >>> flat[-1] = 7.0
    >>> network.output.bias[3].item()
    7.0
    """
    count = _size(module)
    if isinstance(buffer, memoryview):
        flat: NDArray[np.float32] = np.frombuffer(buffer, np.float32, min(count, buffer.nbytes // 4))
    else:
        flat = buffer
    views = named_views(module, flat, channels_last=channels_last)
    module.load_state_dict({name: _tensor(view) for name, view in views.items()}, strict=True, assign=True)


def _tensor(view: NDArray[Any]) -> Tensor:
    with warnings.catch_warnings():
        # Memory mapped read-only is welcome: inference never writes to its weights.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(view)


def _scale(name: str) -> float:
    return OUTPUT_SCALE if name == "output.weight" else BRANCH_SCALE if name.endswith("second.weight") else 1.0


def random_parameters(spec: PolicySpec, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Draw a network's weights from the seed of `spec`.

    Weights are uniform with variance 2 / fan-in, so that signals keep their size through rectified layers (He,
    Zhang, Ren & Sun 2015), with two exceptions that make the first action values smaller than 0.1 for any frame: the
    last convolution of each residual branch has `BRANCH_SCALE` times such weights, so that depth magnifies little, and
    the output layer `OUTPUT_SCALE` times. (Branches that begin at zero, as in Zhang, Dauphin & Ma 2019, leave 1 in 10
    of the narrowest networks with hidden units that are 0 for every frame, which can never learn.) Biases are zero.
    The function that results is the same with and without channels-last order.

    Parameters
    ----------
    spec
        A policy with a network.
    out
        Where to write them, shape (count,); a new array if ``None``.

    Returns
    -------
    ndarray
        `out`, or the new array.

    References
    ----------
    He, Zhang, Ren & Sun 2015, "Delving deep into rectifiers"; Zhang, Dauphin & Ma 2019, "Fixup initialization".
    """
    network = build_network(spec)
    flat = np.empty(_size(network), np.float32) if out is None else out
    generator = np.random.default_rng(spec.seed)
    for name, view in named_views(network, flat, channels_last=spec.channels_last).items():
        if view.ndim == 1:
            view[...] = 0.0
            continue
        bound = math.sqrt(6.0 / math.prod(view.shape[1:])) * _scale(name)
        for row in view:  # row by row: the draw never needs a second copy of the weights
            row[...] = (2.0 * generator.random(row.shape, np.float32) - 1.0) * bound
    return flat
