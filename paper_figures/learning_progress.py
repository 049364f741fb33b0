"""Progress of DQN on beacon while it plays: sequential, sequential with concurrent learning, staggered."""

from typing import TYPE_CHECKING, Any

from .differences import difference, sign
from .looks import CONCURRENT, words_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "learning-progress"
TITLE = "Progress of DQN against frames, by how inference and learning share the time"
CLAIMS = (6, 7)
CLAIM = (
    "Concurrent learning removes what blocking learning costs, staggered inference what waiting for an inference "
    "costs: then DQN comes to the oracle's reward under the same delays."
)
RESULTS_READ = ("results/beacon_learning.parquet", "delays.py", "differences.py")


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the committed results; nothing is played here."""
    from regretlab.experiments import read_results

    from .delays import RESULTS, read_cases

    cases, metadata = read_cases("beacon_learning")
    rows = read_results(RESULTS / "beacon_learning.parquet")
    experiment = metadata["configuration"]["experiment"]
    curves = {str(case): _curve(own) for case, own in rows.groupby("case", sort=False)}
    late = {case["case"]: [case["reward_per_frame"], case["interval"]] for case in cases}
    by_seed = {case["case"]: case["by_seed"] for case in cases}
    low, high, ratio = _ratio(rows, experiment["counted"] * experiment["frames"])
    return {
        "curves": curves,
        "late": late,
        "ratio": [ratio, low, high],
        "judged": _judged(late, by_seed),
        "caption": (
            "DQN (network nature) on the cartridge beacon with 4 symbols that stay with probability 0.9; virtual "
            "clock, "
            "20 ms an inference, 15 ms a learning step (emulated). Lines: means over "
            f"{experiment['seeds']} seeds of each {experiment['frames'] // experiment['windows']:,} frames, bands: "
            "95 % "
            "intervals (Student's t); exploration falls from 1 to 0 over the first 2,000 frames. The oracle receives "
            "the "
            f"symbol and has the delays of the staggered workers. Played on {metadata['machine']} by "
            f"`{metadata['command']}`."
        ),
        "verdict": (
            f"In the last {100 * experiment['counted']:.0f} % of the frames staggered DQN earns {100 * ratio:.2f} % of "
            f"the oracle's reward (95 % interval {100 * low:.2f} to {100 * high:.2f} %, seeds paired). Reward per "
            "frame "
            "there: "
            + ", ".join(f"{words_of(name)} {mean:.3f} ± {half:.2g}" for name, (mean, half) in late.items())
            + "."
        ),
    }


def _judged(late: dict[str, list[float]], by_seed: dict[str, tuple[float, ...]]) -> dict[str, dict[str, str]]:
    from .claims import judgement

    def ahead(first: str, second: str) -> bool:
        return sign(difference(by_seed[first], by_seed[second])) > 0

    blocking, concurrent, staggered = "sequential, blocking learning", CONCURRENT, "staggered"
    told = ", ".join(f"{late[name][0]:.2f} ({words_of(name)})" for name in (blocking, concurrent, staggered))
    return {
        "6": judgement(
            "holds" if ahead(concurrent, blocking) else "does not hold",
            f"reward per frame {late[blocking][0]:.2f} when the worker learns itself, {late[concurrent][0]:.2f} with a "
            "learner next to it",
        ),
        "7": judgement(
            "holds on a stand-in" if ahead(staggered, concurrent) and ahead(concurrent, blocking) else "does not hold",
            f"on beacon: reward per frame {told}",
        ),
    }


def _curve(own: Any) -> dict[str, list[float]]:
    import numpy as np
    from scipy import stats

    table = (own["reward"] / own["frames"]).groupby([own["window"], own["seed"]]).first().unstack().to_numpy()
    half = stats.t.ppf(0.975, table.shape[1] - 1) * table.std(axis=1, ddof=1) / np.sqrt(table.shape[1])
    middles = own.groupby("window")["first_frame"].first() + own.groupby("window")["frames"].first() / 2
    return {"frames": middles.tolist(), "mean": table.mean(axis=1).tolist(), "half": half.tolist()}


def _ratio(rows: Any, counted: float) -> tuple[float, float, float]:
    """Return the interval of staggered DQN's reward over the oracle's, the same seeds side by side, and its middle."""
    import numpy as np
    from scipy import stats

    late = rows[rows["first_frame"] >= (rows["first_frame"] + rows["frames"]).max() - counted]
    sums = late.groupby(["case", "seed"])["reward"].sum().unstack()
    ratios = (sums.loc["staggered"] / sums.loc["oracle"]).to_numpy()
    half = stats.t.ppf(0.975, len(ratios) - 1) * ratios.std(ddof=1) / np.sqrt(len(ratios))
    return float(ratios.mean() - half), float(ratios.mean() + half), float(ratios.mean())


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    import numpy as np

    from regretlab.plots.concepts import SHADED, look
    from regretlab.plots.style import house_figure, house_style

    from .looks import look_of

    with house_style():
        figure = house_figure("text", 3.4)
        axes = figure.subplots()
        for name, curve in data["curves"].items():
            frames, mean, half = (np.asarray(curve[key]) for key in ("frames", "mean", "half"))
            if name in ("oracle", "random"):
                concept = look({"random": "random play"}.get(name, name))
                axes.plot(frames, mean, label=name, **concept.plain(linewidth=1))
                continue
            own = look_of(name)
            axes.plot(frames, mean, label=words_of(name), **own.curve())
            axes.fill_between(frames, mean - half, mean + half, color=own.colour, alpha=SHADED, linewidth=0)
        axes.set_xlabel("frames played")
        axes.set_ylabel("reward per frame")
        axes.set_ylim(0, None)
        figure.legend(loc="outside lower center", ncols=3)
        return figure
