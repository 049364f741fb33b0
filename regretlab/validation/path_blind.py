"""Rules held against the lower bound: path-blind ones drawn at random, and one that looks at the world.

A rule's ages depend on inference times alone, so the loss of a frame is averaged over the world exactly: a frame served
at age j loses min(g, l_j), a default frame g. What is left to chance is the inference times. The limits of all settings
hold at once (Bonferroni over the settings, Student's t for the batches behind each standard error).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..laws import Law, constant, law_from_samples, parse_law
from ..planning.watching import WatchingRule, optimal_watching_rule
from ..records.batch_means import MOST_BATCHES, batch_means
from ..results import interval_quantile
from ..theory.any_rule import lower_bound_of_law
from ..theory.loss import AgeLoss, FrameLoss
from . import _kernels
from .claim import Claim, Source, Verdict, judge, judge_above

__all__ = [
    "PathBlindRule",
    "Played",
    "lower_bound_claim",
    "nearest_claim",
    "play_rule",
    "play_watching_rule",
    "random_rule",
    "watching_claim",
]

TOLERANCE = 0.005
"""Reward per frame: by how much a run may fail to show that it lies above the bound."""
WATCHING_TOLERANCE = 0.015
"""Less than half of what lies between that rule (.198) and the bound over path-blind rules (.2305)."""
LEVEL = 0.01
"""Probability that any of the settings of a right bound is called violated."""
_SPAN = 512
_LAWS = (
    "gamma({shape}, scale={mean_by_shape})",
    "expon(scale={mean})",
    "uniform({half}, {mean})",
    "lognorm(0.7, scale={mean})",
)


@dataclass(frozen=True)
class PathBlindRule:
    """A rule that never looks at the world, with its law, its workers and its service model. Times are in frames.

    Attributes
    ----------
    law, workers, loss
        Inference times, N, and what a frame loses by the age of its action.
    length
        0: an output serves one frame; H: a chunk of H ages; ``inf``: until a fresher one comes.
    eagerness
        0: an idle worker starts at once; else on each boundary with this probability.
    hold
        A worker is busy for at least so long.
    threshold
        Inferences are given up after that; ``inf`` for never.
    order
        Of unused outputs: "freshest", "oldest" or "random".
    keep
        Unused outputs kept at most.
    first
        First start of each worker.
    """

    law: Law
    workers: int
    loss: AgeLoss
    length: float = 0.0
    eagerness: float = 0.0
    hold: float = 0.0
    threshold: float = math.inf
    order: str = "freshest"
    keep: int = 2**31
    first: tuple[float, ...] = ()

    def lower_bound(self) -> float:
        """Return the regret per frame that no rule of its service model and threshold can stay below."""
        return lower_bound_of_law(
            self.law,
            1.0,
            self.loss,
            workers=self.workers,
            service_model="chunk" if self.length else "once",
            chunk=self.length or None,
            cancel_after=None if math.isinf(self.threshold) else self.threshold,
        ).regret_per_frame


@dataclass(frozen=True)
class Played:
    """What a rule loses per frame, with its standard error, and the age of each frame's action (-1 for none)."""

    regret: float
    standard_error: float
    ages: NDArray[np.int64]


def play_rule(rule: PathBlindRule, frames: int, seed: int, *, warm_up: int = 1_000, span: int = _SPAN) -> Played:
    """Play a rule for that many frames after ``warm_up`` frames; unused outputs are kept below the age ``span``.

    Examples
    --------
    >>> rule = PathBlindRule(constant(3.0), 1, FrameLoss(0.9), eagerness=1.0)
    >>> round(play_rule(rule, 3_000, 1).regret, 6), round(rule.lower_bound(), 6)
    (0.757, 0.757)
    """
    rng = np.random.default_rng(seed)
    total = frames + warm_up
    busy = max(rule.hold, float(rule.law.mean_up_to(min(rule.threshold, 1e9))))
    starts = int(1.3 * rule.workers * (total / busy + 10)) + 1_000
    ages = np.empty(total, dtype=np.int64)
    _kernels.play(
        rule.law.sample(rng, starts),
        np.asarray(rule.first or (0.0,) * rule.workers, dtype=np.float64),
        rng.random(2**16),
        rule.eagerness,
        rule.hold,
        rule.threshold,
        float(min(rule.length, 2**31)),
        ("freshest", "oldest", "random").index(rule.order),
        rule.keep,
        span,
        ages,
    )
    ages = ages[warm_up:]
    lost = np.where(ages < 0, rule.loss.gap_default, rule.loss.of_age(np.maximum(ages, 0)))
    return Played(*batch_means(lost, MOST_BATCHES), ages)


