"""Draws how-a-frame-travels.svg from the record of a run: ``python docs/images/how_a_frame_travels.py``."""

import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.plots.concepts import INK, look, tint
from regretlab.plots.style import house_style
from regretlab.records import Record

WORKERS, FIRST, LAST = 3, 60, 67
OTHER, FOLLOWED, ACTS = tint(look("inference").colour), look("inference").colour, look("takes effect").colour


def main() -> None:
    """Play on the virtual clock and draw a few frames of it, with the way of one frame highlighted."""
    configuration = RunConfiguration(
        environment_options={"symbols": 4, "mode_probability": 0.9, "pixels": False},
        policy="oracle",
        rule="max-time",
        workers=WORKERS,
        clock="virtual",
        emulate_latency="0.045",
        frames=LAST + 10,
    )
    with tempfile.TemporaryDirectory() as folder:
        run(configuration, folder)
        record = Record.open(folder)
    unit = record.meta["frame_time"]
    inferences = record.inferences[record.inferences["scheduled"].between(FIRST * unit, (LAST - 4) * unit)]
    chosen = inferences.iloc[1]
    with house_style(), plt.rc_context({"svg.hashsalt": "frame", "font.size": 9}):
        figure, axes = plt.subplots(figsize=(7.4, 3.6))
        for frame in range(FIRST, LAST):
            mine = {chosen.observation_frame: FOLLOWED, chosen.effect_frame: ACTS}.get(frame, OTHER)
            axes.broken_barh([(frame + 0.03, 0.94)], (5.1, 0.8), facecolors=mine)
            axes.text(frame + 0.5, 5.5, f"{frame}", ha="center", va="center", color=INK if mine == OTHER else "white")
        for row in record.inferences.itertuples():
            start, end = row.scheduled / unit, row.completion / unit
            if end < FIRST or start > LAST:
                continue
            mine = row.worker == chosen.worker and row.scheduled == chosen.scheduled
            bar = [(start + 0.02, end - start - 0.04)]
            axes.broken_barh(bar, (3.1 - row.worker, 0.7), facecolors=FOLLOWED if mine else OTHER)
        lane = 3.45 - chosen.worker
        seen, end = chosen.scheduled / unit, chosen.completion / unit
        effect = float(chosen.effect_frame)
        style = {"arrowstyle": "->", "color": INK, "lw": 1.1}
        axes.annotate("", (seen, lane + 0.4), (seen, 5.1), arrowprops=style)
        axes.annotate("", (effect, 5.1), (end, lane), arrowprops=style | {"linestyle": "--"})
        axes.annotate("", (effect + 0.5, 0.35), (effect + 0.5, 5.05), arrowprops=style)
        axes.broken_barh([(effect + 0.03, 0.94)], (-0.35, 0.7), facecolors=ACTS)
        numbers = [
            (chosen.observation_frame + 0.5, 6.25, "1"),
            (seen - 0.18, 4.75, "2"),
            ((seen + end) / 2, lane, "3"),
            (end + 0.2, lane - 0.15, "4"),
            (effect + 0.5, 6.25, "5"),
            (effect + 0.68, 2.6, "6"),
            (effect + 1.25, 0.0, "7"),
        ]
        for x, y, text in numbers:
            axes.text(
                x, y, text, ha="center", va="center", bbox={"boxstyle": "circle,pad=0.2", "fc": "white", "ec": INK}
            )
        axes.set_yticks([5.5, 3.45, 2.45, 1.45, 0.0])
        axes.set_yticklabels(["screen", *(f"worker {worker}" for worker in range(WORKERS)), "record"])
        axes.set_xlim(FIRST, LAST)
        axes.set_ylim(-0.6, 6.7)
        axes.set_xlabel("time (frames)")
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.tick_params(axis="y", length=0)
        figure.tight_layout()
        figure.savefig(Path(__file__).with_name("how-a-frame-travels.svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
