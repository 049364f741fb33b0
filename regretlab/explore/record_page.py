"""The page of a record: its screen frame by frame, what every worker did, and what theory predicts for it.

A record that is still written is read again every two seconds. The page reads files only: it does not touch the run.
"""

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, Range1d, Span
from bokeh.plotting import figure

from ..errors import InputError
from ..plots.concepts import INK, look
from ..prediction import with_prediction
from ..records import Record
from .scenario_page import PAGE, TEXT, count_whole, put_legend
from .screens import Screens

__all__ = ["RecordPage"]

_AROUND = 45
"""Frames drawn to either side of the one shown."""
_EVERY = 2000
_MOST_EVENTS = 30
_OVERVIEW = 600
_INDENTED = ' style="padding-left: 1.2em"'
_KEY = (
    "<p>"
    + "; ".join(
        f'<span aria-hidden="true" style="color: {look(concept).colour}">{mark}</span> {words}'
        for mark, concept, words in (
            ("&#9632;", "inference", "inference"),
            ("&#9632;", "cancelled", "cancelled"),
            ("&#9632;", "lost", "lost with its worker"),
            ("&#9632;", "held", "output held until its release"),
            ("&#9670;", "takes effect", "output takes effect"),
        )
    )
    + ".</p>"
)
"""What the marks of the timeline mean."""


