"""Regret per frame against inference time, sequential and staggered: theory and play on the cartridge.

Stands for two claims of the paper: with sequential inference regret per unit time does not vanish once an inference
takes longer than a frame (Remark 1), and ceil(tau_max / frame time) staggered workers leave only the part that the age
of the observations costs (Remark 2). Curves are closed forms; points are runs of the virtual clock, which play the
cartridge with the same rules as the realtime processes, with 99 % intervals.
"""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CLAIM", "CLAIMS", "NAME", "TITLE", "compute", "draw"]

NAME = "regret"
TITLE = "Regret against inference time at a glance"
CLAIMS = (2,)
CLAIM = (
    "Remarks 1 and 2: with sequential inference regret per unit time does not vanish once an inference takes longer "
    "than "
    "a frame; enough staggered workers leave only what the age of the observations costs."
)

SYMBOLS = 8
MODE_PROBABILITY = 0.99
LONGEST = 16.0
"""Frames of the longest inference of the curves."""
PLAYED = {
    "sequential": (1.3819, 4.3819, 9.3819),
    "max-time": (1.3819, 4.3819, 9.3819),
    "frame-pool": (2.6181, 6.6181, 12.6181),
}
"""Frames of an inference of the runs: far from a boundary, and no simple fraction, so that the starts of maximum-time
staggering come to lie at all phases of a frame, as its closed form takes it. The pool has others: bars stay apart."""
RULES = {
    "sequential": ("sequential, one worker", 1),
    "max-time": ("staggered, maximum time", None),
    "frame-pool": ("staggered, frame pool", None),
}
"""Label of each rule, and its number of workers (None: enough to act on every frame)."""


def compute(*, seed: int = 0, quick: bool = False) -> dict[str, Any]:
    """Return the curves and points: seconds and regret per frame."""
    from regretlab.laws import constant
    from regretlab.scenario import Scenario
    from regretlab.theory.realtime import bound

    from .claims import judgement
    from .plays import FRAME_TIME, QUANTILE, cartridge_probability, play_beacon

    frames = 4_000 if quick else 40_000
    frame_time, probability = FRAME_TIME, cartridge_probability(MODE_PROBABILITY, SYMBOLS)

    def regret(rule: str, x: float) -> float:
        law, workers = constant(x * frame_time), _workers(rule, x)
        report = bound(
            Scenario(
                law, frame_time=frame_time, mode_probability=probability, rule=rule, workers=workers, symbols=SYMBOLS
            )
        )
        return report.regret.total

    grid = sorted({step / 20 for step in range(1, int(20 * LONGEST))} | {n + 1e-6 for n in range(1, int(LONGEST))})
    curves = [
        {"rule": rule, "seconds": [x * frame_time for x in grid], "regret": [regret(rule, x) for x in grid]}
        for rule in RULES
    ]
    points: list[dict[str, Any]] = []
    for rule in RULES:
        for x in PLAYED[rule]:
            played = play_beacon(
                rule=rule,
                workers=_workers(rule, x),
                latency=f"constant({x * frame_time!r})",
                frames=frames,
                seed=seed + len(points),
                symbols=SYMBOLS,
                mode_probability=MODE_PROBABILITY,
            )
            points.append(
                {
                    "rule": rule,
                    "seconds": x * frame_time,
                    "predicted": regret(rule, x),
                    "regret": played["regret"],
                    "standard_error": played["regret_error"],
                }
            )
    off = [
        f"{RULES[point['rule']][0]} at {1e3 * point['seconds']:.0f} ms {point['regret']:.4f} in place of "
        f"{point['predicted']:.4f}"
        for point in points
        if abs(point["regret"] - point["predicted"]) >= QUANTILE * point["standard_error"]
    ]
    within = len(points) - len(off)
    slow = [point for point in points if point["rule"] == "sequential"]
    least = min(point["regret"] - QUANTILE * point["standard_error"] for point in slow)
    caption = (
        f"Regret per frame against inference time on the cartridge beacon: {SYMBOLS} symbols, mode probability "
        f"{probability:.6g}, {1 / frame_time:.6g} frames a second. Curves: closed forms for constant inference times. "
        f"Points: {len(points)} runs of {frames:,} frames on the virtual clock, seeds from {seed} on; bars: 99 % "
        "intervals. Staggered rules have as many workers as an inference takes frames, so that a curve jumps where a "
        "frame boundary adds one."
    )
    return {
        "caption": caption,
        "verdict": f"{within} of {len(points)} runs lie within their 99 % interval of the closed form"
        f"{'; off their curve: ' if off else ''}{', '.join(off)}.",
        "judged": {
            "2": judgement(
                "holds" if least > 0 else "does not hold",
                f"sequential runs lose at least {least:.2f} per frame, inferences of "
                f"{PLAYED['sequential'][0]:.1f} frames and more",
            )
        },
        "symbols": SYMBOLS,
        "mode_probability": probability,
        "frame_time": frame_time,
        "frames": frames,
        "seed": seed,
        "curves": curves,
        "points": points,
    }


def draw(data: dict[str, Any]) -> "Figure":
    """Draw what ``compute`` returned."""
    import numpy as np

    from regretlab.plots.concepts import look
    from regretlab.plots.regret import Curve, MeasuredPoint, regret_against_inference_time

    from .plays import QUANTILE

    curves = [
        Curve(RULES[curve["rule"]][0], np.asarray(curve["seconds"]), np.asarray(curve["regret"]), look(curve["rule"]))
        for curve in data["curves"]
    ]
    points = [
        MeasuredPoint(
            "run on the virtual clock",
            "virtual clock",
            RULES[point["rule"]][0],
            point["seconds"],
            point["regret"],
            max(0.0, point["regret"] - QUANTILE * point["standard_error"]),
            point["regret"] + QUANTILE * point["standard_error"],
        )
        for point in data["points"]
    ]
    lowest = min(
        [*(min(curve["regret"]) for curve in data["curves"]), *(point.low for point in points if point.low > 0)]
    )
    return regret_against_inference_time(curves, points, least=0.8 * lowest)


def _workers(rule: str, x: float) -> int:
    return RULES[rule][1] or math.ceil(x)