def random_rule(rng: np.random.Generator) -> PathBlindRule:
    """Return a rule drawn at random; one in three is of a kind that can attain its bound."""
    loss = FrameLoss(float(rng.choice([0.8, 0.9, 0.97])), None, float(rng.choice([0.6, 1.0])), 1.0)
    length = float(rng.choice([0.0, 0.0, 4.0, math.inf]))
    kind = rng.integers(6)
    if kind == 0:  # constant whole times, evenly spaced on the boundaries
        spacing, workers = int(rng.integers(1, 4)), int(rng.integers(1, 4))
        first = tuple(float(spacing * i) for i in range(workers))
        return PathBlindRule(constant(float(spacing * workers)), workers, loss, length, first=first)
    if kind == 1:  # one worker, whole times, an output serves one frame
        samples = rng.integers(1, 6, size=4).astype(np.float64)
        return PathBlindRule(law_from_samples(samples), 1, loss, 0.0)
    mean = float(rng.uniform(0.8, 6.0))
    shape = float(rng.choice([0.5, 2.0, 4.0]))
    text = str(rng.choice(_LAWS)).format(shape=shape, mean=mean, mean_by_shape=mean / shape, half=mean / 2)
    law = law_from_samples(rng.integers(1, 7, size=5).astype(np.float64)) if kind == 2 else parse_law(text)
    workers = int(rng.integers(1, 9))
    return PathBlindRule(
        law,
        workers,
        loss,
        length,
        eagerness=float(rng.choice([0.0, 0.3, 1.0])),
        hold=float(rng.choice([0.0, 0.0, mean])),
        threshold=float(rng.choice([math.inf, math.inf, 1.5 * mean])),
        order=str(rng.choice(["freshest", "freshest", "oldest", "random"])),
        keep=int(rng.choice([0, 1, 2**31])),
        first=tuple(rng.uniform(0.0, law.mean(), size=workers)),
    )


def lower_bound_claim(settings: int, frames: int, seed: int, *, factor: float = 1.0) -> Claim:
    """Return the claim that no random rule loses less than the lower bound, shown by its nearest case.

    Parameters
    ----------
    settings, frames, seed
        Rules drawn, frames played of each, and the seed of both.
    factor
        What the bound is multiplied by: more than 1 must come out as violated.
    """
    rng = np.random.default_rng(seed)
    rules = [random_rule(rng) for _ in range(settings)]
    played = [play_rule(rule, frames, int(rng.integers(2**32))) for rule in rules]
    limits = [factor * rule.lower_bound() for rule in rules]
    return nearest_claim(
        "lower-bound-random",
        f"{settings} path-blind rules drawn at random lose no less than the lower bound over all rules (the nearest is "
        "shown; limits of all at once)",
        limits,
        [(one.regret, one.standard_error) for one in played],
        source="simulation",
    )


def nearest_claim(
    name: str,
    statement: str,
    limits: Sequence[float],
    measured: Sequence[tuple[float, float]],
    *,
    source: Source,
    tolerance: float = TOLERANCE,
) -> Claim:
    """Return the claim that no measured value lies below its limit, judged by simultaneous error limits."""
    quantile = interval_quantile(1.0 - 2.0 * LEVEL / len(limits), MOST_BATCHES - 1)
    claims = [
        judge_above(
            name,
            statement,
            limit=limit,
            measured=value,
            standard_error=error,
            tolerance=tolerance,
            source=source,
            quantile=quantile,
        )
        for limit, (value, error) in zip(limits, measured, strict=True)
    ]
    worst: tuple[Verdict, ...] = ("violated", "inconclusive", "holds")
    return min(claims, key=lambda claim: (worst.index(claim.verdict), claim.interval[0] - claim.predicted))


def play_watching_rule(rule: WatchingRule, law: Law, p: float, frames: int, seed: int) -> tuple[float, float]:
    """Play what a rule that looks at the world decides, with symbols; return its regret per frame and standard error.

    Times are in frames, and a frame without a fitting action loses 1. The world shows a new number where its symbol
    does not stay; nothing here knows of the decision process but the rule's decisions.
    """
    rng = np.random.default_rng(seed)
    moves, times = rng.random(frames) >= p, law.sample(rng, rule.workers * frames)
    symbol, started, lost = 0, 0, np.ones(frames)
    waiting: list[int] = []  # symbols for which an output is at hand
    busy: list[tuple[int, int, int]] = []  # start, completion, symbol observed
    for k in range(frames):
        symbol += int(moves[k])
        waiting += [seen for _, end, seen in busy if end <= k]
        busy = [one for one in busy if one[1] > k]
        fitting = waiting.count(symbol)
        if fitting:
            lost[k] = 0.0
        at_hand = min(fitting, 1) if rule.service_model == "repeat" else min(fitting, rule.store)
        starts, given_up = rule.decision(at_hand, [(k - start, seen == symbol) for start, _, seen in busy])
        for elapsed, fits in given_up:
            busy.remove(next(one for one in busy if k - one[0] == elapsed and (one[2] == symbol) == fits))
        for _ in range(starts):
            busy.append((k, k + max(1, math.ceil(times[started] - 1e-9)), symbol))
            started += 1
        if fitting and rule.service_model == "once":
            waiting.remove(symbol)
        waiting = [seen for seen in waiting if seen == symbol]
    return batch_means(lost, MOST_BATCHES)


def watching_claim(frames: int, seed: int) -> Claim:
    """Return the claim that a rule that looks at the world loses less than any path-blind rule can."""
    law, p = constant(2.0), 0.9
    rule = optimal_watching_rule(law, 1.0, p)
    limit = lower_bound_of_law(law, 1.0, FrameLoss(p), service_model="repeat").regret_per_frame
    value, error = play_watching_rule(rule, law, p, frames, seed)
    return judge(
        "rule-that-watches",
        "one worker of two frames that starts when its action stops fitting loses this, below the "
        f"{limit:.4g} that no path-blind rule can undercut (p = {p:g}, actions repeated)",
        predicted=rule.regret_upper,
        measured=value,
        standard_error=error,
        tolerance=WATCHING_TOLERANCE,
        source="simulation",
    )
