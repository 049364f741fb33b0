"""A Ray cluster of two nodes on this machine, and what is left of clusters."""

import os
import time
import uuid

__all__ = ["TwoNodes", "left_behind", "marked"]


class TwoNodes:
    """A cluster of two nodes of one core each; the attribute ``other`` is the node that may be killed."""

    def __init__(self):
        os.environ["RAY_AUTH_MODE"] = "token"  # as clusters of our own: Ray keeps the mode that a process had first
        from ray._private.authentication.authentication_token_setup import ensure_token_if_auth_enabled
        from ray._raylet import Config
        from ray.cluster_utils import Cluster

        Config.initialize("")
        ensure_token_if_auth_enabled()
        # actors on the nodes import this package
        os.environ["PYTHONPATH"] = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
        os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        self.other = self._cluster.add_node(num_cpus=1)
        self.address = self._cluster.address

    def restored(self):
        """Return the cluster with both nodes, whatever the test before did to it."""
        if self.other is None:
            self.other = self._cluster.add_node(num_cpus=1)
            self._cluster.wait_for_nodes()
        return self

    def kill_other(self):
        """Kill the node that may be killed, as a crash of its machine would."""
        other, self.other = self.other, None
        self._cluster.remove_node(other, allow_graceful=False)

    def shutdown(self):
        """End both nodes."""
        self._cluster.shutdown()


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
