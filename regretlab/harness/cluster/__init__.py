"""Inference workers on a Ray cluster: the environment, its clock and the rule stay here, networks run anywhere.

A gateway process holds a thread for each worker. The thread runs the same loop as a local worker's process; only the
inference itself is an actor's, on some node. So rule, schedule and record are those of local runs, all times are read
from one clock, and an inference time includes the way there and back. A frame is sent to a node once, however many of
its workers look at it.
"""

from .supervisor import run_cluster

__all__ = ["run_cluster"]
