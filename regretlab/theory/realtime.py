r"""The realtime regret: inaction, delay and learning together, per frame, per second and over a horizon.

Per frame, for a staggering rule with inaction fraction phi and served delays a_j:

.. math:: \phi\,g + \sum_j a_j \min(g, \Delta (1 - p^j)),

which is phi g + Delta (1 - phi - S(p)), S(p) = sum_j a_j p^j, while no action is so old that the default behaviour
loses less (Riemer, Subbaraj, Berseth & Rish 2024, Theorem 1, with explicit constants; docs/theory). The delay part has
the weight 1 - phi: a frame is either served by the default behaviour or by an old action, never both. Learning is a
bound on the n = tau / tau_I agent actions of a horizon tau, so it too is counted in the agent's frames only. All three
hold at once for the product of a delay witness and a learning witness (the action is a pair, the rewards add).
"""

import math
from dataclasses import replace

from ..errors import InputError
from ..laws import Law
from ..results import ServiceLaw
from ..rules import FRAME_POOL, get_rule
from ..rules.rule import StaggeringRule
from ..rules.service.service import best_hold, service_law, workers_for_quantile, workers_for_zero_inaction
from .checks import check_positive, check_probability
from .hold import hold_objective
from .learning import LearningBound, learners_to_keep_up, processed_share
from .learning import learning_bound as bound_on_learning
from .loss import FrameLoss
from .report import RegretParts, RegretReport

__all__ = ["RegretParts", "RegretReport", "core_slowdown", "realtime_regret"]


def core_slowdown(workers: float, cores: float, *, learners: int = 0) -> float:
    """Return sigma = max(1, (N_I + N_L + 1)/C), how much slower everything gets on C cores.

    One process each for N_I workers, N_L learners and the environment, shared evenly.

    Parameters
    ----------
    workers, learners
        N_I (finite) and N_L.
    cores
        C, positive.

    Raises
    ------
    InputError
        For no cores, or an unlimited pool.

    Examples
    --------
    >>> core_slowdown(6, 4, learners=1)
    2.0
    """
    if workers == math.inf:
        raise InputError("cores need a finite number of workers to share them, not inf")
    return max(1.0, (workers + learners + 1) / check_positive(cores, "cores"))


