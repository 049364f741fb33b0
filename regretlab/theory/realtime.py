r"""The realtime regret: inaction, delay and learning together, per frame, per second and over a horizon.

Per frame, for a staggering rule with inaction fraction phi and served delays a_j:

.. math:: \phi\,g + \sum_j a_j \min(g, \Delta (1 - p^j)),

which is phi g + Delta (1 - phi - S(p)), S(p) = sum_j a_j p^j, while no action is so old that the default behaviour
loses less (Riemer, Subbaraj, Berseth & Rish 2024, Theorem 1, with explicit constants; docs/theory). The delay part has
the weight 1 - phi: a frame is either served by the default behaviour or by an old action, never both. Learning is a
bound on the n = tau / tau_I agent actions of a horizon tau, so it too is counted in the agent's frames only. All three
hold at once for the product of a delay witness and a learning witness (the action is a pair, the rewards add).

Where the last action is repeated, or taken from a chunk, a_j is the share of frames in which the action in force is j
frames old (``rules.service``). Where the mode moves on and an action's delay is not known when it is chosen, it is
right for one delay, and the agent takes the one that serves best (``delay.best_target``).
"""

import math
from dataclasses import replace

import numpy as np

from ..curves import LossCurve, predicted_play
from ..errors import InputError
from ..laws import Law
from ..laws.racing import fastest_of
from ..results import RegretParts, ServiceLaw
from ..rules import get_rule
from ..rules.service.frame_service import TAU_MAX_QUANTILE
from ..rules.service.service import NoClosedForm, best_hold, service_law, workers_for_zero_inaction
from ..scenario import SERVICE_FIELDS, Scenario, as_scenario
from .any_rule import lower_bound_of_law, may_cancel, workers_of_server
from .batching import Batches, batches_of, lower_bound_of_batches, with_batch_time
from .checks import check_positive, check_probability
from .delay import best_target
from .hold import hold_objective, hold_to_simulate
from .learning import LearningBound, LearningPart, learners_to_keep_up, processed_share
from .learning import learning_bound as bound_on_learning
from .loss import AgeLoss, FrameLoss, MeasuredLoss, limit_of, loss_of, workers_in_groups
from .orders import FRESHEST, orders_of_use
from .report import RegretReport

__all__ = [
    "RegretParts",
    "RegretReport",
    "bound",
    "core_slowdown",
    "law_on_cores",
    "without_inaction",
    "workers_for_every_frame",
]

_MEASURED = ("a prediction for the policy that was measured: a frame's loss depends on the age of its action alone",)

_NEEDS = ("inference_time",)
_USES = (
    "mode_probability",
    "loss",
    "frame_time",
    "symbols",
    "gap_default",
    "gap_delay",
    "workers",
    "rule",
    "hold",
    "alignment",
    "maximum_time",
    "cores",
    "horizon",
    *SERVICE_FIELDS,
)


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


def law_on_cores(scenario: Scenario, learners: int = 0) -> tuple[Law, tuple[str, ...]]:
    """Return the law of the inference time on the cores that a scenario has, and what to say about it."""
    law = scenario.inference_time
    if law is None:
        raise InputError("an inference time is needed, and none is given")
    if scenario.cores is None:
        return law, law.caution
    if law.server is not None and scenario.workers > 1:
        raise InputError(f"{law.server}: it shares no cores with workers, so leave cores {scenario.cores:g} out")
    slowdown = core_slowdown(scenario.workers, scenario.cores, learners=learners)
    note = f"{scenario.cores:g} cores shared evenly: everything takes {slowdown:g} times as long"
    return law.scaled(slowdown), (note, *law.caution)


