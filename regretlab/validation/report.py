"""The report: one self-contained HTML page with the verdict, three figures, the claims by what each would refute, and
the machine.
"""

import base64
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from .. import __version__
from ..files import write_atomically
from ..laws import constant
from ..plots.concepts import look_of_rule
from ..plots.regret import Curve, MeasuredPoint, regret_against_bound, regret_against_inference_time
from ..plots.style import house_style
from ..plots.timeline import inference_timeline
from ..records import Record, RunSummary, summarise
from ..rules import FRAME_POOL, MAX_TIME, SEQUENTIAL, StaggeringRule
from ..scenario import Scenario
from ..theory.realtime import bound
from .checks import held_against_the_bound
from .claim import CONFIDENCE, QUANTILE, Claim, Verdict
from .load import BUSY, BusyRun
from .machine import examine
from .runs import FRAME_TIME, MAIN_PROBABILITY, SYMBOLS, PlannedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["bound_figure", "regret_figure", "timeline_figure", "write_report"]

Played = Sequence[tuple[PlannedRun, Record]]

_REGRET_CAPTION = (
    f"Curves: closed forms for constant inference times where the most likely successor has probability "
    f"{MAIN_PROBABILITY}. Points: {{}} runs with 99 % intervals. One sequential worker leaves most frames to the no-op "
    "as soon as an inference takes longer than a frame; staggered workers act in every frame and pay only for the age "
    "of what they saw."
)
_BOUND_CAPTION = (
    "Runs on the virtual clock with the oracle. No rule that does not look at the world can lie left of the bar of its "
    "row. Intervals hold at 99 % each; the claim about all runs below uses wider ones."
)
_TIMELINE_CAPTION = (
    "Drawn from the record of the realtime run with the most workers: each row is a worker, each bar an inference from "
    "its start to its completion (lighter: held until its release), each mark the frame in which its action took "
    "effect."
)


_GROUPS = {
    "delay": (
        "An action in every frame, some frames old",
        "a cost of delay other than that of the formula at the end of this page",
    ),
    "cycle": (
        "One sequential worker",
        "inaction or regret that falls while the run goes on, or that depends on the mean inference time alone",
    ),
    "staggered": (
        "Maximum-time staggering",
        "a frame without an action although there are N_I* workers, or none although there is one fewer",
    ),
    "pool": (
        "The frame pool",
        "inaction that more workers remove, or delays of applied actions distributed as those of all inferences",
    ),
    "outputs": (
        "Outputs kept, chunked, repeated, cancelled",
        "kept outputs that serve no later frame, chunks that are wrong at some age, or cancelling that frees no worker",
    ),
    "realtime": (
        "Real processes on the wall clock",
        "delays one frame longer than the theory says, one worker that is not there, or a clock that drifts",
    ),
    "learners": (
        "Learner processes",
        "learners that process another share of what is to be learned, or N_L* that is wrong by one",
    ),
    "bound": (
        "The lower bound over all rules",
        "one path-blind rule that loses less than the bound",
    ),
}
"""For each group of claims, in the order of the report: its title, and what would refute it."""
_MACHINE = ("system", "cores", "clock", "realtime priority")
_WIDE, _NARROW = 6.8, 3.7


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
    summaries = [summarise(record) for _, record in played]
    counts = {verdict: sum(claim.verdict == verdict for claim in claims) for verdict in get_args(Verdict)}
    page = template.render(
        claims=claims,
        counts=counts,
        passed=all(claim.passed for claim in claims),
        quick=quick,
        busy=busy,
        load=BUSY,
        realtime=any(run.configuration.clock == "real" for run, _ in played),
        confidence=CONFIDENCE,
        groups=[
            (title, refuted, found)
            for name, (title, refuted) in _GROUPS.items()
            if (found := [claim for claim in claims if claim.group == name and not claim.identity])
        ],
        identities=[claim for claim in claims if claim.identity],
        figures=[
            {
                "wide": _embedded(draw(_WIDE), path.with_name(f"{name}.svg")),
                "narrow": _embedded(draw(_NARROW)),
                "title": title,
                "caption": caption,
            }
            for name, draw, title, caption in _figures(played, summaries)
        ],
        runs=[_run_row(run, summary) for (run, _), summary in zip(played, summaries, strict=True)],
        version=__version__,
        machine=[finding for finding in examine(path.parent) if finding.name in _MACHINE],
        python=platform.python_version(),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        symbols=SYMBOLS,
        probability=MAIN_PROBABILITY,
    )
    write_atomically(path, page)


