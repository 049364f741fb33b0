"""Ends what a killed process leaves behind: ``python -m regretlab.reaper MARK``, started by the process itself.

A process that starts daemons of others (Ray's) can end them only while it lives. This one holds a pipe to it, waits
until the pipe closes, whoever closes it, and kills what then still carries the mark in its environment.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["reaped"]

VARIABLE = "REGRETLAB_REAPED"
_GRACE = 0.5  # seconds in which daemons may end by themselves
_QUIET = 0.3  # seconds without any until all are taken for gone: one that is just being started shows no mark
_LONGEST = 10.0


@contextmanager
def reaped() -> Iterator[None]:
    """Let no process that is started in the body, however far down, outlive the body or this process."""
    mark, before = uuid.uuid4().hex, os.environ.get(VARIABLE)
    os.environ[VARIABLE] = mark
    reaper = subprocess.Popen(
        [sys.executable, "-m", "regretlab.reaper", mark],
        stdin=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is for the others
        cwd=Path(__file__).parents[1],
    )
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before
        assert reaper.stdin is not None
        reaper.stdin.close()
        reaper.wait()


def _marked(mark: str) -> list[int]:
    found, wanted = [], f"{VARIABLE}={mark}".encode()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            with suppress(OSError):
                if wanted in Path(f"/proc/{entry}/environ").read_bytes().split(b"\0"):
                    found.append(int(entry))
    return found


def _main(mark: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    began, seen = time.monotonic(), time.monotonic()
    while time.monotonic() < min(seen + _QUIET, began + _LONGEST):
        for process in _marked(mark):
            seen = time.monotonic()
            if seen > began + _GRACE:
                with suppress(OSError):
                    os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


if __name__ == "__main__":
    _main(sys.argv[1])
