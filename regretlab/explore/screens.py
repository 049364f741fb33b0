"""The screens of a record, drawn again from its actions, for the explorer."""

import base64
import io
import threading
import zlib

from ..errors import InputError
from ..records import Record

__all__ = ["Screens"]

_MOST = 36_000
"""Pictures kept of a record: ten minutes of a Game Boy, some 50 MB. Of a longer one every second or fourth is kept."""


class Screens:
    """Pictures of the screen by frame, played again in a thread of its own, further whenever the record has grown.

    Parameters
    ----------
    record
        A finished record, or one that is still written.
    trust
        Open the files and import the code that the record names.

    Attributes
    ----------
    problem
        Why there are no pictures, in words; empty as long as there are.
    """

    def __init__(self, record: Record, *, trust: bool = False) -> None:
        self.problem = ""
        self._record, self._trust = record, trust
        self._pictures: dict[int, bytes] = {}
        self._played = 0
        from ..play.playback import recorded_actions

        self._actions = recorded_actions(record)
        self._grown, self._closed = threading.Event(), False
        self._thread = threading.Thread(target=self._play, daemon=True, name="screens")
        self._thread.start()

    @property
    def done(self) -> int:
        """Frames played again so far."""
        return self._played

    def grow(self, record: Record) -> None:
        """Play on to the end of a record that has more frames now."""
        from ..play.playback import recorded_actions

        self._actions = recorded_actions(record)
        self._grown.set()

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._grown.set()

    def picture(self, frame: int) -> str | None:
        """Return the screen after a frame as the address of a picture (``data:``); None if it is not drawn yet."""
        step = self._step
        kept = self._pictures.get(frame - frame % step)
        return None if kept is None else "data:image/png;base64," + base64.b64encode(kept).decode()

    @property
    def _step(self) -> int:
        return 1 << max(0, (len(self._actions) - 1) // _MOST).bit_length()

    def _play(self) -> None:
        from ..play.playback import Replay

        try:
            replay = Replay(self._record, self._actions, drawn=True, trust=self._trust)
        except InputError as error:
            self.problem = str(error)
            return
        try:
            while not self._closed:
                while self._played < len(self._actions) and not self._closed:
                    replay.step(self._actions[self._played])
                    if self._played % self._step == 0:
                        self._pictures[self._played] = _png(replay.picture())
                    replay.begin_episode_if_over()
                    self._played += 1
                self._grown.wait(timeout=60.0)
                self._grown.clear()
        except InputError as error:
            self.problem = str(error)
        finally:
            replay.close()


def _png(screen: object) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(screen).save(stream, format="PNG", compress_level=zlib.Z_BEST_SPEED)  # type: ignore[arg-type]
    return stream.getvalue()
