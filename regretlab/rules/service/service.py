r"""Closed forms of the staggering rules: who serves a frame, and how old the observation behind its action is.

With x = T / frame_time, D = ceil(x), f_j = P(D = j) and N workers (derivations in docs/theory):

====================== =============================== ===================================================
rule                   phi                             served delay
====================== =============================== ===================================================
sequential             1 - 1/E D                       a_j = f_j / E D
.. learning blocks     1 - 1/E C, C = ceil(x + x_L)    a_j = f_j / E C
sequential-strict      E D / (1 + E D)                 a_j = f_j / (1 + E D)
unstaggered, T const   max(0, 1 - 1/x)                 ceil(v + x), v uniform on [0, min(1, x))
unstaggered, T varies  as free-running                 as free-running
free-running           (1 - q)^N, q = E min(x,1)/E x   the freshest of the frame (``free_running``)
max-time               max(0, 1 - N/x), x = tau_max    ceil(v + x), v uniform on [0, min(1, x/N))
max-time on frames     max(0, 1 - N/ceil(x))           ceil(x)
expected-time          none: simulate
frame-pool, N large    prod_j (1 - f_j)                a_j = f_j prod_{i<j} (1 - f_i)
frame-hold, N large    (1 - F_h) prod_{j>h} (1 - f_j)  the same for max(D, h)
either, N finite       stationary chain                stationary chain (``finite_pools``)
====================== =============================== ===================================================

In the evenly spaced rules v is how long before its frame an output is released. When outputs come more often than
frames the last one of each frame is the freshest and wins, so v is at most the spacing: delays are shorter than the
ceil(u + x), u uniform on [0, 1), of a single phase-uniform inference.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...laws import FRAME_TOLERANCE, Law, SampleLaw
from ...laws.law import check_frame_time
from ...results import ServiceLaw
from ..rule import Alignment, get_rule
from .even_spacing import even_spacing, frame_aligned_cycle
from .finite_pools import finite_pool
from .frame_service import FrameService, renewal_ages
from .free_running import free_running
from .learning_cycle import learning_cycle
from .loss_formulas import blocking_bound
from .unlimited_pool import unlimited_pool, values_of_holds

__all__ = ["NoClosedForm", "best_hold", "service_law", "workers_for_zero_inaction"]

_TAU_MAX_QUANTILE = 0.999
_UNBLOCKED = 1e-12
_NEARLY_UNBLOCKED = 1e-4
_TAILS = (1e-13, 1e-10, 1e-8)
_INDEPENDENT = "inference times are independent of each other and of the path"
_POOLS = ("frame-pool", "frame-hold")


class NoClosedForm(InputError):  # noqa: N818 - the condition, not a fault
    """The rule has no closed form for this law: simulate it (method "simulation")."""


@dataclass(frozen=True)
class _Request:
    law: Law
    frame_time: float
    workers: float
    rule: str
    alignment: Alignment
    hold: int
    maximum_time: float | None
    learning_time: Law | None

    def delays(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Return the law of D, and what was cut off it where its tail is heavy."""
        for tail in _TAILS[:-1]:
            try:
                return self.law.frame_pmf(self.frame_time, tail=tail), ()
            except InputError:
                continue
        pmf = self.law.frame_pmf(self.frame_time, tail=_TAILS[-1])
        return pmf, (f"delays above {len(pmf) - 1} frames (probability {_TAILS[-1]:.0e}) are left out",)

    def constant_time(self) -> float | None:
        """Return the inference time in seconds if it is always the same, else None."""
        same = self.law.kind == "constant" or (
            isinstance(self.law, SampleLaw) and self.law.seconds[0] == self.law.seconds[-1]
        )
        return self.law.maximum() if same else None

    def longest(self) -> tuple[float, str]:
        """Return tau_max in frames and where it comes from."""
        if self.maximum_time is not None:
            return self.maximum_time / self.frame_time, f"tau_max = {self.maximum_time:g} s, as given"
        end = self.law.maximum()
        if math.isfinite(end):
            return end / self.frame_time, f"tau_max = {end:g} s, the upper end of the law"
        end = self.law.quantile(_TAU_MAX_QUANTILE)
        return end / self.frame_time, f"tau_max = {end:g} s, the 99.9 % quantile of the law (which has no upper end)"


