"""How many learners keep up with acting: against the time of a learning step, and against parameters."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "learning-workers"
TITLE = "Learners needed, against the time of a learning step and against parameters"
CLAIMS = (6, 10)
CLAIM = (
    "N_L* = ceil(rho tau_L / (B tau_I)) learners process every interaction; N_L* grows about linearly "
    "with the time of a learning step and with parameters."
)
RESULTS_READ = ("results/learning_times.json", "results/inference_times.json")

TIMES = (0.7, 1.6, 2.5, 4.4, 6.6, 9.4)
"""Frames of a learning step of the runs that look for the number of learners."""
KEEPS_UP = 0.97
"""Share of the draws from which on a run counts as keeping up: its first batch and its last steps are left open."""
PAPER = ((903_718, 1), (10_368_742, 3), (104_682_918, 33))
"""Parameters and N_L of the paper's Pokemon runs (its own machine)."""


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the least numbers of learners that keep up in runs, and those of the measured networks."""
    from .claims import judge_growth, judgement

    frames = 400 if quick else 1200
    searched = []
    for index, x in enumerate(TIMES[1:3] if quick else TIMES):
        searched.append({"frames": x, "formula": math.ceil(x)} | _search(x, frames, seed + 100 * index))
    networks, fits, extrapolated, provenance = _networks()
    right = sum(point["found"] == point["formula"] for point in searched)
    return {
        "searched": searched,
        "networks": networks,
        "fits": fits,
        "extrapolated": extrapolated,
        "judged": {
            "6": judgement(
                "holds" if right == len(searched) else "does not hold",
                f"{right} of {len(searched)} searches found ceil(x) as the least number that keeps up",
            ),
            "10": judge_growth(fits["parameters"], "N_L*", 95),
        },
        "paper": [list(pair) for pair in PAPER],
        "caption": (
            "Left: least number of learners that process every interaction, one update an action, staggered workers "
            f"that act in each frame. Line: ceil(x); points: found by runs of {frames:,} frames on the cartridge "
            f"beacon (virtual clock, emulated steps, seeds from {seed} on) as the least that made "
            f"{100 * KEEPS_UP:.0f} % of the updates asked for. Middle and right: a step (gradient of a batch of 16 and "
            "optimiser) of IMPALA networks of width k = 1 to 29 at one update for each action and 59.7275 actions a "
            "second, one thread of this machine; lines: log-log fit of the mean times, their slopes with a 95 % "
            "interval from the scatter about them. Hollow: k = 98, not measured but "
            "extrapolated on the line, with a 95 % prediction interval. One update an action: "
            "rho = B, so the batch cancels. Squares: the paper's. Measured "
            f"{provenance['measured'][:10]} on {provenance['machine']} by `{provenance['command']}`."
        ),
        "verdict": (
            f"{right} of {len(searched)} searches found ceil(x). Slope of log N_L* against log parameters: "
            f"{_said(fits['parameters'])}; against the log of the measured inference time: "
            f"{_said(fits['inference_time'])} (95 %; 1 is linear): "
            + ", ".join(
                f"{network['policy'].removeprefix('impala-')} {network['mean']:.3g} s, N_L* {network['learners']}"
                for network in networks
            )
            + f"; extrapolated to {extrapolated['parameters']:,} parameters: N_L* {extrapolated['learners']:,} "
            f"({extrapolated['low']:,.0f} to {extrapolated['high']:,.0f}). {_judged(fits['parameters'])}"
        ),
    }


def _judged(fit: dict[str, float]) -> str:
    if fit["slope"] - fit["interval"] > 1:
        return "On this machine a step of a wide network costs more than its parameters: growth is more than linear."
    if fit["slope"] + fit["interval"] < 1:
        return "On this machine growth is less than linear."
    return "Linear growth lies within the interval."


def _said(fit: dict[str, float]) -> str:
    return f"{fit['slope']:.3f} ± {fit['interval']:.3f}"


def _search(x: float, frames: int, seed: int) -> dict[str, Any]:
    """Return the least number of learners that kept up, and the share that each number tried processed."""
    import tempfile

    from regretlab.play.configuration import RunConfiguration
    from regretlab.play.run import run

    from .plays import FRAME_TIME

    tried = []
    for learners in range(max(1, math.ceil(x) - 1), math.ceil(x) + 2):
        configuration = RunConfiguration(
            environment_options={"symbols": 4, "mode_probability": 0.9},
            policy="nature",
            rule="frame-pool",
            workers=2,
            clock="virtual",
            frames=frames,
            emulate_latency=f"constant({1.5 * FRAME_TIME!r})",
            emulate_learning=f"constant({x * FRAME_TIME!r})",
            learners=learners,
            learning={"batch": 2, "replay": 2000},
            seed=seed + learners,
        )
        with tempfile.TemporaryDirectory() as folder:
            learned = run(configuration, f"{folder}/record").learning
        share = float((learned or {})["share"])
        tried.append({"learners": learners, "share": share})
        if share >= KEEPS_UP:
            return {"found": learners, "tried": tried}
    return {"found": None, "tried": tried}


def _networks() -> tuple[list[dict[str, Any]], dict[str, dict[str, float]], dict[str, Any], dict[str, str]]:
    import numpy as np

    from regretlab.theory.learning import learners_to_keep_up

    from .measurements.provenance import read_results
    from .plays import FRAME_TIME

    results = read_results("learning_times")
    profiles = read_results("inference_times")["networks"]
    inference = {network["policy"]: float(np.mean(network["seconds"])) for network in profiles}
    batch = results["batch"]
    networks = []
    for network in results["networks"]:
        mean = float(np.mean(network["seconds"]))
        learners = learners_to_keep_up(mean, FRAME_TIME, batch_size=batch, replay_ratio=batch)
        networks.append(
            {
                "policy": network["policy"],
                "parameters": network["parameters"],
                "samples": len(network["seconds"]),
                "mean": mean,
                "frames_mean": mean / FRAME_TIME,
                "learners": learners,
                "inference_time": inference[network["policy"]],
            }
        )
    fits = {name: _fit(networks, name) for name in ("parameters", "inference_time")}
    largest = max(network["parameters"] for network in profiles)
    return networks, fits, _extrapolated(networks, largest), results["provenance"]


def _extrapolated(networks: list[dict[str, Any]], parameters: int) -> dict[str, Any]:
    """Return the learners of a network of so many parameters on the fitted line, with a 95 % prediction interval."""
    import numpy as np
    from scipy.stats import linregress, t

    x, y = np.log([[network["parameters"], network["frames_mean"]] for network in networks]).T
    line, at = linregress(x, y), np.log(parameters)
    middle = line.intercept + line.slope * at
    scatter = ((y - line.intercept - line.slope * x) ** 2).sum() / (len(x) - 2)
    error = np.sqrt(scatter * (1 + 1 / len(x) + (at - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum()))
    half = t.ppf(0.975, len(x) - 2) * error
    low, frames, high = (float(value) for value in np.exp([middle - half, middle, middle + half]))
    return {"parameters": parameters, "learners": math.ceil(frames), "frames": frames, "low": low, "high": high}


def _fit(networks: list[dict[str, Any]], name: str) -> dict[str, float]:
    import numpy as np
    from scipy.stats import linregress, t

    logs = np.log([[network[name], network["frames_mean"]] for network in networks])
    line = linregress(logs[:, 0], logs[:, 1])
    width = float(t.ppf(0.975, len(networks) - 2) * line.stderr)
    return {"slope": float(line.slope), "intercept": float(line.intercept), "interval": width}


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 3.0)
        left, middle, right = figure.subplots(1, 3)
        _times(left, data["searched"])
        _inference_time(middle, data)
        _parameters(right, data)
        return figure


def _times(axes: "Axes", searched: list[dict[str, Any]]) -> None:
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    from regretlab.plots.concepts import look

    longest = max(point["frames"] for point in searched) + 1
    whole = np.arange(0, math.ceil(longest) + 1)
    axes.step(whole, whole, where="pre", label="ceil(x)", **look("learning").plain())
    points = [(point["frames"], point["found"]) for point in searched if point["found"] is not None]
    axes.plot(*zip(*points, strict=True), label="found by runs", zorder=4, **look("virtual clock").points())
    axes.set_xlim(0, longest)
    axes.set_ylim(0, None)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("time of a learning step x, frames")
    axes.set_ylabel("learners that keep up, $N_L^*$")
    axes.legend(loc="upper left")


def _inference_time(axes: "Axes", data: dict[str, Any]) -> None:
    import numpy as np

    from regretlab.plots.concepts import look

    networks, fit = data["networks"], data["fits"]["inference_time"]
    times = np.asarray([network["inference_time"] for network in networks], dtype=float)
    line = np.geomspace(times.min() / 2, times.max() * 2, 50)
    label = f"fit: $\\bar\\tau^{{{fit['slope']:.2f}}}$"
    axes.plot(
        1e3 * line, np.exp(fit["intercept"]) * line ** fit["slope"], label=label, **look("fit").plain(linewidth=1)
    )
    axes.plot(1e3 * times, [network["learners"] for network in networks], **look("real time").points())
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("mean inference time, milliseconds")
    axes.set_ylabel("learners, $N_L^*$")
    axes.legend(loc="upper left")


def _parameters(axes: "Axes", data: dict[str, Any]) -> None:
    import numpy as np

    from regretlab.plots.concepts import look

    networks, fit = data["networks"], data["fits"]["parameters"]
    sizes = np.asarray([network["parameters"] for network in networks], dtype=float)
    beyond = data["extrapolated"]
    line = np.geomspace(sizes.min() / 2, beyond["parameters"] * 2, 50)
    label = f"fit: $m^{{{fit['slope']:.2f}}}$"
    axes.plot(line, np.exp(fit["intercept"]) * line ** fit["slope"], label=label, **look("fit").plain(linewidth=1))
    learners = [network["learners"] for network in networks]
    measured = look("real time")
    axes.plot(sizes, learners, label="$N_L^*$, this machine", zorder=4, **measured.points())
    axes.errorbar(
        beyond["parameters"],
        beyond["frames"],
        [[beyond["frames"] - beyond["low"]], [beyond["high"] - beyond["frames"]]],
        label="extrapolated",
        zorder=4,
        **replace(measured, hollow=True).points(capsize=3),
    )
    paper = np.asarray(data["paper"], dtype=float)
    axes.plot(paper[:, 0], paper[:, 1], label="the paper's runs", **look("the paper").points())
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(0.5, 1e8)
    axes.set_xlabel("parameters")
    axes.set_ylabel("learners, $N_L^*$")
    axes.legend(loc="upper left")
