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
free-running           (1 - q)^N, q = E min(x,1)/E x   the freshest of the frame (``independent_workers``)
max-time               max(0, 1 - N/x), x = tau_max    ceil(v + x), v uniform on [0, min(1, x/N))
max-time on frames     max(0, 1 - N/ceil(x))           ceil(x)
expected-time          none: simulate
frame-pool, N large    prod_j (1 - f_j)                a_j = f_j prod_{i<j} (1 - f_i)
frame-hold, N large    (1 - F_h) prod_{j>h} (1 - f_j)  the same for max(D, h)
either, N finite       stationary chain                stationary chain (``frame_pools``)
====================== =============================== ===================================================

In the evenly spaced rules v is how long before its frame an output is released. When outputs come more often than
frames the last one of each frame is the freshest and wins, so v is at most the spacing: delays are shorter than the
ceil(u + x), u uniform on [0, 1), of a single phase-uniform inference.
"""

import math
from dataclasses import replace

import numpy as np

from ...errors import InputError
from ...laws import FRAME_TOLERANCE, Law
from ...laws.law import check_frame_time
from ...results import ServiceLaw
from ..registry import get_rule, known_rules
from ..rule import HoldObjective, StaggeringRule
from .frame_pools import UNBLOCKED, blocking_bound, finite_pool, frame_pool, values_of_holds
from .frame_service import NoClosedForm, ServiceRequest, known_maximum

__all__ = ["NoClosedForm", "best_hold", "service_law", "workers_for_zero_inaction"]

_MAX_TIME = "max-time"
_INDEPENDENT = "inference times are independent of each other and of the path"


def service_law(
    law: Law,
    frame_time: float,
    *,
    workers: float = 1,
    rule: str | StaggeringRule = "frame-pool",
    hold: int | str | None = None,
    alignment: str | None = None,
    maximum_time: float | None = None,
    learning_time: Law | None = None,
    drop_out_of_order: bool = False,
    service_model: str = "once",
    limit: float = math.inf,
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
        The staggering rule, or its name.
    hold
        Frames that a rule with a hold holds outputs to, at least 0 (0 and 1: not at all); see ``best_hold``.
    alignment
        "frame" or "uniform" where the rule leaves a choice; None for its default.
    maximum_time
        tau_max in seconds (for rules that space their starts by it); by default the upper end of the law, else its
        99.9 % quantile.
    learning_time
        Law of the time in seconds that a blocking learner takes after each action (rules that allow it); None:
        learning does not block.
    drop_out_of_order
        Pools only: drop outputs whose observation is older than one acted on before, instead of applying them.
    service_model
        "once": an output acts in one frame. "chunk": until a fresher one comes. "repeat": the same, but its later
        frames count as default ones.
    limit
        Frames of age from which no output acts ("once", "chunk").

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
    if learning_time is not None and not chosen.takes_learning_time:
        able = " and ".join(f"'{other}'" for other in known_rules() if other.takes_learning_time)
        raise InputError(f"learning blocks acting under rule {able} only, not under '{chosen}'")
    if drop_out_of_order and not chosen.pool:
        pools = " and ".join(str(other) for other in known_rules() if other.pool)
        raise InputError(f"outputs are dropped out of order by {pools} only, not by '{chosen}'")
    frames = _check_hold(chosen, hold)
    if law.server is not None and workers > 1:
        raise NoClosedForm(f"{law.server}, and workers that wait for each other have no closed form: simulate it")
    if isinstance(chosen.closed_form, str):
        raise NoClosedForm(f"rule '{chosen}' has no closed form ({chosen.closed_form}): simulate it")
    request = ServiceRequest(
        law,
        check_frame_time(frame_time),
        workers,
        chosen,
        chosen.choose_alignment(alignment),
        frames,
        maximum_time,
        learning_time,
    )
    service = chosen.closed_form(request)
    assumptions = (_INDEPENDENT, *service.assumptions)
    if chosen.holds:
        assumptions = (*assumptions, f"outputs are held to {frames} frame{'' if frames == 1 else 's'}")
    if drop_out_of_order and service.in_order_law is not None:
        kept = service.in_order_law
        service = replace(service, delay_law=kept, inaction_fraction=1.0 - float(kept.sum()))
        assumptions = (*assumptions, "outputs older than one acted on before are dropped")
    age_law = None
    if service_model != "once":
        service = service.lasting(limit, service_model == "repeat")
        assumptions = (*assumptions, "an output older than the one in force is discarded")
        if service_model == "repeat" and service.ages is not None:
            age_law = service.ages.law()
    elif limit < len(service.delay_law):
        fresh = service.delay_law[: int(limit)]
        lost = float(service.delay_law[int(limit) :].sum())
        service = replace(service, delay_law=fresh, inaction_fraction=service.inaction_fraction + lost)
    return ServiceLaw(
        rule=chosen.name,
        workers=workers,
        frame_time=request.frame_time,
        inaction_fraction=min(1.0, max(0.0, service.inaction_fraction)),
        delay_law=service.delay_law,
        method=service.method,
        mean_age=None if math.isnan(service.mean_age) else service.mean_age * request.frame_time,
        peak_age=None if math.isnan(service.peak_age) else service.peak_age * request.frame_time,
        assumptions=assumptions,
        age_law=age_law,
    )


def _check_workers(workers: float) -> None:
    if not workers >= 1 or (workers != math.inf and workers != int(workers)):
        raise InputError(f"workers must be a whole number of at least 1 or inf, not {workers!r}")


def _check_hold(rule: StaggeringRule, hold: int | str | None) -> int:
    """Return the hold in frames, at least 1 (an output never takes effect earlier)."""
    if not rule.holds:
        if hold is not None:
            raise InputError(f"rule '{rule}' has no hold, and {hold!r} is given")
        return 1
    if isinstance(hold, str) or hold is None or not (0 <= hold < math.inf) or hold != int(hold):
        raise InputError(f"rule '{rule}' needs a hold of at least 0 whole frames, not {hold!r}")
    return max(1, int(hold))


def best_hold(law: Law, frame_time: float, objective: HoldObjective, *, workers: float = math.inf) -> int:
    """Return the hold of a pool of least regret per frame, phi g + sum_j a_j min(g, l_j); the shortest of equals.

    Parameters
    ----------
    law, frame_time, workers
        As for ``service_law``.
    objective
        p (on a ring its eigenvalue lambda), g and Delta.

    Raises
    ------
    NoClosedForm
        If the finite pool has none.
    InputError
        For values out of range.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> best_hold(parse_law("gamma(4, scale=0.8)"), 1.0, HoldObjective(0.9))
    5
    """
    from .. import FRAME_HOLD

    p, gap_default, gap_delay = objective.retention, objective.gap_default, objective.gap_delay
    _check_workers(workers)
    request = ServiceRequest(law, check_frame_time(frame_time), workers, FRAME_HOLD, "frame")
    pmf, _ = request.delays()
    worth = np.maximum(0.0, gap_default - gap_delay * (1.0 - p ** np.arange(len(pmf))))
    regret = gap_default - values_of_holds(pmf, worth)[1]
    if workers != math.inf and blocking_bound(pmf, int(workers)) >= UNBLOCKED:
        # every frame loses at least g or the loss of an action h frames old: most holds need no chain
        least = math.inf
        floor = gap_default - worth
        for h in sorted(range(1, len(pmf)), key=regret.__getitem__):
            if floor[h] > least:
                regret[h] = math.inf
                continue
            service = finite_pool(law, request.frame_time, int(workers), h, with_ages=False)
            service = service or frame_pool(replace(request, hold=h))
            shares = service.delay_law[: len(worth)]  # an output held to h <= J is at most J frames old
            regret[h] = gap_default - float(shares @ worth[: len(shares)])
            least = min(least, regret[h])
    regret[0] = math.inf
    return int(np.flatnonzero(regret <= regret.min() + 1e-12)[0])


def workers_for_zero_inaction(
    law: Law,
    frame_time: float,
    *,
    rule: str | StaggeringRule = _MAX_TIME,
    maximum_time: float | None = None,
    hold: int | None = None,
    service_model: str = "once",
    limit: float = math.inf,
    keeps: bool = False,
    longest_time: float = math.inf,
) -> int | None:
    r"""Return the fewest workers with which a rule leaves no frame without an agent action in the long run.

    With D = ceil(x) the delay in frames and D_max its upper end, where an output acts once and is dropped if unused:

    * T <= one frame: 1 worker under every rule but ``sequential-strict``, which acts every second frame at best;
    * max-time: N_I* = ceil(tau_max / frame_time) (Riemer, Subbaraj, Berseth & Rish 2024, Remark 2), because its outputs
      are held to tau_max; the rules that space their starts by another time do the same if all times are equal;
    * frame-hold: D_max if the hold is D_max or longer, else none; frame-pool: D if all inferences take D frames, else
      none, because a fast inference after slow ones leaves the frames in between;
    * workers that run by themselves (free-running, unstaggered): none, because their phases meet.

    Unused outputs that are all kept make the number of outputs decide: N >= E[T] / frame_time for workers that run by
    themselves (at equality the share of frames without an action vanishes as the root of time), the same as above for
    max-time, D_max for pools. Where a chunk lasts to any age, one worker is enough.

    Parameters
    ----------
    law
        Law of the inference time, seconds.
    frame_time
        Seconds of a frame.
    rule
        The rule.
    maximum_time
        tau_max in seconds for max-time; by default the upper end of the law.
    hold
        Frames, of a rule that holds.
    service_model, limit
        As for ``service_law``: "chunk" with its length, "repeat" (a frame is without an action if no fresh one comes).
    keeps
        Whether all unused outputs are kept, to any age.
    longest_time
        Seconds; inferences that would take longer count as if they took as long.

    Returns
    -------
    int or None
        None where no number suffices. Under max-time that is a law without an upper end: tau_max, the longest time
        seen, then grows without limit. A quantile of the law as ``longest_time`` gives a number for that quantile.

    Raises
    ------
    NoClosedForm
        Where only a simulation gives the number: chunks of limited length, repeated actions, and rules that space
        starts by a mean or a quantile of times that vary within bounds.

    References
    ----------
    Derived in docs/theory ("Staggering rules").

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> workers_for_zero_inaction(parse_law("5.3"), 1.0), workers_for_zero_inaction(parse_law("expon"), 1.0)
    (6, None)
    >>> workers_for_zero_inaction(parse_law("expon(scale=2.5)"), 1.0, rule="free-running", keeps=True)
    3
    """
    frame, chosen = check_frame_time(frame_time), get_rule(rule)
    if service_model == "chunk" and math.isinf(limit):
        return 1
    longest = known_maximum(law, maximum_time if chosen.takes_maximum_time else None)
    longest = min(longest, longest_time)
    bounded = math.isfinite(longest)
    most = max(1, math.ceil(longest / frame - FRAME_TOLERANCE)) if bounded else None
    if not chosen.is_built_in:
        raise NoClosedForm(f"rule '{chosen}', which is not the package's own,")
    if chosen.cycle_rest:
        return None
    if service_model == "repeat" and bounded and not (chosen.pool or chosen.single_worker):
        raise NoClosedForm("repeated actions, which an output of the same observation does not replace,")
    if most == 1:
        return 1
    if service_model == "chunk":
        if not bounded:
            return None
        raise NoClosedForm("chunks of limited length")
    if chosen.takes_maximum_time:
        return most
    equal, alone = law.std() == 0.0, chosen.independent or chosen.name == "unstaggered"
    if keeps and alone:
        mean = law.mean() if math.isinf(longest_time) else float(law.mean_up_to(longest_time))
        return math.ceil(mean / frame - FRAME_TOLERANCE) if math.isfinite(mean) else None
    if keeps and not (chosen.pool or chosen.single_worker or equal):
        raise NoClosedForm(f"rule '{chosen}' with kept outputs and times that vary")
    if chosen.single_worker or alone or most is None:
        return None
    if chosen.pool:
        held = keeps or (hold is not None and hold >= most)
        shorter = law.cdf((most - 1) * frame + (0.0 if law.kind == "scipy" else FRAME_TOLERANCE * frame))
        return most if held or float(shorter) == 0.0 else None
    if equal:
        return most
    raise NoClosedForm(f"rule '{chosen}' with times that vary")