def service_law(
    law: Law,
    frame_time: float,
    *,
    workers: float = 1,
    rule: str = "frame-pool",
    hold: int | str | None = None,
    alignment: str | None = None,
    maximum_time: float | None = None,
    learning_time: Law | None = None,
    drop_out_of_order: bool = False,
    p: float | None = None,
    gap_default: float = 1.0,
    gap_delay: float = 1.0,
) -> ServiceLaw:
    """Return the long-run inaction fraction, served-delay law and age of information of a rule.

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
    hold
        Frames that ``frame-hold`` holds outputs to, at least 0 (0 and 1: not at all), or "auto": the hold of least
        regret per frame for the given ``p`` and gaps.
    alignment
        "frame" or "uniform" where the rule leaves a choice; None for its default.
    maximum_time
        tau_max in seconds (max-time only); by default the upper end of the law, else its 99.9 % quantile.
    learning_time
        Law of the time in seconds that a blocking learner takes after each action (sequential only); None: learning
        does not block.
    drop_out_of_order
        Pools only: drop outputs whose observation is older than one acted on before, instead of applying them.
    p
        Modal probability per frame (on a ring its eigenvalue lambda), for ``hold="auto"`` only.
    gap_default, gap_delay
        Gaps g and Delta, for ``hold="auto"`` only.

    Returns
    -------
    ServiceLaw
        With the method and the assumptions behind it.

    Raises
    ------
    NoClosedForm
        If the rule has none for this law and number of workers.
    InputError
        For an unknown rule, or an argument that the rule does not allow.

    References
    ----------
    Derived in docs/theory, "Staggering rules"; rules of Riemer, Subbaraj, Berseth & Rish 2024 and frame pools.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> service_law(parse_law("expon(scale=2.5)"), 1.0, rule="sequential").inaction_fraction
    0.670320046035...
    >>> service_law(parse_law("5.3"), 1.0, rule="max-time", workers=3).inaction_fraction
    0.433962264150...
    >>> gamma = parse_law("gamma(4, scale=0.8)")
    >>> held = service_law(gamma, 1.0, workers=math.inf, rule="frame-hold", hold=5)
    >>> round(held.inaction_fraction, 12), round(held.service_value(0.9), 12)
    (0.113958120263, 0.521644380983)
    """
    chosen = get_rule(rule)
    _check_workers(workers)
    chosen.check_workers(workers)
    if maximum_time is not None and not (math.isfinite(maximum_time) and maximum_time > 0):
        raise InputError(f"maximum time must be a positive, finite number of seconds, not {maximum_time!r}")
    if learning_time is not None and rule != "sequential":
        raise InputError(f"learning blocks acting under rule 'sequential' only, not under '{rule}'")
    if drop_out_of_order and rule not in _POOLS:
        raise InputError(f"outputs are dropped out of order by {' and '.join(_POOLS)} only, not by '{rule}'")
    frames = 1
    if hold == "auto":
        frames = best_hold(law, frame_time, p, workers=workers, rule=rule, gap_default=gap_default, gap_delay=gap_delay)
    elif rule == "frame-hold" or hold is not None:
        frames = _check_hold(rule, hold)
    request = _Request(
        law,
        check_frame_time(frame_time),
        workers,
        rule,
        chosen.choose_alignment(alignment),
        frames,
        maximum_time,
        learning_time,
    )
    service = _CLOSED_FORMS[rule](request)
    assumptions = (_INDEPENDENT, *service.assumptions)
    if rule == "frame-hold":
        assumptions = (*assumptions, f"outputs are held to {frames} frames")
    if drop_out_of_order and service.in_order_law is not None:
        kept = service.in_order_law
        service = replace(service, delay_law=kept, inaction_fraction=1.0 - float(kept.sum()))
        assumptions = (*assumptions, "outputs older than one acted on before are dropped")
    return ServiceLaw(
        rule=rule,
        workers=workers,
        frame_time=request.frame_time,
        inaction_fraction=min(1.0, max(0.0, service.inaction_fraction)),
        delay_law=service.delay_law,
        method=service.method,
        mean_age=None if math.isnan(service.mean_age) else service.mean_age * request.frame_time,
        peak_age=None if math.isnan(service.peak_age) else service.peak_age * request.frame_time,
        assumptions=assumptions,
    )


