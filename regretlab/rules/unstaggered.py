"""Unstaggered asynchronous inference: all workers start together and run back to back.

Each restarts the moment it finishes, on no grid; outputs are released on completion. With a constant inference time the
workers stay in step for ever, so any number of them acts as often as one does.
"""

from ..compilation import kernel
from .state import FRAME_TIME, NEXT_START, State, missed, slot


@kernel(allocates=False)
def next_start(state: State, worker: int, now: float) -> float:
    """Return the end of this worker's last inference (0 at first)."""
    base = slot(worker)
    if missed(state[base + NEXT_START], now, state[FRAME_TIME]):
        state[base + NEXT_START] = now
    return state[base + NEXT_START]


@kernel(allocates=False)
def on_dispatch(state: State, worker: int, start: float) -> None:
    """Nothing to note: the workers do not know of each other."""


@kernel(allocates=False)
def on_completion(state: State, worker: int, start: float, completion: float) -> float:
    """Release at once and start again at once."""
    state[slot(worker) + NEXT_START] = completion
    return completion
