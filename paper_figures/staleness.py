"""Does the theory of witness MDPs carry over to games that are none: reward predicted from staleness, and measured."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "NAME", "RESULTS_READ", "TITLE", "compute", "draw"]

NAME = "staleness"
TITLE = "Reward of late decisions in three games, predicted from their staleness and measured"
CLAIM = (
    "In a witness MDP a decision that is d frames late earns what the staleness curve says: the share of decisions "
    "that "
    "are still the same d frames later. Games that are not witnesses need not follow it."
)
RESULTS_READ = ("results/staleness.json",)


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return predictions and measurements from the committed results; nothing is played here."""
    from .measurements.provenance import read_results

    results = read_results("staleness")
    games = {name: _compared(values) for name, values in results["games"].items()}
    made = [f"{told['measured'][:10]} on {told['machine']}" for told in _provenances(results["games"])]
    return {
        "games": games,
        "caption": (
            "Scripts decide by what they see now, one decision a frame (stacker: SearchPlayer, which does not count in "
            "what it did since; duel, third encounter: DuelPlayer, which presses once and waits; Boxing: the "
            "script of that figure). Points: reward per frame when each decision takes effect d frames late. Line: "
            "F + (R - F) q(d), with R the reward without delay, F that of random play and "
            "q(d) the share of decisions that are the same as d frames before, in play without delay: the delay part "
            f"of the bound with equal gaps. Means over {results['seeds']} seeds of {results['frames']:,} frames with "
            f"95 % intervals (Student's t). Measured {' and '.join(made)} by `{results['provenance']['command']}`."
        ),
        "verdict": (
            " ".join(_said(name, game) for name, game in games.items())
            + " A late decision can cost more than its frame (on stacker the script steers past its place again and "
            "again) or less (in Boxing a punch or a step is as good two frames later), and where the game waits for "
            "its player it costs time (on duel no decision gets worse, but each is waited for): the staleness curve "
            "says what delay costs only where a decision matters in its own frame alone."
        ),
    }


def _provenances(games: dict[str, Any]) -> list[dict[str, str]]:
    """Return where the games were measured, each place and day once."""
    found = {(game["provenance"]["measured"][:10], game["provenance"]["machine"]): game for game in games.values()}
    return [game["provenance"] for game in found.values()]


def _compared(values: dict[str, Any]) -> dict[str, Any]:
    import numpy as np
    from scipy import stats

    rewards = {delay: np.asarray(row) for delay, row in values["reward"].items()}
    floor, best = rewards.pop("random"), rewards["0"]

    def with_interval(row: Any) -> list[float]:
        half = stats.t.ppf(0.975, len(row) - 1) * np.std(row, ddof=1) / len(row) ** 0.5
        return [float(np.mean(row)), float(half)]

    delays = [int(delay) for delay in rewards]
    predicted = [floor + (best - floor) * np.asarray(values["agreement"][str(delay)]) for delay in delays]
    errors = [prediction - rewards[str(delay)] for delay, prediction in zip(delays, predicted, strict=True)]
    return {
        "delays": delays,
        "measured": [with_interval(rewards[str(delay)]) for delay in delays],
        "predicted": [with_interval(row) for row in predicted],
        "error": [with_interval(row) for row in errors],
        "random": with_interval(floor),
    }


def _said(name: str, game: dict[str, Any]) -> str:
    late = [(delay, *error) for delay, error in zip(game["delays"], game["error"], strict=True) if delay]
    inside = [delay for delay, error, half in late if abs(error) <= half]
    above = [delay for delay, error, half in late if error > half]
    below = [delay for delay, error, half in late if error < -half]
    parts = [
        f"{text} at {', '.join(map(str, delays))} {'frame' if delays == [1] else 'frames'}"
        for text, delays in (
            ("prediction within the 95 % interval", inside),
            ("too high", above),
            ("too low", below),
        )
        if delays
    ]
    worst = max(game["error"], key=lambda pair: abs(pair[0]))
    best = game["measured"][0][0]
    return f"{name}: {'; '.join(parts)}; largest error {worst[0]:+.3g} ± {worst[1]:.2g} of {best:.3g} without delay."


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    import numpy as np

    from regretlab.plots.concepts import SHADED, look
    from regretlab.plots.style import house_figure, house_style

    with house_style():
        figure = house_figure("page", 3.0)
        drawn = figure.subplots(1, len(data["games"]), squeeze=False)[0]
        for axes, (name, game) in zip(drawn, data["games"].items(), strict=True):
            means, halves = zip(*game["measured"], strict=True)
            places = range(len(game["delays"]))
            predicted, around = np.asarray(game["predicted"]).T
            theory = look("prediction")
            axes.plot(places, predicted, label="predicted from staleness", **theory.plain())
            axes.fill_between(
                places, predicted - around, predicted + around, color=theory.colour, alpha=SHADED, linewidth=0
            )
            axes.errorbar(places, means, halves, label="measured", **look("virtual clock").points(capsize=3))
            axes.axhline(game["random"][0], label="random play", **look("random play").plain(linewidth=1))
            axes.set_xticks(list(places), [str(delay) for delay in game["delays"]])
            axes.set_xlabel("delay d, frames")
            axes.set_title("Boxing" if name == "boxing" else name)  # our cartridges have small letters
        drawn[0].set_ylabel("reward per frame")
        figure.legend(*drawn[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        return figure
