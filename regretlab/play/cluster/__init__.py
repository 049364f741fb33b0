"""Inference workers and learners on a Ray cluster: the environment, its clock, the rule and the weights stay here,
networks run anywhere.

A gateway process holds a thread for each worker. The thread runs the same loop as a local worker's process; only the
inference itself is an actor's, on some node. So rule, schedule and record are those of local runs, all times are read
from one clock, and an inference time includes the way there and back. A frame is sent to a node once, however many of
its workers look at it.

Learners have a gateway of their own. A thread for each draws batches and applies gradients as a local learner does; an
actor computes them. Workers' nodes are sent the weights that come of it, each version once.
"""

from .supervisor import run_cluster

__all__ = ["run_cluster"]
