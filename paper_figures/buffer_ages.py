"""Ages of the actions that are applied, as more unused outputs are kept."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "NAME", "TITLE", "compute", "draw"]

NAME = "buffer-ages"
TITLE = "Ages of the actions applied, by how many unused outputs are kept"
CLAIM = (
    "Ours, not the paper's: kept outputs act in frames that would have none, and no frame gets an older action than "
    "where they are dropped."
)

LAW = "gamma(4, scale=0.8)"
WORKERS = 4
PROBABILITY = 0.97
UNUSED = {"drop": "dropped", "keep:1": "one kept", "keep": "all kept"}
LONGEST = 16


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the law of ages simulated and as played on the cartridge, for each number kept."""
    import tempfile

    from regretlab.front import run
    from regretlab.scenario import Scenario
    from regretlab.simulation import simulate

    from .plays import FRAME_TIME, QUANTILE

    frames, played_frames = (20_000, 3_000) if quick else (200_000, 40_000)
    rows = []
    for unused, label in UNUSED.items():
        fields = {"mode_probability": PROBABILITY, "symbols": 8, "workers": WORKERS, "unused": unused}
        found = simulate(Scenario(LAW, frame_time=1.0, **fields), frames=frames, replications=4, seed=seed)
        law = f"gamma(4, scale={0.8 * FRAME_TIME!r})"
        with tempfile.TemporaryDirectory() as place:
            asked = Scenario(law, frame_time=FRAME_TIME, **fields)
            record = run(asked, policy="oracle", clock="virtual", frames=played_frames, seed=seed, out=place)
            summary = record.summary
        rows.append(
            {
                "unused": label,
                "inaction": found.inaction_fraction,
                "simulated": [float(share) for share in found.delay_law[1 : LONGEST + 1]],
                "played": summary.delay_law[1 : LONGEST + 1],
                "half": [QUANTILE * (e or 0.0) for e in summary.standard_error["delay_law"][1 : LONGEST + 1]],
                "older": float(sum(found.delay_law[LONGEST + 1 :])),
            }
        )
    return {
        "rows": rows,
        "caption": (
            f"Share of all frames by the age of the action applied; {WORKERS} free-running workers, gamma times of "
            f"mean 3.2 frames. Bars: event simulations of 4 x {frames:,} frames; marks: {played_frames:,} frames of "
            f"beacon on the virtual clock with 99 % intervals, seed {seed}. Frames without an action stand at 0; "
            f"ages above {LONGEST} are not drawn."
        ),
        "verdict": "; ".join(
            f"{row['unused']}: {100 * row['inaction']:.1f} % of frames without an action, "
            f"{100 * row['older']:.2g} % older than {LONGEST} frames"
            for row in rows
        )
        + ".",
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    from regretlab.plots.concepts import look
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 2.9)
        each = figure.subplots(1, len(data["rows"]), sharey=True)
        for axes, row, use in zip(each, data["rows"], ("free-running", "kept", "kept"), strict=True):
            age = np.arange(1, len(row["simulated"]) + 1)
            axes.bar(0, row["inaction"], color=look("inaction").colour, label="no action")
            axes.bar(age, row["simulated"], color=look(use).colour)
            played, half = row["played"], row["half"]
            axes.errorbar(age[: len(played)], played, yerr=half, **look("virtual clock").points(markersize=3))
            axes.set_title(row["unused"])
            axes.set_xlabel("age of the action (frames)")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_xlim(-0.8, len(row["simulated"]) + 0.8)
        each[0].set_ylim(bottom=0.0)
        each[0].set_ylabel("share of frames")
        each[0].legend()
        return figure
