"""What the environment tells those who learn: the frames it shows, and the transitions that its play makes of them."""

from typing import Any

from numpy.typing import NDArray

from ...records.schema import FrameRow
from ..system.arena import Arena
from .replay import ReplayStore
from .transitions import TransitionBuilder

__all__ = ["Teller"]


class Teller:
    """The only writer of a run's replay store.

    Parameters
    ----------
    arena
        Memory with the store.
    discount
        Of the reward one frame later.
    """

    def __init__(self, arena: Arena, discount: float) -> None:
        self._store, self._builder = ReplayStore(arena, discount), TransitionBuilder(discount)

    def show(self, index: int, pixels: NDArray[Any]) -> None:
        """Take in the frame that is on the screen from boundary ``index`` on."""
        self._store.put_frame(index, pixels)

    def played(self, frame: FrameRow) -> None:
        """Take in how a frame was played."""
        served = (frame.observation_frame, frame.action) if frame.served_by >= 0 else None
        for transition in self._builder.add(frame.frame, served, frame.reward, frame.terminated, frame.truncated):
            self._store.put_transition(transition)
