"""What was played, added up over windows of frames."""

from typing import Any

__all__ = ["Windows"]


class Windows:
    """Rows of results, frame by frame.

    Parameters
    ----------
    frames
        Frames in all.
    windows
        Rows at most; of equal length but for rounding.

    Attributes
    ----------
    rows
        The finished windows (columns of ``regretlab.experiments.results`` from ``window`` on).

    Examples
    --------
    >>> windows = Windows(5, 2)
    >>> for frame in range(5):
    ...     windows.add(1.0, True, frame == 3, 0)
    >>> [(row["first_frame"], row["frames"], row["reward"], row["episode_reward"]) for row in windows.rows]
    [(0, 2, 2.0, None), (2, 3, 3.0, 4.0)]
    """

    def __init__(self, frames: int, windows: int) -> None:
        count = min(frames, windows)
        self._ends = [frames * (number + 1) // count for number in range(count)]
        self.rows: list[dict[str, Any]] = []
        self._frame, self._episode = 0, 0.0
        self._start()

    def _start(self) -> None:
        self._first, self._reward, self._acted, self._episodes = self._frame, 0.0, 0, list[float]()

    def add(self, reward: float, acted: bool, ended: bool, updates: int) -> None:
        """Take in a frame."""
        self._frame += 1
        self._reward += reward
        self._acted += acted
        self._episode += reward
        if ended:
            self._episodes.append(self._episode)
            self._episode = 0.0
        if self._frame < self._ends[len(self.rows)]:
            return
        frames = self._frame - self._first
        self.rows.append(
            {
                "window": len(self.rows),
                "first_frame": self._first,
                "frames": frames,
                "reward": self._reward,
                "episodes": len(self._episodes),
                "episode_reward": sum(self._episodes) / len(self._episodes) if self._episodes else None,
                "acted": self._acted / frames,
                "updates": updates,
            }
        )
        self._start()
