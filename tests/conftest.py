"""Shared settings: reproducible hypothesis runs, no process that outlives its test."""

import sys

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "regretlab", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=False
)
settings.load_profile("regretlab")

# Each runs in an environment of its own.
collect_ignore = ["oracles/rlberry_qlearning.py", "oracles/statisticalrl_ucrl2.py"]


@pytest.fixture(autouse=True)
def runs_end_with_their_test():
    """Clear away what a test that failed has left running: it would be the load under which the next one fails."""
    yield
    if "tests.oracles.marked_run" in sys.modules:
        started = sys.modules["tests.oracles.marked_run"].MarkedRun.started
        while started:
            started.pop().clear_away()
