"""What a killed process started does not outlive it, and neither does the reaper."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from regretlab.reaper import reaped

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
DAEMON = f"import subprocess; subprocess.Popen({SLEEPER!r}, start_new_session=True)"
PROGRAM = f"""
import subprocess, sys, time
from regretlab.reaper import reaped

with reaped():
    subprocess.run([sys.executable, "-c", {DAEMON!r}], check=True)
    print("started", flush=True)
    time.sleep(600)
"""


def _with(mark):
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark.encode() in (entry / "environ").read_bytes() and (entry / "cmdline").read_bytes():
                    found.add(int(entry.name))
            except OSError:
                continue
    return found


def _gone(mark, within=5.0):
    until = time.monotonic() + within
    while _with(mark) and time.monotonic() < until:
        time.sleep(0.05)
    return not _with(mark)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_daemons_of_a_killed_process_are_ended(number):
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env={**os.environ, "MARK": mark}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "started\n"
    assert len(_with(mark)) == 3  # the process, its daemon and the reaper
    process.send_signal(number)
    process.communicate()
    assert _gone(mark)


def test_a_body_that_ends_takes_its_daemons_along_and_no_others(monkeypatch):
    mark = uuid.uuid4().hex
    monkeypatch.setenv("MARK", mark)
    other = subprocess.Popen(SLEEPER)
    with reaped():
        subprocess.run([sys.executable, "-c", DAEMON], check=True)
        assert len(_with(mark)) == 3
    assert _with(mark) == {other.pid}
    assert "REGRETLAB_REAPED" not in os.environ
    other.kill()
    other.communicate()
