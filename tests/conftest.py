"""Shared settings: reproducible hypothesis runs, no long silence, no process or shared memory that outlives its test,
and what a realtime test owes to a busy machine.
"""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import HealthCheck, settings

from regretlab.errors import RunError
from regretlab.needs import MissingPackageError, absent
from tests.oracles.machine_load import BUSY, Watch, mark_this_session

settings.register_profile(
    "regretlab", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=False
)
settings.load_profile("regretlab")

# The first two run in environments of their own; the third takes two minutes to import, which is its purpose.
collect_ignore = ["oracles/rlberry_qlearning.py", "oracles/statisticalrl_ucrl2.py", "oracles/slow_to_load.py"]

SILENCE = 20.0
"""Seconds without a finished test after which the name of the running one is printed."""

mark_this_session()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background commands with SIGINT ignored, and children inherit that. A handler that does nothing
    # ignores it here too, but the processes that tests start and interrupt begin with the default.
    signal.signal(signal.SIGINT, lambda number, frame: None)


@pytest.fixture(autouse=True)
def runs_end_with_their_test():
    """Clear away what a test that failed has left running: it would be the load under which the next one fails."""
    yield
    if "tests.oracles.marked_run" in sys.modules:
        started = sys.modules["tests.oracles.marked_run"].MarkedRun.started
        while started:
            started.pop().clear_away()


@pytest.fixture(autouse=True)
def no_segment_outlives_its_test(request, runs_end_with_their_test):
    """Check after every test in real time that the shared memory of its processes is gone."""
    if request.node.get_closest_marker("realtime") is None:
        yield
        return
    from tests.oracles.marked_run import segments

    before = segments()
    yield
    deadline = time.monotonic() + 2.0  # another test's may be about to be mapped
    while (left := segments() - before) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, left


@pytest.fixture(scope="module")
def chromium():
    """A browser, for the tests of pages."""
    from tests.oracles.chromium import launched

    with launched() as browser:
        yield browser


@pytest.fixture(scope="session")
def nodes():
    """One Ray cluster of two nodes for all tests that need one: it takes ten seconds to start."""
    from tests.oracles.two_nodes import TwoNodes

    cluster = TwoNodes()
    yield cluster
    cluster.shutdown()


@pytest.fixture
def cluster(nodes):
    """Two nodes on this machine, both alive; the test is disconnected from them at its end."""
    import ray

    yield nodes.restored()
    ray.shutdown()


@pytest.fixture
def fresh_cluster():
    """Two nodes of which a test kills one while it plays: what is left of them serves no other test."""
    import ray

    from tests.oracles.two_nodes import TwoNodes

    cluster = TwoNodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


LATE = (AssertionError, pytest.fail.Exception, RunError, TimeoutError, subprocess.TimeoutExpired)
"""How a test fails for want of processor time."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """As for the call: a fixture may start processes too."""
    return (yield from _unless_busy(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Turn the failure of a realtime test into a skip if other processes were using the machine meanwhile.

    `make test-base` skips what the theory side's tests hold against a run, a record or a sweep, which need `play`.
    """
    try:
        return (yield from _unless_busy(item))
    except MissingPackageError as error:
        if not absent("play"):
            raise
        pytest.skip(str(error))


def _unless_busy(item):
    if item.get_closest_marker("realtime") is None:
        return (yield)
    watch = Watch()
    try:
        return (yield)
    except LATE as error:
        used = watch.cores_used_by_others()
        if used < BUSY:
            raise
        pytest.skip(f"needs an idle machine: other processes used {used:.1f} cores meanwhile ({_first_line(error)})")


def _first_line(error):
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:120]}"


class _Heartbeat:
    """Names the running test on standard error when nothing has finished for a while."""

    def __init__(self):
        self.finished, self.running, self.last = 0, "collecting", time.monotonic()
        self.screen = os.fdopen(os.dup(2), "w")  # standard error itself, which tests cannot capture
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self):
        while True:
            time.sleep(1.0)
            if time.monotonic() - self.last >= SILENCE:
                self.last = time.monotonic()
                print(f"\n... {self.finished} tests done, running {self.running}", file=self.screen, flush=True)

    def pytest_runtest_logstart(self, nodeid):
        self.running = nodeid

    def pytest_runtest_logreport(self, report):
        self.last = time.monotonic()
        if report.when == "call":
            self.finished += 1


@pytest.hookimpl(tryfirst=True)  # before cases are chosen by their markers
def pytest_collection_modifyitems(items):
    """Leave one case in n of a test marked ``one_in(n)`` to `make test`; the others are thorough."""
    seen = {}
    for item in items:
        if (mark := item.get_closest_marker("one_in")) is not None:
            place = seen[item.nodeid.partition("[")[0]] = seen.get(item.nodeid.partition("[")[0], -1) + 1
            if place % mark.args[0]:
                item.add_marker("thorough")


def pytest_configure(config):
    """Start the heartbeat in the process that prints."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        config.pluginmanager.register(_Heartbeat(), "heartbeat")
