"""The report: one self-contained HTML page that opens with the verdict and two pictures."""

import base64
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..files import write_atomically
from ..laws import constant
from ..plots.regret import Curve, MeasuredPoint, regret_against_inference_time
from ..plots.style import house_style
from ..plots.timeline import inference_timeline
from ..records import Record, summarise
from ..rules import FRAME_POOL, MAX_TIME, SEQUENTIAL, StaggeringRule
from ..scenario import Scenario
from ..theory.realtime import bound
from .claim import CONFIDENCE, QUANTILE, Claim
from .load import BusyRun
from .runs import FRAME_TIME, MAIN_PROBABILITY, SYMBOLS, PlannedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["regret_figure", "timeline_figure", "write_report"]

Played = Sequence[tuple[PlannedRun, Record]]

_VERDICTS = {
    "holds": ("holds", "the whole interval lies within the tolerance of the prediction"),
    "violated": ("violated", "the whole interval lies outside the tolerance"),
    "inconclusive": ("inconclusive", "the run was too short to decide"),
}


_REGRET_CAPTION = (
    f"Curves: theory for constant inference times on the ring with {SYMBOLS} symbols and modal probability "
    f"{MAIN_PROBABILITY} (closed forms). Points: {{}} runs on the cartridge with 99 % intervals; virtual runs play "
    "the rules on a simulated clock. Sequential inference leaves "
    "most frames to the no-op as soon as an inference takes longer than a frame; staggered workers act on every frame "
    "and pay only for the age of what they saw."
)
_TIMELINE_CAPTION = (
    "Drawn from the record of the realtime run with the most workers: each row is a worker, each bar an inference from "
    "its start to its completion (lighter: held until its release), each mark the frame in which its action took "
    "effect."
)


_CURVES: dict[StaggeringRule, tuple[str, Callable[[float], int]]] = {
    SEQUENTIAL: ("sequential, one worker", lambda x: 1),
    MAX_TIME: ("staggered, maximum time", lambda x: int(np.ceil(x))),
    FRAME_POOL: ("staggered, frame pool", lambda x: int(np.ceil(x))),
}
"""The rules of the first picture: label, and workers for an inference time of x frames."""


def write_report(
    path: Path, claims: Sequence[Claim], played: Played, *, quick: bool, busy: Sequence[BusyRun] = ()
) -> None:
    """Write the report of a validation.

    Parameters
    ----------
    path
        File to write (replaced in one step).
    claims
        The judged claims.
    played
        The runs and their records.
    quick
        Whether it was a quick validation.
    busy
        The runs during which something else used the machine.
    """
    import jinja2

    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        files("regretlab.validation").joinpath("report.html.jinja").read_text(encoding="utf-8")
    )
    counts = {verdict: sum(claim.verdict == verdict for claim in claims) for verdict in _VERDICTS}
    page = template.render(
        claims=claims,
        counts=counts,
        passed=all(claim.passed for claim in claims),
        quick=quick,
        busy=busy,
        confidence=CONFIDENCE,
        verdicts=_VERDICTS,
        figures=[
            {"image": _embedded(figure, path.with_name(f"{name}.svg")), "title": title, "caption": caption}
            for name, figure, title, caption in _figures(played)
        ],
        runs=[_run_row(run, record) for run, record in played],
        version=__version__,
        machine=f"{platform.platform()}, Python {platform.python_version()}",
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        symbols=SYMBOLS,
        probability=MAIN_PROBABILITY,
    )
    write_atomically(path, page)


