"""Gradients computed on a node: the batch and a version of the weights go there, the gradient comes back.

Everything else about learning stays with the environment: the replay store, the order of the batches, Adam's moments
and the weights themselves. So a gradient is applied exactly as one computed here, and losing an actor costs the
gradient it was at. Weights go through Ray's object store, where a version is put once and which brings it to a node
once.
"""

import os
import threading
import time
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...policies import PolicySpec
from ...policies.learning.updates import Batch
from ...policies.parameters import parameter_count
from .placement import START_PATIENCE, Caller, Placement, meaning

__all__ = ["GradientActor", "GradientSeats", "RemoteGradient", "WeightShelf"]

_NICENESS = 5  # as local learners: they give way to those who act


class GradientActor:
    """A learner's network on a node.

    Parameters
    ----------
    spec
        A policy with a network.
    gradient_clip, double
        As for `GradientComputer`.
    """

    def __init__(self, spec: PolicySpec, gradient_clip: float, double: bool) -> None:
        import torch

        from ...policies.learning.updates import GradientComputer

        os.nice(_NICENESS)
        torch.set_num_threads(1)
        self._computer = GradientComputer(spec, gradient_clip, double=double)

    def compute(
        self, batch: Batch, weights: NDArray[np.float32], target: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], float, float]:
        """Return gradient, temporal differences, the seconds it took here and the processor seconds used so far."""
        began = time.perf_counter()
        np.copyto(self._computer.weights, weights)
        np.copyto(self._computer.target, target)
        # What comes out of the object store is read-only, which PyTorch does not like to see.
        own: dict[str, Any] = {name: None if value is None else np.array(value) for name, value in vars(batch).items()}
        self._computer.compute(Batch(**own))
        taken = time.perf_counter() - began
        return self._computer.gradient, self._computer.differences, taken, time.process_time()


class WeightShelf:
    """Versions of weights in the object store, each put there once.

    Parameters
    ----------
    ray
        The connected module.
    most
        Versions kept, those used last: more than learners can be at.
    """

    def __init__(self, ray: Any, most: int) -> None:
        self._ray, self._most = ray, most
        self._lock = threading.Lock()
        self._there: OrderedDict[tuple[str, int], Any] = OrderedDict()
        self.puts = 0

    def get(self, kind: str, version: int, weights: NDArray[np.float32]) -> Any:
        """Return where a version lies, putting it there if it is missing."""
        with self._lock:
            if (kind, version) not in self._there:
                self._there[kind, version] = self._ray.put(weights)
                self.puts += 1
            self._there.move_to_end((kind, version))  # a target is in use for many versions of the weights
            while len(self._there) > self._most:
                self._there.popitem(last=False)
            return self._there[kind, version]


class RemoteGradient:
    """Stands where a local learner has its ``GradientComputer``; the attributes are those.

    Parameters
    ----------
    ray
        The connected module.
    actor
        A `GradientActor`.
    shelf
        Of all learners.
    spec
        The network.
    """

    def __init__(self, ray: Any, actor: Any, shelf: WeightShelf, spec: PolicySpec) -> None:
        count = parameter_count(spec)
        self.weights, self.target, self.gradient = (np.zeros(count, np.float32) for _ in range(3))
        self.differences = np.zeros(0, np.float32)
        self.version: tuple[int, int] | None = None
        self._ray, self._actor, self._shelf, self._caller = ray, actor, shelf, Caller(ray)
        self.processor_seconds = 0.0
        self.inside: list[float] = []
        self.round_trip: list[float] = []

    def compute(self, batch: Batch) -> None:
        """Fill in `gradient` and `differences`.

        Raises
        ------
        ActorLost
            If the actor does not answer.
        RuntimeError
            With what it raised (a gradient that is not finite).
        """
        began = time.perf_counter()
        if self.version is None:  # weights of no learner, to warm up with
            weights, target = self.weights, self.target
        else:
            weights = self._shelf.get("weights", self.version[0], self.weights)
            target = self._shelf.get("target", self.version[1], self.target)
        reply = self._caller.answer(self._actor.compute.remote(batch, weights, target))
        gradient, self.differences, seconds, self.processor_seconds = reply
        np.copyto(self.gradient, gradient)
        self.inside.append(seconds)
        self.round_trip.append(time.perf_counter() - began)

    def leave(self) -> None:
        """End the actor."""
        self._ray.kill(self._actor)


class GradientSeats:
    """The learners' actors.

    Parameters
    ----------
    ray
        The connected module.
    spec, gradient_clip, double
        Of a `GradientActor`.
    learners
        How many there are.
    """

    def __init__(
        self, ray: Any, spec: PolicySpec, gradient_clip: float, learners: int, *, double: bool = False
    ) -> None:
        self._ray, self._settings = ray, (spec, gradient_clip, double)
        self.shelf = WeightShelf(ray, 2 * learners + 4)
        self.placement = Placement(ray, backwards=True)

    def take(self, learner: int, avoid: str | None = None) -> RemoteGradient:
        """Return a learner's actor, on another node than ``avoid`` if there is one.

        Raises
        ------
        ActorLost
            If the node goes while the actor starts.
        """
        node = self.placement.choose(learner, avoid)
        try:
            actor = self.placement.actor(node, GradientActor).remote(*self._settings)
            self._ray.get(actor.__ray_ready__.remote(), timeout=START_PATIENCE)
        except self._ray.exceptions.RayError as error:
            raise meaning(error) from None
        return RemoteGradient(self._ray, actor, self.shelf, self._settings[0])
