"""The timeline of a run: who was inferring when, and which frame each action reached, drawn from the record."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .concepts import GRID, look
from .style import house_style

__all__ = ["inference_timeline"]

_MOST_FRAME_LINES = 120  # more would be a grey wash


def inference_timeline(
    inferences: pd.DataFrame,
    frames: pd.DataFrame,
    frame_time: float,
    *,
    start: float = 0.0,
    duration: float = 0.5,
    width: float = 6.8,
) -> Figure:
    """Draw a stretch of a run.

    Parameters
    ----------
    inferences, frames
        Tables of a record (columns as in its documentation).
    frame_time
        Seconds of a frame.
    start, duration
        The stretch to draw, seconds since the run began.
    width
        Of the figure, inches.

    Returns
    -------
    Figure
        Above: a row a worker, bars from start to completion, lighter ones to release, a mark at the start of the
        frame in which the action took effect; thin lines are frame boundaries, where the stretch is short enough to
        distinguish them. Below: the delay of the action in each frame; frames without an action are shaded.
    """
    end = start + duration
    shown = inferences[(inferences["scheduled"] < end) & (inferences["release"] > start) & ~inferences["lost"]]
    played = frames[(frames["deadline"] >= start - frame_time) & (frames["deadline"] < end)]
    workers = sorted(int(worker) for worker in inferences["worker"].unique())
    with house_style():
        figure = Figure(figsize=(width, min(7.0, 2.1 + 0.17 * len(workers))), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[max(2.0, 0.3 * len(workers)), 1.6])

        def milliseconds(seconds: "pd.Series[float]") -> "pd.Series[float]":
            return (seconds - start) * 1e3

        rows = shown["worker"].to_numpy()
        busy_from = milliseconds(shown["scheduled"]).to_numpy()
        done = milliseconds(shown["completion"]).to_numpy()
        released = milliseconds(shown["release"]).to_numpy()
        edge = {"edgecolor": "white", "linewidth": 0.7}
        upper.barh(
            rows,
            done - busy_from,
            left=busy_from,
            height=0.62,
            color=look("inference").colour,
            label="inference",
            **edge,
        )
        held = released - done > 0.05
        if held.any():
            upper.barh(
                rows[held],
                (released - done)[held],
                left=done[held],
                height=0.62,
                color=look("held").colour,
                label="held until release",
                **edge,
            )
        took = (shown["effect_frame"] >= 0).to_numpy()
        for used, concept, label in (
            (took & ~shown["overwritten"].to_numpy(), "takes effect", "takes effect"),
            (took & shown["overwritten"].to_numpy(), "overwritten", "overwritten by a fresher one"),
        ):
            if used.any():
                at = (shown["effect_frame"].to_numpy()[used] * frame_time - start) * 1e3
                inside = (at >= 0) & (at <= duration * 1e3)
                mark = look(concept)
                outline = mark.colour if mark.hollow else "white"
                drawn = mark.points(markersize=6, markeredgecolor=outline, markeredgewidth=0.6, label=label, zorder=4)
                upper.plot(at[inside], rows[used][inside], **drawn)
        upper.set_ylim(max(workers, default=0) + 0.6, -0.6)
        step = 1 if len(workers) <= 20 else int(np.ceil(len(workers) / 16))
        upper.set_yticks(workers[::step])
        upper.set_ylabel("worker")
        upper.grid(visible=False)
        boundaries = np.arange(np.ceil(start / frame_time), end / frame_time) * frame_time - start
        if len(boundaries) <= _MOST_FRAME_LINES:
            upper.vlines(boundaries * 1e3, *upper.get_ylim(), colors=GRID, linewidth=0.6, zorder=0)
        left = milliseconds(played["deadline"]).to_numpy()
        delays = played["delay_frames"].to_numpy()
        served = delays >= 0
        lower.bar(left[served], delays[served], width=frame_time * 1e3 * 0.92, align="edge", color=look("age").colour)
        for at in left[~served]:
            lower.axvspan(at, at + frame_time * 1e3, color=look("inaction").colour, alpha=0.5, linewidth=0)
        if (~served).any():
            lower.axvspan(0, 0, color=look("inaction").colour, alpha=0.5, linewidth=0, label="default behaviour")
        lower.set_ylabel("delay, frames")
        lower.set_xlabel(f"milliseconds since {start:.2f} s into the run")
        lower.set_xlim(0, duration * 1e3)
        lower.set_ylim(0, max(2.0, float(delays.max(initial=0)) * 1.15))
        lower.yaxis.get_major_locator().set_params(integer=True)
        figure.legend(loc="outside upper center", ncols=4 if width > 5.0 else 2)
        return figure
