"""Reward of the cases of an experiment against the frames played."""

from typing import TYPE_CHECKING, cast

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from .concepts import SHADED, series
from .style import house_figure, house_style

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["draw_rewards"]


def draw_rewards(rows: "pd.DataFrame", title: str = "") -> Figure:
    """Return a figure of the reward per frame of each case against the frames played, with 95 % intervals over seeds.

    Parameters
    ----------
    rows
        Rows of a results file.
    title
        Of the figure.
    """
    with house_style():
        figure = house_figure("page", 3.4)
        axes = figure.subplots()
        groups = rows.groupby(["case", "delay", "interaction"], sort=False, dropna=False)
        for number, (which, own) in enumerate(groups):
            case, delay, way = cast(tuple[str, int, str], which)
            ends = own.assign(end=own["first_frame"] + own["frames"], value=own["reward"] / own["frames"])
            values = ends.pivot_table(index="end", columns="seed", values="value")
            means, seeds = values.mean(axis=1).to_numpy(), values.shape[1]
            style = series(number)
            label = f"{case}, {way}, {delay} frames late" if delay else str(case)
            axes.plot(values.index, means, label=label, **style.plain())
            if seeds > 1:
                half = stats.t.ppf(0.975, seeds - 1) * values.std(axis=1).to_numpy() / np.sqrt(seeds)
                axes.fill_between(
                    values.index, means - half, means + half, color=style.colour, alpha=SHADED, linewidth=0
                )
        axes.set_xlabel("frames played")
        axes.set_ylabel("reward per frame")
        axes.set_title(title)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
        return figure
