"""What runs on the nodes for those who act: a store of frames on each, and the workers' networks."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...policies import PolicySpec
from ..system.arena import Arena

__all__ = ["RING", "FrameStore", "InferenceActor"]

Place = tuple[str, dict[str, Any]]  # where the processes of a node find memory (``Arena.place``)
RING = 64
"""Frames a node keeps."""
PATIENCE = 2.0
"""Seconds an actor waits for a frame that is under way."""


class FrameStore:
    """The frames of one node, in memory that its workers share.

    Parameters
    ----------
    shape, dtype
        Of a frame.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self._arena = Arena({"numbers": (np.int64, (RING,)), "frames": (dtype, (RING, *shape))})
        self._arena["numbers"][:] = -1
        self._received = 0

    def place(self) -> Place:
        """Return where this node's processes find the memory."""
        return self._arena.place

    def put(self, index: int, pixels: NDArray[Any]) -> None:
        """Take a frame in."""
        slot = index % RING
        self._arena["numbers"][slot] = -1
        self._arena["frames"][slot] = pixels
        self._arena["numbers"][slot] = index
        self._received += 1

    def received(self) -> int:
        """Return how many frames were sent to this node."""
        return self._received


class InferenceActor:
    """A worker's network on a node.

    Parameters
    ----------
    policy
        What it runs.
    parameters
        Its weights, shape (parameter_count,); empty for a policy without a network, and for one that is being trained.
    frames
        The node's frames.
    weights
        The node's weights of a policy that is being trained, else None.
    reader
        Number of this worker among those who read them.
    """

    def __init__(
        self, policy: PolicySpec, parameters: NDArray[np.float32], frames: Place, weights: Place | None, reader: int
    ) -> None:
        from ...policies.policy import build_policy

        self._frames, self._symbols = Arena.at(frames), policy.observes_symbol
        if weights is None:
            self._policy = build_policy(policy, parameters=np.array(parameters) if policy.has_network else None)
            return
        import torch

        from ..learning.acting import SnapshotPolicy
        from ..learning.state import WeightSnapshots

        torch.set_num_threads(1)
        self._policy = SnapshotPolicy(policy, WeightSnapshots(Arena.at(weights)), reader)

    def act(self, index: int, label: int) -> tuple[int, float, float]:
        """Return the action for a frame, the seconds it took here and the processor seconds used so far."""
        return self.look(self._frame(index), label)

    def look(self, pixels: NDArray[Any], label: int) -> tuple[int, float, float]:
        """Return the same for a frame that is not part of the run, to warm up with."""
        began = time.perf_counter()
        action = int(self._policy.act(label if self._symbols else pixels))
        return action, time.perf_counter() - began, time.process_time()

    def _frame(self, index: int) -> NDArray[Any]:
        slot, until = index % RING, time.monotonic() + PATIENCE
        numbers = self._frames["numbers"]
        while numbers[slot] != index:
            if numbers[slot] > index:
                raise RuntimeError(f"frame {index} was replaced before worker's turn: the node is {RING} frames behind")
            if time.monotonic() > until:
                raise RuntimeError(f"frame {index} did not reach this node within {PATIENCE} s")
            time.sleep(5e-5)
        return np.array(self._frames["frames"][slot])
