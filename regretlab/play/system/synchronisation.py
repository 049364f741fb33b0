"""Semaphores and a lock in shared memory that survive the death of any process.

Both are the C library's own, placed in the run's memory: without names there is nothing to remove afterwards, and the
lock is *robust*: when its owner is killed the next to ask gets it, instead of waiting for ever. Python's own
``multiprocessing`` offers neither.
"""

import ctypes
import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOCK_BYTES", "SEMAPHORE_BYTES", "RobustLock", "SemaphoreRow"]

SEMAPHORE_BYTES = 64
"""Room for one semaphore (sem_t has 32 bytes on 64-bit Linux; a cache line each)."""
LOCK_BYTES = 64
"""Room for one lock (pthread_mutex_t has 40 bytes on 64-bit Linux)."""

_PTHREAD_PROCESS_SHARED = 1
_PTHREAD_MUTEX_ROBUST = 1
_MONOTONIC = ctypes.c_int(time.CLOCK_MONOTONIC)


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


_libc = ctypes.CDLL(None, use_errno=True)


def _deadline(timeout: float) -> Any:
    at = time.monotonic_ns() + max(0, round(timeout * 1e9))
    return ctypes.byref(_TimeSpec(at // 1_000_000_000, at % 1_000_000_000))


def _check(code: int, what: str) -> None:
    if code:
        raise OSError(code, f"{what}: {os.strerror(code)}")


class SemaphoreRow:
    """A row of process-shared counting semaphores.

    Parameters
    ----------
    memory
        Shared array of shape (n, SEMAPHORE_BYTES), uint8.
    create
        True in exactly one process, before the others look at them.
    """

    def __init__(self, memory: NDArray[np.uint8], *, create: bool = False) -> None:
        self._memory = memory  # keeps the mapping alive
        self._addresses = [ctypes.c_void_p(int(row.ctypes.data)) for row in memory]
        if create:
            for address in self._addresses:
                _check(_libc.sem_init(address, 1, 0), "sem_init")

    def post(self, index: int) -> None:
        """Wake the waiter of that semaphore, or let its next wait pass."""
        _libc.sem_post(self._addresses[index])

    def wait(self, index: int, timeout: float) -> bool:
        """Wait for a post, at most ``timeout`` seconds; return whether one came."""
        while _libc.sem_clockwait(self._addresses[index], _MONOTONIC, _deadline(timeout)) != 0:
            code = ctypes.get_errno()
            if code == errno.ETIMEDOUT:
                return False
            if code != errno.EINTR:
                _check(code, "sem_clockwait")
        return True


class RobustLock:
    """A process-shared lock that passes on when its owner dies.

    Parameters
    ----------
    memory
        Shared array of shape (LOCK_BYTES,), uint8.
    create
        True in exactly one process, before the others look at it.
    """

    def __init__(self, memory: NDArray[np.uint8], *, create: bool = False) -> None:
        self._memory = memory
        self._address = ctypes.c_void_p(int(memory.ctypes.data))
        if create:
            attributes = (ctypes.c_byte * 16)()
            _check(_libc.pthread_mutexattr_init(attributes), "pthread_mutexattr_init")
            _check(_libc.pthread_mutexattr_setpshared(attributes, _PTHREAD_PROCESS_SHARED), "setpshared")
            _check(_libc.pthread_mutexattr_setrobust(attributes, _PTHREAD_MUTEX_ROBUST), "setrobust")
            _check(_libc.pthread_mutex_init(self._address, attributes), "pthread_mutex_init")
            _libc.pthread_mutexattr_destroy(attributes)

    @contextmanager
    def hold(self, timeout: float = 10.0) -> Iterator[None]:
        """Hold the lock for the body; ``TimeoutError`` if it is not to be had in ``timeout`` seconds."""
        code = _libc.pthread_mutex_clocklock(self._address, _MONOTONIC, _deadline(timeout))
        if code == errno.EOWNERDEAD:
            # The owner was killed inside. A half-made update passes over one boundary or, if it was a re-spacing,
            # leaves the starts uneven until the next one; no worker waits for what it did not finish.
            _libc.pthread_mutex_consistent(self._address)
        elif code == errno.ETIMEDOUT:
            raise TimeoutError(f"the rule's lock was not free within {timeout} s")
        else:
            _check(code, "pthread_mutex_clocklock")
        try:
            yield
        finally:
            _libc.pthread_mutex_unlock(self._address)
