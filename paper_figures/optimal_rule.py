"""What the best path-blind rule of two and three workers does: a stretch of its play, and its decisions."""

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "NAME", "TITLE", "compute", "draw"]

NAME = "optimal-rule"
TITLE = "What the best rule of two and three workers does"
CLAIM = (
    "Ours: where actions are repeated, starting every idle worker at once is not optimal. The best rule waits after a "
    "fast output, and spreads the starts of workers that are idle together."
)

TIMES = (1.0, 5.0)
"""Frames of an inference, both as likely."""
PROBABILITY = 0.9
WORKERS = (2, 3)
SHOWN, SEARCHED = 36, 2_000
AGES = tuple(range(1, 9))


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return decisions, a stretch of play, and the optimum next to starting at once."""
    import numpy as np

    from regretlab.laws import law_from_samples
    from regretlab.planning.scheduling import optimal_rule
    from regretlab.theory.loss import FrameLoss
    from regretlab.validation.path_blind import PathBlindRule, play_rule

    from .plays import QUANTILE

    frames = 20_000 if quick else 400_000
    law, loss = law_from_samples(list(TIMES)), FrameLoss(PROBABILITY)
    panels = []
    for workers in WORKERS:
        best = optimal_rule(law, 1.0, loss, workers=workers, service_model="repeat")
        busy_states = [
            busy
            for number in range(workers)
            for busy in combinations_with_replacement(range(1, int(max(TIMES))), number)
        ]
        decisions = [
            {
                "busy": list(busy),
                "idle": workers - len(busy),
                "starts": [best.decision(busy, (age,))[0] for age in AGES],
            }
            for busy in busy_states
        ]
        at_once = play_rule(PathBlindRule(law, workers, loss, float("inf"), eagerness=1.0), frames, seed + workers)
        panels.append(
            {
                "workers": workers,
                "regret": [best.regret_lower, best.regret_upper],
                "at_once": [at_once.regret, QUANTILE * at_once.standard_error],
                "decisions": decisions,
                **_stretch(best, law.sample(np.random.default_rng(seed), workers * SEARCHED), workers),
            }
        )
    waits = [sum(row["idle"] > n for row in panel["decisions"] for n in row["starts"]) for panel in panels]
    states = [len(panel["decisions"]) * len(AGES) for panel in panels]
    told = "; ".join(
        f"{panel['workers']} workers: {panel['regret'][1]:.4f} against {panel['at_once'][0]:.4f} "
        f"± {panel['at_once'][1]:.4f}, an idle worker waits in {waited} of {number} states drawn"
        for panel, waited, number in zip(panels, waits, states, strict=True)
    )
    return {
        "panels": panels,
        "caption": (
            f"Exact optimum over path-blind rules, inference times of {TIMES[0]:g} or {TIMES[1]:g} frames with equal "
            f"probability, p = {PROBABILITY:g}, gaps 1, the last action repeated until a fresher one. Above: of "
            f"{SEARCHED:,} frames played, seed {seed}, the {SHOWN} in which workers wait most; bars are inferences, "
            "numbers the age in frames of the action in force. Below: how many of the idle workers start on a "
            "boundary, by the frames for which the others have run and the age in force; light cells: fewer than are "
            "idle. No figure in these panels is an estimate. The verdict compares "
            f"with starting every idle worker at once, {frames:,} frames with a 99 % interval."
        ),
        "verdict": f"Least regret per frame against that of starting at once: {told}.",
    }


def _stretch(best: Any, times: Any, workers: int) -> dict[str, Any]:
    """Play the decisions; return bars and ages of the stretch in which workers wait most."""
    inferences, ages = [], []
    busy: dict[int, tuple[int, int]] = {}
    newest, used = 0, 0
    for k in range(SEARCHED):
        for worker, (start, end) in list(busy.items()):
            if end == k:
                newest = max(newest, start)
                del busy[worker]
        age = () if k == newest else (min(k - newest, best.longest_age),)
        starts, _ = best.decision([k - start for start, _ in busy.values()], age)
        for worker in [worker for worker in range(workers) if worker not in busy][:starts]:
            busy[worker] = (k, k + int(times[used]))
            inferences.append((worker, *busy[worker]))
            used += 1
        ages.append(k - newest)

    def worked(first: int) -> int:
        return sum(max(0, min(end, first + SHOWN) - max(start, first)) for _, start, end in inferences)

    first = min(range(SHOWN, SEARCHED - SHOWN, SHOWN), key=worked)
    return {
        "bars": [
            {"worker": worker, "start": start - first, "end": end - first}
            for worker, start, end in inferences
            if end > first and start < first + SHOWN
        ],
        "ages": ages[first : first + SHOWN],
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 5.6, column=9.0)
        above, below = figure.subfigures(2, 1, height_ratios=[1.0, 1.5])
        heights = [panel["workers"] + 1 for panel in data["panels"]]
        rows = above.subplots(len(data["panels"]), 1, sharex=True, height_ratios=heights)
        for axes, panel in zip(rows, data["panels"], strict=True):
            _play(axes, panel)
        rows[-1].set_xlabel("frames")
        maps = below.subplots(1, len(data["panels"]))
        for axes, panel in zip(maps, data["panels"], strict=True):
            _decisions(axes, panel)
        return figure


def _play(axes: "Axes", panel: dict[str, Any]) -> None:
    from regretlab.plots.concepts import look

    for bar in panel["bars"]:
        left, right = max(0, bar["start"]), min(SHOWN, bar["end"])
        axes.broken_barh(
            [(left, right - left)],
            (bar["worker"] + 0.6, 0.8),
            facecolor=look("inference").colour,
            edgecolor="white",
            linewidth=1.0,
        )
    for frame, age in enumerate(panel["ages"]):
        axes.text(frame + 0.5, -0.05, str(age), ha="center", va="center", fontsize=7)
    workers = panel["workers"]
    axes.set_yticks([0, *range(1, workers + 1)], ["age", *(f"worker {n}" for n in range(1, workers + 1))])
    axes.set_ylim(-0.6, workers + 0.6)
    axes.set_xlim(0, SHOWN)
    axes.grid(visible=False)
    axes.set_title(f"{workers} workers: a stretch of play")


def _decisions(axes: "Axes", panel: dict[str, Any]) -> None:
    from matplotlib.patches import Rectangle

    from regretlab.plots.concepts import INK, RAMP, tint

    rows = panel["decisions"]
    for row, entry in enumerate(rows):
        for column, starts in enumerate(entry["starts"]):
            waits = entry["idle"] - starts
            colour = RAMP[4] if waits == 0 else RAMP[1] if starts > 0 else tint(RAMP[0], 0.5)
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="white", linewidth=1.0))
            axes.text(
                column + 0.5,
                row + 0.5,
                f"{starts}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if waits == 0 else INK,
            )
    labels = ["none" if not entry["busy"] else ", ".join(map(str, entry["busy"])) for entry in rows]
    axes.set_yticks([row + 0.5 for row in range(len(rows))], labels)
    axes.set_xticks([column + 0.5 for column in range(len(AGES))], [str(age) for age in AGES])
    axes.set_xlim(0, len(AGES))
    axes.set_ylim(len(rows), 0)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.set_xlabel("age in force (frames)")
    axes.set_ylabel("busy workers' time so far (frames)")
    axes.set_title(f"{panel['workers']} workers: how many start")
