"""Networks on a device of their own: a GPU through CUDA, where PyTorch finds one.

A worker's process copies the weights to the GPU once; for each inference it sends the frame there, runs the network and
fetches the values, all on a stream of its own, so it waits for its own work only. It sleeps while it waits: several
workers that spun would take the cores that the environment needs.
"""

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from regretlab.errors import InputError
from regretlab.policies.policy import NetworkPolicy
from regretlab.policies.spec import PolicySpec

__all__ = ["DevicePolicy", "check_device"]

_WARM_UP = 3
"""Inferences before the first that counts: libraries are loaded and algorithms chosen at the first."""


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
    """A network on a device, with a copy of its weights and a stream of its own.

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
