"""What a realtime test owes to a busy machine: other processes count, its own do not, and a failure is a skip."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.oracles.machine_load import BUSY, Watch

SPIN = "import time\nend = time.process_time() + 0.6\nwhile time.process_time() < end: pass\ntime.sleep(60)"
FOLDER_OF_TESTS = """
import pytest

@pytest.mark.realtime
def test_of_real_time():
    {body}
"""


def _counted(environment, *, orphan):
    """Return how many processor seconds the watch counts while a process spins for 0.5 of its own."""
    watch, began = Watch(), time.monotonic()
    words = [sys.executable, "-c", SPIN]
    if orphan:  # its parent, the shell, has ended
        shell = ["sh", "-c", '"$@" >/dev/null 2>&1 & echo $!', "sh", *words]
        number = int(subprocess.run(shell, env=environment, capture_output=True, text=True, check=True).stdout)
    else:
        child = subprocess.Popen(words, env=environment)
        number = child.pid
    try:
        while _used(number) < 0.5:
            time.sleep(0.02)
        return watch.cores_used_by_others() * (time.monotonic() - began)
    finally:
        os.kill(number, signal.SIGKILL)
        if not orphan:
            child.wait()


def _used(number):
    with open(f"/proc/{number}/stat") as file:
        return sum(map(int, file.read().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def _unmarked():
    return {name: value for name, value in os.environ.items() if not name.startswith("REGRETLAB_TEST")}


@pytest.fixture
def spinning(monkeypatch):
    """Count nothing but the spinning process; return the list of times it was seen among the others."""
    monkeypatch.setattr("tests.oracles.machine_load._stolen", lambda: 0.0)
    seen = []
    monkeypatch.setattr("tests.oracles.machine_load._others", _only_the_spinning(seen))
    return seen


def test_what_other_processes_use_is_counted(spinning):
    """Also of a process that begins after the watch, as this one does."""
    assert _counted(_unmarked(), orphan=True) >= 0.45


@pytest.mark.parametrize("by", ["mark", "parent"])
def test_what_a_test_starts_is_not_counted(by, spinning):
    _counted(dict(os.environ) if by == "mark" else _unmarked(), orphan=by == "mark")
    assert spinning == []


def _only_the_spinning(seen):
    from tests.oracles.machine_load import _others

    def found():
        others = {key: value for key, value in _others().items() if SPIN.encode() in _command(key[0])}
        seen.extend(others)
        return others

    return found


def _command(number):
    try:
        with open(f"/proc/{number}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


@pytest.mark.parametrize(("used", "outcome"), [(BUSY / 2, "1 failed"), (BUSY * 2, "1 skipped")])
def test_a_realtime_test_fails_on_an_idle_machine_and_is_skipped_on_a_busy_one(used, outcome, tmp_path):
    (tmp_path / "test_it.py").write_text(FOLDER_OF_TESTS.format(body="assert 0.5 > 0.9, 'half of the frames'"))
    done = subprocess.run(
        [sys.executable, "-c", _PYTEST.format(used=used, folder=str(tmp_path))],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert outcome in done.stdout, done.stdout + done.stderr
    if outcome == "1 skipped":
        assert f"needs an idle machine: other processes used {used:.1f} cores" in done.stdout
        assert "half of the frames" in done.stdout


_PYTEST = """
import sys, pytest
from tests.oracles import machine_load

machine_load.Watch.cores_used_by_others = lambda self: {used}
import tests.conftest
sys.exit(pytest.main(["-q", "-rs", "-p", "tests.conftest", "--rootdir", {folder!r}, "-c", "/dev/null", {folder!r}]))
"""
