"""A Ray cluster of two nodes on this machine, and what is left of clusters."""

import os
import time
import uuid
from contextlib import contextmanager

__all__ = ["left_behind", "marked", "two_nodes"]


@contextmanager
def two_nodes(monkeypatch, cores=1):
    """Yield a cluster; its attribute ``other`` is the node that may be killed."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # actors on the nodes import this package
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")]))
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": cores, "include_dashboard": False})
    nodes.other = nodes.add_node(num_cpus=cores)
    yield nodes
    nodes.shutdown()


def marked(monkeypatch):
    """Return a mark that processes started from now on carry in their environment."""
    value = uuid.uuid4().hex
    monkeypatch.setenv("REGRETLAB_TEST_MARK", value)
    return f"REGRETLAB_TEST_MARK={value}"


def left_behind(mark, within):
    """Return the commands of the processes with that mark that are still there after so many seconds."""
    until = time.monotonic() + within
    while (found := _commands(mark)) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def _commands(mark):
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if mark.encode() not in file.read():
                        continue
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    command = file.read().replace(b"\0", b" ").decode()[:80]
            except OSError:
                continue
            if command and "resource_tracker" not in command:  # that is the interpreter's, and ends with it
                found[int(entry)] = command
    return found
