"""Policies that act: one frame in, one action out, in the calling thread.

A worker process makes its policy with `build_policy`, handing it the shared weights, and calls ``act``. Profiling
calls the same ``act``, so what it measures is what the workers do.
"""

import importlib
import math
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from regretlab.errors import InferenceStopped, InputError, RunError
from regretlab.policies.networks import build_network
from regretlab.policies.parameters import attach_parameters
from regretlab.policies.spec import PolicySpec
from regretlab.policies.weights import load_parameters

__all__ = [
    "DevicePolicy",
    "NetworkPolicy",
    "NoopPolicy",
    "OraclePolicy",
    "Policy",
    "RandomPolicy",
    "build_policy",
    "check_device",
    "make_policy",
]


_WARM_UP = 3
"""Inferences before the first that counts: libraries are loaded and algorithms chosen at the first."""


@runtime_checkable
class Policy(Protocol):
    """What a worker runs.

    Attributes
    ----------
    spec
        What the policy was built from.
    """

    spec: PolicySpec

    def act(self, observation: Any) -> Any:
        """Return the action for an observation: a number, or a row of numbers where ``spec.action_row`` says so.

        Parameters
        ----------
        observation
            What the environment shows, shape ``spec.frame_shape``, of type ``spec.frame_dtype`` (a grayscale frame);
            the environment's true symbol if ``spec.observes_symbol``.
        """
        ...


class NoopPolicy:
    """Plays action 0 always; of a row of numbers zero, or what comes next to it."""

    def __init__(self, spec: PolicySpec) -> None:
        self.spec = spec
        row = spec.action_row
        self._action = 0 if row is None else np.clip(np.zeros(row.count), row.low, row.high)

    def act(self, observation: Any) -> int | NDArray[np.float64]:
        """Return 0."""
        return self._action


class RandomPolicy:
    """Plays each action with the same probability, in the order that the seed of its specification gives."""

    def __init__(self, spec: PolicySpec) -> None:
        self.spec = spec
        self._generator = np.random.default_rng(spec.seed)

    def act(self, observation: Any) -> int | NDArray[np.float64]:
        """Return the next random action."""
        if self.spec.action_row is not None:
            return self.spec.action_row.draw(self._generator)
        return int(self._generator.integers(self.spec.actions))


class OraclePolicy:
    """Plays action 1 + symbol from the environment's own statement of the symbol: a readout without error or delay."""

    def __init__(self, spec: PolicySpec) -> None:
        self.spec = spec

    def act(self, observation: int) -> int:
        """Return 1 + the symbol.

        Raises
        ------
        InputError
            If the symbol is not known or has no action.
        """
        if not 0 <= observation < self.spec.actions - 1:
            raise InputError(
                f"policy 'oracle' needs the environment's symbol, 0 to {self.spec.actions - 2}, not {observation}"
            )
        return 1 + observation


