"""Weights that change while they are played, on every node: sent once a node for each version, newest first.

A node holds the same two copies that local workers share, so no inference waits for weights or sees half of
them. A node that is still taking a version in is sent the newest one after it and none of those between.
"""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..learning.state import WeightSnapshots, snapshot_fields
from ..system.arena import Arena
from .actors import Place

__all__ = ["NodeWeights", "WeightSender", "WeightStore"]

_SENDER = 0
"""The reader of the run's own snapshots that the sender is: on a cluster no worker reads those."""


class WeightStore:
    """The weights of one node, in memory that its workers share.

    Parameters
    ----------
    readers
        Workers that may read them.
    weights
        The first version, shape (count,).
    patience
        Seconds to wait for those who still read the copy that is next.
    """

    def __init__(self, readers: int, weights: NDArray[np.float32], patience: float = 2.0) -> None:
        self._arena, self._patience = Arena(snapshot_fields(readers, len(weights))), patience
        self._snapshots = WeightSnapshots(self._arena)
        self._snapshots.prepare(weights)

    def place(self) -> Place:
        """Return where this node's processes find the memory."""
        return self._arena.place

    def put(self, weights: NDArray[np.float32]) -> bool:
        """Take a version in; return False if the copy it belongs in was being read all the time."""
        until = time.monotonic() + self._patience
        while not self._snapshots.publish(weights):
            if time.monotonic() > until:
                return False
            time.sleep(0.001)
        return True

    def free(self, reader: int) -> None:
        """Take back what a worker that is gone had announced."""
        self._snapshots.end(reader)

    def received(self) -> int:
        """Return how many versions were taken in after the first."""
        return self._snapshots.version


class NodeWeights:
    """The weights of a node, seen from where they are learned.

    Parameters
    ----------
    ray
        The connected module.
    actor
        The node's `WeightStore`.
    place
        Its memory.
    """

    def __init__(self, ray: Any, actor: Any, place: Place) -> None:
        self._ray, self.actor, self.place = ray, actor, place
        self._pending: Any = None
        self.version = 0

    def wants(self, version: int) -> bool:
        """Return whether the node lacks a version and is not taking another one in."""
        if self._pending is not None:
            done, _ = self._ray.wait([self._pending], timeout=0)
            if not done:
                return False
            try:
                taken = bool(self._ray.get(self._pending))
            except self._ray.exceptions.RayError:  # workers there will be found lost, and another store will be opened
                taken = True
            self._pending = None
            if not taken:
                self.version = -1
        return self.version != version

    def send(self, version: int, weights: Any) -> None:
        """Send weights that lie in the object store."""
        self.version, self._pending = version, self.actor.put.remote(weights)


class WeightSender:
    """Sends the newest snapshot to the nodes.

    Parameters
    ----------
    ray
        The connected module.
    snapshots
        The run's.
    """

    def __init__(self, ray: Any, snapshots: WeightSnapshots) -> None:
        self._ray, self._snapshots = ray, snapshots
        self.versions_sent = 0

    def newest(self) -> Any:
        """Put the newest snapshot into the object store and return where it is."""
        copy = self._snapshots.begin(_SENDER)
        try:
            return self._ray.put(self._snapshots.copies[copy])
        finally:
            self._snapshots.end(_SENDER)

    def send(self, nodes: list[NodeWeights]) -> None:
        """Send the newest snapshot to the nodes that want it."""
        version = self._snapshots.version  # read first: what is sent is this version or a newer one
        if waiting := [node for node in nodes if node.wants(version)]:
            weights = self.newest()
            self.versions_sent += 1
            for node in waiting:
                node.send(version, weights)
