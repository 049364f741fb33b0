"""Who infers when: sequential, unstaggered and staggered inference, drawn from the records of runs.

Stands for the paper's schematic of interaction (Figures 1 and 2), which there is drawn by hand.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "TITLE", "compute", "draw"]

NAME = "schedules"
TITLE = "Schedules: who infers when, and which frame its action reaches"
CLAIMS = (3,)
CLAIM = (
    "Sequential inference leaves the environment to its default behaviour between two actions; workers that start "
    "together waste all but one of their actions; staggered workers act at even intervals."
)

SYMBOLS = 8
MODE_PROBABILITY = 0.95
INFERENCE_FRAMES = 4.3
FIRST, SHOWN = 60, 18
"""The stretch drawn, in frames."""
FRAMES = 400
HOLD = 5
PANELS = (
    ("sequential", 1, "constant", "one sequential worker"),
    ("unstaggered", 5, "constant", "five workers started together"),
    ("max-time", 5, "constant", "five workers, staggered (Algorithm 1)"),
    ("frame-pool", 6, "gamma", "six workers, frame pool, times that vary"),
    ("frame-hold", 6, "gamma", f"six workers, outputs held to {HOLD} frames, times that vary"),
)


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the bars, marks and frames of each panel, in frames since the stretch begins."""
    from .claims import judgement
    from .plays import FRAME_TIME, play_beacon

    times = {
        "constant": f"constant({INFERENCE_FRAMES * FRAME_TIME!r})",
        "gamma": f"gamma(4, scale={INFERENCE_FRAMES / 4 * FRAME_TIME!r})",
    }
    panels = []
    for index, (rule, workers, times_name, label) in enumerate(PANELS):
        played = play_beacon(
            rule=rule,
            workers=workers,
            latency=times[times_name],
            frames=FRAMES,
            seed=seed + index,
            symbols=SYMBOLS,
            mode_probability=MODE_PROBABILITY,
            hold=HOLD if rule == "frame-hold" else None,
            with_record=True,
        )
        table, frames = played["inferences"], played["frames_table"]
        bars = []
        for row in table.itertuples():
            start, done, release = (
                value / FRAME_TIME - FIRST for value in (row.scheduled, row.completion, row.release)
            )
            if row.lost or row.effect_frame < 0 or release < 0 or start > SHOWN:
                continue
            bars.append(
                {
                    "worker": int(row.worker),
                    "start": start,
                    "completion": done,
                    "release": release,
                    "effect": int(row.effect_frame) - FIRST,
                    "overwritten": bool(row.overwritten),
                }
            )
        delays = [int(value) for value in frames["delay_frames"].iloc[FIRST : FIRST + SHOWN]]
        served = frames["served_by"].to_numpy()[FIRST:] >= 0
        panels.append(
            {
                "rule": rule,
                "label": label,
                "workers": workers,
                "times": times[times_name],
                "bars": bars,
                "delays": delays,
                "served_fraction": float(served.mean()),
            }
        )
    staggered = next(panel for panel in panels if panel["rule"] == "max-time")
    fractions = ", ".join(f"{panel['served_fraction']:.1%} ({panel['label']})" for panel in panels)
    return {
        "panels": panels,
        "frames": SHOWN,
        "judged": {
            "3": judgement(
                "holds" if staggered["served_fraction"] == 1 else "does not hold",
                f"{staggered['workers']} staggered workers serve {staggered['served_fraction']:.1%} of the frames with "
                f"inferences of {INFERENCE_FRAMES} frames",
            )
        },
        "caption": (
            f"Drawn from the records of five runs of {FRAMES} frames on the cartridge beacon (virtual clock, seeds "
            "from "
            f"{seed} on). An inference takes {INFERENCE_FRAMES} frames; in the last two panels that is the mean of a "
            "gamma law of "
            "shape 4. A bar is an inference from start to completion, its lighter end the time its output is held; "
            "the mark "
            "is the frame boundary at which its action takes effect (hollow: overwritten by one with a fresher "
            "observation). "
            "The strip below gives the age in frames of the action applied in each frame; hatched: the default "
            "behaviour. Single runs: no figure in it is a mean, so none has an interval."
        ),
        "verdict": f"Frames served by an agent action after frame {FIRST}: {fractions}.",
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from regretlab.plots.style import house_figure, house_style

    panels = data["panels"]
    with house_style():
        heights = [panel["workers"] + 2.4 for panel in panels]
        figure = house_figure("page", 0.2 * sum(heights) + 1.1)
        for axes, panel in zip(
            figure.subplots(len(panels), 1, sharex=True, height_ratios=heights), panels, strict=True
        ):
            _panel(axes, panel, data["frames"])
        axes.set_xlabel("frames")
        figure.supylabel("worker", fontsize="medium")
        _legend(figure)
        return figure


def _panel(axes: "Axes", panel: dict[str, Any], shown: int) -> None:
    from regretlab.plots.concepts import look

    strip = panel["workers"] + 0.9
    for bar in panel["bars"]:
        row = bar["worker"]
        axes.barh(
            row,
            bar["completion"] - bar["start"],
            left=bar["start"],
            height=0.6,
            color=look("inference").colour,
            edgecolor="white",
        )
        if bar["release"] - bar["completion"] > 0.02:
            width = bar["release"] - bar["completion"]
            axes.barh(row, width, left=bar["completion"], height=0.6, color=look("held").colour, edgecolor="white")
        if not 0 <= bar["effect"] < shown:
            continue
        mark = look("overwritten" if bar["overwritten"] else "takes effect")
        edge = mark.colour if mark.hollow else "white"
        axes.plot(bar["effect"], row, zorder=4, **mark.points(markersize=5, markeredgecolor=edge, markeredgewidth=0.6))
    for frame, delay in enumerate(panel["delays"]):
        served = delay >= 0
        axes.barh(
            strip,
            1,
            left=frame,
            height=0.9,
            color=look("age").colour if served else "white",
            edgecolor="white" if served else look("inaction").colour,
            linewidth=0.8 if served else 0.3,
            hatch=None if served else "/////",
        )
        if served:
            axes.text(frame + 0.5, strip, str(delay), ha="center", va="center", fontsize=6.5)
    axes.set_xlim(0, shown)
    axes.set_ylim(strip + 0.6, -0.6)
    axes.set_yticks([0, panel["workers"] - 1, strip] if panel["workers"] > 1 else [0, strip])
    last = [str(panel["workers"]), "age"] if panel["workers"] > 1 else ["age"]
    axes.set_yticklabels(["1", *last])
    axes.set_xticks(range(0, shown + 1, 2))
    axes.set_xticks(range(shown + 1), minor=True)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", which="both")
    axes.tick_params(which="minor", length=0)
    axes.set_title(f"{panel['label']}: {panel['served_fraction']:.0%} of frames served", loc="left")


def _legend(figure: "Figure") -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    from regretlab.plots.concepts import look

    handles = [
        Patch(color=look("inference").colour, label="inference"),
        Patch(color=look("held").colour, label="held"),
        *(Line2D([], [], label=name, **look(name).points()) for name in ("takes effect", "overwritten")),
        Patch(facecolor=look("age").colour, label="age of the action"),
        Patch(facecolor="white", edgecolor=look("inaction").colour, hatch="/////", label="default behaviour"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=6)