def regret_figure(played: Played) -> "Figure":
    """Draw regret per frame against inference time: theory as curves, runs as points with intervals.

    Only runs that the curves describe have a place: constant inference times at the main modal probability, a policy
    that knows its action, and no fewer workers.
    """
    grid = np.arange(0.05, 16.0, 0.05)
    probability = played[0][1].meta["environment"]["mode_probability"] if played else MAIN_PROBABILITY
    for _, record in played:
        if abs(record.meta["environment"]["mode_probability"] - MAIN_PROBABILITY) < 1e-4:
            probability = record.meta["environment"]["mode_probability"]
    curves = [
        Curve(
            label,
            grid * FRAME_TIME,
            np.array(
                [
                    bound(
                        Scenario(
                            constant(x * FRAME_TIME),
                            frame_time=FRAME_TIME,
                            mode_probability=probability,
                            workers=workers(x),
                            rule=rule,
                            symbols=SYMBOLS,
                        )
                    ).regret.total
                    for x in grid
                ]
            ),
        )
        for rule, (label, workers) in _CURVES.items()
    ]
    return regret_against_inference_time(curves, [point for run, record in played for point in _points(run, record)])


def _points(run: PlannedRun, record: Record) -> list[MeasuredPoint]:
    configuration = run.configuration
    if configuration.environment_options["mode_probability"] != MAIN_PROBABILITY:
        return []
    text = configuration.emulate_latency
    if configuration.learns or (text is not None and not text.startswith("constant")):
        return []
    summary = summarise(record)
    if summary.reward_per_frame is None or summary.standard_error["reward_per_frame"] is None:
        return []
    inferences = record.inferences[~record.inferences["lost"]]
    seconds = float((inferences["completion"] - inferences["scheduled"]).mean())
    if text is None:
        seconds = float((inferences["completion"] - inferences["dispatch"]).mean())
    label, workers = _CURVES[configuration.staggering_rule]
    if configuration.workers < workers(seconds / FRAME_TIME):
        return []  # the curve is that of more workers
    regret, half = 1.0 - summary.reward_per_frame, QUANTILE * summary.standard_error["reward_per_frame"]
    clock = "realtime run" if configuration.clock == "real" else "virtual run"
    return [MeasuredPoint(clock, label, seconds, regret, max(regret - half, 0.0), regret + half)]


def timeline_figure(played: Played) -> "Figure | None":
    """Draw half a second of the realtime run with the most workers, from its record."""
    real = [(run, record) for run, record in played if run.configuration.clock == "real" and len(record.inferences)]
    if not real:
        return None
    _, record = max(real, key=lambda entry: entry[0].configuration.workers)
    frames = record.frames
    start = float(frames["deadline"].iloc[len(frames) // 2])
    return inference_timeline(record.inferences, frames, FRAME_TIME, start=start, duration=30 * FRAME_TIME)


def _figures(played: Played) -> list[tuple[str, "Figure", str, str]]:
    points = [point for run, record in played for point in _points(run, record)]
    title = "Regret per frame against inference time"
    figures = [("regret", regret_figure(played), title, _REGRET_CAPTION.format(len(points)))]
    timeline = timeline_figure(played)
    if timeline is not None:
        figures.append(("timeline", timeline, "Half a second of a realtime run", _TIMELINE_CAPTION))
    return figures


def _run_row(run: PlannedRun, record: Record) -> dict[str, Any]:
    summary = summarise(record)
    configuration = run.configuration
    lateness = summary.deadline_lateness["p99"]
    return {
        "name": run.name,
        "clock": configuration.clock,
        "policy": configuration.policy,
        "rule": configuration.rule,
        "workers": configuration.workers,
        "latency": configuration.emulate_latency or "measured",
        "frames": summary.frames,
        "inaction": summary.inaction_fraction,
        "reward": summary.reward_per_frame,
        "lateness": None if configuration.clock == "virtual" or lateness is None else lateness * 1e3,
    }


def _embedded(figure: "Figure", copy: Path) -> str:
    """Return the figure as an address that holds the SVG itself; write a copy next to the report."""
    with house_style():
        figure.savefig(copy, format="svg", bbox_inches="tight", metadata={"Date": None})
    data = base64.b64encode(copy.read_bytes()).decode()
    return f"data:image/svg+xml;base64,{data}"
