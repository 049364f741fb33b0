"""The wall clock of a realtime run: absolute deadlines, precise waiting, and as much priority as the machine grants.

Times are seconds of the monotonic clock since the run's epoch (frame boundary 0).
"""

import ctypes
import os
import time

__all__ = [
    "SPIN",
    "OrdinaryPriority",
    "RealClock",
    "WaitingPriority",
    "lower_nice_value",
    "raise_priority",
    "sharpen_timers",
]

SPIN = 0.0002
"""Seconds before a deadline from which on the waiter spins instead of sleeping."""

_PR_SET_TIMERSLACK = 29
_PRIORITY = 10  # of the environment
_WAITING_PRIORITY = 5  # of a worker that waits for its start


class RealClock:
    """Seconds since an epoch of the monotonic clock.

    Parameters
    ----------
    epoch_ns
        The monotonic clock at frame boundary 0, nanoseconds.
    """

    def __init__(self, epoch_ns: int) -> None:
        self._epoch_ns = epoch_ns
        self._asleep_ns = _asleep_ns()

    def suspended(self) -> float:
        """Return for how many seconds the machine was suspended since this object was made.

        The monotonic clock stands still meanwhile, the boot-time clock does not.
        """
        return (_asleep_ns() - self._asleep_ns) * 1e-9

    def now(self) -> float:
        """Return the seconds since the epoch (negative before it)."""
        return (time.monotonic_ns() - self._epoch_ns) * 1e-9

    def sleep_until(self, instant: float, *, spin: float = SPIN) -> None:
        """Return at ``instant`` or at once if it has passed: sleep, then spin for the last ``spin`` seconds.

        A deadline is absolute, so an oversleep is never carried on to the next one.
        """
        remaining = instant - self.now()
        if remaining > spin:
            time.sleep(remaining - spin)
        if spin > 0.0:
            target = self._epoch_ns + round(instant * 1e9)
            while time.monotonic_ns() < target:
                pass


def _asleep_ns() -> int:
    while True:  # read together, or a process preempted in between would look like a machine asleep
        before = time.monotonic_ns()
        with_sleep = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        if time.monotonic_ns() - before < 1_000_000:
            return with_sleep - before


def raise_priority() -> str:
    """Ask for a realtime priority, else a lower nice value; return in words what was granted."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
        return f"SCHED_FIFO {_PRIORITY}"
    except (OSError, AttributeError):
        pass
    return lower_nice_value()


def lower_nice_value() -> str:
    """Ask for a lower nice value (other programs' work gives way); return in words what was granted."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -10)
        return "nice -10"
    except OSError:
        return f"nice {os.getpriority(os.PRIO_PROCESS, 0)} (no higher priority was permitted)"


class WaitingPriority:
    """Realtime priority while a process waits for its instant, its ordinary one while it works.

    A process that waits costs nothing, so it may come before everybody when its time has come; a network that infers
    at realtime priority would starve the machine. Below the environment's, which is never to wait for a worker.
    """

    def __init__(self) -> None:
        self._ordinary = lower_nice_value()
        self.is_granted = True
        """Whether the machine permits it; if not, the two methods do nothing."""
        self._raised = False
        self.take()
        self.give_back()

    def take(self) -> None:
        """Wait from now on at realtime priority."""
        if self.is_granted and not self._raised:
            try:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_WAITING_PRIORITY))
                self._raised = True
            except (OSError, AttributeError):
                self.is_granted = False

    def give_back(self) -> None:
        """Work from now on at ordinary priority (the nice value is as it was)."""
        if self._raised:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            self._raised = False

    def __str__(self) -> str:
        return (
            f"SCHED_FIFO {_WAITING_PRIORITY} while waiting, else {self._ordinary}"
            if self.is_granted
            else self._ordinary
        )


class OrdinaryPriority(WaitingPriority):
    """What ``WaitingPriority`` is where the machine permits nothing: for threads, which would spin on one another."""

    def __init__(self) -> None:
        self.is_granted = False
        self._raised = False
        self._ordinary = "ordinary"


def sharpen_timers() -> None:
    """Ask the kernel not to delay this process's timers (an ordinary process's may be 50 microseconds late)."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
