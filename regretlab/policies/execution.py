"""How a network is executed: in bfloat16, compiled, on more threads. The function is the same up to rounding.

Memory order (``channels_last``) belongs to the weights and so to the specification (`spec`); what stands here changes
only how they are used. Compiling takes tens of seconds and a C++ compiler, once for each network and process.
"""

import warnings
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import InputError
from .policy import NetworkPolicy, Policy, build_policy
from .spec import PolicySpec

__all__ = ["build_executed", "build_timed"]


class _Bfloat16(nn.Module):
    """A network in bfloat16 between float32 frames and float32 values."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        """Return the action values, shape (batch, actions)."""
        return cast(Tensor, self.network(frames.to(torch.bfloat16)).float())


def build_executed(
    spec: PolicySpec,
    parameters: NDArray[np.float32] | None = None,
    *,
    threads: int = 1,
    bf16: bool = False,
    compiled: bool = False,
) -> NetworkPolicy:
    """Build a network's policy that is executed in a given way.

    Parameters
    ----------
    spec
        A policy with a network.
    parameters
        Flat weights that someone else owns; ``None`` to load or draw them here.
    threads
        Threads of its operations (a setting of the whole process).
    bf16
        Compute in bfloat16: eight bits of precision, on a copy of the weights of half their size.
    compiled
        Compile it with ``torch.compile`` (here and now, which takes tens of seconds).

    Raises
    ------
    InputError
        If the policy has no network, or it cannot be compiled (or have its device) on this machine.

    Examples
    --------
    >>> exact, rounded = (build_executed(PolicySpec("nature", actions=5), bf16=bf16) for bf16 in (False, True))
    >>> frame = np.zeros((84, 84), np.uint8)
    >>> bool(np.abs(exact.values(frame) - rounded.values(frame)).max() < 0.01)
    True
    """
    if not spec.has_network:
        raise InputError(f"policy '{spec.name}' has no network to execute: give nature, impala-kN or impala2x-kN")
    if spec.device != "cpu" and (bf16 or compiled):
        raise InputError(f"device '{spec.device}' executes float32 as it is here: no bf16, no compile")
    policy = build_policy(spec, parameters, threads=threads)
    assert isinstance(policy, NetworkPolicy)
    holder = cast(Any, policy)  # whatever maps frames to values may stand in for the network
    if bf16:
        holder.network = _Bfloat16(policy.network.to(torch.bfloat16))
    if compiled:
        _compile(holder)
    return policy


def build_timed(spec: PolicySpec, *, threads: int = 1, bf16: bool = False, compiled: bool = False) -> Policy:
    """Build a policy whose inference takes time: a network of ours, or a person's own (executed as its code says).

    Parameters
    ----------
    spec, threads, bf16, compiled
        As for ``build_executed``.

    Raises
    ------
    InputError
        If the policy takes no time, or is to be executed in a way that this package does not support.
    """
    if not spec.is_own:
        return build_executed(spec, threads=threads, bf16=bf16, compiled=compiled)
    if bf16 or compiled:
        raise InputError(f"policy '{spec.name}' is your own, and its code says how it is executed: no bf16, no compile")
    return build_policy(spec, threads=threads)


def _compile(policy: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of its own parts that are deprecated
        try:
            # One compiling thread: no pool of processes that would outlive the measurement.
            policy.network = torch.compile(policy.network, dynamic=False, options={"compile_threads": 1})
            policy.values(np.zeros(policy.spec.frame_shape, np.uint8))
        except RuntimeError as error:  # what PyTorch raises for a missing or a failing compiler
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise InputError(
                f"policy '{policy.spec.name}' cannot be compiled on this machine, which needs a C++ compiler such as "
                f"g++: {reason}"
            ) from None
