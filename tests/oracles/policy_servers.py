"""Real server processes for tests: ``regretlab serve`` as a user starts it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from regretlab.policies.serving.server import PolicyServer

__all__ = ["Server", "running", "served"]


@contextmanager
def running(*settings: Any) -> Iterator[PolicyServer]:
    """Yield a server in a thread of this process, made of a ``PolicyServer``'s arguments."""
    server = PolicyServer(*settings)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(20)
        assert not thread.is_alive()


class Server:
    """A running server: its process and what its first line of output said."""

    def __init__(self, process: "subprocess.Popen[str]", facts: dict[str, Any]) -> None:
        self.process, self.facts = process, facts
        self.url: str = facts["url"]
        self.port: int = facts["port"]

    def interrupt(self) -> tuple[int, str]:
        """Send what Ctrl-C sends; return the exit code and standard error."""
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=900)
        return self.process.returncode, said


@contextmanager
def served(*options: str, **environment: str) -> Iterator[Server]:
    """Yield a server of these options, on a free port unless they name one; end it afterwards."""
    port = () if "--port" in options else ("--port", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "regretlab", "serve", *options, *port, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise AssertionError(process.communicate()[1])
        yield Server(process, json.loads(line))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def goes_on_after(record, lost):
    """Check that both workers act again after the server was gone, whenever that was.

    Server and supervisor share a process here, so single answers may be late on a machine with other tests.
    """
    later = record.inferences[record.inferences["dispatch"] > lost["dispatch"].max()]
    back = int(later.loc[later["effect_frame"] >= 0, "effect_frame"].min())
    acted = record.frames["served_by"].to_numpy()[back:]
    assert len(acted) > 30
    assert (acted >= 0).mean() > 0.8
    assert set(acted) >= {0, 1}