def _check_workers(workers: float) -> None:
    if not workers >= 1 or (workers != math.inf and workers != int(workers)):
        raise InputError(f"workers must be a whole number of at least 1 or inf, not {workers!r}")


def _check_hold(rule: str, hold: int | str | None) -> int:
    """Return the hold in frames, at least 1 (an output never takes effect earlier)."""
    if rule != "frame-hold":
        raise InputError(f"rule '{rule}' has no hold, and {hold!r} is given")
    if isinstance(hold, str) or hold is None or not (0 <= hold < math.inf) or hold != int(hold):
        raise InputError(f"rule 'frame-hold' needs a hold of at least 0 whole frames or 'auto', not {hold!r}")
    return max(1, int(hold))


def _sequential(request: _Request) -> FrameService:
    if request.learning_time is not None:
        return learning_cycle(request.law, request.learning_time, request.frame_time)
    return _one_cycle(request, rest=0)


def _strict(request: _Request) -> FrameService:
    return _one_cycle(request, rest=1)


def _one_cycle(request: _Request, rest: int) -> FrameService:
    """Cycles of D + rest frames, one of them served."""
    pmf, notes = request.delays()
    mean = request.law.mean_delay_frames(request.frame_time)
    frames = np.arange(len(pmf)) + rest
    square = math.inf if math.isinf(request.law.std()) else float(pmf @ frames**2)
    if notes and math.isfinite(square):
        square = math.nan  # the table is too short for a second moment
    age, peak = renewal_ages(mean, mean + rest, square)
    cycle = mean + rest
    return FrameService(1.0 - 1.0 / cycle, pmf / cycle, "closed-form", notes, age, peak)


def _unstaggered(request: _Request) -> FrameService:
    seconds = request.constant_time()
    if seconds is None:
        service = _independent(request)
        note = "started together, workers whose times vary drift apart: these are the figures of the long run"
        return replace(service, assumptions=(note, *service.assumptions))
    x = seconds / request.frame_time
    service = even_spacing(x, x)
    return replace(service, assumptions=("the common start is at a uniform phase of the frame",))


def _free_running(request: _Request) -> FrameService:
    service = _independent(request)
    if request.constant_time() is None:
        return service
    note = "constant times never mix: the mean over independent uniform phases, one run keeps the phases it has"
    return replace(service, assumptions=(*service.assumptions, note))


def _independent(request: _Request) -> FrameService:
    if math.isinf(request.workers):
        raise InputError(f"rule '{request.rule}' needs a finite number of workers: only pools have a limit")
    service = free_running(request.law, request.frame_time, int(request.workers))
    if service is None:
        raise NoClosedForm(f"the tail of {request.law.text} is too heavy for rule '{request.rule}': simulate it")
    return service


def _max_time(request: _Request) -> FrameService:
    x, origin = request.longest()
    if request.alignment == "uniform":
        service = even_spacing(x, x / request.workers)
        notes = (origin, "starts fall at uniform phases of the frame")
    else:
        service = frame_aligned_cycle(max(1, math.ceil(x - FRAME_TOLERANCE)), request.workers)
        notes = (origin, "starts lie on frame boundaries, so a cycle is a whole number of frames")
    return replace(service, assumptions=notes)


def _expected_time(request: _Request) -> FrameService:
    raise NoClosedForm("rule 'expected-time' has no closed form (its load is exactly 1): simulate it")


