"""Starting and ending the processes of a run: a fork server with torch loaded once, children that die with their
parent.

The fork server is started for the first run inside a ``process_pool()`` and ended with the outermost one; a run
opens one itself, so that a single run leaves no process behind, and several runs in one ``process_pool()`` load
torch only once.
"""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from ...reaper import end_descendants
from ...rules import cancelling, known_rules
from ...rules.state import boundary_at_or_after, boundary_at_or_before
from ...scripts import main_left_alone

__all__ = ["PRELOADED", "become_child", "compile_transitions", "fork_server_death", "process_pool"]

PRELOADED = ["regretlab.play.system.preloaded"]
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_depth = 0
_ours = True


class _Process(ForkServerProcess):
    """A process that does not run the caller's script."""

    @staticmethod
    def _Popen(process: Any) -> Any:  # noqa: N802 - the standard library's name
        with main_left_alone():
            return ForkServerProcess._Popen(process)


class _Context(ForkServerContext):
    Process = _Process


@contextmanager
def process_pool() -> Iterator[ForkServerContext]:
    """Yield the context whose processes are forked from a server that has torch and the kernels loaded."""
    global _depth, _ours
    if _depth == 0:  # a server that was started elsewhere is ended there
        _ours = forkserver._forkserver._forkserver_pid is None  # type: ignore[attr-defined]
    context = _Context()
    context.set_forkserver_preload(PRELOADED)
    _depth += 1
    try:
        yield context
    finally:
        _depth -= 1
        if _depth == 0 and _ours:
            # The standard library keeps it until the interpreter exits; a run leaves no process of its own behind. (The
            # interpreter's resource tracker stays with the interpreter: others may be using it.)
            server = forkserver._forkserver
            if (pid := server._forkserver_pid) is not None:  # type: ignore[attr-defined]
                # Its children have ended; what they started and left is a child of it now. It is killed because while
                # it loads torch it hears nothing: Ctrl-C would wait for that.
                end_descendants(pid)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            server._stop()  # type: ignore[attr-defined]


def fork_server_death(within: float = 0.5) -> str | None:
    """Return what ended the fork server, from which the processes of a run are started; None if it still lives then.

    The pipes of a process that is killed close a little before it counts as ended, so this waits ``within`` seconds.
    """
    pid = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    until = time.monotonic() + within
    while pid is not None and time.monotonic() < until:
        with suppress(ChildProcessError):  # it was started by another process
            if ended := os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                killed = ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED)
                return signal.Signals(ended.si_status).name if killed else f"exit code {ended.si_status}"
        time.sleep(0.01)
    return None


def become_child(name: str) -> None:
    """Make this process a child of a run: named for ``ps`` and ended by the kernel when the supervisor is gone.

    (The fork server is its parent in the kernel's eyes; it ends when the supervisor does.) Interrupts from the keyboard
    are left to the supervisor.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the supervisor hears it
    parent = os.getppid()
    # The standard library gives every child a hold on the fork server; with it the server would outlive the supervisor.
    server = forkserver._forkserver
    if server._forkserver_alive_fd is not None:  # type: ignore[attr-defined]
        os.close(server._forkserver_alive_fd)  # type: ignore[attr-defined]
        server._forkserver_alive_fd = None  # type: ignore[attr-defined]
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died in between
        os._exit(1)


def compile_transitions() -> None:
    """Call every transition once before the clock starts: a first call compiles it, which lasts many frames."""
    for rule in known_rules():
        rule.compile()
    threshold = cancelling.new_threshold(1, 1.0, [1.0])
    cancelling.begin(threshold, 0)
    cancelling.ended(threshold, 0, 0.5, True)
    cancelling.choose(threshold)
    boundary_at_or_after(0.5, 1.0)
    boundary_at_or_before(0.5, 1.0)
