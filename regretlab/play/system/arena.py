"""Shared memory without names: one anonymous memory file that holds all arrays of a run.

The file (``memfd_create``) has no name in /dev/shm and lives exactly as long as a process holds it, so there is nothing
to clean up and nothing to leak, also when everybody is killed. Children receive it as an open file while they are
started.
"""

import mmap
import os
from collections.abc import Mapping
from multiprocessing.reduction import DupFd
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Arena"]

_ALIGNMENT = 64  # a cache line: neighbours never share one


class Arena:
    """Named NumPy arrays in one anonymous shared memory file.

    Parameters
    ----------
    fields
        For each name the element type and the shape. Arrays start as zeros.

    Examples
    --------
    >>> arena = Arena({"heads": (np.int64, (4,)), "pixels": (np.uint8, (2, 3))})
    >>> arena["heads"][1] = 7
    >>> int(arena["heads"].sum()), arena["pixels"].shape
    (7, (2, 3))
    >>> arena.close()
    """

    def __init__(self, fields: Mapping[str, tuple[DTypeLike, tuple[int, ...]]]) -> None:
        self._fields = {name: (np.dtype(dtype), tuple(shape)) for name, (dtype, shape) in fields.items()}
        self._open(os.memfd_create("regretlab", os.MFD_CLOEXEC), create=True)

    def _open(self, descriptor: int, *, create: bool) -> None:
        offsets, size = {}, 0
        for name, (dtype, shape) in self._fields.items():
            offsets[name] = size
            size += -(-dtype.itemsize * int(np.prod(shape)) // _ALIGNMENT) * _ALIGNMENT
        if create:
            os.ftruncate(descriptor, max(size, _ALIGNMENT))
        self._descriptor = descriptor
        self._memory = mmap.mmap(descriptor, max(size, _ALIGNMENT))
        self._arrays: dict[str, NDArray[Any]] = {
            name: np.ndarray(shape, dtype, buffer=self._memory, offset=offsets[name])
            for name, (dtype, shape) in self._fields.items()
        }

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return the array of that name: a view, the same memory in every process."""
        return self._arrays[name]

    def __reduce__(self) -> tuple[Any, ...]:
        """Send the open file to a process that is being started (and to no other)."""
        return _attach, (self._fields, DupFd(self._descriptor))

    @property
    def place(self) -> tuple[str, dict[str, Any]]:
        """Where a process of the same user on this machine finds the memory, for ``Arena.at``."""
        return f"/proc/{os.getpid()}/fd/{self._descriptor}", self._fields

    @classmethod
    def at(cls, place: tuple[str, dict[str, Any]]) -> "Arena":
        """Open the memory that another process holds, while it holds it."""
        arena = cls.__new__(cls)
        path, arena._fields = place
        arena._open(os.open(path, os.O_RDWR | os.O_CLOEXEC), create=False)
        return arena

    def close(self) -> None:
        """Let go of the memory in this process; the last process to do so frees it."""
        self._arrays.clear()
        os.close(self._descriptor)


def _attach(fields: dict[str, Any], descriptor: Any) -> Arena:
    arena = Arena.__new__(Arena)
    arena._fields = fields
    arena._open(descriptor.detach(), create=False)
    return arena