def _frame_pool(request: _Request) -> FrameService:
    pmf, notes = request.delays()
    blocked = 0.0 if math.isinf(request.workers) else blocking_bound(pmf, int(request.workers))
    if blocked >= _UNBLOCKED:
        service = _finite_pool(request)
        if service is not None:
            return service
        if blocked > _NEARLY_UNBLOCKED:
            raise NoClosedForm(
                f"a frame pool of {request.workers:g} workers with inference time {request.law.text}"
                " has too many states for the exact chain: simulate it"
            )
        notes = (*notes, f"no worker is idle at up to {blocked:.1g} of the boundaries: phi may be larger by that much")
    service = unlimited_pool(pmf, request.hold)
    method = service.method if request.constant_time() is None else "closed-form"
    return replace(service, method=method, assumptions=(*service.assumptions, *notes))


def _finite_pool(request: _Request, *, with_ages: bool = True) -> FrameService | None:
    return finite_pool(request.law, request.frame_time, int(request.workers), request.hold, with_ages=with_ages)


_CLOSED_FORMS: dict[str, Callable[[_Request], FrameService]] = {
    "sequential": _sequential,
    "sequential-strict": _strict,
    "unstaggered": _unstaggered,
    "free-running": _free_running,
    "max-time": _max_time,
    "expected-time": _expected_time,
    "frame-pool": _frame_pool,
    "frame-hold": _frame_pool,
}


def best_hold(
    law: Law,
    frame_time: float,
    p: float | None,
    *,
    workers: float = math.inf,
    rule: str = "frame-hold",
    gap_default: float = 1.0,
    gap_delay: float = 1.0,
) -> int:
    """Return the hold h of least regret per frame, phi g + sum_j a_j min(g, Delta (1 - p^j)); the shortest of equals.

    Parameters
    ----------
    law, frame_time, workers
        As for ``service_law``.
    p
        Modal probability per frame, or lambda on a ring.
    rule
        The rule that holds.
    gap_default, gap_delay
        g and Delta, at least 0.

    Raises
    ------
    NoClosedForm
        If the finite pool has none.
    InputError
        For values out of range.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> best_hold(parse_law("gamma(4, scale=0.8)"), 1.0, 0.9)
    5
    """
    if rule != "frame-hold":
        raise InputError(f"rule '{rule}' has no hold, and 'auto' is given")
    if p is None or not 0 <= p <= 1:
        raise InputError(f"hold 'auto' needs a modal probability in [0, 1], not {p!r}")
    for name, gap in (("gap of the default behaviour", gap_default), ("gap of a wrong action", gap_delay)):
        if not (math.isfinite(gap) and gap >= 0):
            raise InputError(f"{name} must be a finite number of at least 0, not {gap!r}")
    _check_workers(workers)
    request = _Request(law, check_frame_time(frame_time), workers, rule, "frame", 1, None, None)
    pmf, _ = request.delays()
    worth = np.maximum(0.0, gap_default - gap_delay * (1.0 - p ** np.arange(len(pmf))))
    regret = gap_default - values_of_holds(pmf, worth)[1]
    if workers != math.inf and blocking_bound(pmf, int(workers)) >= _UNBLOCKED:
        # every frame loses at least g or the loss of an action h frames old: most holds need no chain
        least = math.inf
        floor = gap_default - worth
        for h in sorted(range(1, len(pmf)), key=regret.__getitem__):
            if floor[h] > least:
                regret[h] = math.inf
                continue
            service = _finite_pool(replace(request, hold=h), with_ages=False) or _frame_pool(replace(request, hold=h))
            shares = service.delay_law[: len(worth)]  # an output held to h <= J is at most J frames old
            regret[h] = gap_default - float(shares @ worth[: len(shares)])
            least = min(least, regret[h])
    regret[0] = math.inf
    return int(np.flatnonzero(regret <= regret.min() + 1e-12)[0])


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
    request = _Request(law, check_frame_time(frame_time), 1, "max-time", "uniform", 1, maximum_time, None)
    return max(1, math.ceil(request.longest()[0] - FRAME_TOLERANCE))
