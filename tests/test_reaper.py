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
DAEMON = f"import subprocess, time; subprocess.Popen({SLEEPER!r}, start_new_session=True); time.sleep(600)"
PROGRAM = f"""
import subprocess, sys, time
from regretlab.reaper import reaped

subprocess.Popen({SLEEPER!r})
with reaped():
    subprocess.Popen([sys.executable, "-c", {DAEMON!r}])
    time.sleep(2.5)  # until the reaper has looked
    print("started", flush=True)
    time.sleep(600)
"""


def _soon_with(mark, number):
    """Wait for so many: a process that begins has no environment for an instant."""
    until = time.monotonic() + 10
    while len(found := _with(mark)) < number and time.monotonic() < until:
        time.sleep(0.01)
    return found


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


@pytest.mark.realtime
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_daemons_of_a_killed_process_are_ended_and_no_others(number):
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env={**os.environ, "MARK": mark}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "started\n"
    assert len(_with(mark)) == 5  # the process, its child, that one's daemon, the reaper, and the child it had before
    process.send_signal(number)
    process.wait()
    until = time.monotonic() + 10
    while len(_with(mark)) > 1 and time.monotonic() < until:
        time.sleep(0.05)
    (other,) = _with(mark)
    os.kill(other, signal.SIGKILL)
    process.communicate()


def test_a_body_that_ends_ends_the_reaper_and_nothing_else(monkeypatch):
    mark = uuid.uuid4().hex
    monkeypatch.setenv("MARK", mark)
    with reaped():
        other = subprocess.Popen(SLEEPER)
        assert len(_soon_with(mark, 2)) == 2
    assert _with(mark) == {other.pid}
    other.kill()
    other.communicate()


def test_a_reaper_that_was_killed_itself_is_no_error(monkeypatch):
    mark = uuid.uuid4().hex
    monkeypatch.setenv("MARK", mark)
    with reaped():
        (reaper,) = _soon_with(mark, 1)
        os.kill(reaper, signal.SIGKILL)
    assert not _with(mark)


def test_a_tool_that_imports_every_module_adopts_no_orphans():
    """Only the fork server does: a documentation builder, or pytest for the examples, would end what is not its own."""
    program = """
import regretlab.play.system.preloaded
from regretlab.reaper import adopt_orphans
print(adopt_orphans(False))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