def bound(
    scenario: Scenario,
    *,
    learning: LearningPart | None = None,
    service: ServiceLaw | None = None,
    standard_error: float | None = None,
) -> RegretReport:
    """Return the regret that inference time forces on an agent: the value of the scenario's rule in its world.

    Parameters
    ----------
    scenario
        Inference time, world, workers and rule. ``hold`` not given, or "auto", is the hold of least regret for its
        gaps.
    learning
        What has to be learned, and who learns; None leaves the learning part out.
    service
        The service law, if it was simulated or measured; by default the rule's closed form.
    standard_error
        Of the total per frame, if the simulation or measurement that gave ``service`` knows it.

    Returns
    -------
    RegretReport
        Parts, total, assumptions, witness and method.

    Raises
    ------
    NoClosedForm
        If the rule has no closed form for this law and no ``service`` is given.
    InputError
        For values out of range, a field that is not taken into account, or a condition of the learning bound that is
        not met.

    References
    ----------
    Riemer, Subbaraj, Berseth & Rish 2024, Theorem 1; constants derived in docs/theory.

    Examples
    --------
    >>> report = bound(Scenario(3, frame_time=1, mode_probability=0.7, rule="sequential", gap_default=0.9))
    >>> round(report.regret.inaction, 12), round(report.regret.delay, 12)
    (0.6, 0.219)
    """
    part = learning or LearningPart()
    batches, asked = batches_of(as_scenario(scenario, "bound"), "bound"), scenario
    scenario = with_batch_time(scenario, "bound")
    scenario.check("bound", needs=_NEEDS, uses=_USES)
    symbols, horizon = scenario.symbols, scenario.horizon
    weight = 0.0 if part.learning_weight is None else check_probability(part.learning_weight, "learning weight")
    loss = loss_of(scenario.replace(gap_delay=scenario.gap_delay * (1.0 - weight)), "bound")
    witness = loss if isinstance(loss, FrameLoss) else None
    if witness is None and part.learning_bound is not None:
        raise InputError(f"learning bound '{part.learning_bound}' is of a witness, and a loss curve is given")
    if part.learning_bound is not None and horizon is None:
        raise InputError(f"learning bound '{part.learning_bound}' needs a horizon in seconds, and none is given")
    if part.learners is not None and part.batch_time is None:
        raise InputError("learners need the time of a batch in seconds to say what they process")
    if scenario.cores is not None and service is not None:
        raise InputError("a service law that is given already holds its cores: give cores or service, not both")
    law, notes = law_on_cores(scenario, part.learners or 0)
    batch_time = None if part.batch_time is None else float(part.batch_time)
    if batch_time is not None and scenario.cores is not None:
        batch_time *= core_slowdown(scenario.workers, scenario.cores, learners=part.learners or 0)
    frames_held = None if scenario.hold in (None, "auto") else int(scenario.hold or 0)
    computed = service is None
    if service is None:
        service, frames_held = _service(law, loss, scenario, batches)
    elif scenario.hold == "auto":
        raise InputError("a service law that is given has its hold already: hold cannot be 'auto'")
    varying = bool(np.count_nonzero(service.delay_law) > 1)
    # the formula is that of uniform phases, and of frames that no default action improves
    capped = loss.last_useful_age < len(service.delay_law) - 1
    fixed_mode = scenario.mode != "moves" or not varying
    plain = witness is not None and scenario.service_model == "once" and fixed_mode and scenario.replicas == 1
    in_phases = any("keep their phases" in note for note in service.assumptions)
    parts, moving = _parts(service, loss, scenario)
    notes += moving
    if isinstance(scenario.loss, LossCurve):
        notes += scenario.loss.caution(scenario.service_model == "chunk")
    found = None
    if part.learning_bound is not None and horizon is not None:
        scale = service.frame_time / service.interaction_time
        found = bound_on_learning(
            part.learning_bound,
            interactions=horizon / service.interaction_time,
            actions=scenario.actions,
            states=part.states,
            diameter=None if part.diameter is None else part.diameter * scale,
            episode_length=None if part.episode_length is None else part.episode_length * scale,
            latency=None if part.feedback_latency is None else part.feedback_latency * scale,
            share=_share(part, batch_time, service),
            constant=part.learning_constant,
            reward_range=part.reward_range if part.learning_weight is None else part.reward_range * weight,
        )
        parts = replace(parts, learning=found.value * service.frame_time / horizon)
        assert witness is not None
        notes += _learning_notes(found, part.learning_weight, witness)
    keep_up = None
    if batch_time is not None and math.isfinite(service.interaction_time):
        keep_up = learners_to_keep_up(
            batch_time, service.interaction_time, batch_size=part.batch_size, replay_ratio=part.replay_ratio
        )
    error = service.standard_error if standard_error is None else standard_error
    cancelling = "any" if may_cancel(scenario) else scenario.cancel_after
    bounded, bounded_workers = workers_of_server(law, scenario.workers)
    return RegretReport(
        scenario=asked,
        regret=parts if error is None else replace(parts, standard_errors={"total": error}),
        service=service,
        service_value=loss.gap_default - parts.inaction - parts.delay
        if witness is None
        else service.service_value(witness.decay),
        mode_probability=scenario.mode_probability,
        symbols=symbols,
        gap_default=loss.gap_default,
        gap_delay=math.nan if witness is None else witness.gap_delay,
        horizon=horizon,
        witness="a measured loss curve" if witness is None else _witness(symbols, found, varying),
        workers_for_zero_inaction=without_inaction(law, asked, loss),
        workers_for_quantile=_for_quantile(law, asked, loss),
        lower_bound=lower_bound_of_batches(batches, loss, scenario)
        if batches
        else lower_bound_of_law(
            bounded,
            scenario.frame_time,
            MeasuredLoss.limits_of(scenario.loss) if isinstance(scenario.loss, LossCurve) else loss,
            workers=bounded_workers,
            service_model=scenario.service_model,
            chunk=scenario.chunk,
            cancel_after=cancelling,
        ),
        method=service.method,
        standard_error=error,
        assumptions=(
            *service.assumptions,
            *(_MEASURED if witness is None else _assumptions(symbols, found, varying)),
            *notes,
        ),
        hold=frames_held,
        learning=found,
        learners_to_keep_up=keep_up,
        service_given=not computed,
        law=law if computed and plain and not batches and not capped and not in_phases else None,
        predicted=predicted_play(scenario.loss, service),
    )


