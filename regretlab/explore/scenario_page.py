"""The page of a scenario: controls on the left, what the scenario costs on the right, redrawn while a slider moves.

The page holds one ``Scenario``. A control changes one of its fields; every figure, sentence and the address follow from
it. What ``answers.RuleValues`` computes at once is drawn in the same turn; the rest follows ``_SETTLES`` milliseconds
after the last change, in a thread, and is dropped if the scenario has changed since.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import numpy as np
import panel as pn
from bokeh.models import (
    BasicTicker,
    BoxAnnotation,
    ColumnDataSource,
    FactorRange,
    HoverTool,
    LogTicker,
    Range1d,
    Span,
    Whisker,
)
from bokeh.plotting import figure

from ..errors import InputError
from ..plots.concepts import GREY, GRID, INK, look, look_of_rule
from ..results import interval_quantile
from ..rules import known_rules
from ..scenario import Scenario
from .answers import (
    LAWS,
    RuleValue,
    RuleValues,
    law_text,
    plan_sentence,
    scenario_of_query,
    shape_of_law,
    timeline,
    to_command,
    to_python,
)

__all__ = ["DEFAULT", "PAGE", "TEXT", "ScenarioPage", "count_whole", "put_legend"]

DEFAULT = Scenario("gamma(4, scale=0.02)", mode_probability=0.95, workers=6)
"""What the page shows first."""

PAGE = {"padding": "0 12px", "box-sizing": "border-box"}

TEXT = """
h1 {font: 600 22px system-ui, sans-serif; margin: 12px 0 4px}
h2 {font: 600 17px system-ui, sans-serif; margin: 10px 0 2px}
li {font: 14px/1.4 system-ui, sans-serif}
img {width: 320px; image-rendering: pixelated}
p {font: 15px/1.45 system-ui, sans-serif; margin: 6px 0}
p.verdict {font-size: 17px}
td {font: 14px/1.4 system-ui, sans-serif; padding: 1px 12px 1px 0; vertical-align: top; overflow-wrap: anywhere}
p.problem {color: #A23B00}
pre {font: 13px/1.4 ui-monospace, monospace; background: #F4F5F7; padding: 8px; white-space: pre-wrap;
     overflow-wrap: anywhere; margin: 4px 0}
"""

_AREAS = """
:host {display: grid !important; align-items: start; column-gap: 16px;
       grid-template: "controls head" auto "controls rest" 1fr / minmax(260px, 340px) minmax(0, 1fr)}
@media (max-width: 760px) {:host {grid-template: "head" auto "controls" auto "rest" auto / minmax(0, 1fr)}}
"""
"""Controls to the left of the figures; on a narrow window between what they change most and the rest."""
_NEXT_TO_EACH_OTHER = """
:host {display: grid !important; gap: 8px; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr))}
"""
_SETTLES = 300
_DEBOUNCE = 5
"""Milliseconds for which Panel waits for further changes of a control; its default, 50, is half of a redraw's time."""
_TYPED = "as typed below"
_NAMES = {
    "constant": "constant",
    "gamma": "gamma",
    "lognorm": "lognormal",
    "uniform": "uniform",
    "expon": "exponential",
}
_SERVES = {
    "one frame (once)": "once",
    "every frame until a fresher one (repeat)": "repeat",
    "one frame per action of a chunk": "chunk",
}
_LEAST = 1e-4
"""Left end of the logarithmic axis; a smaller regret is drawn there."""


def _times() -> dict[str, float]:
    """Return mean inference times to choose from, by their labels: 75 a decade, from 1 ms to 10 s, and three beyond."""
    found = {}
    steps = [*range(100, 200, 5), *range(200, 500, 10), *range(500, 1000, 20)]
    for each in [step * decade for decade in (1, 10, 100, 1000) for step in steps] + [10**6, 2 * 10**6, 3 * 10**6]:
        seconds = each * 1e-5  # microseconds times ten, so that the labels are short
        found[f"{seconds:g} s" if seconds >= 1 else f"{1e3 * seconds:g} ms"] = float(f"{seconds:.6g}")
    return found


