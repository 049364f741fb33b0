"""The figures draw the data they are given."""

import io

import numpy as np
import pandas as pd
import pytest

from regretlab.plots.regret import Curve, MeasuredPoint, regret_against_inference_time
from regretlab.plots.rewards import draw_rewards
from regretlab.plots.style import WIDTHS, house_figure, house_style
from regretlab.plots.timeline import inference_timeline


def test_curves_and_points_are_where_the_data_says():
    seconds = np.linspace(0.01, 0.2, 20)
    curves = [Curve("sequential", seconds, seconds * 4), Curve("staggered", seconds, seconds)]
    points = [MeasuredPoint("realtime run", "real time", "staggered", 0.1, 0.11, 0.09, 0.13)]
    axes = regret_against_inference_time(curves, points).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    assert np.allclose(lines["sequential"].get_xdata(), seconds * 1e3)
    assert np.allclose(lines["sequential"].get_ydata(), seconds * 4)
    (bar,) = axes.containers
    assert bar.lines[0].get_xdata()[0] == pytest.approx(100)
    assert bar.lines[0].get_ydata()[0] == pytest.approx(0.11)
    (segment,) = bar.lines[2][0].get_segments()
    assert segment[:, 1] == pytest.approx([0.09, 0.13])
    assert bar.lines[0].get_markerfacecolor() == lines["staggered"].get_color()


def test_rewards_have_the_interval_of_the_mean_over_seeds():
    """Of 1, 2, 6: mean 3, standard error sqrt(7/3), quantile .975 of Student's t(2) 4.302653."""
    rows = pd.DataFrame({"reward": [10.0, 20.0, 60.0], "frames": 10, "first_frame": 0, "seed": [0, 1, 2]})
    figure = draw_rewards(rows.assign(case="net", delay=0, interaction="asynchronous"))
    (band,) = figure.axes[0].collections
    ends = band.get_paths()[0].vertices[:, 1]
    half = 4.302653 * np.sqrt(7 / 3)
    assert (ends.min(), ends.max()) == pytest.approx((3 - half, 3 + half), rel=1e-6)


def test_the_timeline_shows_bars_delays_and_missed_frames():
    inferences = pd.DataFrame(
        {
            "worker": [0, 1, 0],
            "scheduled": [0.0, 0.05, 0.1],
            "completion": [0.09, 0.14, 0.19],
            "release": [0.1, 0.15, 0.19],
            "effect_frame": [1, 2, -1],
            "overwritten": [False, True, False],
            "lost": [False, False, False],
        }
    )
    frames = pd.DataFrame({"deadline": [0.0, 0.1, 0.2], "delay_frames": [-1, 1, -1]})
    upper, lower = inference_timeline(inferences, frames, 0.1, start=0.0, duration=0.3).axes
    busy = [bar for bar in upper.patches if bar.get_width() > 50]
    assert [bar.get_width() for bar in busy] == pytest.approx([90, 90, 90])
    marks = {line.get_label(): line for line in upper.lines}
    assert marks["takes effect"].get_xdata() == pytest.approx([100])
    assert marks["overwritten by a fresher one"].get_ydata().tolist() == [1]
    (bars,) = lower.containers
    assert [(bar.get_x(), bar.get_height()) for bar in bars] == [(pytest.approx(100), 1)]
    shaded = [patch for patch in lower.patches if patch not in bars.patches and patch.get_width() > 50]
    assert sorted(patch.get_x() for patch in shaded) == pytest.approx([0, 200])
    assert upper.get_ylabel() == "worker"
    assert "milliseconds" in lower.get_xlabel()


def test_no_curve_and_no_kind_of_point_is_left_out():
    seconds = np.linspace(0.01, 0.1, 5)
    curves = [Curve(f"curve {i}", seconds, np.full(5, 0.3 * i)) for i in range(9)]
    points = [
        MeasuredPoint(f"kind {i}", "simulation", f"curve {i}", 0.05, 0.3 * i, 0.3 * i - 0.1, 0.3 * i + 0.1)
        for i in range(9)
    ]
    axes = regret_against_inference_time(curves, points).axes[0]
    drawn = [line for line in axes.lines if str(line.get_label()).startswith("curve")]
    assert [line.get_ydata()[0] for line in drawn] == pytest.approx([0.3 * i for i in range(9)])
    assert len({(line.get_color(), line.get_linestyle()) for line in drawn}) == 9
    assert len(axes.containers) == 9
    assert axes.get_ylim() == pytest.approx((-0.1, 2.5))  # all of every interval is in view


