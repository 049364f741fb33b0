"""DQN and Rainbow on beacon with late actions, against the closed form of what can be earned."""

from typing import TYPE_CHECKING, Any

from .differences import difference, sign

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "agents-late"
TITLE = "Reward of agents that learn, late by so many frames, against what theory allows"
CLAIMS = (9,)
CLAIM = (
    "An agent that acts in every frame loses what delay costs, one that pauses for each inference loses the paused "
    "frames too; learned policies come to what the theory allows either."
)
RESULTS_READ = ("results/beacon_delay.parquet", "delays.py", "differences.py")
PLAYERS = ("DQN", "Rainbow", "oracle")


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the committed results and the closed form; nothing is played here."""
    from .delays import WAYS, read_cases
    from .looks import words_of

    cases, metadata = read_cases("beacon_delay")
    experiment = metadata["configuration"]["experiment"]
    symbols, stay = (experiment["environment_options"][key] for key in ("symbols", "mode_probability"))
    delays = sorted({case["delay"] for case in cases if case["case"] in PLAYERS})
    allowed = {way: [_allowed(delay, way, symbols, stay) for delay in delays] for way in WAYS}
    points = {
        player: {
            way: [
                [case["reward_per_frame"], case["interval"]]
                for case in cases
                if (case["case"], case["interaction"]) == (player, way)
            ]
            for way in WAYS
        }
        for player in PLAYERS
    }
    random = next([case["reward_per_frame"], case["interval"]] for case in cases if case["case"] == "random")
    return {
        "delays": delays,
        "allowed": allowed,
        "points": points,
        "random": random,
        "judged": {"9": _judged(cases)},
        "caption": (
            f"The cartridge beacon with {symbols} symbols that stay with probability {stay:g}, simulated delay. Wide "
            "strokes: the most that can be earned, 1/K + (1 - 1/K) lambda^d in each frame with an action. Points: "
            f"DQN, Rainbow and the oracle, which receives the symbol, in the last {100 * experiment['counted']:.0f} % "
            "of "
            f"{experiment['frames']:,} frames; means over {experiment['seeds']} seeds with 95 % intervals (Student's "
            "t). Sequential: after each action as many frames of no-op as the delay, so fewer actions to learn from. "
            f"Played on {metadata['machine']} by `{metadata['command']}`."
        ),
        "verdict": "; ".join(
            f"{delay} {'frame' if delay == 1 else 'frames'} {words_of(way)}: allowed {allowed[way][index]:.3f}, "
            + ", ".join(
                f"{player} {points[player][way][index][0]:.3f} ± {points[player][way][index][1]:.2g}"
                for player in PLAYERS
            )
            for way in WAYS
            for index, delay in enumerate(delays)
        )
        + ".",
    }


def _judged(cases: list[dict[str, Any]]) -> dict[str, str]:
    from .claims import judgement
    from .delays import WAYS

    seeds = {(case["case"], case["delay"], case["interaction"]): case["by_seed"] for case in cases}
    late = sorted({(player, delay) for player, delay, _ in seeds if player in ("DQN", "Rainbow")})
    pairs = [sign(difference(*(seeds[player, delay, way] for way in WAYS))) > 0 for player, delay in late]
    return judgement(
        "holds on a stand-in" if all(pairs) else "does not hold",
        f"agents that learned, on beacon, networks of one depth: the 95 % interval of the difference has "
        f"staggered play ahead in {sum(pairs)} of {len(pairs)} pairs of DQN and Rainbow",
    )


def _allowed(delay: int, way: str, symbols: int, stay: float) -> float:
    """Return the closed form: reward per frame of the optimum on the ring under a known delay."""
    rate = 1 - (1 - stay) * symbols / (symbols - 1)
    acting = 1 / symbols + (1 - 1 / symbols) * rate**delay
    return acting if way == "asynchronous" else acting / (delay + 1)


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    from regretlab.plots.concepts import SHADED, look
    from regretlab.plots.style import house_figure, house_style

    from .delays import WAYS
    from .looks import words_of

    with house_style():
        figure = house_figure("text", 3.0)
        axes = figure.subplots(1, len(WAYS), sharey=True)
        for panel, way in zip(axes, WAYS, strict=True):
            for place, allowed in enumerate(data["allowed"][way]):
                label = "allowed" if place == 0 else None
                wide = look("prediction").plain(linewidth=6, alpha=2 * SHADED)
                panel.plot([place - 0.32, place + 0.32], [allowed] * 2, label=label, **wide)
            for offset, (player, ways) in zip((-0.2, 0.0, 0.2), data["points"].items(), strict=True):
                places = [place + offset for place in range(len(data["delays"]))]
                means, halves = zip(*ways[way], strict=True)
                panel.errorbar(places, means, halves, label=player, **look(player).points(capsize=3))
            panel.axhline(data["random"][0], label="random play", **look("random play").plain(linewidth=1))
            panel.set_xticks(range(len(data["delays"])), [str(delay) for delay in data["delays"]])
            panel.set_xlabel("delay, frames")
            panel.set_title(words_of(way))
            panel.set_xlim(-0.5, len(data["delays"]) - 0.5)
        axes[0].set_ylabel("reward per frame")
        axes[0].set_ylim(0, 1)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper")
        return figure