def realtime_regret(
    law: Law,
    frame_time: float,
    p: float,
    *,
    workers: float = 1,
    rule: str | StaggeringRule = FRAME_POOL,
    hold: int | str | None = None,
    alignment: str | None = None,
    symbols: int | None = None,
    gap_default: float = 1.0,
    gap_delay: float = 1.0,
    horizon: float | None = None,
    learning_bound: str | None = None,
    states: int | None = None,
    actions: int | None = None,
    diameter: float | None = None,
    episode_length: float | None = None,
    feedback_latency: float | None = None,
    learning_constant: float | None = None,
    learning_weight: float | None = None,
    reward_range: float = 1.0,
    learners: int | None = None,
    batch_time: float | None = None,
    batch_size: int = 1,
    replay_ratio: float = 1.0,
    cores: float | None = None,
    maximum_time: float | None = None,
    service: ServiceLaw | None = None,
    standard_error: float | None = None,
    with_symbolic: bool = False,
) -> RegretReport:
    """Return the regret that inference time forces on an agent.

    Parameters
    ----------
    law
        Law of the inference time, seconds.
    frame_time
        Seconds of a frame.
    p
        Modal probability per frame: how likely the likeliest successor is at least; [1/K, 1] on a ring of K symbols.
    workers, rule, alignment, maximum_time
        As for ``service_law``.
    hold
        Frames outputs are held to under a rule that holds; "auto" (its default) is the hold of least regret per
        frame for these gaps.
    symbols
        K: evaluate the K-symbol ring (W2) instead of the shift register (W1).
    gap_default, gap_delay
        Gaps of the default behaviour and of a wrong action, reward per frame.
    horizon
        Seconds over which to add the regret up; None for rates only. The learning part needs one.
    learning_bound
        One of ``learning.LEARNING_BOUNDS``; None leaves the learning part out.
    states, actions
        S and A (or k) of the learning problem.
    diameter, episode_length
        D and H in frames; times frame time / interaction time they are the theorems' interactions.
    feedback_latency
        G in frames, turned into interactions likewise.
    learning_constant
        c of the finite-MDP bound; see ``learning``.
    learning_weight
        w in [0, 1]: the product witness with reward (1-w) r_delay + w r_learning, so that all rewards stay in [0, 1]:
        ``gap_delay`` is multiplied by 1-w, ``reward_range`` by w. None takes both as they are; the rewards of the
        product then reach up to their sum.
    reward_range
        Reward that the learned part of an action controls.
    learners, batch_time, batch_size, replay_ratio
        N_L learners, seconds per batch, samples a batch and times each interaction is replayed: they give the share of
        the interactions that is processed. None: all are.
    cores
        C: everything slows down by ``core_slowdown`` when there are more processes than cores.
    service
        The service law, if it was simulated or measured; by default the rule's closed form.
    standard_error
        Of the total per frame, if the simulation or measurement that gave ``service`` knows it.
    with_symbolic
        Also give the formula in LaTeX where there is one (imports SymPy).

    Returns
    -------
    RegretReport
        Parts, total, assumptions, witness and method.

    Raises
    ------
    NoClosedForm
        If the rule has no closed form for this law and no ``service`` is given.
    InputError
        For values out of range, or a condition of the learning bound that is not met.

    References
    ----------
    Riemer, Subbaraj, Berseth & Rish 2024, Theorem 1; constants derived in docs/theory.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> realtime_regret(parse_law("3"), 1.0, 0.7, rule="sequential", gap_default=0.9)
    RegretReport(sequential, workers=1: 0.819 per frame = 0.6 inaction + 0.219 delay, closed-form)
    """
    weight = 0.0 if learning_weight is None else check_probability(learning_weight, "learning weight")
    loss = FrameLoss(p, symbols, gap_default, gap_delay * (1.0 - weight))
    if horizon is not None and not (math.isfinite(horizon) and horizon > 0):
        raise InputError(f"horizon must be a positive, finite number of seconds, not {horizon!r}")
    if learning_bound is not None and horizon is None:
        raise InputError(f"learning bound '{learning_bound}' needs a horizon in seconds, and none is given")
    if learning_weight is not None and learning_bound is None:
        raise InputError("a learning weight needs a learning bound")
    if learners is not None and batch_time is None:
        raise InputError("learners need the time of a batch in seconds to say what they process")
    notes: tuple[str, ...] = ()
    if cores is not None:
        if service is not None:
            raise InputError("a service law that is given already holds its cores: give cores or service, not both")
        slowdown = core_slowdown(workers, cores, learners=learners or 0)
        law = law.scaled(slowdown)
        batch_time = None if batch_time is None else batch_time * slowdown
        notes = (f"{cores:g} cores shared evenly: everything takes {slowdown:g} times as long",)
    formula = None
    if service is None:
        service, hold = _service(law, frame_time, loss, workers, rule, hold, alignment, maximum_time)
        capped = loss.last_useful_age < len(service.delay_law) - 1
        in_phases = any("keep their phases" in note for note in service.assumptions)
        # the formulas are those of uniform phases, and of frames that no default action improves
        if with_symbolic and not capped and not in_phases:
            from .symbolic.formulas import total_regret_latex

            formula = total_regret_latex(
                law, get_rule(rule), workers=workers, symbols=symbols, alignment=alignment, hold=_frames(hold)
            )
    elif hold == "auto":
        raise InputError("a service law that is given has its hold already: hold cannot be 'auto'")
    parts = RegretParts(loss.inaction(service), loss.delay(service))
    learning = None
    if learning_bound is not None and horizon is not None:
        scale = service.frame_time / service.interaction_time
        learning = bound_on_learning(
            learning_bound,
            interactions=horizon / service.interaction_time,
            actions=actions,
            states=states,
            diameter=None if diameter is None else diameter * scale,
            episode_length=None if episode_length is None else episode_length * scale,
            latency=None if feedback_latency is None else feedback_latency * scale,
            share=_share(learners, batch_time, batch_size, replay_ratio, service),
            constant=learning_constant,
            reward_range=reward_range if learning_weight is None else reward_range * weight,
        )
        parts = replace(parts, learning=learning.value * service.frame_time / horizon)
        notes += _learning_notes(learning, learning_weight, loss)
    keep_up = None
    if batch_time is not None and math.isfinite(service.interaction_time):
        keep_up = learners_to_keep_up(
            batch_time, service.interaction_time, batch_size=batch_size, replay_ratio=replay_ratio
        )
    return RegretReport(
        per_frame=parts,
        service=service,
        service_value=service.service_value(loss.decay),
        mode_probability=float(p),
        symbols=symbols,
        gap_default=float(gap_default),
        gap_delay=loss.gap_delay,
        horizon=None if horizon is None else float(horizon),
        witness=_witness(symbols, learning),
        workers_for_zero_inaction=workers_for_zero_inaction(law, frame_time, maximum_time=maximum_time),
        workers_for_quantile=workers_for_quantile(law, frame_time),
        method=service.method,
        standard_error=service.standard_error if standard_error is None else standard_error,
        assumptions=(*service.assumptions, *_assumptions(symbols, learning), *notes),
        hold=_frames(hold),
        learning=learning,
        learners_to_keep_up=keep_up,
        symbolic=formula,
    )


