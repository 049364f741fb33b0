"""The paper's claims, which figure puts each to the test, and what came out.

A figure's module lists the ``CLAIMS`` it stands for; its ``compute`` returns a judgement for each, made from the data
it draws. The gallery's table is made from these, so no verdict in it was typed in.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

__all__ = ["CLAIMS", "claim_rows", "judge_growth", "judgement", "said"]

CLAIMS: dict[int, str] = {
    1: "Theorem 1: realtime regret is the sum of a learning, an inaction and a delay part, each with a lower bound.",
    2: "Remark 1: with sequential inference slower than a frame, regret per unit of time does not vanish.",
    3: "Remark 2: with ceil(tau_max / frame time) staggered workers the inaction part is zero.",
    4: "Algorithm 1, staggering by the maximum time: the interval between actions does not vary.",
    5: "Algorithm 2, staggering by the expected time: fewer workers for the same rate, and intervals that vary.",
    6: "Enough asynchronous learners make learning keep up with acting.",
    7: "Pokemon: staggered inference with concurrent learning makes more progress per frame than sequential play.",
    8: "Tetris: against model size, asynchronous inference keeps more reward than sequential interaction.",
    9: "Atari, frame by frame: the same, for once and twice as deep networks.",
    10: "The workers and learners needed grow about linearly with inference time and with parameters.",
}
"""The claims of Riemer, Subbaraj, Berseth & Rish 2024 (arXiv 2412.14355), in our words."""

OUTCOMES = ("holds", "holds on a stand-in", "holds in part", "undecided", "does not hold")
"""A stand-in is a game or a player of our own in place of the paper's; undecided: no difference
between players that beat random play differs significantly from zero."""


def judgement(outcome: str, because: str) -> dict[str, str]:
    """Return one judgement: an outcome and the figures it rests on.

    Parameters
    ----------
    outcome
        One of ``OUTCOMES``.
    because
        The reason, with numbers, in a few words.
    """
    assert outcome in OUTCOMES, outcome
    return {"outcome": outcome, "because": because}


def judge_growth(fit: dict[str, float], what: str, percent: int) -> dict[str, str]:
    """Return the judgement of growth that the paper calls about linear in parameters.

    It holds where the interval of the exponent holds 1, and in part for exponents from 0.5 to 1.5.

    Parameters
    ----------
    fit
        ``slope`` of the log-log fit and its ``interval`` (half-width).
    what
        What grows.
    percent
        Of the interval.
    """
    slope, half = fit["slope"], fit["interval"]
    outcome = "holds" if abs(slope - 1) <= half else "holds in part" if 0.5 <= slope <= 1.5 else "does not hold"
    return judgement(outcome, f"{what} grows as the parameters to the power {slope:.2f} ± {half:.2f} ({percent} %)")


def said(judged: dict[str, dict[str, str]]) -> str:
    """Return a figure's judgements as a paragraph of its caption."""
    parts = [f"{number} {entry['outcome']} ({entry['because']})" for number, entry in judged.items()]
    return "Of the paper's claims: " + "; ".join(parts) + "."


def claim_rows(figures: Sequence[tuple[str, ModuleType, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return a row for each claim with the judgement of each figure.

    Parameters
    ----------
    figures
        Name, module and data of each figure that is there.
    """
    return [
        {
            "number": number,
            "claim": claim,
            "figures": [
                {"name": name, "title": module.TITLE, **data["judged"][str(number)]}
                for name, module, data in figures
                if str(number) in data.get("judged", {})
            ],
        }
        for number, claim in CLAIMS.items()
    ]
