"""How many staggered workers make inaction vanish: against inference time, and against parameters."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "inference-workers"
TITLE = "Inference workers needed, against inference time and against parameters"
CLAIMS = (3, 10)
CLAIM = (
    "Remark 2: N_I* = ceil(tau_max / frame time) staggered workers make inaction vanish; N_I* grows about linearly "
    "with "
    "inference time and with parameters."
)
RESULTS_READ = ("results/inference_times.json",)

SYMBOLS = 8
MODE_PROBABILITY = 0.95
TIMES = (0.6, 1.3819, 2.7, 4.3819, 6.6, 9.3819, 13.7, 18.3819)
"""Frames of an inference of the runs that look for the number of workers."""
PAPER = ((903_718, 7), (10_368_742, 12), (104_682_918, 72))
"""Parameters and N_I of the paper's Pokemon runs (its own machine)."""


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the least numbers of workers that leave no inaction in runs, and those of the measured networks."""
    from .claims import judge_growth, judgement

    frames = 1_500 if quick else 10_000
    searched = []
    for index, x in enumerate(TIMES[1:5] if quick else TIMES):
        searched.append({"frames": x, "formula": math.ceil(x)} | _search(x, frames, seed + 100 * index))
    networks, fit, provenance = _networks()
    right = sum(point["found"] == point["formula"] for point in searched)
    return {
        "searched": searched,
        "networks": networks,
        "fit": fit,
        "judged": {
            "3": judgement(
                "holds" if right == len(searched) else "does not hold",
                f"{right} of {len(searched)} searches found ceil(x) as the least number without inaction",
            ),
            "10": judge_growth(fit, "the mean inference time, whose ceiling in frames is N_I*,", 99),
        },
        "paper": [list(pair) for pair in PAPER],
        "caption": (
            "Left: least number of workers without inaction under max-time. Line: ceil(x); points: found by runs of "
            f"{frames:,} frames on the cartridge beacon (virtual clock, seeds from {seed} on) with one worker more "
            "each, until no frame after warm-up was left to the default behaviour. Middle and right: IMPALA networks "
            "of width k = 1 to 98 at 59.7275 frames a second, one thread of this machine, nothing extrapolated; "
            "99 % intervals of the means (Student's t) are smaller than the marks; line: log-log fit of the means, "
            "its slope with a 99 % interval from the scatter about the line; hexagons: the paper's. Measured "
            f"{provenance['measured'][:10]} on {provenance['machine']} by `{provenance['command']}`."
        ),
        "verdict": (
            f"{right} of {len(searched)} searches found ceil(x). Slope of log mean inference time against log "
            f"parameters: {fit['slope']:.3f} ± {fit['interval']:.3f} (1 is linear). Mean time, and N_I* of the mean "
            "and of the largest time (the one that max-time needs): "
            + ", ".join(
                f"{network['policy'].removeprefix('impala-')} {1e3 * network['mean']:.3g} ms, "
                f"{network['workers_mean']} and {network['workers_largest']}"
                for network in networks
            )
            + "."
        ),
    }


def _search(x: float, frames: int, seed: int) -> dict[str, Any]:
    """Return the least number of workers with which a run had no inaction, and the inaction of each number tried."""
    from .plays import FRAME_TIME, play_beacon

    tried = []
    for workers in range(max(1, math.ceil(x) - 2), math.ceil(x) + 3):
        played = play_beacon(
            rule="max-time",
            workers=workers,
            latency=f"constant({x * FRAME_TIME!r})",
            frames=frames,
            seed=seed + workers,
            symbols=SYMBOLS,
            mode_probability=MODE_PROBABILITY,
        )
        tried.append({"workers": workers, "inaction": played["inaction"]})
        if played["inaction"] == 0:
            return {"found": workers, "tried": tried}
    return {"found": None, "tried": tried}


def _networks() -> tuple[list[dict[str, Any]], dict[str, float], dict[str, str]]:
    import numpy as np
    from scipy.stats import linregress, t

    from .measurements.provenance import read_results
    from .plays import FRAME_TIME

    results = read_results("inference_times")
    networks = []
    for network in results["networks"]:
        seconds = np.asarray(network["seconds"])
        networks.append(
            {
                "policy": network["policy"],
                "parameters": network["parameters"],
                "samples": len(seconds),
                "mean": float(seconds.mean()),
                "largest": float(seconds.max()),
                "workers_mean": math.ceil(seconds.mean() / FRAME_TIME),
                "workers_largest": math.ceil(seconds.max() / FRAME_TIME),
                "frames_mean": float(seconds.mean() / FRAME_TIME),
                "frames_interval": float(
                    t.ppf(0.995, len(seconds) - 1) * seconds.std(ddof=1) / len(seconds) ** 0.5 / FRAME_TIME
                ),
            }
        )
    logs = np.log([[network["parameters"], network["frames_mean"]] for network in networks])
    line = linregress(logs[:, 0], logs[:, 1])
    width = float(t.ppf(0.995, len(networks) - 2) * line.stderr)
    fit = {"slope": float(line.slope), "intercept": float(line.intercept), "interval": width}
    return networks, fit, results["provenance"]


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 3.0)
        left, middle, right = figure.subplots(1, 3)
        _times(left, data["searched"])
        _frames(middle, data)
        _workers(right, data)
        return figure


def _times(axes: "Axes", searched: list[dict[str, Any]]) -> None:
    import numpy as np

    from regretlab.plots.concepts import look

    longest = max(point["frames"] for point in searched) + 1
    whole = np.arange(0, math.ceil(longest) + 1)
    axes.step(whole, whole, where="pre", label="ceil(x)", **look("max-time").plain())
    axes.plot(
        [point["frames"] for point in searched],
        [point["found"] for point in searched],
        label="found by runs",
        zorder=4,
        **look("virtual clock").points(),
    )
    axes.set_xlim(0, longest)
    axes.set_ylim(0, None)
    axes.set_xlabel("inference time x, frames")
    axes.set_ylabel("workers without inaction, $N_I^*$")
    axes.legend(loc="upper left")


def _frames(axes: "Axes", data: dict[str, Any]) -> None:
    import numpy as np

    from regretlab.plots.concepts import look

    networks, fit = data["networks"], data["fit"]
    sizes = np.asarray([network["parameters"] for network in networks], dtype=float)
    line = np.geomspace(sizes.min() / 2, sizes.max() * 2, 50)
    label = f"fit: $m^{{{fit['slope']:.2f}}}$"
    axes.plot(line, np.exp(fit["intercept"]) * line ** fit["slope"], label=label, **look("fit").plain(linewidth=1))
    frames = [network["frames_mean"] for network in networks]
    bars = [network["frames_interval"] for network in networks]
    axes.errorbar(sizes, frames, bars, label="measured", **look("real time").points(capsize=2))
    _logarithmic(axes)
    axes.set_ylabel("mean inference time, frames")


def _workers(axes: "Axes", data: dict[str, Any]) -> None:
    import numpy as np

    from regretlab.plots.concepts import look

    networks = data["networks"]
    sizes = np.asarray([network["parameters"] for network in networks], dtype=float)
    mean, largest = ([network[key] for network in networks] for key in ("workers_mean", "workers_largest"))
    measured = look("real time")
    axes.plot(sizes, largest, label="of the largest time", **replace(measured, hollow=True).points(markersize=6))
    axes.plot(sizes, mean, label="of the mean time", **measured.points(markersize=3))
    paper = np.asarray(data["paper"], dtype=float)
    axes.plot(paper[:, 0], paper[:, 1], label="the paper's runs", **look("the paper").points())
    _logarithmic(axes)
    axes.set_ylim(0.7, 2 * max(*mean, *largest, *paper[:, 1]))
    axes.set_ylabel("workers without inaction, $N_I^*$")


def _logarithmic(axes: "Axes") -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("parameters")
    axes.legend(loc="upper left")
