r"""Closed forms of the staggering rules: who serves a frame, and how old the observation behind its action is.

With x = T / frame_time, D = ceil(x), f_j = P(D = j) and N workers (derivations in docs/theory):

==================== ============================== ===================================================
rule                 phi                            served delay
==================== ============================== ===================================================
sequential           1 - 1/E D                      a_j = f_j / E D
sequential-strict    E D / (1 + E D)                a_j = f_j / (1 + E D)
unstaggered, T const max(0, 1 - 1/x)                ceil(v + x), v uniform on [0, min(1, x))
max-time             max(0, 1 - N/x), x = tau_max   ceil(v + x), v uniform on [0, min(1, x/N))
max-time on frames   max(0, 1 - N/ceil(x))          ceil(x)
frame-pool, N large  prod_j (1 - f_j)               a_j = f_j prod_{i<j} (1 - f_i)
frame-pool, N finite stationary chain               stationary chain (``finite_pools``)
==================== ============================== ===================================================

In the evenly spaced rules v is how long before its frame an output is released. When outputs come more often than
frames the last one of each frame is the freshest and wins, so v is at most the spacing: delays are shorter than the
ceil(u + x), u uniform on [0, 1), of a single phase-uniform inference.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..laws import Law
from ..laws.law import check_frame_time
from ..results import Method, ServiceLaw
from .finite_pools import blocking_bound, finite_pool
from .rule import Alignment, get_rule

__all__ = ["NoClosedForm", "service_law", "workers_for_zero_inaction"]

_TAU_MAX_QUANTILE = 0.999
_UNBLOCKED = 1e-12
_INDEPENDENT = "inference times are independent of each other and of the path"


class NoClosedForm(InputError):  # noqa: N818 - the condition, not a fault
    """The rule has no closed form for this law: simulate it."""


@dataclass(frozen=True)
class _Request:
    law: Law
    frame_time: float
    workers: float
    alignment: Alignment
    maximum_time: float | None

    def mean_and_pmf(self) -> tuple[float, NDArray[np.float64]]:
        return self.law.mean_delay_frames(self.frame_time), self.law.frame_pmf(self.frame_time)

    def longest(self) -> tuple[float, str]:
        """Return tau_max in frames and where it comes from."""
        if self.maximum_time is not None:
            return self.maximum_time / self.frame_time, f"tau_max = {self.maximum_time:g} s, as given"
        end = self.law.maximum()
        if math.isfinite(end):
            return end / self.frame_time, f"tau_max = {end:g} s, the upper end of the law"
        end = self.law.quantile(_TAU_MAX_QUANTILE)
        return end / self.frame_time, f"tau_max = {end:g} s, the 99.9 % quantile of the law (which has no upper end)"


_Answer = tuple[float, NDArray[np.float64], Method, tuple[str, ...]]


def service_law(
    law: Law,
    frame_time: float,
    *,
    workers: float = 1,
    rule: str = "frame-pool",
    alignment: str | None = None,
    maximum_time: float | None = None,
) -> ServiceLaw:
    """Return the long-run inaction fraction and served-delay law of a rule.

    Parameters
    ----------
    law
        Law of the inference time, seconds.
    frame_time
        Seconds of a frame.
    workers
        Number of workers, at least 1; ``math.inf`` for the unlimited pool.
    rule
        Name of the staggering rule.
    alignment
        "frame" or "uniform" where the rule leaves a choice; None for its default.
    maximum_time
        tau_max in seconds (max-time only); by default the upper end of the law, else its 99.9 % quantile.

    Returns
    -------
    ServiceLaw
        With the method and the assumptions behind it.

    Raises
    ------
    NoClosedForm
        If the rule has none for this law and number of workers.
    InputError
        For an unknown rule, or workers or an alignment the rule does not allow.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> service_law(parse_law("expon(scale=2.5)"), 1.0, rule="sequential").inaction_fraction
    0.670320046035...
    >>> service_law(parse_law("5.3"), 1.0, rule="max-time", workers=3).inaction_fraction
    0.433962264150...
    """
    chosen = get_rule(rule)
    _check_workers(workers)
    chosen.check_workers(workers)
    if maximum_time is not None and not (math.isfinite(maximum_time) and maximum_time > 0):
        raise InputError(f"maximum time must be a positive, finite number of seconds, not {maximum_time!r}")
    request = _Request(law, check_frame_time(frame_time), workers, chosen.choose_alignment(alignment), maximum_time)
    if rule not in _CLOSED_FORMS:
        raise NoClosedForm(f"rule '{rule}' has no closed form: simulate it")
    phi, delays, method, assumptions = _CLOSED_FORMS[rule](request)
    return ServiceLaw(
        rule=rule,
        workers=workers,
        frame_time=request.frame_time,
        inaction_fraction=min(1.0, max(0.0, phi)),
        delay_law=delays,
        method=method,
        assumptions=(_INDEPENDENT, *assumptions),
    )


def _check_workers(workers: float) -> None:
    if not workers >= 1 or (workers != math.inf and workers != int(workers)):
        raise InputError(f"workers must be a whole number of at least 1 or inf, not {workers!r}")


def _sequential(request: _Request) -> _Answer:
    mean, pmf = request.mean_and_pmf()
    return 1.0 - 1.0 / mean, pmf / mean, "closed-form", ()


def _strict(request: _Request) -> _Answer:
    mean, pmf = request.mean_and_pmf()
    return mean / (1.0 + mean), pmf / (1.0 + mean), "closed-form", ()


def _evenly_spaced(x: float, spacing: float) -> tuple[float, NDArray[np.float64]]:
    """Phi and delays of outputs released every ``spacing`` frames, each x frames after its observation's phase."""
    width = min(1.0, spacing)
    whole = math.floor(x + 1e-7)
    fraction = max(0.0, x - whole)
    # ceil(v + x), v uniform on [0, width): whole + 1 while v <= 1 - fraction (whole itself only at v = fraction = 0)
    first = 1.0 if width == 0.0 else min(1.0, (1.0 - fraction) / width)
    if width == 0.0 and fraction <= 1e-7:
        whole -= 1
    delays = np.zeros(whole + 3)
    delays[whole + 1], delays[whole + 2] = first, 1.0 - first
    phi = max(0.0, 1.0 - 1.0 / spacing) if spacing > 0 else 0.0
    return phi, (1.0 - phi) * delays


