"""Where the workers of a run sit: which node, and what happens when it is lost."""

import contextlib
import threading
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...policies import PolicySpec
from ..board import Frame
from ..preparation import policy_of_worker
from .actors import FrameStore, InferenceActor

__all__ = ["Seat", "Seats", "WorkerLost"]

START_PATIENCE = 120.0
"""Seconds an actor may take to start: it imports PyTorch."""
PATIENCE = 5.0
"""Seconds at least after which an inference that does not answer is taken for lost."""
SLOWEST = 20.0
"""... and so many times the slowest inference so far."""


class WorkerLost(Exception):  # noqa: N818 - an event, not a fault
    """The actor, or its node, is gone."""


class Seat:
    """A worker's actor on a node."""

    def __init__(self, ray: Any, actor: Any, store: "_NodeStore", node: str) -> None:
        self._ray, self._actor, self._store, self.node = ray, actor, store, node
        self._slowest = 0.0
        self.processor_seconds = 0.0
        self.inside: list[float] = []

    def act(self, frame: Frame) -> int:
        """Let the actor infer on a frame.

        Raises
        ------
        WorkerLost
            If it does not answer.
        """
        self._store.send(frame)
        reply = self._actor.act.remote(frame.index, frame.label)
        try:
            action, seconds, self.processor_seconds = self._ray.get(
                reply, timeout=max(PATIENCE, SLOWEST * self._slowest)
            )
        except (self._ray.exceptions.RayActorError, self._ray.exceptions.GetTimeoutError) as error:
            raise WorkerLost(type(error).__name__) from None
        except self._ray.exceptions.RayTaskError as error:
            raise RuntimeError(str(error.cause)) from None
        self._slowest = max(self._slowest, seconds)
        self.inside.append(seconds)
        return int(action)

    def leave(self) -> None:
        """End the actor."""
        with contextlib.suppress(Exception):  # it may be gone already
            self._ray.kill(self._actor)


class _NodeStore:
    """The frames of a node, seen from here: each is sent once."""

    def __init__(self, actor: Any, place: Any) -> None:
        self.actor, self.place = actor, place
        self._lock = threading.Lock()
        self._sent: dict[int, None] = {}

    def send(self, frame: Frame) -> None:
        """Send a frame unless it was sent."""
        with self._lock:
            if frame.index in self._sent:
                return
            self._sent[frame.index] = None
            while len(self._sent) > 2 * 64:
                del self._sent[next(iter(self._sent))]
            self.actor.put.remote(frame.index, frame.pixels)


class Seats:
    """Places workers on the nodes of a cluster, the least loaded first.

    Parameters
    ----------
    ray
        The connected module.
    policy, parameters
        What workers run.
    frame_shape, frame_dtype
        Of a frame.
    """

    def __init__(
        self, ray: Any, policy: PolicySpec, parameters: NDArray[np.float32], frame_shape: Any, frame_dtype: Any
    ) -> None:
        self._ray, self._policy = ray, policy
        self._parameters = ray.put(np.array(parameters))
        self._frame = (tuple(frame_shape), np.dtype(frame_dtype))
        self._lock = threading.Lock()
        self._stores: dict[str, _NodeStore] = {}
        self.sitting: dict[int, str] = {}

    def take(self, worker: int, avoid: str | None = None) -> Seat:
        """Return a seat for a worker, on another node than ``avoid`` if there is one.

        Raises
        ------
        WorkerLost
            If the node goes while the actor starts.
        """
        with self._lock:
            node = self._choose(worker, avoid)
            self.sitting[worker] = node
        try:
            store = self._store(node)
            actor = self._on(node, InferenceActor).remote(
                policy_of_worker(replace(self._policy), worker), self._parameters, store.place
            )
            self._ray.get(actor.__ray_ready__.remote(), timeout=START_PATIENCE)
        except (self._ray.exceptions.RayActorError, self._ray.exceptions.GetTimeoutError) as error:
            with self._lock:
                self._stores.pop(node, None)
            raise WorkerLost(type(error).__name__) from None
        return Seat(self._ray, actor, store, node)

    def nodes(self) -> dict[str, dict[str, Any]]:
        """Return the nodes that are alive: address and cores by identifier."""
        return {
            node["NodeID"]: {"address": node["NodeManagerAddress"], "cores": node["Resources"].get("CPU", 0.0)}
            for node in self._ray.nodes()
            if node["Alive"]
        }

    def forget(self, node: str) -> None:
        """Open a new store the next time a worker sits on this node."""
        with self._lock:
            self._stores.pop(node, None)

    def frames_received(self) -> dict[str, int]:
        """Return how many frames each node was sent; nodes that do not answer are left out."""
        counts = {}
        for node, store in list(self._stores.items()):
            with contextlib.suppress(Exception):
                counts[node] = int(self._ray.get(store.actor.received.remote(), timeout=PATIENCE))
        return counts

    def _choose(self, worker: int, avoid: str | None) -> str:
        nodes = self.nodes()
        others = {name: node for name, node in nodes.items() if name != avoid} or nodes
        if not others:
            raise WorkerLost("no node is left")

        def load(name: str) -> float:
            sitting = sum(place == name for other, place in self.sitting.items() if other != worker)
            return (sitting + 1) / max(1.0, others[name]["cores"])

        return min(sorted(others), key=load)

    def _store(self, node: str) -> _NodeStore:
        with self._lock:
            if node not in self._stores:
                actor = self._on(node, FrameStore).remote(*self._frame)
                place = self._ray.get(actor.place.remote(), timeout=START_PATIENCE)
                self._stores[node] = _NodeStore(actor, place)
            return self._stores[node]

    def _on(self, node: str, kind: type) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        # Cores are not reserved: who sits where is decided here, and a full machine must still take its workers back.
        return self._ray.remote(num_cpus=0, max_restarts=0)(kind).options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=node, soft=False)
        )
