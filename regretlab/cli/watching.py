"""The live view of a run: what the last seconds looked like, drawn from the rows as they are recorded.

The supervisor, which writes the record, feeds it; environment and workers never hear of it.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LiveView", "recent_figures", "watching"]

WINDOW = 600
"""Frames looked back at: ten seconds of a Game Boy."""
_EVERY = 0.25
_WIDTH = 30
_BARS = 16


def recent_figures(rows: NDArray[np.void], frame_time: float) -> dict[str, Any]:
    """Return the figures of a stretch of frames.

    Parameters
    ----------
    rows
        Frame rows of a record (``regretlab.records.FRAME_DTYPE``), in order, at least one.
    frame_time
        Seconds of a frame.

    Returns
    -------
    dict
        ``frame_rate`` a second (None for a single frame), ``served_fraction``, ``delays`` (shares of all frames by
        delay), ``mean_age`` in seconds of the newest observation acted on in the stretch (None if none was),
        ``reward`` per frame, ``lateness_p99`` in seconds.
    """
    served = rows["served_by"] >= 0
    begun = rows["deadline"] + rows["lateness"]
    span = float(begun[-1] - begun[0])
    delays = np.bincount(np.where(served, rows["delay_frames"], 0))
    delays[0] = 0
    newest = np.maximum.accumulate(np.where(served, rows["observation_frame"], -1))
    known = newest >= 0
    ages = (rows["frame"] - newest)[known]
    return {
        "frame_rate": (len(rows) - 1) / span if span > 0 else None,
        "served_fraction": float(served.mean()),
        "delays": (delays / len(rows)).tolist(),
        "mean_age": float((ages.mean() + 0.5) * frame_time) if known.any() else None,
        "reward": float(rows["reward"].mean()),
        "lateness_p99": float(np.quantile(rows["lateness"], 0.99)),
    }


class LiveView:
    """What ``--watch`` shows.

    Parameters
    ----------
    frame_time
        Seconds of a frame.
    """

    def __init__(self, frame_time: float) -> None:
        self._frame_time = frame_time
        self._recent: NDArray[np.void] | None = None
        self._total, self._frames = 0.0, 0
        self.live: Any = None
        self._drawn = 0.0

    def feed(self, rows: NDArray[np.void]) -> None:
        """Take new rows in, and draw if it is time."""
        if not len(rows):
            return
        self._recent = rows[-WINDOW:].copy() if self._recent is None else np.concatenate([self._recent, rows])[-WINDOW:]
        self._total += float(rows["reward"].sum())
        self._frames += len(rows)
        now = time.monotonic()
        if self.live is not None and now - self._drawn >= _EVERY:
            self._drawn = now
            self.live.update(self.picture(), refresh=True)

    def picture(self) -> Any:
        """Return the table of the present figures."""
        from rich.table import Table

        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        if self._recent is None:
            table.add_row("waiting for the first frame")
            return table
        figures = recent_figures(self._recent, self._frame_time)
        rate, age = figures["frame_rate"], figures["mean_age"]
        table.add_row("frames", f"{self._frames:,}")
        table.add_row("frames a second", "-" if rate is None else f"{rate:.2f}")
        table.add_row("served by the agent", f"{100 * figures['served_fraction']:.1f} %")
        table.add_row("age of information", "-" if age is None else f"{1e3 * age:.1f} ms")
        table.add_row("reward", f"{figures['reward']:.3f} a frame, {self._total:g} in all")
        table.add_row("late by (p99)", f"{1e3 * figures['lateness_p99']:.3f} ms")
        bars = _bars(figures["delays"])
        highest = max((share for _, share in bars), default=0.0)
        for label, share in bars:
            bar = "█" * max(1, round(_WIDTH * share / highest))
            table.add_row(label, f"{bar} {100 * share:.1f} %")
        return table


def _bars(shares: list[float]) -> list[tuple[str, float]]:
    """Return the histogram's bars: a delay each, or as many together as make it fit on a screen."""
    seen = [delay for delay, share in enumerate(shares) if share > 0]
    if not seen:
        return []
    width = -(-(seen[-1] - seen[0] + 1) // _BARS)
    bars = []
    for first in range(seen[0], seen[-1] + 1, width):
        last = min(first + width - 1, seen[-1])
        share = sum(shares[first : last + 1])
        if share > 0:
            bars.append((f"delay {first}" + ("" if last == first else f" to {last}"), share))
    return bars


@contextmanager
def watching(frame_time: float) -> Iterator[LiveView]:
    """Yield a view that is drawn on standard error while the body runs, if that is a terminal."""
    view = LiveView(frame_time)
    if not sys.stderr.isatty():
        yield view
        return
    from rich.console import Console
    from rich.live import Live

    colours: Any = None if os.environ.get("NO_COLOR") else "auto"
    terminal = Console(stderr=True, color_system=colours)
    with Live(view.picture(), console=terminal, auto_refresh=False, transient=True) as live:
        view.live = live
        yield view
