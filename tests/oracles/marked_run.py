"""A run in a process of its own, whose children can be found by a mark in their environment, whoever dies."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from regretlab.records import Record

__all__ = ["RING", "MarkedRun", "marked", "segments", "values"]

RING = "tests.oracles.ring_environment:tests/Ring-v0"
PROGRAM = """
import json, resource, sys
from regretlab.play import local
from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run

faults = json.loads(sys.argv[3])

def progress(played, total, what):
    if played and "largest_file" in faults:  # from the first frame on; the shared memory is a file too
        resource.setrlimit(resource.RLIMIT_FSIZE, (faults["largest_file"], resource.RLIM_INFINITY))

if __name__ == "__main__":
    local.MAXIMUM_RESTARTS = faults.get("maximum_restarts", local.MAXIMUM_RESTARTS)
    run(RunConfiguration(**json.loads(sys.argv[1])), sys.argv[2], progress=progress)
    print("complete", flush=True)
"""


def values(**changes):
    """Return the settings of a short run of the oracle on the ring, with those changed."""
    return {
        "environment": RING,
        "environment_options": {"symbols": 4, "mode_probability": 0.9},
        "policy": "oracle",
        "workers": 3,
        "rule": "max-time",
        "emulate_latency": "constant(0.04)",
        "frames": 240,
        **changes,
    }


class MarkedRun:
    """A run started with ``values(**changes)``, recorded in ``directory``; ``through`` another command; with the signal
    ``ignored``, as a shell starts background commands.
    """

    started: ClassVar[list["MarkedRun"]] = []
    """Those that no test has cleared away yet (a fixture does, also after a test that failed)."""

    def __init__(self, directory, *, faults=None, through=(), ignored=None, **changes):
        self.mark = f"REGRETLAB_TEST_MARK={uuid.uuid4().hex}"
        name, value = self.mark.split("=")
        self.directory = Path(directory)
        self.process = subprocess.Popen(
            [
                *through,
                sys.executable,
                "-c",
                PROGRAM,
                json.dumps(values(**changes)),
                str(directory),
                json.dumps(faults or {}),
            ],
            env={**os.environ, name: value},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=None if ignored is None else lambda: signal.signal(ignored, signal.SIG_IGN),
        )
        self.started.append(self)

    def processes(self):
        """Return the command names of all living processes of this run, by process number."""
        return marked(self.mark)

    def wait_for_play(self, frames=40):
        """Wait until frames have reached the disk; return the child processes by name."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if (self.directory / "meta.json").exists() and len(Record.open(self.directory).frames) >= frames:
                return {name: pid for pid, name in self.processes().items()}
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.1)
        raise AssertionError("the run did not start")

    def end(self, timeout=900):
        """Wait for the end; return exit code and standard error, after checking that nothing is left."""
        _, stderr = self.process.communicate(timeout=timeout)
        self.nothing_left()
        return self.process.returncode, stderr

    def clear_away(self):
        """Kill whatever is left, so that a test that failed does not disturb the others."""
        while left := self.processes():
            for number in left:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            time.sleep(0.05)
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()

    def nothing_left(self, within=2.0):
        """Check that every process of the run is gone, after ``within`` seconds at most."""
        deadline = time.monotonic() + within
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not left, left


def marked(mark):
    """Return the command names of all living processes with a mark in their environment, by process number."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "environ").read_bytes():
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                    if state != "Z":
                        found[int(entry.name)] = (entry / "comm").read_text().strip()
            except OSError:
                continue
    return found


def segments():
    """Return what lies in /dev/shm and no other process uses: other tests play at the same time."""
    used = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):  # it has ended, or is another user's
                used.update(
                    line.split(maxsplit=5)[5].removeprefix("/dev/shm/")
                    for line in (entry / "maps").read_text().splitlines()
                    if "/dev/shm/" in line
                )
    # joblib puts its own there in any process of this machine
    return {name for name in os.listdir("/dev/shm") if not name.startswith(("sem.loky", "joblib_memmapping"))} - used
