"""A claim: a number predicted by theory, the same number measured in a run, and what the comparison says.

The comparison is an equivalence test. Before the run a claim states the tolerance: the largest deviation that would not
matter. With the 99 % interval of the measured value,

* the claim *holds* if the whole interval lies within the tolerance of the prediction,
* it is *violated* if the whole interval lies outside,
* else the run was too short: *inconclusive*, with the power the comparison had (the probability that a run
  of this precision would have shown that the claim holds, were the theory exactly right).

So a noisy run cannot pass, and a long run cannot fail over a deviation too small to matter.

Where the prediction is a lower bound (``judge_above``) only a value below it speaks against the theory: the claim holds
if the whole interval lies above the bound less the tolerance, and is violated if it lies below the bound.

A claim may name *rivals*: other theories with their predictions. It holds only if the interval excludes all of them;
the nearest is reported.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..errors import InputError
from ..records.batch_means import MOST_BATCHES
from ..results import interval_quantile

__all__ = ["CONFIDENCE", "QUANTILE", "Claim", "Source", "Verdict", "judge", "judge_above"]

Verdict = Literal["holds", "violated", "inconclusive"]
Source = Literal["realtime", "virtual", "simulation"]

CONFIDENCE = 0.99
"""Confidence of the intervals that verdicts rest on."""
QUANTILE = interval_quantile(CONFIDENCE, MOST_BATCHES - 1)
"""Half-width of that interval in standard errors: Student's t for the 32 batches behind a standard error."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Claim:
    """A claim and its verdict.

    Attributes
    ----------
    name
        Short name, for example ``delay-regret[p=0.95,d=5]``.
    statement
        One sentence a reader can check.
    predicted
        From theory.
    measured
        From the run.
    standard_error
        Of the measured value (of the difference where the prediction uses figures of the same run).
    tolerance
        Largest deviation that would not matter, stated before the run.
    source
        "realtime" or "virtual": the clock of the run; "simulation": nothing was played on the cartridge.
    verdict
        "holds", "violated" or "inconclusive".
    power
        Probability that a run of this precision shows "holds" if the prediction is exact.
    quantile
        Half-width of the interval in standard errors.
    rival, rival_predicted
        The nearest wrong theory and what it predicts; empty and None where none was named.
    identity
        Whether the prediction uses so much of the run itself that a wrong theory of the delays would pass as well: it
        checks the machinery.
    group
        What it is about: ``PlannedRun.group`` of its run, or "bound".
    """

    name: str
    statement: str
    predicted: float
    measured: float
    standard_error: float
    tolerance: float
    source: Source
    verdict: Verdict
    power: float
    quantile: float = QUANTILE
    rival: str = ""
    rival_predicted: float | None = None
    identity: bool = False
    group: str = ""

    @property
    def passed(self) -> bool:
        """True only if the claim holds."""
        return self.verdict == "holds"

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of the measured value, at ``CONFIDENCE`` (of all runs at once where a claim is about many)."""
        half = self.quantile * self.standard_error
        return self.measured - half, self.measured + half

    def to_json(self) -> dict[str, Any]:
        """Return the claim as plain values, as the command line prints it."""
        return {**asdict(self), "passed": self.passed}


def judge(
    name: str,
    statement: str,
    *,
    predicted: float,
    measured: float,
    standard_error: float,
    tolerance: float,
    source: Source,
    rivals: Mapping[str, float] | None = None,
    identity: bool = False,
) -> Claim:
    """Compare a measured value with its prediction.

    Parameters
    ----------
    name, statement
        What is claimed.
    predicted, measured, standard_error
        The two values and the standard error of their difference.
    tolerance
        Largest deviation that would not matter, in the unit of the values.
    source
        The clock of the run.
    rivals
        Wrong theories, by a name that reads alone, and their predictions.
    identity
        As in ``Claim``.

    Returns
    -------
    Claim
        With verdict and power.

    Raises
    ------
    InputError
        If a value is not finite, the standard error is negative or the tolerance is not positive.

    Examples
    --------
    >>> judge("x", "x is 1", predicted=1, measured=1.01, standard_error=0.001, tolerance=0.02, source="virtual").verdict
    'holds'
    >>> judge("x", "x is 1", predicted=1, measured=1.01, standard_error=0.01, tolerance=0.02, source="virtual").verdict
    'inconclusive'
    >>> judge("x", "x is 1", predicted=1, measured=1.1, standard_error=0.01, tolerance=0.02, source="virtual").verdict
    'violated'
    >>> near = {"x is 1.015": 1.015}
    >>> values = {"predicted": 1, "measured": 1.01, "standard_error": 0.003, "tolerance": 0.02, "source": "virtual"}
    >>> judge("x", "x is 1", **values, rivals=near).verdict
    'inconclusive'
    """
    _check(name, predicted, measured, standard_error, tolerance)
    distance, half = abs(measured - predicted), QUANTILE * standard_error
    verdict: Verdict = "inconclusive"
    if distance + half <= tolerance:
        verdict = "holds"
    elif distance - half > tolerance:
        verdict = "violated"
    rival, rival_predicted = "", None
    if rivals:
        rival = min(rivals, key=lambda other: abs(rivals[other] - predicted))
        rival_predicted = rivals[rival]
        if verdict == "holds" and min(abs(measured - value) for value in rivals.values()) <= half:
            verdict = "inconclusive"  # another theory would do as well
    room = tolerance - half
    if room <= 0:
        power = 0.0
    elif standard_error == 0:
        power = 1.0
    else:
        power = math.erf(room / standard_error / math.sqrt(2.0))
    return Claim(
        name,
        statement,
        predicted,
        measured,
        standard_error,
        tolerance,
        source,
        verdict,
        power,
        rival=rival,
        rival_predicted=rival_predicted,
        identity=identity,
    )


def judge_above(
    name: str,
    statement: str,
    *,
    limit: float,
    measured: float,
    standard_error: float,
    tolerance: float,
    source: Source,
    quantile: float = QUANTILE,
) -> Claim:
    """Compare a measured value with a lower bound: only a value below it speaks against the bound.

    Parameters
    ----------
    name, statement, measured, standard_error, tolerance, source
        As for ``judge``.
    limit
        The lower bound.
    quantile
        Half-width of the interval in standard errors; larger where several intervals must hold at once.

    Raises
    ------
    InputError
        If a value is not finite, the standard error is negative or the tolerance is not positive.

    Examples
    --------
    >>> values = {"limit": 1, "standard_error": 0.001, "tolerance": 0.02, "source": "simulation"}
    >>> [judge_above("x", "x >= 1", measured=m, **values).verdict for m in (7, 1, 0.99)]
    ['holds', 'holds', 'violated']
    """
    _check(name, limit, measured, standard_error, tolerance)
    half = quantile * standard_error
    verdict: Verdict = "inconclusive"
    if measured + half < limit - _ROUNDING:
        verdict = "violated"
    elif measured - half >= limit - tolerance:
        verdict = "holds"
    room = tolerance - half
    power = (
        float(room >= 0.0) if standard_error == 0 else 0.5 * (1.0 + math.erf(room / standard_error / math.sqrt(2.0)))
    )
    return Claim(name, statement, limit, measured, standard_error, tolerance, source, verdict, power, quantile)


def _check(name: str, predicted: float, measured: float, standard_error: float, tolerance: float) -> None:
    """Raise ``InputError`` for values that cannot be compared."""
    if not all(map(math.isfinite, (predicted, measured, standard_error))) or standard_error < 0:
        raise InputError(
            f"claim '{name}' needs finite values and a standard error of 0 or more, not predicted {predicted}, "
            f"measured {measured}, standard error {standard_error}"
        )
    if not tolerance > 0:
        raise InputError(f"claim '{name}' needs a positive tolerance, not {tolerance}")