class ScenarioPage:
    """The page, one for each browser window that opens it.

    Parameters
    ----------
    query
        Names of fields and their values, as the address gives them.
    """

    def __init__(self, query: dict[str, str]) -> None:
        self._problem = ""
        try:
            self.scenario = scenario_of_query(query, DEFAULT)
        except InputError as error:
            self.scenario, self._problem = DEFAULT, f"The address was not used: {error}."
        self._values = RuleValues()
        self._shown: dict[str, RuleValue] = {}
        self._asked = 0
        self._drawing = self._waiting = False
        self._thread = ThreadPoolExecutor(1)
        self._names = [rule.name for rule in known_rules()]
        self._controls = self._make_controls()
        self._sentence = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[TEXT])
        self._plan = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[TEXT])
        self._make_figures()
        self._command = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[TEXT])
        self._python = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[TEXT])

    # --- controls -------------------------------------------------------------------------------------------------

    def _make_controls(self) -> dict[str, Any]:
        wide = {"sizing_mode": "stretch_width", "margin": (4, 8)}
        times = _times()
        made: dict[str, Any] = {
            "law": pn.widgets.Select(
                name="Law of the inference time",
                options={**{_NAMES[name]: name for name in LAWS}, _TYPED: _TYPED},
                **wide,
            ),
            "mean": pn.widgets.DiscreteSlider(name="Mean inference time", options=times, **wide),
            "spread": pn.widgets.FloatSlider(
                name="Spread (standard deviation / mean)", start=0.05, end=1.5, step=0.05, value=0.5, **wide
            ),
            "text": pn.widgets.TextInput(name="Inference time as text (a law, or @FILE with samples)", **wide),
            "frame_time": pn.widgets.TextInput(name="Frame time (gameboy, atari, 1/30, 20ms)", **wide),
            "mode_probability": pn.widgets.FloatSlider(
                name="Mode probability p", start=0.5, end=1.0, step=0.001, format="0.000", **wide
            ),
            "workers": pn.widgets.IntSlider(name="Workers", start=1, end=32, **wide),
            "rule": pn.widgets.Select(name="Staggering rule", options=self._names, **wide),
            "serves": pn.widgets.Select(name="An output serves", options=_SERVES, **wide),
            "chunk": pn.widgets.IntSlider(name="Actions in a chunk", start=1, end=64, value=8, **wide),
            "unused": pn.widgets.Select(name="Unused outputs", options=["drop", "keep"], **wide),
            "cancel_after": pn.widgets.TextInput(name="Cancel an inference after (empty: never; 150ms; auto)", **wide),
            "loss": pn.widgets.TextInput(name="Measured loss curve (a file, in place of p)", **wide),
        }
        self._show_in(made)
        for name, widget in made.items():
            widget._debounce = _DEBOUNCE
            widget.param.watch(self._follow(name), "value")
        return made

    def _show_in(self, made: dict[str, Any]) -> None:
        """Set the controls to the scenario."""
        asked = self.scenario
        law = asked.inference_time
        text = "" if law is None else law.text
        shape = shape_of_law(text)
        made["text"].value = text
        options = list(made["mean"].options.values())
        if shape is None:
            made["law"].value = _TYPED
            made["mean"].value = options[int(np.argmin(np.abs(np.array(options) - 0.08)))]
        else:
            made["law"].value = shape[0]
            made["mean"].value = options[int(np.argmin(np.abs(np.log(np.array(options) / shape[1]))))]
            made["spread"].value = min(max(shape[2], 0.05), 1.5)
        made["frame_time"].value = str(asked.to_json().get("frame_time", "gameboy"))
        made["mode_probability"].value = 0.95 if asked.mode_probability is None else asked.mode_probability
        made["workers"].value = int(min(asked.workers, made["workers"].end))
        made["rule"].value = asked.rule
        made["serves"].value = asked.service_model
        made["chunk"].value = int(min(asked.chunk or 8, made["chunk"].end))
        made["unused"].value = asked.unused if asked.unused in ("drop", "keep") else "keep"
        made["cancel_after"].value = "" if asked.cancel_after is None else f"{asked.cancel_after}"
        made["loss"].value = "" if asked.loss is None else str(asked.to_json()["loss"])
        self._fit_visibility(made)

    @staticmethod
    def _fit_visibility(made: dict[str, Any]) -> None:
        made["spread"].visible = made["law"].value in ("gamma", "lognorm", "uniform")
        made["mean"].visible = made["law"].value != _TYPED
        made["chunk"].visible = made["serves"].value == "chunk"
        made["unused"].visible = made["serves"].value == "once"

    def _follow(self, name: str) -> Callable[[Any], None]:
        def changed(event: Any) -> None:
            if self._drawing:
                return
            self._problem = ""
            controls = self._controls
            self._drawing = True
            try:
                if name in ("law", "mean", "spread") and controls["law"].value != _TYPED:
                    controls["text"].value = law_text(
                        controls["law"].value, controls["mean"].value, controls["spread"].value
                    )
                elif name == "text":
                    controls["law"].value = _TYPED
                self._fit_visibility(controls)
            finally:
                self._drawing = False
            self._ask()

        return changed

    def _read(self) -> Scenario:
        """Return the scenario that the controls describe."""
        controls = self._controls
        serves = controls["serves"].value
        loss = controls["loss"].value.strip()
        return Scenario(
            controls["text"].value.strip() or None,
            frame_time=controls["frame_time"].value.strip() or "gameboy",
            mode_probability=None if loss else controls["mode_probability"].value,
            loss=loss or None,
            workers=controls["workers"].value,
            rule=controls["rule"].value,
            default_behaviour="repeat" if serves == "repeat" else "noop",
            chunk=controls["chunk"].value if serves == "chunk" else None,
            unused=controls["unused"].value if serves == "once" else "drop",
            cancel_after=controls["cancel_after"].value.strip() or None,
        )

    # --- figures --------------------------------------------------------------------------------------------------

    def _make_figures(self) -> None:
        names = list(reversed(self._names))
        plain: dict[str, Any] = {
            "sizing_mode": "stretch_width",
            "toolbar_location": None,
            "tools": "",
            "min_border_left": 8,
        }
        empty: dict[str, list[Any]] = {
            key: []
            for key in (
                "rule",
                "total",
                "low",
                "high",
                "inaction",
                "delay",
                "words",
                "align",
                "shift",
                "edge",
                "size",
                "colour",
            )
        }
        self._rules = ColumnDataSource(empty, name="rules")
        regret = figure(
            title="Regret per frame of each rule",
            y_range=FactorRange(*names),
            x_range=Range1d(_LEAST, 1.2),
            x_axis_type="log",
            height=300,
            **plain,
        )
        self._bound_line = Span(location=_LEAST, dimension="height", line_color=INK, line_width=2)
        self._bound_zone = BoxAnnotation(right=_LEAST, fill_color=GREY, fill_alpha=0.18)
        regret.add_layout(self._bound_zone)
        regret.add_layout(self._bound_line)
        regret.add_layout(
            Whisker(base="rule", lower="low", upper="high", source=self._rules, dimension="width", line_color=GREY)
        )
        dots = regret.scatter(
            "total",
            "rule",
            source=self._rules,
            size="size",
            fill_color="colour",
            line_color="edge",
            line_width=2,
            name="dots",
        )
        regret.text(
            "total",
            "rule",
            "words",
            source=self._rules,
            text_align="align",
            x_offset="shift",
            text_baseline="middle",
            text_font_size="12px",
        )
        shown = [
            ("rule", "@rule"),
            ("regret", "@words"),
            ("inaction", "@inaction{0.0000}"),
            ("delay", "@delay{0.0000}"),
        ]
        regret.add_tools(HoverTool(tooltips=shown, renderers=[dots]))
        regret.xaxis.ticker = LogTicker(mantissas=[1, 2, 5])
        regret.xaxis.axis_label = "log scale; shaded: below the lower bound"
        self._regret = regret

        parts = figure(
            title="Regret per frame by cause",
            y_range=FactorRange(*names),
            x_range=Range1d(0, 1.05),
            height=290,
            **plain,
        )
        parts.hbar_stack(
            ["inaction", "delay"],
            y="rule",
            height=0.7,
            color=[look("inaction").colour, look("delay").colour],
            source=self._rules,
            legend_label=["inaction", "delay"],
        )
        parts.xaxis.axis_label = "regret per frame"
        put_legend(parts, "above")  # within, it would cover the longest bars
        self._parts = parts

        self._delays = ColumnDataSource({"frames": [], "share": [], "colour": []}, name="delays")
        delays = figure(title="Action delay of the rule chosen", height=260, y_range=Range1d(0, 1.02), **plain)
        delays.vbar("frames", top="share", width=0.8, color="colour", source=self._delays)
        delays.xaxis.axis_label = "frames; olive at 0: no action"
        delays.yaxis.axis_label = "share of the frames"
        count_whole(delays.xaxis)
        self._delay_figure = delays

        columns = ("worker", "start", "completion", "release", "shown_completion", "shown_release")
        self._bars = ColumnDataSource({key: [] for key in columns}, name="bars")
        self._acts = ColumnDataSource({"at": [], "worker": [], "alpha": []}, name="acts")
        self._frames = ColumnDataSource({"frame": [], "age": [], "colour": [], "shown": []}, name="frames")
        self._cursor = Span(location=0, dimension="height", line_color=look("takes effect").colour, line_width=2)
        lanes = figure(
            title="The first frames of a run", height=260, x_range=Range1d(0, 1), y_range=Range1d(-0.6, 5.6), **plain
        )
        lanes.hbar(
            "worker",
            left="start",
            right="shown_release",
            height=0.62,
            color=look("held").colour,
            source=self._bars,
            legend_label="held",
        )
        lanes.hbar(
            "worker",
            left="start",
            right="shown_completion",
            height=0.62,
            color=look("inference").colour,
            line_color="white",
            source=self._bars,
            legend_label="inference",
        )
        lanes.scatter(
            "at",
            "worker",
            marker="diamond",
            size=10,
            color=look("takes effect").colour,
            alpha="alpha",
            line_color="white",
            source=self._acts,
            legend_label="takes effect",
        )
        lanes.add_layout(self._cursor)
        lanes.yaxis.axis_label = "worker"
        count_whole(lanes.xaxis, lanes.yaxis)
        put_legend(lanes, "above")
        lanes.xgrid.grid_line_color = GRID
        self._lanes = lanes
        ages = figure(title="Age of the action in each frame", height=170, x_range=lanes.x_range, **plain)
        ages.vbar("frame", top="shown", width=0.9, color="colour", source=self._frames)
        ages.xaxis.axis_label = "frame; olive: the default behaviour acts"
        ages.yaxis.axis_label = "age, frames"
        ages.y_range.start = 0
        count_whole(ages.xaxis, ages.yaxis)
        self._ages = ages
        self._play = pn.widgets.Toggle(name="Play", button_type="primary", width=120, margin=(4, 8))
        self._play.jscallback(
            args={
                "bars": self._bars,
                "acts": self._acts,
                "frames": self._frames,
                "cursor": self._cursor,
                "range": lanes.x_range,
            },
            value=_ANIMATION,
        )

    def view(self) -> Any:
        """Return the page."""
        controls = pn.Column(*self._controls.values(), css_classes=["controls"], sizing_mode="stretch_width", margin=0)
        head = pn.Column(self._sentence, self._plan, self._regret, sizing_mode="stretch_width", margin=0)
        rest = pn.Column(
            pn.Column(
                self._parts,
                self._delay_figure,
                sizing_mode="stretch_width",
                stylesheets=[_NEXT_TO_EACH_OTHER],
                margin=0,
            ),
            self._play,
            self._lanes,
            self._ages,
            self._copied("Copy the command", self._command),
            self._copied("Copy the Python", self._python),
            sizing_mode="stretch_width",
            margin=0,
        )
        areas = {"head": head, "controls": controls, "rest": rest}
        for area, part in areas.items():
            part.styles = {"grid-area": area}
        page = pn.Column(*areas.values(), sizing_mode="stretch_width", stylesheets=[_AREAS], margin=0)
        pn.state.on_session_destroyed(lambda _: self._thread.shutdown(wait=False, cancel_futures=True))
        pn.state.onload(self._ask)
        return pn.Column(
            pn.pane.HTML("<h1>What does slow inference cost?</h1>", stylesheets=[TEXT]),
            page,
            sizing_mode="stretch_width",
            styles=PAGE,
        )

    def _copied(self, label: str, pane: Any) -> Any:
        button = pn.widgets.Button(name=label, width=160, margin=(4, 8))
        button.js_on_click(args={"pane": pane}, code=_COPY)
        return pn.Column(pane, button, sizing_mode="stretch_width")

    # --- answers --------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Let the page be drawn in the next turn of the server, once for all changes until then.

        Bokeh's models may be changed there, with the document locked; where a control reports a change they may not.
        """
        if not self._waiting:
            self._waiting = True
            pn.state.curdoc.add_next_tick_callback(self._update)

    def _update(self) -> None:
        """Draw what the controls ask for: the fast part now, the rest when they have come to rest."""
        self._waiting = False
        self._asked += 1
        try:
            self.scenario = self._read()
        except InputError as error:
            self._say(error)
            return
        try:
            self._shown = self._values.at_once(self.scenario)
            self._draw()
        except InputError as error:
            self._say(error)
            return
        document = pn.state.curdoc
        if document is not None:
            turn = self._asked
            document.add_timeout_callback(lambda: self._settled(turn, document), _SETTLES)

    def _say(self, error: InputError) -> None:
        problem = str(error)
        self._sentence.object = f'<p class="problem">{_escaped(problem[0].upper() + problem[1:])}.</p>'

    def _settled(self, turn: int, document: Any) -> None:
        if turn != self._asked:
            return
        scenario = self.scenario
        if pn.state.location is not None:
            pn.state.location.search = "?" + urlencode(scenario.to_json())
        self._draw_timeline()
        self._thread.submit(self._compute_rest, turn, scenario, document)

    def _compute_rest(self, turn: int, scenario: Scenario, document: Any) -> None:
        """Compute, in the thread, what takes long: draw each part as it is ready, unless the scenario has changed."""
        from ..planning import plan

        def draw(change: Callable[[], None]) -> None:
            document.add_next_tick_callback(lambda: change() if turn == self._asked else None)

        for rule in known_rules():
            if turn != self._asked:
                return
            if self._shown.get(rule.name, RuleValue(rule.name)).regret is None:
                value = self._values.later(scenario, rule)

                def add(value: RuleValue = value) -> None:
                    self._shown[value.rule] = value
                    self._draw()

                draw(add)
        if turn != self._asked:
            return
        try:
            words = plan_sentence(plan(scenario.replace(hold=None, alignment=None, horizon=None)))
        except InputError as error:
            words = f"No plan: {error}."
        draw(lambda: setattr(self._plan, "object", f"<p><b>Plan.</b> {_escaped(words)}</p>"))

    def _draw(self) -> None:
        scenario = self.scenario
        bound = self._bound()
        rows = [self._shown.get(name, RuleValue(name)) for name in self._names]
        known = [(row, row.regret) for row in rows if row.regret is not None]
        chosen = self._shown.get(scenario.rule, RuleValue(scenario.rule))
        totals = [max(_LEAST, regret.total) for _, regret in known]
        error = [interval_quantile(0.99) * (row.standard_error or 0.0) for row, _ in known]
        least = min([*totals, max(_LEAST, bound or _LEAST)])
        low, high = max(_LEAST / 2, 10 ** math.floor(math.log10(least) - 0.1)), max(1.0, *totals, 0.0) * 1.2
        to_left = [total > low**0.4 * high**0.6 for total in totals]  # words beyond the middle end at their dot
        self._rules.data = {
            "rule": [row.rule for row, _ in known],
            "total": totals,
            "low": [max(_LEAST, total - each) for total, each in zip(totals, error, strict=True)],
            "high": [total + each for total, each in zip(totals, error, strict=True)],
            "inaction": [regret.inaction for _, regret in known],
            "delay": [regret.delay for _, regret in known],
            "words": [
                f"{regret.total:.4g}{' simulated' if row.method == 'simulation' else ''}"
                f"{', 1 worker' if row.alone else ''}"
                for row, regret in known
            ],
            "align": ["right" if left else "left" for left in to_left],
            "shift": [-12 if left else 12 for left in to_left],
            "edge": [INK if row.rule == scenario.rule else "white" for row, _ in known],
            "size": [15 if row.rule == scenario.rule else 10 for row, _ in known],
            "colour": [look_of_rule(row.rule).colour for row, _ in known],
        }
        self._regret.x_range.start, self._regret.x_range.end = low, high
        self._bound_line.location = self._bound_zone.right = max(_LEAST, bound or _LEAST)
        self._bound_line.visible = self._bound_zone.visible = bound is not None
        self._parts.x_range.end = max(1.05, 1.05 * max(totals, default=1.0))
        self._say_regret(chosen, bound)
        self._draw_delays(chosen)
        self._command.object = f"<pre>{_escaped(to_command(scenario))}</pre>"
        self._python.object = f"<pre>{_escaped(to_python(scenario))}</pre>"

    def _bound(self) -> float | None:
        from ..theory.any_rule import lower_bound

        try:
            return lower_bound(self.scenario, sharper=False).regret_per_frame
        except InputError:
            return None

    def _say_regret(self, chosen: RuleValue, bound: float | None) -> None:
        title = self.scenario.title
        if chosen.regret is None:
            words = f"{title}: computing…"
        else:
            parts = chosen.regret
            words = (
                f"{title}: regret {parts.total:.4g} per frame = {parts.inaction:.4g} inaction + {parts.delay:.4g} delay"
            )
            if bound:
                after = self.scenario.cancel_after
                fixed = f" that cancel after {after:g} s" if isinstance(after, float) else ""
                words += f"; {parts.total / bound:.2f} times the lower bound over all rules{fixed}, {bound:.4g}"
        missing = [
            f"{row.rule}: {row.missing}"
            for row in self._shown.values()
            if row.missing and row.rule == self.scenario.rule
        ]
        extra = f'<p class="problem">{_escaped(self._problem)}</p>' if self._problem else ""
        note = f"<p>{_escaped(missing[0])}</p>" if missing and chosen.regret is None else ""
        self._sentence.object = f'{extra}<p class="verdict" role="status">{_escaped(words)}.</p>{note}'

    def _draw_delays(self, chosen: RuleValue) -> None:
        if chosen.service is None:
            return
        law = np.asarray(chosen.service.delay_law)
        shown = min(len(law), 200)
        frames = np.flatnonzero(law[:shown] > 1e-6)
        self._delays.data = {
            "frames": [0, *frames.tolist()],
            "share": [chosen.service.inaction_fraction, *law[frames].tolist()],
            "colour": [look("inaction").colour, *[look("age").colour] * len(frames)],
        }

    def _draw_timeline(self) -> None:
        try:
            drawn = timeline(self.scenario)
        except InputError as error:
            self._lanes.title.text = f"No timeline: {error}"
            return
        frames, count = len(drawn.ages), int(self.scenario.workers)
        end = frames * drawn.frame_time

        def in_frames(seconds: Any) -> list[float]:
            return [float(each) for each in np.minimum(np.nan_to_num(seconds, nan=end), end) / drawn.frame_time]

        completion, release = in_frames(drawn.completion), in_frames(np.maximum(drawn.completion, drawn.release))
        self._bars.data = {
            "worker": drawn.worker.tolist(),
            "start": in_frames(drawn.start),
            "completion": completion,
            "release": release,
            "shown_completion": completion,
            "shown_release": release,
        }
        acted = drawn.effect >= 0
        self._acts.data = {
            "at": drawn.effect[acted].tolist(),
            "worker": drawn.worker[acted].tolist(),
            "alpha": [1.0] * int(acted.sum()),
        }
        highest = max(2, int(drawn.ages.max(initial=0)))
        self._frames.data = {
            "frame": (np.arange(frames) + 0.5).tolist(),
            "age": drawn.ages.tolist(),
            "colour": [look("age" if age else "inaction").colour for age in drawn.ages],
            "shown": [float(age) if age else float(highest) for age in drawn.ages],
        }
        self._lanes.x_range.end = frames
        self._lanes.y_range.start, self._lanes.y_range.end = count - 0.4, -0.6
        self._lanes.title.text = "The first frames of a run, from an idle start" + (
            f" (without {drawn.note})" if drawn.note else ""
        )


def put_legend(figure: Any, place: str) -> None:
    """Put the legend of a figure above or below it, in one row at the left, close to it."""
    legend = figure.legend[0]
    legend.orientation, legend.location = "horizontal", "left"
    legend.border_line_color, legend.margin, legend.padding = None, 0, 2
    figure.add_layout(legend, place)


def count_whole(*axes: Any) -> None:
    """Let axes of workers and frames show whole numbers only."""
    for axis in axes:
        axis.ticker = BasicTicker(mantissas=[1, 2, 5], min_interval=1, num_minor_ticks=0)


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)


_COPY = """
const holder = document.createElement('div')
holder.innerHTML = pane.text
const text = new DOMParser().parseFromString(holder.textContent, 'text/html').body.textContent
navigator.clipboard.writeText(text.trim())
"""

_ANIMATION = """
if (window.regretlabPlaying) { cancelAnimationFrame(window.regretlabPlaying); window.regretlabPlaying = null }
const end = range.end
function show(now) {
  const b = bars.data, n = b.start.length
  b.shown_completion = Array.from({length: n}, (_, i) => Math.max(b.start[i], Math.min(b.completion[i], now)))
  b.shown_release = Array.from({length: n}, (_, i) => Math.max(b.start[i], Math.min(b.release[i], now)))
  acts.data.alpha = Array.from(acts.data.at, (at) => at <= now ? 1 : 0)
  bars.change.emit(); acts.change.emit()
  cursor.location = now
}
if (!cb_obj.active) { show(end); cursor.location = 0; return }
const began = performance.now()
function step() {
  const now = ((performance.now() - began) / 1000 * 6) % end
  show(now)
  window.regretlabPlaying = requestAnimationFrame(step)
}
step()
"""
