"""A Ray cluster of two nodes on this machine."""

import os
from contextlib import contextmanager

__all__ = ["two_nodes"]


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