class NetworkPolicy:
    """Plays the action of largest value: frame / 255 (other numbers as they are) through the network.

    Parameters
    ----------
    spec
        A policy with a network.
    parameters
        Its flat weights, shape (count,), in the order that ``spec.channels_last`` says; used in place, never copied.
    """

    def __init__(self, spec: PolicySpec, parameters: NDArray[np.float32] | memoryview) -> None:
        self.spec = spec
        self.network = build_network(spec)
        attach_parameters(self.network, parameters, channels_last=spec.channels_last)
        self._bytes = spec.frame_dtype == "uint8"
        self._scaled: NDArray[np.float32] = np.zeros(spec.frame_shape, np.float32)
        self._input = torch.from_numpy(self._scaled)[None, None]
        self.deadline = math.inf
        self.is_over: Callable[[], bool] = bool

    def stop_at_layers(self) -> None:
        """Look before each layer from now on whether ``deadline`` has passed (``time.monotonic()``), or ``is_over``."""
        for layer in self.network.modules():
            if not any(True for _ in layer.children()):
                layer.register_forward_pre_hook(self._stop_if_late)

    def _stop_if_late(self, layer: torch.nn.Module, inputs: Any) -> None:
        if time.monotonic() > self.deadline or self.is_over():
            raise InferenceStopped

    def values(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the action values, shape (actions,), of one frame.

        Raises
        ------
        InputError
            If the frame is not of the specification's shape and type.
        RunError
            If the network returned a value that is not finite, or not one value for each action.
        InferenceStopped
            After ``stop_at_layers``, where ``deadline`` passed before the last layer began.
        """
        self._check(frame)
        if self._bytes:
            np.divide(frame, np.float32(255), out=self._scaled, dtype=np.float32)
        else:
            self._scaled[...] = frame
        return self._checked(self._infer())

    def _check(self, frame: NDArray[Any]) -> None:
        if frame.shape != self.spec.frame_shape or frame.dtype != self.spec.frame_dtype:
            raise InputError(
                f"policy {self.spec.name!r} needs a {self.spec.frame_dtype} frame of shape {self.spec.frame_shape}, "
                f"not {frame.dtype} of "
                f"shape {frame.shape}"
            )

    def _checked(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if values.shape != (self.spec.actions,):
            raise RunError(
                f"policy {self.spec.name!r} returned values of shape {values.shape} for {self.spec.actions} actions"
            )
        if not np.isfinite(values).all():
            raise RunError(f"policy {self.spec.name!r} returned values that are not finite: {values.tolist()}")
        return values

    def act(self, observation: NDArray[np.uint8]) -> int:
        """Return the action of largest value (the first of equals)."""
        return int(self.values(observation).argmax())

    def act_many(self, observations: Sequence[NDArray[Any]]) -> list[int]:
        """Return the action for each observation, from one forward pass of all of them.

        The values differ from those of ``values`` by the rounding of float32: sums run in another order.

        Raises
        ------
        InputError, RunError
            As ``values``.
        """
        for observation in observations:
            self._check(observation)
        frames = torch.from_numpy(np.stack(observations).astype(np.float32))[:, None]
        frames = frames.to(next(self.network.parameters()).device)
        with torch.inference_mode():
            values = self.network(frames / 255 if self._bytes else frames).cpu().numpy()
        return [int(self._checked(each).argmax()) for each in values]

    def _infer(self) -> NDArray[np.float32]:
        """Return the network's values of what lies in its input."""
        with torch.inference_mode():
            values: NDArray[np.float32] = self.network(self._input)[0].numpy()
        return values


def check_device(device: str) -> None:
    """Refuse a device that PyTorch cannot use on this machine.

    Parameters
    ----------
    device
        "cpu" or "cuda".

    Raises
    ------
    InputError
        If it is "cuda" and there is no GPU, or this PyTorch cannot use it.

    Examples
    --------
    >>> check_device("cpu")
    """
    if device != "cuda":
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a driver that is too old: what follows says so
        available = torch.cuda.is_available()
    if not available:
        raise InputError(
            f"device 'cuda' needs a GPU, and PyTorch {torch.__version__} finds none that it can use: give device cpu"
        )


class DevicePolicy(NetworkPolicy):
    """A network on a device (a GPU through CUDA), with a copy of its weights and a stream of its own.

    For each inference the frame is sent there, the network runs and the values are fetched, so a worker waits for its
    own work only. It sleeps while it waits: several workers that spun would take the cores that the environment needs.

    Parameters
    ----------
    spec
        A policy with a network.
    parameters
        Its flat weights, shape (count,); copied to the device.
    device
        "cuda"; on "cpu", for tests, the copies are copies and the stream is none.
    """

    def __init__(self, spec: PolicySpec, parameters: NDArray[np.float32] | memoryview, device: str) -> None:
        check_device(device)
        super().__init__(spec, parameters)
        on_gpu = device == "cuda"
        if on_gpu:
            torch.backends.cudnn.allow_tf32 = False  # the same function as on the processor, to float32's precision
        self._streams: Any = torch.get_device_module(device)
        self._stream = self._streams.Stream()
        self._done = torch.cuda.Event(blocking=True) if on_gpu else torch.cpu.Event()
        with self._streams.stream(self._stream), torch.inference_mode():
            self.network.to(device)
            # Memory that the device reads and writes by itself, so that no copy holds anybody up.
            self._there = torch.empty_like(self._input, device=device)
            self._input = torch.zeros(self._input.shape, pin_memory=on_gpu)
            self._scaled = self._input[0, 0].numpy()
            self._values = torch.zeros((spec.actions,), pin_memory=on_gpu)
        for _ in range(_WARM_UP):
            self._infer()

    def _infer(self) -> NDArray[np.float32]:
        with self._streams.stream(self._stream), torch.inference_mode():
            self._there.copy_(self._input, non_blocking=True)
            values = self.network(self._there)[0]
            if values.shape != self._values.shape:
                return values.cpu().numpy()
            self._values.copy_(values, non_blocking=True)
            self._done.record(self._stream)
        self._done.synchronize()
        return self._values.numpy().copy()


def build_policy(
    spec: PolicySpec, parameters: NDArray[np.float32] | memoryview | None = None, *, threads: int = 1
) -> Policy:
    """Build the policy that `spec` describes.

    Parameters
    ----------
    spec
        The policy.
    parameters
        Flat weights that someone else owns, shape (`regretlab.policies.parameters.parameter_count`,), used in place
        and without looking at ``spec.weights`` or ``spec.seed``; ``None`` to load or draw them here.
    threads
        Threads of a network's operations: a setting of the whole process (``torch.set_num_threads``).

    Returns
    -------
    Policy
        A `NetworkPolicy`, `RandomPolicy`, `NoopPolicy` or `OraclePolicy`, or a person's own.

    Raises
    ------
    InputError
        If the weights do not fit the network, a person's own code makes no policy, `threads` is not positive, or
        PyTorch finds no device of that kind.

    Examples
    --------
    >>> policy = build_policy(PolicySpec("nature", actions=5))
    >>> 0 <= policy.act(np.zeros((84, 84), np.uint8)) < 5
    True
    >>> build_policy(PolicySpec("oracle", actions=5)).act(2)
    3
    """
    if threads < 1:
        raise InputError(f"threads must be at least 1, not {threads}")
    if spec.has_network or spec.is_own:
        torch.set_num_threads(threads)
    if spec.kind is not None:
        module, _, name = spec.kind.place.partition(":")
        policy: Policy = getattr(importlib.import_module(module), name)(spec)
        return policy
    weights = load_parameters(spec) if parameters is None else parameters
    if spec.device != "cpu":
        return DevicePolicy(spec, weights, spec.device)
    return NetworkPolicy(spec, weights)


def make_policy(
    name: str,
    *,
    actions: int,
    frame_shape: tuple[int, int] = (84, 84),
    weights: str | None = None,
    seed: int = 0,
    channels_last: bool = False,
) -> Policy:
    """Build a policy from its name: `build_policy` of a `PolicySpec` with these fields.

    Examples
    --------
    >>> make_policy("noop", actions=3).act(np.zeros((84, 84), np.uint8))
    0
    """
    return build_policy(PolicySpec(name, actions, frame_shape, weights, seed, channels_last))