def regret_figure(probability: float, points: Sequence[MeasuredPoint], width: float = _WIDE) -> "Figure":
    """Draw regret per frame against inference time: theory as curves, runs as points with intervals."""
    return regret_against_inference_time(_curves(probability), points, least=0.005, width=width)


@lru_cache(maxsize=1)
def _curves(probability: float) -> list[Curve]:
    """Return the theory of constant inference times, for each rule."""
    grid = np.arange(0.05, 16.0, 0.05)
    return [
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
            look_of_rule(rule.name),
        )
        for rule, (label, workers) in _CURVES.items()
    ]


def _points(run: PlannedRun, record: Record, summary: RunSummary) -> list[MeasuredPoint]:
    """Return the point of a run that the curves describe.

    That is a constant inference time at the main mode probability, a policy that knows its action, and no fewer
    workers.
    """
    configuration = run.configuration
    if configuration.environment_options["mode_probability"] != MAIN_PROBABILITY:
        return []
    text = configuration.emulate_latency
    if configuration.learns or (text is not None and not text.startswith("constant")):
        return []
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
    kind = "realtime run" if configuration.clock == "real" else "virtual run"
    return [MeasuredPoint(kind, _source(run), label, seconds, regret, max(regret - half, 0.0), regret + half)]


def _source(run: PlannedRun) -> str:
    return "real time" if run.configuration.clock == "real" else "virtual clock"


def bound_figure(found: Sequence[tuple[PlannedRun, float, tuple[float, float]]], width: float = _WIDE) -> "Figure":
    """Draw the regret of the runs that the lower bound applies to next to it, lowest bound first."""
    rows = [
        (
            run.name if width < _WIDE else f"{run.name} ({run.configuration.rule}, N = {run.configuration.workers})",
            _source(run),
            limit,
            (value, max(value - QUANTILE * error, 0.1 * value), value + QUANTILE * error),
        )
        for run, limit, (value, error) in sorted(found, key=lambda one: one[1])
    ]
    return regret_against_bound(rows, width=width)


def timeline_figure(record: Record, width: float = _WIDE) -> "Figure":
    """Draw half a second from the middle of a run."""
    frames = record.frames
    start, shown = float(frames["deadline"].iloc[len(frames) // 2]), 30 if width == _WIDE else 15
    return inference_timeline(
        record.inferences, frames, FRAME_TIME, start=start, duration=shown * FRAME_TIME, width=width
    )


def _figures(
    played: Played, summaries: Sequence[RunSummary]
) -> list[tuple[str, Callable[[float], "Figure"], str, str]]:
    """Return, for each figure, the name of its file, what draws it at a width, its title and its caption."""
    points = [
        point
        for (run, record), summary in zip(played, summaries, strict=True)
        for point in _points(run, record, summary)
    ]
    shown = [record.meta["environment"]["mode_probability"] for _, record in played]  # as exact as cartridges are
    near = [p for p in shown if abs(p - MAIN_PROBABILITY) < 1e-4]
    probability = (near[-1:] or shown[:1] or [MAIN_PROBABILITY])[0]
    figures: list[tuple[str, Callable[[float], Figure], str, str]] = [
        (
            "regret",
            lambda width: regret_figure(probability, points, width),
            "Regret per frame against inference time",
            _REGRET_CAPTION.format(len(points)),
        )
    ]
    if found := held_against_the_bound(played):
        title = "Runs and the lower bound over all rules"
        figures.append(("bound", lambda width: bound_figure(found, width), title, _BOUND_CAPTION))
    real = [(run, record) for run, record in played if run.configuration.clock == "real" and len(record.inferences)]
    if real:
        _, record = max(real, key=lambda entry: entry[0].configuration.workers)
        title = "Half a second of a realtime run"
        figures.append(("timeline", lambda width: timeline_figure(record, width), title, _TIMELINE_CAPTION))
    return figures


def _run_row(run: PlannedRun, summary: RunSummary) -> dict[str, Any]:
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


def _embedded(figure: "Figure", copy: Path | None = None) -> str:
    """Return the figure as an address that holds the SVG itself; write a copy next to the report."""
    picture = BytesIO()
    with house_style():
        figure.savefig(picture, format="svg", bbox_inches="tight", metadata={"Date": None})
    if copy is not None:
        copy.write_bytes(picture.getvalue())
    return f"data:image/svg+xml;base64,{base64.b64encode(picture.getvalue()).decode()}"
