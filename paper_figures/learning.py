"""Learning regret against the horizon: learners above their lower bound, and the linear parts overtaking them."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from regretlab.plots.learning import RegretCurve

__all__ = ["CLAIM", "CLAIMS", "NAME", "TITLE", "compute", "draw"]

NAME = "learning"
TITLE = "Learning regret against the horizon, and what overtakes it"
CLAIMS = (1, 2)
CLAIM = (
    "Theorem 1: the learning part grows as the square root of time, inaction and delay grow with time: in the long run "
    "slow sequential inference decides, not learning."
)

ARMS = 10
INFERENCE_FRAMES = 2.5
"""Frames of an inference in the right panel."""


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the curves of the three panels."""
    from .claims import judgement
    from .plays import QUANTILE

    bandit = _bandit(16_000 if quick else 64_000, 60 if quick else 400, seed)
    river = _river(40_000 if quick else 400_000, 10 if quick else 60, seed + 1)
    slow = _slow(80_000 if quick else 200_000, 40 if quick else 200, seed + 2)
    above = min(
        (value - QUANTILE * error) / bound
        for curve in bandit["curves"]
        for value, error, bound in zip(curve["regret"], curve["error"], bandit["bound"], strict=True)
    )
    crossing = slow["crossing"]
    return {
        "bandit": bandit,
        "river": river,
        "slow": slow,
        "judged": {
            "1": judgement(
                "holds" if above > 1 else "does not hold",
                f"the learning part of UCB and Thompson stays above its lower bound, by a factor of at "
                f"least {above:.1f}",
            ),
            "2": judgement(
                "holds" if crossing["crossed"] else "holds in part",
                f"the inaction part grows by {slow['per_frame']:.2g} a frame to the end and passes the learning part "
                f"after {crossing['measured']:,} frames",
            ),
        },
        "caption": (
            f"Left: bandits of {ARMS} Bernoulli arms, one better, at each horizon another: the one whose gap the "
            "bound's "
            "proof makes hardest there; black: (1/57) sqrt((k-1) n), the least that the worst such bandit costs, and "
            "(1/20) sqrt(k n), the published bound on the worst bandit of all. "
            "Middle: RiverSwim of six states (no "
            "bound "
            "applies: its theorem needs ten states). Right: three arms, the no-op first, UCB1, an inference of "
            f"{INFERENCE_FRAMES} frames, one sequential worker: the parts of the regret; the mark is where inaction "
            f"overtakes learning. Means of {bandit['replications']}, {river['replications']} and "
            f"{slow['replications']} "
            f"replications with 99 % intervals; seeds from {seed} on."
        ),
        "verdict": (
            f"The lower end of every interval stays above the bound, by a factor of at least {above:.1f}; slopes of "
            "log "
            f"regret on log horizon {_slopes(bandit)} (a root: 0.5). "
            "Inaction "
            f"overtakes learning after {crossing['measured']:,} frames; a root C sqrt(t) fitted to the whole learning "
            f"curve would be overtaken after {crossing['from_root']:,.0f}."
        ),
    }


def _slopes(bandit: dict[str, Any]) -> str:
    from .plays import QUANTILE

    return ", ".join(
        f"{name} {fit['slope']:.3f} ± {QUANTILE * fit['error']:.3f}" for name, fit in bandit["slopes"].items()
    )


def _curve(name: str, frames: Any, values: Any, errors: Any) -> dict[str, Any]:
    return {"name": name, "frames": frames.tolist(), "regret": values.tolist(), "error": errors.tolist()}


def _bandit(horizon: int, replications: int, seed: int) -> dict[str, Any]:
    """One bandit for each horizon: the one whose gap the bound's proof makes hardest there."""
    import numpy as np

    from regretlab.mdp import FiniteMDP
    from regretlab.simulation.learning import learner_named, simulate_learning
    from regretlab.theory.learning import learning_bound

    frames = np.unique(np.geomspace(horizon / 64, horizon, 7).round().astype(int))
    curves, slopes = [], {}
    for name in ("ucb", "thompson"):
        values = []
        for own, n in enumerate(frames):
            means = np.full((1, ARMS), 0.5)
            means[0, -1] += 2 * math.sqrt((ARMS - 1) / (16 * n))
            played = simulate_learning(
                FiniteMDP(np.ones((ARMS, 1, 1)), means),
                learner_named(name),
                frames=int(n),
                checkpoints=1,
                replications=replications,
                seed=seed + 100 * own,
            )
            values.append((played.regret[-1], played.regret_error[-1]))
        regret, error = np.array(values).T
        curves.append(_curve(name, frames, regret, error))
        x = np.log(frames) - np.log(frames).mean()
        slopes[name] = {
            "slope": float((x * np.log(regret)).sum() / (x**2).sum()),
            "error": float(math.sqrt(((x * error / regret) ** 2).sum()) / (x**2).sum()),
        }
    bound, published = (
        [learning_bound(name, interactions=float(n), actions=ARMS).value for n in frames]
        for name in ("bernoulli-bandit", "bernoulli-bandit-published")
    )
    return {"curves": curves, "bound": bound, "published": published, "slopes": slopes, "replications": replications}