def _unstaggered(request: _Request) -> _Answer:
    if request.law.kind != "constant":
        raise NoClosedForm(
            f"rule 'unstaggered' has no closed form for the varying inference time {request.law.text}: simulate it"
        )
    x = request.law.mean() / request.frame_time
    phi, delays = _evenly_spaced(x, x)
    return phi, delays, "closed-form", ("the common start is at a uniform phase of the frame",)


def _max_time(request: _Request) -> _Answer:
    x, origin = request.longest()
    if request.alignment == "uniform":
        phi, delays = _evenly_spaced(x, x / request.workers)
        return phi, delays, "closed-form", (origin, "starts fall at uniform phases of the frame")
    cycle = max(1, math.ceil(x - 1e-7))
    phi = max(0.0, 1.0 - request.workers / cycle)
    delays = np.zeros(cycle + 1)
    delays[cycle] = 1.0 - phi
    return (
        phi,
        delays,
        "closed-form",
        (origin, "starts lie on frame boundaries, so a cycle is a whole number of frames"),
    )


def _frame_pool(request: _Request) -> _Answer:
    pmf = request.law.frame_pmf(request.frame_time)
    if request.workers == math.inf or blocking_bound(pmf, int(request.workers)) < _UNBLOCKED:
        before = np.concatenate(([1.0], np.cumprod(1.0 - pmf)[:-1]))
        method: Method = "closed-form" if request.law.kind == "constant" else "series"
        return float(np.prod(1.0 - pmf)), pmf * before, method, ("a worker is idle at every boundary",)
    result = finite_pool(request.law, request.frame_time, int(request.workers))
    if result is None:
        raise NoClosedForm(
            f"a frame pool of {request.workers:g} workers with inference time {request.law.text} has too many states"
            " for the exact chain: simulate it"
        )
    return result.inaction_fraction, result.delay_law, "exact", result.assumptions


_CLOSED_FORMS: dict[str, Callable[[_Request], _Answer]] = {
    "sequential": _sequential,
    "sequential-strict": _strict,
    "unstaggered": _unstaggered,
    "max-time": _max_time,
    "frame-pool": _frame_pool,
}


def workers_for_zero_inaction(law: Law, frame_time: float, *, maximum_time: float | None = None) -> int:
    """Return N_I* = ceil(tau_max / frame_time): enough workers under max-time for an action on every frame.

    Riemer, Subbaraj, Berseth & Rish 2024, Remark 2. It holds for outputs held to tau_max; released on completion, some
    inaction stays with any number of workers.

    Parameters
    ----------
    law
        Law of the inference time, seconds.
    frame_time
        Seconds of a frame.
    maximum_time
        tau_max in seconds; by default the upper end of the law, else its 99.9 % quantile.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> workers_for_zero_inaction(parse_law("5.3"), 1.0)
    6
    """
    request = _Request(law, check_frame_time(frame_time), 1, "uniform", maximum_time)
    return max(1, math.ceil(request.longest()[0] - 1e-7))
