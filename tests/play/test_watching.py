"""The live view: its figures are those of the summary, and on a terminal it is drawn while the run is on."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from regretlab.cli.watching import LiveView, recent_figures
from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.records import FRAME_DTYPE, Record, summarise

ROOT = Path(__file__).parents[2]


def test_figures_of_a_whole_run_are_those_of_its_summary(tmp_path):
    seen = []
    configuration = RunConfiguration(
        environment_options={"symbols": 4},
        policy="oracle",
        rule="sequential",
        workers=1,
        clock="virtual",
        frames=500,
        emulate_latency="0.04",
    )
    summary = run(configuration, tmp_path / "run", watch=lambda rows: seen.append(rows.copy()))
    rows = np.concatenate(seen)
    assert len(rows) == 500
    counted = rows[summary.warmup_frames :]
    frame_time = float(Record.open(tmp_path / "run").meta["frame_time"])
    figures = recent_figures(counted, frame_time)
    again = summarise(Record.open(tmp_path / "run"))
    assert figures["served_fraction"] == pytest.approx(1 - again.inaction_fraction)
    assert figures["reward"] == pytest.approx(again.reward_per_frame)
    assert figures["delays"] == pytest.approx(again.delay_law)
    assert figures["mean_age"] == pytest.approx(again.mean_age, rel=1e-6)
    assert figures["frame_rate"] == pytest.approx(1 / frame_time, rel=1e-9)


def test_a_view_without_any_action_or_frame():
    view = LiveView(1 / 60)
    assert view.picture().row_count == 1
    rows = np.zeros(3, FRAME_DTYPE)
    rows["served_by"] = -1
    rows["frame"] = np.arange(3)
    rows["deadline"] = np.arange(3) / 60
    view.feed(rows)
    figures = recent_figures(rows, 1 / 60)
    assert (figures["served_fraction"], figures["mean_age"]) == (0.0, None)
    assert view.picture().row_count == 6


def test_a_histogram_of_many_delays_fits_on_a_screen_and_loses_none():
    """Delays 5 to 104, each once: bars of seven delays; the last, of 103 and 104, is the rest."""
    rows = np.zeros(100, FRAME_DTYPE)
    rows["frame"] = np.arange(200, 300)
    rows["deadline"] = rows["frame"] / 60
    rows["delay_frames"] = np.arange(5, 105)
    rows["observation_frame"] = rows["frame"] - rows["delay_frames"]
    view = LiveView(1 / 60)
    view.feed(rows)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(view.picture())
    bars = [line.split() for line in console.export_text().splitlines() if line.startswith("delay")]
    assert [tuple(map(int, (bar[1], bar[3]))) for bar in bars] == [
        (first, min(first + 6, 104)) for first in range(5, 105, 7)
    ]
    assert [float(bar[-2]) for bar in bars] == [7.0] * 14 + [2.0]


@pytest.mark.thorough
def test_it_is_drawn_on_a_terminal(tmp_path):
    """Standard error is a terminal: the view is drawn there, and standard output holds the JSON alone."""
    leader, follower = pty.openpty()
    options = "--policy oracle --workers 2 --clock virtual --emulate-latency 0.03 --frames 20000 --watch --json"
    words = [sys.executable, "-m", "regretlab", "run", *options.split(), "--out", str(tmp_path / "run")]
    here = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=follower, env=here, cwd=tmp_path)
    os.close(follower)
    drawn = b""
    try:
        while chunk := os.read(leader, 65536):
            drawn += chunk
    except OSError:  # the terminal's other end is closed
        pass
    said, _ = process.communicate(timeout=900)
    os.close(leader)
    assert process.returncode == 0
    assert said.startswith(b'{"frames"')
    assert b"served by the agent" in drawn
    assert b"delay 2" in drawn