def test_an_interval_reaches_as_far_down_and_up_as_it_should():
    """It need not be symmetric about its point."""
    (container,) = (
        regret_against_inference_time([], [MeasuredPoint("run", "real time", "-", 0.05, 0.3, 0.1, 0.35)])
        .axes[0]
        .containers
    )
    ((_, low), (_, high)) = container.lines[2][0].get_segments()[0]
    assert (low, high) == pytest.approx((0.1, 0.35))


def test_thin_lines_are_the_frame_boundaries_of_a_short_stretch():
    inferences = pd.DataFrame(
        {
            "worker": [0],
            "scheduled": [1.0],
            "completion": [1.2],
            "release": [1.2],
            "effect_frame": [5],
            "overwritten": [False],
            "lost": [False],
        }
    )
    frames = pd.DataFrame({"deadline": 0.25 * np.arange(12), "delay_frames": np.full(12, -1)})
    (grid,) = inference_timeline(inferences, frames, 0.25, start=1.1, duration=0.6).axes[0].collections
    assert [segment[0][0] for segment in grid.get_segments()] == pytest.approx([150, 400])
    long_stretch = inference_timeline(inferences, frames, 0.25, start=0.0, duration=40.0)
    assert not long_stretch.axes[0].collections


def test_regret_curves_with_bands_and_a_bound():
    import numpy as np
    from matplotlib.figure import Figure

    from regretlab.plots.learning import RegretCurve, draw_regret_curves

    frames = np.array([100, 200, 400])
    regret = np.array([5.0, 7.0, 10.0])
    bound = RegretCurve("bound", frames, np.array([np.nan, 1.0, 1.4]))
    axes = Figure().add_subplot()
    draw_regret_curves(axes, [RegretCurve("ucb", frames, regret, np.full(3, 0.5))], bound=bound)
    curve, below = axes.get_lines()
    assert curve.get_ydata().tolist() == regret.tolist()
    assert below.get_xdata().tolist() == [200, 400]  # where there is a bound
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == 4.5
    assert band[:, 1].max() == 10.5


@pytest.mark.parametrize("panels", [2, 3, 4])
def test_a_row_of_panels_stands_in_a_column_under_its_legend(panels):
    with house_style("column"):
        figure = house_figure("page", 3.0)
        row = figure.subplots(1, panels, sharey=True)
        for number, axes in enumerate(row):
            axes.plot([0, 1], [0, number], label="a line")
        row[0].set_ylabel("what is measured")
        legend = figure.legend(*row[0].get_legend_handles_labels(), loc="outside right center")
        figure.savefig(io.BytesIO())
    assert figure.get_figwidth() == WIDTHS["column"]
    boxes = [axes.get_position() for axes in row]
    columns = 2 if panels == 4 else 1
    assert [box.x0 for box in boxes[::columns]] == pytest.approx([boxes[0].x0] * (panels // columns))
    assert all(above.y0 > below.y1 for above, below in zip(boxes, boxes[columns:], strict=False))
    assert all(axes.get_ylabel() == "what is measured" for axes in row)
    assert legend.get_window_extent().y0 > row[0].get_window_extent().y1
    assert all(axes.get_window_extent().height / figure.dpi > 0.8 for axes in row)


def test_a_figure_keeps_the_width_it_was_made_for_unless_asked():
    with house_style():
        figure = house_figure("page", 3.0)
        row = figure.subplots(1, 3)
        assert house_figure("text", 3.0).get_figwidth() == WIDTHS["text"]
    assert figure.get_figwidth() == WIDTHS["page"]
    assert len({axes.get_position().y0 for axes in row}) == 1
    with house_style("text"):
        assert house_figure("page", 3.0).get_size_inches().tolist() == [WIDTHS["text"], 3.0]
        with house_style():  # of a figure's own module, inside what the command asked for
            assert house_figure("page", 3.0).get_figwidth() == WIDTHS["text"]
