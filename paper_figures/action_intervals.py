"""How evenly actions come: times between them in realtime runs of four rules."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "action-intervals"
TITLE = "Intervals between actions in real time"
CLAIMS = (4, 5)
CLAIM = (
    "Algorithm 1 (maximum-time staggering) makes the interval between actions constant; Algorithm 2 (expected time) "
    "needs fewer workers for the same rate and lets it vary."
)
RESULTS_READ = ("results/action_intervals.json",)
LABELS = {
    "max-time": "max-time (Algorithm 1)",
    "expected-time": "expected-time (Algorithm 2)",
    "frame-pool": "frame-pool",
    "frame-hold": "frame-hold",
}


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the histograms of the committed realtime runs."""
    from .measurements.provenance import read_results
    from .plays import QUANTILE

    results = read_results("action_intervals")
    rules = results["rules"]
    told = "; ".join(
        f"{rule['rule']}: mean {1e3 * rule['releases']['mean']:.1f} ms, standard deviation "
        f"{1e3 * rule['releases']['std']:.2f} ± {1e3 * QUANTILE * rule['releases']['std_error']:.2f} ms, "
        f"inaction {rule['inaction']:.1%}"
        for rule in rules
    )
    seeds = ", ".join(str(rule["seed"]) for rule in rules)
    return {
        "results": results,
        "judged": _judged({rule["rule"]: rule["releases"] for rule in rules}),
        "caption": (
            f"Realtime runs of {rules[0]['frames']:,} frames on the cartridge beacon, {results['workers']} worker "
            "processes, "
            f"emulated inference times {results['law']} s (mean {results['mean_frames']:g} frames), frame-hold held to "
            f"{results['hold']} frames; one run a rule, with seeds {seeds} in this order; the second half of each is "
            "counted. Intervals between "
            "releases of outputs; their mean and standard deviation, with its 99 % interval, in each panel and below. "
            "Dotted: one frame. Measured "
            f"{results['provenance']['measured'][:10]} on {results['provenance']['machine']} by "
            f"`{results['provenance']['command']}`."
        ),
        "verdict": told + ".",
    }


def _judged(releases: dict[str, dict[str, Any]]) -> dict[str, dict[str, str]]:
    from .claims import judgement
    from .plays import QUANTILE

    most, mean = releases["max-time"], releases["expected-time"]
    alike = max(most["counts"])
    apart = mean["std"] - QUANTILE * mean["std_error"] > most["std"] + QUANTILE * most["std_error"]
    faster = mean["mean"] < most["mean"]
    return {
        "4": judgement(
            "holds" if alike >= 0.99 * most["number"] else "does not hold",
            f"{alike} of {most['number']} intervals of Algorithm 1 lie in one bin of 2 ms",
        ),
        "5": judgement(
            "holds" if apart and faster else "holds in part" if apart or faster else "does not hold",
            f"with as many workers Algorithm 2 has {most['mean'] / mean['mean']:.1f} times as many outputs, standard "
            f"deviation {1e3 * mean['std']:.1f} against {1e3 * most['std']:.1f} ms; fewer workers at the same "
            "rate follow from that and were not run",
        ),
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    import numpy as np

    from regretlab.plots.concepts import look
    from regretlab.plots.style import house_figure, house_style

    from .plays import FRAME_TIME, QUANTILE

    results = data["results"]
    edges = 1e3 * np.asarray(results["edges"])
    with house_style():
        figure = house_figure("page", 3.6)
        grid = figure.subplots(2, 2, sharex=True)
        for axes, rule in zip(grid.flat, results["rules"], strict=True):
            releases = rule["releases"]
            shares = np.asarray(releases["counts"]) / releases["number"]
            axes.stairs(shares, edges, fill=True, color=look(rule["rule"]).colour)
            axes.axvline(1e3 * FRAME_TIME, **look("reference").plain())
            axes.set_title(LABELS[rule["rule"]], loc="left")
            half = 1e3 * QUANTILE * releases["std_error"]
            axes.text(
                0.97,
                0.93,
                f"mean {1e3 * releases['mean']:.1f} ms\ns.d. {1e3 * releases['std']:.1f} ± {half:.1f} ms\n"
                f"{releases['number']:,} intervals",
                transform=axes.transAxes,
                ha="right",
                va="top",
                fontsize=7.5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            )
            axes.set_xlim(0, 80)
        figure.supxlabel("milliseconds between two outputs", fontsize="medium")
        figure.supylabel("fraction per 2 ms", fontsize="medium")
        return figure