class RecordPage:
    """The page, one for each browser window that opens it.

    Parameters
    ----------
    directory
        Folder of the record.
    trust
        Open the files and import the code that the record names, for its screen.

    Raises
    ------
    InputError
        If there is no record in it.
    """

    def __init__(self, directory: Path, *, trust: bool = False) -> None:
        self._directory, self._trust = directory, trust
        self.record = Record(directory)
        self._looking = False
        self._predicted_at = 0
        self._predicted: Mapping[str, Any] | None = None

    def view(self) -> Any:
        """Return the page."""
        self._screens = Screens(self.record, trust=self._trust)
        count = len(self.record.frames)
        self._frame = pn.widgets.IntSlider(
            name="Frame",
            start=0,
            end=max(1, count - 1),
            value=max(0, count - 1) if self._live else 0,
            sizing_mode="stretch_width",
        )
        self._follow = pn.widgets.Checkbox(name="Stay at the newest frame", value=self._live, visible=self._live)
        self._player = pn.widgets.Player(
            name="Play",
            start=0,
            end=max(1, count - 1),
            interval=50,
            loop_policy="once",
            show_loop_controls=False,
            width=300,
            visible_buttons=["previous", "pause", "play", "next"],
        )
        self._player.jslink(self._frame, value="value", bidirectional=True)
        self._screen = pn.pane.HTML("", width=320, height=300, stylesheets=[TEXT])
        self._words = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[TEXT])
        key = pn.pane.HTML(_KEY, sizing_mode="stretch_width", stylesheets=[TEXT])
        self._about = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[TEXT])
        self._facts = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[TEXT])
        self._make_figures()
        self._frame.param.watch(lambda _: pn.state.curdoc.add_next_tick_callback(self._show), "value")
        pn.state.on_session_destroyed(lambda _: self._screens.close())
        pn.state.onload(lambda: pn.state.curdoc.add_next_tick_callback(self._begin))
        wide = {"flex": "1 1 560px", "min-width": "300px"}
        return pn.Column(
            pn.pane.HTML(f"<h1>{escape(self.record.title)}</h1>", stylesheets=[TEXT]),
            self._about,
            pn.FlexBox(
                pn.Column(self._screen, self._player, self._follow, styles={"flex": "1 1 320px", "max-width": "360px"}),
                pn.Column(
                    self._frame, self._words, self._lanes, key, self._ages, styles=wide, sizing_mode="stretch_width"
                ),
                sizing_mode="stretch_width",
                flex_wrap="wrap",
                styles={"gap": "12px"},
                align_items="flex-start",
            ),
            self._overview,
            self._facts,
            sizing_mode="stretch_width",
            styles=PAGE,
        )

    @property
    def _live(self) -> bool:
        return not self.record.meta.get("complete", False)

    def _make_figures(self) -> None:
        plain: dict[str, Any] = {"sizing_mode": "stretch_width", "toolbar_location": None, "tools": ""}
        columns = ("worker", "start", "completion", "release", "colour")
        self._bars = ColumnDataSource({key: [] for key in columns}, name="bars")
        self._acts = ColumnDataSource({"at": [], "worker": []}, name="acts")
        self._near = ColumnDataSource({"frame": [], "age": [], "colour": []}, name="near")
        self._range = Range1d(0, 2 * _AROUND)
        cursor = Span(location=0, dimension="height", line_color=INK, line_width=1.5)
        self._cursor = cursor
        lanes = figure(
            title="Workers around this frame", height=240, x_range=self._range, y_range=Range1d(1, -1), **plain
        )
        lanes.hbar(
            "worker", left="completion", right="release", height=0.62, color=look("held").colour, source=self._bars
        )
        lanes.hbar(
            "worker",
            left="start",
            right="completion",
            height=0.62,
            color="colour",
            line_color="white",
            source=self._bars,
        )
        lanes.scatter(
            "at",
            "worker",
            marker="diamond",
            size=10,
            color=look("takes effect").colour,
            line_color="white",
            source=self._acts,
        )
        lanes.add_layout(cursor)
        lanes.yaxis.axis_label = "worker"
        count_whole(lanes.xaxis, lanes.yaxis)
        self._lanes = lanes
        ages = figure(title="Age of the action in each frame", height=150, x_range=self._range, **plain)
        ages.vbar("frame", top="age", width=0.9, color="colour", source=self._near)
        ages.xaxis.axis_label = "frame; olive: the default behaviour acts"
        ages.yaxis.axis_label = "age, frames"
        ages.y_range.start = 0
        count_whole(ages.xaxis, ages.yaxis)
        ages.add_layout(cursor)
        self._ages = ages
        self._whole = ColumnDataSource({"frame": [], "reward": [], "unserved": [], "late": []}, name="whole")
        overview = figure(
            min_border_left=48,
            title="The whole run, averaged over stretches of it",
            height=280,
            y_range=Range1d(-0.02, 1.05),
            **plain,
        )
        overview.line(
            "frame",
            "unserved",
            source=self._whole,
            color=look("inaction").colour,
            line_width=2,
            legend_label="share without an action",
        )
        overview.line(
            "frame",
            "reward",
            source=self._whole,
            color=look("reward").colour,
            line_width=2,
            legend_label="reward per frame",
        )
        overview.line(
            "frame",
            "late",
            source=self._whole,
            color=look("lateness").colour,
            line_width=2,
            legend_label="lateness, share of a frame",
        )
        overview.add_layout(cursor)
        overview.xaxis.axis_label = "frame"
        put_legend(overview, "above")
        overview.legend[0].orientation = "vertical"  # a row is wider than a telephone
        overview.legend[0].spacing = 0
        self._overview = overview
        self._frame.jscallback(args={"cursor": cursor}, value=_MOVE)

    def _begin(self) -> None:
        self._document = pn.state.curdoc
        self._summarise()
        self._show()
        if self._live:
            self._polling = pn.state.add_periodic_callback(self._read_again, period=_EVERY)

    def _read_again(self) -> None:
        try:
            self.record = Record(self._directory)
        except InputError:
            return  # between two writes of meta.json
        count = len(self.record.frames)
        self._screens.grow(self.record)
        self._frame.end = self._player.end = max(1, count - 1)
        if self._follow.value:
            self._frame.value = max(0, count - 1)
        self._summarise()
        self._show()
        if not self._live:
            self._polling.stop()
            self._follow.visible = False

    # --- what is drawn ----------------------------------------------------------------------------------------------

    def _show(self) -> None:
        frames, frame_time = self.record.frames, float(self.record.meta["frame_time"])
        if not len(frames):
            return
        at = min(int(self._frame.value), len(frames) - 1)
        row = frames.iloc[at]
        number = int(row["frame"])
        low = max(0, number - _AROUND)
        high = low + 2 * _AROUND
        near = frames[(frames["frame"] >= low) & (frames["frame"] <= high)]
        delays = near["delay_frames"].to_numpy()
        highest = max(2, int(delays.max(initial=0)))
        self._near.data = {
            "frame": (near["frame"].to_numpy() + 0.5).tolist(),
            "age": np.where(delays >= 0, delays, highest).tolist(),
            "colour": [look("age" if delay >= 0 else "inaction").colour for delay in delays],
        }
        self._draw_lanes(low * frame_time, high * frame_time, frame_time)
        self._range.start, self._range.end = low, high
        self._cursor.location = number + 0.5
        acted = row["delay_frames"] >= 0
        what = (
            f"action {_action_of(row)} of worker {int(row['served_by'])}, {int(row['delay_frames'])} frames old"
            if acted
            else f"the default behaviour acts (action {_action_of(row)})"
        )
        self._words.object = (
            f'<p class="verdict">Frame {number}: {what}; reward {float(row["reward"]):g}, '
            f"{1e3 * float(row['lateness']):.3f} ms late.</p>"
        )
        self._show_screen()

    def _draw_lanes(self, begin: float, end: float, frame_time: float) -> None:
        table = self.record.inferences
        until = table["release"].fillna(np.inf)
        shown = table[(table["scheduled"] <= end) & (until >= begin)]
        ends = np.minimum(shown["completion"].fillna(end).to_numpy(), end)
        cancelled = shown["cancelled"].to_numpy() if "cancelled" in shown else np.zeros(len(shown), bool)
        lost, stopped, whole = (look(concept).colour for concept in ("lost", "cancelled", "inference"))
        colours = np.where(shown["lost"].to_numpy(), lost, np.where(cancelled, stopped, whole))
        self._bars.data = {
            "worker": shown["worker"].tolist(),
            "start": (shown["scheduled"].to_numpy() / frame_time).tolist(),
            "completion": (ends / frame_time).tolist(),
            "release": (
                np.maximum(ends, np.minimum(shown["release"].fillna(end).to_numpy(), end)) / frame_time
            ).tolist(),
            "colour": colours.tolist(),
        }
        took = shown[(shown["effect_frame"] >= 0) & ~shown["overwritten"]]
        self._acts.data = {"at": took["effect_frame"].tolist(), "worker": took["worker"].tolist()}
        highest = int(table["worker"].max()) if len(table) else 0
        self._lanes.y_range.start, self._lanes.y_range.end = highest + 0.6, -0.6

    def _show_screen(self) -> None:
        if self._screens.problem:
            self._screen.object = f"<p>No screen: {escape(self._screens.problem)}.</p>"
            return
        picture = self._screens.picture(int(self._frame.value))
        if picture is None:
            self._screen.object = f"<p>Playing the record again: {self._screens.done} frames.</p>"
            if not self._looking:
                self._looking = True
                self._document.add_timeout_callback(self._look_again, 300)
        else:
            self._screen.object = f'<img alt="screen of the frame" src="{picture}">'

    def _look_again(self) -> None:
        self._looking = False
        self._show_screen()

    def _summarise(self) -> None:
        frames = self.record.frames
        if not len(frames):
            self._about.object = "<p>No frame has been recorded yet.</p>"
            return
        state = "still written" if self._live else "complete"
        self._about.object = f"<p>{len(frames):,} frames, {state}.</p>"
        self._facts.object = self._facts_and_events()
        stretch = max(1, len(frames) // _OVERVIEW, min(60, len(frames) // 12))
        whole = len(frames) // stretch * stretch
        mean = lambda values: np.asarray(values[:whole], dtype=float).reshape(-1, stretch).mean(axis=1)  # noqa: E731
        self._whole.data = {
            "frame": (np.arange(whole // stretch) * stretch + stretch / 2).tolist(),
            "reward": mean(frames["reward"]).tolist(),
            "unserved": mean(frames["delay_frames"] < 0).tolist(),
            "late": mean(frames["lateness"] / float(self.record.meta["frame_time"])).tolist(),
        }

    def _facts_and_events(self) -> str:
        """Return, in HTML, what was measured, what theory predicts, what the rule learned, and the events."""
        summary, frames = self.record.summary, len(self.record.frames)
        if not self._live:
            summary = with_prediction(self.record, summary)
        elif frames > 1.2 * self._predicted_at:  # a prediction may take a second
            self._predicted_at, self._predicted = frames, with_prediction(self.record, summary).predicted
        if self._live:
            summary = replace(summary, predicted=self._predicted)
        cells = (
            f"<tr><td{_INDENTED if name.startswith(' ') else ''}>{escape(name)}</td><td>{escape(words)}</td></tr>"
            for name, words in summary.facts()
        )
        events = self.record.meta.get("events") or []
        rows = "".join(f"<li>{escape(_event_words(each))}</li>" for each in events[:_MOST_EVENTS])
        more = f"<p>{len(events) - _MOST_EVENTS} more in meta.json.</p>" if len(events) > _MOST_EVENTS else ""
        text = f"<ul>{rows}</ul>{more}" if events else "<p>No worker was lost.</p>"
        return f"<h2>Measured and predicted</h2><table>{''.join(cells)}</table><h2>Events</h2>{text}"


def _event_words(event: Any) -> str:
    if not isinstance(event, dict):
        return str(event)
    return ", ".join(f"{name} {value}" for name, value in event.items())


_MOVE = """
cursor.location = cb_obj.value + 0.5
"""


def _action_of(row: Any) -> str:
    """Return the action of a row of the frames in words: its number, or its numbers."""
    numbers = [f"{float(row[name]):.4g}" for name in row.index if name.startswith("action_")]
    return ", ".join(numbers) or str(int(row["action"]))