def _river(horizon: int, replications: int, seed: int) -> dict[str, Any]:
    from regretlab.mdp import parse_mdp
    from regretlab.simulation.learning import learner_named, simulate_learning

    curves = []
    for name in ("ucrl2", "q-ucb", "q-epsilon"):
        played = simulate_learning(
            parse_mdp("riverswim(6)").mdp,
            learner_named(name),
            frames=horizon,
            checkpoints=30,
            replications=replications,
            seed=seed,
        )
        curves.append(_curve(name, played.frames, played.regret, played.regret_error))
    return {"curves": curves, "replications": replications}


def _slow(horizon: int, replications: int, seed: int) -> dict[str, Any]:
    import numpy as np

    from regretlab.mdp import AsynchronousMDP, FiniteMDP
    from regretlab.scenario import Scenario
    from regretlab.simulation.learning import learner_named, simulate_learning

    # The no-op costs little, so that learning leads at first.
    process = AsynchronousMDP(FiniteMDP(np.ones((3, 1, 1)), np.array([[0.545, 0.55, 0.5]])), beta=0)
    played = simulate_learning(
        process,
        learner_named("ucb"),
        Scenario(INFERENCE_FRAMES, rule="sequential"),
        frames=horizon,
        checkpoints=100,
        replications=replications,
        seed=seed,
    )
    ahead = np.flatnonzero(played.inaction > played.learning)
    at = int(ahead[0]) if len(ahead) else len(played.frames) - 1
    rate = float(played.inaction[-1] / played.frames[-1])
    late = played.frames >= horizon / 10
    frames = played.frames[late].astype(float)
    root = float((played.learning[late] * np.sqrt(frames)).sum() / frames.sum())  # least squares of C sqrt(t)
    return {
        "curves": [
            _curve("learning", played.frames, played.learning, played.learning_error),
            _curve("inaction", played.frames, played.inaction, played.inaction_error),
            _curve("delay", played.frames, played.delay, played.delay_error),
        ],
        "replications": replications,
        "per_frame": rate,
        "crossing": {
            "measured": int(played.frames[at]),
            "regret": float(played.learning[at]),
            "crossed": bool(len(ahead)),
            "from_root": (root / rate) ** 2,
        },
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    import numpy as np
    from matplotlib.ticker import NullFormatter

    from regretlab.plots.concepts import look
    from regretlab.plots.learning import RegretCurve, draw_regret_curves
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 2.7)
        left, middle, right = figure.subplots(1, 3)
        bandit = _curves(data["bandit"]["curves"])
        below = np.asarray(data["bandit"]["bound"])
        draw_regret_curves(left, bandit, bound=RegretCurve("lower bound", bandit[0].frames, below))
        left.plot(
            bandit[0].frames, data["bandit"]["published"], label="published bound", **look("published bound").plain()
        )
        for axes in (left, middle):
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.yaxis.set_minor_formatter(NullFormatter())
        draw_regret_curves(middle, _curves(data["river"]["curves"]))
        draw_regret_curves(right, _curves(data["slow"]["curves"]))
        crossing = data["slow"]["crossing"]
        if crossing["crossed"]:
            right.plot(crossing["measured"], crossing["regret"], zorder=5, **look("simulation").points(markersize=6))
        titles = (f"bandit, {ARMS} arms", "RiverSwim", "slow inference, by part")
        for axes, title in zip((left, middle, right), titles, strict=True):
            axes.set_title(title)
            axes.legend(loc="upper left")
        middle.set_xlim(middle.get_xlim()[0] / 1.5, middle.get_xlim()[1] * 1.5)
        left.set_ylim(top=8 * max(max(curve["regret"]) for curve in data["bandit"]["curves"]))  # room for the legend
        right.ticklabel_format(axis="x", style="sci", scilimits=(0, 3), useMathText=True)
        left.set_ylabel("cumulative regret")
        middle.set_xlabel("frames")
        return figure


def _curves(curves: list[dict[str, Any]]) -> list["RegretCurve"]:
    import numpy as np

    from regretlab.plots.learning import RegretCurve

    from .plays import QUANTILE

    return [
        RegretCurve(
            curve["name"],
            np.asarray(curve["frames"]),
            np.asarray(curve["regret"]),
            QUANTILE * np.asarray(curve["error"]),
        )
        for curve in curves
    ]