def _service(
    law: Law,
    frame_time: float,
    loss: FrameLoss,
    workers: float,
    rule: str | StaggeringRule,
    hold: int | str | None,
    alignment: str | None,
    maximum_time: float | None,
) -> tuple[ServiceLaw, int | None]:
    """Return the service law of a rule, and the hold that was chosen or given."""
    chosen = get_rule(rule)
    if hold == "auto" or (hold is None and chosen.holds):
        if not chosen.holds:
            raise InputError(f"rule '{chosen}' has no hold, and 'auto' is given")
        hold = best_hold(law, frame_time, hold_objective(loss), workers=workers)
    service = service_law(
        law, frame_time, workers=workers, rule=chosen, hold=hold, alignment=alignment, maximum_time=maximum_time
    )
    return service, _frames(hold)


def _frames(hold: int | str | None) -> int | None:
    return None if hold is None else int(hold)


def _share(
    learners: int | None, batch_time: float | None, batch_size: int, replay_ratio: float, service: ServiceLaw
) -> float:
    if learners is None or batch_time is None:
        return 1.0
    return processed_share(
        learners, batch_time, service.interaction_time, batch_size=batch_size, replay_ratio=replay_ratio
    )


def _witness(symbols: int | None, learning: LearningBound | None) -> str:
    if symbols is None:
        late = (
            "shift register W1: independent symbols, the likeliest with probability p; the action must name the symbol"
        )
    else:
        late = f"ring W2: {symbols} symbols, the shown one stays with probability p, else jumps uniformly to another"
    return late if learning is None else f"product of ({late}) and the hard instance of '{learning.name}'"


def _assumptions(symbols: int | None, learning: LearningBound | None) -> tuple[str, ...]:
    if symbols is None:
        worst = "worst case over MDPs of modal probability at least p with enough actions (at least p^-d for delay d)"
    else:
        worst = f"exact for the ring of {symbols} symbols, not a bound for every MDP"
    known = "the agent knows the optimal action of each observation: learning is left out"
    return (worst, "the gap of the default behaviour is constant", *((known,) if learning is None else ()))


def _learning_notes(learning: LearningBound, weight: float | None, loss: FrameLoss) -> tuple[str, ...]:
    if weight is None:
        reach = loss.gap_delay + learning.reward_range
        together = f"the rewards of the delay and the learning witness add, up to {reach:g} a frame"
    else:
        together = f"rewards are {1 - weight:g} times the delay witness's and {weight:g} times the learning witness's"
    conditions = "; ".join(learning.conditions)
    return (
        f"learning: {learning.reference}" + (f" (met: {conditions})" if conditions else ""),
        *learning.assumptions,
        together,
    )
