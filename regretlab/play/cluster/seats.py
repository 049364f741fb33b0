"""Where the workers of a run sit: a network on a node, next to that node's frames and weights."""

import contextlib
import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...policies import PolicySpec
from ..preparation import policy_of_worker
from ..system.board import Frame
from .actors import RING, FrameStore, InferenceActor, Place
from .placement import PATIENCE, START_PATIENCE, Caller, Placement, meaning
from .weights import NodeWeights, WeightSender, WeightStore

__all__ = ["Seat", "Seats"]


class Seat:
    """A worker's actor on a node."""

    def __init__(self, ray: Any, actor: Any, stores: "_Stores", worker: int) -> None:
        self._ray, self._actor, self._stores, self._worker = ray, actor, stores, worker
        self._caller = Caller(ray)
        self.processor_seconds = 0.0
        self.inside: list[float] = []

    def act(self, frame: Frame) -> int:
        """Let the actor infer on a frame; ``ActorLost`` if it does not answer."""
        if frame.index < 0:  # not of the run, so not for the node's ring, which may be frames ahead of a new worker
            reply = self._actor.look.remote(frame.pixels, frame.label)
        else:
            self._stores.frames.send(frame)
            reply = self._actor.act.remote(frame.index, frame.label)
        action, seconds, self.processor_seconds = self._caller.answer(reply)
        self.inside.append(seconds)
        return int(action)

    def leave(self) -> None:
        """End the actor."""
        with contextlib.suppress(Exception):  # it may be gone already
            self._ray.kill(self._actor)
            if self._stores.weights is not None:
                self._stores.weights.actor.free.remote(self._worker)


class _NodeFrames:
    """The frames of a node, seen from here: each is sent once."""

    def __init__(self, actor: Any, place: Place) -> None:
        self.actor, self.place = actor, place
        self._lock = threading.Lock()
        self._sent: dict[int, None] = {}

    def send(self, frame: Frame) -> None:
        """Send a frame unless it was sent."""
        with self._lock:
            if frame.index in self._sent:
                return
            self._sent[frame.index] = None
            while len(self._sent) > 2 * RING:
                del self._sent[next(iter(self._sent))]
            self.actor.put.remote(frame.index, frame.pixels)


@dataclass(frozen=True)
class _Stores:
    """What one node keeps for its workers."""

    frames: _NodeFrames
    weights: NodeWeights | None


class Seats:
    """The workers' actors and the stores they need.

    Parameters
    ----------
    ray
        The connected module.
    policy, parameters
        What workers run.
    frame_shape, frame_dtype
        Of a frame.
    workers
        How many there are.
    sender
        Of weights that change meanwhile; None without learning.
    """

    def __init__(
        self,
        ray: Any,
        policy: PolicySpec,
        parameters: NDArray[np.float32],
        frame_shape: Any,
        frame_dtype: Any,
        workers: int,
        sender: WeightSender | None = None,
    ) -> None:
        self._ray, self._policy, self._workers, self._sender = ray, policy, workers, sender
        self._parameters = ray.put(np.array(parameters))
        self._frame = (tuple(frame_shape), np.dtype(frame_dtype))
        self._lock = threading.Lock()
        self._stores: dict[str, _Stores] = {}
        self._suspect: set[str] = set()
        self.placement = Placement(ray)

    def take(self, worker: int, avoid: str | None = None) -> Seat:
        """Return a seat for a worker, on another node than ``avoid`` if there is one.

        Raises
        ------
        ActorLost
            If the node goes while the actor starts.
        """
        node = self.placement.choose(worker, avoid)
        try:
            stores = self._stores_of(node)
            actor = self.placement.actor(node, InferenceActor).remote(
                policy_of_worker(replace(self._policy), worker),
                self._parameters,
                stores.frames.place,
                None if stores.weights is None else stores.weights.place,
                worker,
            )
            self._ray.get(actor.__ray_ready__.remote(), timeout=START_PATIENCE)
        except self._ray.exceptions.RayError as error:
            self.suspect(node)
            raise meaning(error) from None
        return Seat(self._ray, actor, stores, worker)

    def suspect(self, node: str) -> None:
        """Ask the stores of a node whether they are still there before another worker is placed next to them."""
        with self._lock:
            self._suspect.add(node)

    def send_weights(self) -> None:
        """Send the newest weights to the nodes that have not got them."""
        if self._sender is not None:
            stores = [found.weights for found in list(self._stores.values())]
            self._sender.send([weights for weights in stores if weights is not None])

    def received(self) -> dict[str, dict[str, int]]:
        """Return how many frames and versions of weights each node got; nodes that do not answer are left out."""
        counts: dict[str, dict[str, int]] = {"frames_sent": {}, "weights_sent": {}}
        for node, stores in list(self._stores.items()):
            for name, store in (("frames_sent", stores.frames), ("weights_sent", stores.weights)):
                if store is not None:
                    with contextlib.suppress(self._ray.exceptions.RayError):
                        counts[name][node] = int(self._ray.get(store.actor.received.remote(), timeout=PATIENCE))
        return {name: found for name, found in counts.items() if found}

    def _stores_of(self, node: str) -> _Stores:
        with self._lock:
            if node in self._suspect:
                self._suspect.discard(node)
                if node in self._stores and not self._answer(self._stores[node]):
                    del self._stores[node]
            if node not in self._stores:
                self._stores[node] = self._open(node)
            return self._stores[node]

    def _open(self, node: str) -> _Stores:
        frames = self.placement.actor(node, FrameStore).remote(*self._frame)
        weights = None
        if self._sender is not None:
            actor = self.placement.actor(node, WeightStore).remote(self._workers, self._sender.newest())
            place = self._ray.get(actor.place.remote(), timeout=START_PATIENCE)
            weights = NodeWeights(self._ray, actor, place)
        return _Stores(_NodeFrames(frames, self._ray.get(frames.place.remote(), timeout=START_PATIENCE)), weights)

    def _answer(self, stores: _Stores) -> bool:
        try:
            for store in (stores.frames, stores.weights):
                if store is not None:
                    self._ray.get(store.actor.place.remote(), timeout=PATIENCE)
        except self._ray.exceptions.RayError:
            return False
        return True