def without_inaction(law: Law, scenario: Scenario, loss: AgeLoss) -> int | None:
    """Return the fewest workers that leave no frame without an action; None where none do or no closed form says."""
    try:
        return workers_for_every_frame(law, scenario, loss)
    except NoClosedForm:
        return None


def _for_quantile(law: Law, scenario: Scenario, loss: AgeLoss) -> int | str | None:
    """Return that number for a law cut at its 99.9 % quantile, None where no number suffices, or why it is unknown."""
    try:
        return workers_for_every_frame(law, scenario, loss, longest_time=law.quantile(TAU_MAX_QUANTILE))
    except NoClosedForm as reason:
        return str(reason).removesuffix(": simulate it").rstrip(",")


def workers_for_every_frame(
    law: Law, scenario: Scenario, loss: AgeLoss, *, longest_time: float = math.inf
) -> int | None:
    """Return the fewest workers with which the scenario's rule leaves no frame without an action; None where none do.

    Parameters
    ----------
    law
        Of the inference time, on the cores there are.
    scenario
        Rule and what becomes of outputs. Its workers have no part in it; a hold that is not given is the best one for
        the number of workers.
    loss
        What a frame loses, for an age limit that is "auto".
    longest_time
        Seconds; longer inferences count as if they took as long.

    Raises
    ------
    NoClosedForm
        Where only a simulation gives the number.
    """
    if scenario.never_completes and longest_time == math.inf:
        return None
    if law.server is not None:
        raise NoClosedForm("workers that wait for each other at one server")
    limit, replicas = limit_of(scenario, loss), scenario.replicas
    batches = batches_of(scenario, "bound")
    if batches is not None:
        return batches.fewest_without_inaction(scenario, limit)
    keeps = scenario.unused == "keep" and math.isinf(limit)
    partly = scenario.unused != "drop" and not keeps
    if scenario.cancel_after is not None or partly or (scenario.service_model == "once" and math.isfinite(limit)):
        raise NoClosedForm("cancelled inferences, a limited store and an age limit")
    if replicas > 1:
        law = fastest_of(law, replicas)
    rule, hold, longest = get_rule(scenario.rule), scenario.hold, min(law.maximum(), longest_time) / scenario.frame_time
    if rule.holds and hold in (None, "auto"):
        hold = _hold(law, scenario.frame_time, loss, math.ceil(longest)) if math.isfinite(longest) else 1
    number = workers_for_zero_inaction(
        law,
        scenario.frame_time,
        rule=rule,
        maximum_time=scenario.maximum_time,
        hold=None if hold is None else int(hold),
        service_model=scenario.service_model,
        limit=limit,
        keeps=keeps,
        longest_time=longest_time,
    )
    return None if number is None else number * replicas


