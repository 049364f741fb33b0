"""When to give up: regret against the threshold, for heavy-tailed times, in three service models."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "NAME", "TITLE", "compute", "draw"]

NAME = "cancel-threshold"
TITLE = "When to give an inference up"
CLAIM = (
    "Ours, not the paper's: where inference times have a heavy tail, giving up after a few frames lowers regret in "
    "every service model, and the threshold of the least lower bound is close to the best."
)

LAW = "lognorm(1.2, scale=2)"
PROBABILITY = 0.95
WORKERS = 3
THRESHOLDS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24)
MODELS: dict[str, dict[str, Any]] = {
    "unused outputs dropped": {},
    "kept": {"unused": "keep"},
    "unlimited chunks": {"chunk": float("inf")},
}


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return simulated regrets and bounds by threshold, and the threshold that ``auto`` takes."""
    from regretlab.laws import parse_law
    from regretlab.scenario import Scenario
    from regretlab.simulation import simulate
    from regretlab.theory.any_rule import lower_bound
    from regretlab.theory.cancelling import best_threshold
    from regretlab.theory.loss import FrameLoss

    from .plays import QUANTILE

    frames = 20_000 if quick else 200_000
    rows = []
    for label, fields in MODELS.items():
        asked = Scenario(LAW, frame_time=1.0, mode_probability=PROBABILITY, workers=WORKERS, **fields)
        model, length = asked.service_model, fields.get("chunk")
        auto = best_threshold(
            parse_law(LAW), 1.0, FrameLoss(PROBABILITY), workers=WORKERS, service_model=model, chunk=length
        )
        points, bounds = [], []
        for after in (*THRESHOLDS, None):
            found = simulate(asked.replace(cancel_after=after), frames=frames, replications=4, seed=seed)
            error = found.standard_errors["regret_per_frame"]["total"]
            points.append([found.regret.total, QUANTILE * error])
            bounds.append(lower_bound(asked.replace(cancel_after=after), sharper=False).regret_per_frame)
        rows.append({"model": label, "auto": auto, "points": points, "bounds": bounds})
    return {
        "rows": rows,
        "caption": (
            f"Regret per frame of {WORKERS} free-running workers against the threshold in frames; lognormal times of "
            f"median 2 frames and sigma 1.2, p = {PROBABILITY:g}, gaps 1. Marks: event simulations of 4 x {frames:,} "
            f"frames with 99 % intervals, seed {seed}; ringed: the threshold that `--cancel-after auto` takes. Lines "
            "without marks: the lower bound over rules that cancel at that threshold. Right end: nothing is cancelled."
        ),
        "verdict": "; ".join(_verdict(row) for row in rows) + ".",
    }


def _verdict(row: dict[str, Any]) -> str:
    values = dict(zip(THRESHOLDS, (value for value, _ in row["points"]), strict=False))
    best = min(values, key=values.__getitem__)
    return (
        f"{row['model']}: {row['points'][-1][0]:.3f} without, {values[best]:.3f} at the best threshold ({best}), "
        f"{values[int(row['auto'])]:.3f} at auto ({row['auto']:.0f})"
    )


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from regretlab.plots.concepts import look
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 3.6)
        axes = figure.add_subplot()
        looks = [look(use) for use in ("free-running", "kept", "chunks")]
        places = list(range(len(THRESHOLDS) + 1))
        ring = look("chosen by the program")
        for row, own in zip(data["rows"], looks, strict=True):
            value, half = zip(*row["points"], strict=True)
            axes.errorbar(places, value, yerr=half, label=row["model"], **own.curve())
            place = THRESHOLDS.index(int(row["auto"]))
            axes.plot(place, value[place], **ring.of(own).points(markersize=11, markerfacecolor="none"))
        once, _, chunks = data["rows"]  # outputs of one frame have one bound, kept or dropped
        bound = look("lower bound")
        axes.plot(places, once["bounds"], label="bound, one frame each", **bound.plain(linewidth=1.0))
        axes.plot(places, chunks["bounds"], label="bound, chunks", **bound.of(look("chunks")).plain(linewidth=1.0))
        axes.plot([], [], label="auto", **ring.points(markersize=11))
        axes.set_xticks(places, [*map(str, THRESHOLDS), "\nnever"])
        axes.set_ylim(0.0, None)
        axes.set_xlabel("inferences given up after (frames)")
        axes.set_ylabel("regret per frame (gaps of 1)")
        figure.legend(loc="outside right center")
        return figure