def _parts(service: ServiceLaw, loss: AgeLoss, scenario: Scenario) -> tuple[RegretParts, tuple[str, ...]]:
    """Return the inaction and the delay part of a service, and what to say about them."""
    acted, ages = service.delay_law, service.age_law
    moves = scenario.mode == "moves" and scenario.service_model != "chunk"
    if not moves and ages is None:
        return RegretParts(loss.inaction(service), loss.delay(service), method=service.method), ()
    everything = acted if ages is None else ages
    notes: tuple[str, ...] = ()
    lost = loss.curve(np.arange(max(len(acted), len(everything))))
    if moves:
        assert isinstance(loss, FrameLoss)  # a measured curve has no mode
        target, right = best_target(everything, loss.p, loss.symbols)
        lost = loss.gap_delay * (1.0 - np.append(right, np.zeros(len(lost) - len(right))))
        notes = (f"the mode moves and the agent does not know the delay: its actions are made for {target} frames",)
    delay = float(acted @ lost[: len(acted)])
    if ages is None:  # the agent may choose the default action in every frame
        delay = min(delay, loss.gap_default * float(acted.sum()))
        return RegretParts(loss.inaction(service), delay, method=service.method), notes
    return RegretParts(float(ages @ lost[: len(ages)]) - delay, delay, method=service.method), notes


def _service(law: Law, loss: AgeLoss, scenario: Scenario, batches: Batches | None) -> tuple[ServiceLaw, int | None]:
    """Return the service law of a rule, and the hold that was chosen or given."""
    if batches is not None:
        if scenario.unused != "drop" and orders_of_use(loss) != (FRESHEST,):
            raise NoClosedForm("batches have no closed form with kept outputs unless the freshest acts first: simulate")
        return batches.service(scenario, limit_of(scenario, loss)), None
    rule, workers, hold = get_rule(scenario.rule), scenario.workers, scenario.hold
    if scenario.unused != "drop" or scenario.cancel_after is not None:
        option = "kept outputs" if scenario.unused != "drop" else "cancelled inferences"
        raise NoClosedForm(f"rule '{rule}' has no closed form with {option}: simulate it")
    if scenario.replicas > 1:
        law, workers = fastest_of(law, scenario.replicas), workers_in_groups(workers, scenario.replicas)
    if hold == "auto" or (hold is None and rule.holds):
        if not rule.holds:
            raise InputError(f"rule '{rule}' has no hold, and 'auto' is given")
        hold = _hold(law, scenario.frame_time, loss, workers)
    rule.check_maximum_time(scenario.maximum_time)
    service = service_law(
        law,
        scenario.frame_time,
        workers=workers,
        rule=rule,
        hold=hold,
        alignment=scenario.alignment,
        maximum_time=scenario.maximum_time,
        service_model=scenario.service_model,
        limit=limit_of(scenario, loss),
    )
    return replace(service, workers=scenario.workers), None if hold is None else int(hold)


def _hold(law: Law, frame_time: float, loss: AgeLoss, workers: float) -> int:
    """Return the hold of least regret with that many workers."""
    if isinstance(loss, FrameLoss):
        return best_hold(law, frame_time, hold_objective(loss), workers=workers)
    return hold_to_simulate(law, frame_time, loss, workers=workers)


def _share(part: LearningPart, batch_time: float | None, service: ServiceLaw) -> float:
    if part.learners is None or batch_time is None:
        return 1.0
    return processed_share(
        part.learners,
        batch_time,
        service.interaction_time,
        batch_size=part.batch_size,
        replay_ratio=part.replay_ratio,
    )


def _witness(symbols: int | None, learning: LearningBound | None, random_delays: bool) -> str:
    if symbols is None and random_delays:
        late = "ring W2 of ever more symbols: the shown one stays with probability p, else jumps uniformly to another"
    elif symbols is None:
        late = "shift register W1: independent symbols, the most likely with probability p; the action must name it"
    else:
        late = f"ring W2: {symbols} symbols, the shown one stays with probability p, else jumps uniformly to another"
    return late if learning is None else f"product of ({late}) and the hard instance of '{learning.name}'"


def _assumptions(symbols: int | None, learning: LearningBound | None, random_delays: bool) -> tuple[str, ...]:
    if symbols is None:
        worst = "worst case over MDPs of mode probability at least p with enough actions (at least p^-d for delay d)"
    else:
        worst = f"exact for the ring of {symbols} symbols, not a bound for every MDP"
    if random_delays:
        worst += "; the delay is known when the action is chosen, or the mode stays"
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
