"""Simulate a staggering rule on a witness chain: the measured twin of ``regretlab.theory``.

The inferences of a rule (the very transitions the harness runs) serve the frames; a witness chain says which actions
were right. Regret per frame, by its parts (docs/theory):

    inaction  gap_default * (default frames) / frames
    delay     gap_delay * (agent frames whose action is no longer the mode) / frames

Where an output is so old that the default behaviour loses less on average, the agent chooses the default action; such a
frame counts ``gap_default`` in the delay part. ``default_behaviour`` "noop" pays ``gap_default`` each frame; "repeat"
(the last agent action again) and "random" (an action drawn uniformly) pay ``gap_delay`` where they are wrong.

An output acts in one frame, an action chunk in every frame until a fresher output comes, up to ``chunk`` frames of age.
Where the mode moves on in every frame, an action whose delay is not known when it is chosen is right for one delay: the
agent takes the one that is right most often; a chunk has an action for each.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..curves import LossCurve
from ..defaults import REPLICATIONS, SIMULATED_FRAMES
from ..laws.racing import fastest_of
from ..progress import Progress, silent
from ..results import RegretParts, ServiceLaw
from ..rules import get_rule
from ..scenario import SERVICE_FIELDS, Scenario, as_scenario
from ..theory.batching import with_batch_time
from ..theory.delay import best_target
from ..theory.hold import hold_to_simulate
from ..theory.loss import AgeLoss, FrameLoss, loss_of
from ..theory.realtime import law_on_cores, without_inaction
from .estimates import Ratio, Stacked, action_intervals, interval_law, ratio, served_delays, stack, summed_service
from .replication import Environment, compile_kernels, no_environment, play_replications
from .result import SimulationResult
from .setting import Setting, resolve
from .tallies import Rate
from .tallies import _kernels as column
from .thresholds import gain_of_learned
from .witness import STAYS, Witness, WitnessChain

__all__ = ["Outcome", "outcome", "simulate", "with_hold"]

KNOWN = "the agent knows the optimal action of each observation"
MEASURED = "what a frame loses depends on the age of its action alone, as measured"
_USES = (
    "inference_time",
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


def with_hold(scenario: Scenario) -> Scenario:
    """Return a scenario whose rule, if it holds, has a hold: the one given, or the best for its gaps or near it.

    Examples
    --------
    >>> slow = Scenario("gamma(4, scale=0.8)", frame_time=1, mode_probability=0.9, workers="inf", rule="frame-hold")
    >>> with_hold(slow).hold
    5
    """
    if not get_rule(scenario.rule).holds or scenario.hold not in (None, "auto"):
        return scenario
    loss: AgeLoss = FrameLoss(
        scenario.mode_probability or 0.0, scenario.symbols, scenario.gap_default, scenario.gap_delay
    )
    if scenario.loss is not None:
        loss = loss_of(scenario, "simulate")
    law, _ = law_on_cores(scenario)
    law, workers = fastest_of(law, scenario.replicas), scenario.workers / scenario.replicas
    return scenario.replace(hold=hold_to_simulate(law, scenario.frame_time, loss, workers=workers))


def simulate(
    scenario: Scenario,
    *,
    frames: int = SIMULATED_FRAMES,
    replications: int = REPLICATIONS,
    warmup: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    batches: int | None = None,
    progress: Progress = silent,
) -> SimulationResult:
    """Simulate the scenario's rule on a witness chain: the fields of ``bound``, with standard errors.

    Parameters
    ----------
    scenario
        Inference time, world, workers and rule. A ``maximum_time`` is known from the start; without one it is the
        law's maximum if it has one, else it is learned from the run. ``hold`` not given, or "auto", is the hold of
        least regret (or one near it, where the pool has no closed form).
    frames
        Frames to play in each replication, after the warm-up.
    replications
        Independent replications.
    warmup
        Frames to play before counting; default: 10,000 and 20 mean inference times, and a tenth of the frames more
        where the rule learns an unbounded tau_max.
    seed
        Non-negative integer. The same seed gives the same figures on any number of threads.
    threads
        Threads to use; default: all cores.
    batches
        Batches of a replication for the standard errors; default: by the number of frames.
    progress
        Called after each replication with the number finished and the total.

    Returns
    -------
    SimulationResult
        Figures with standard errors by batch means or replications, whichever is larger.

    Raises
    ------
    InputError
        For bad input, or a field that is not taken into account.

    References
    ----------
    Witness chains and the parts of the regret: derived in docs/theory.

    Examples
    --------
    >>> scenario = Scenario("expon(scale=2.5)", frame_time=1, mode_probability=0.9, workers=4, rule="frame-pool")
    >>> result = simulate(scenario, frames=100_000, seed=1)
    >>> abs(result.inaction_fraction - 0.340402175) < 4 * result.service.standard_error
    True
    """
    return _figures(
        _played(
            scenario, frames=frames, replications=replications, warmup=warmup, seed=seed, threads=threads,
            batches=batches, progress=progress,
        )
    )  # fmt: skip


class Outcome(NamedTuple):
    """Regret per frame, and what served the frames."""

    regret: RegretParts
    service: ServiceLaw


def outcome(scenario: Scenario, *, frames: int, warmup: int | None, seed: int, batches: int) -> Outcome:
    """Return regret and service of one replication: those of ``simulate``, at half the cost of a short one.

    Whether a learned threshold gains anything is not compared.

    Parameters
    ----------
    scenario, frames, warmup, seed, batches
        As for ``simulate``.

    Examples
    --------
    >>> asked = Scenario("gamma(4, scale=0.8)", frame_time=1, mode_probability=0.9, workers=4, rule="max-time")
    >>> short = outcome(asked, frames=2_000, warmup=200, seed=1, batches=8)
    >>> full = simulate(asked, frames=2_000, replications=1, warmup=200, seed=1, batches=8)
    >>> short.regret == full.regret
    True
    """
    played = _played(
        scenario, frames=frames, replications=1, warmup=warmup, seed=seed, threads=1, batches=batches, together=True
    )
    return Outcome(*_outcome(played)[:2])


class _Played(NamedTuple):
    """What was played, and the tallies, of shape (replications, batches, ...)."""

    scenario: Scenario
    setting: Setting
    tallies: Stacked
    loss: AgeLoss
    witness: Witness | None
    notes: tuple[str, ...]
    speed: float


def _played(
    scenario: Scenario,
    *,
    frames: int,
    replications: int,
    warmup: int | None,
    seed: int,
    threads: int | None,
    batches: int | None,
    progress: Progress = silent,
    together: bool = False,
) -> _Played:
    """Play a scenario; ``together`` as for ``play_replications``."""
    asked, scenario = scenario, with_batch_time(as_scenario(scenario, "simulate"), "simulate")
    scenario.check("simulate", needs=("inference_time",), uses=_USES)
    loss = loss_of(scenario, "simulate")
    law, notes = law_on_cores(scenario)
    scenario = with_hold(scenario)
    setting = resolve(scenario, law, frames=frames, warmup=warmup, loss=loss, batches=batches)
    if setting.worth and not together:
        notes += gain_of_learned(scenario, law, loss)
    if scenario.batch_law is not None:
        scenario = asked

    def play(
        setting: Setting, environment: Callable[[np.random.SeedSequence, int], Environment], rate: Rate
    ) -> Stacked:
        return stack(
            play_replications(
                setting,
                environment,
                rate=rate,
                seed=seed,
                replications=replications,
                threads=threads,
                progress=progress,
                together=together,
            )
        )

    if isinstance(scenario.loss, LossCurve):
        notes += scenario.loss.caution(setting.lasts)
    if not isinstance(loss, FrameLoss):
        compile_kernels(setting, no_environment)
        begin = time.perf_counter()
        tallies = play(setting, no_environment, loss.of_age)
        speed = replications * setting.frames / (time.perf_counter() - begin)
        return _Played(scenario, setting, tallies, loss, None, notes, speed)
    witness = Witness(loss.p, loss.symbols)
    # the agent may choose the default action too, where that is better than an old one
    useful = math.inf if setting.repeats else loss.last_useful_age
    target = STAYS
    if scenario.mode == "moves" and not setting.lasts:
        trial = replace(setting, lasts=setting.repeats, repeats=False, warmup=setting.warmup, batches=1)
        shares, _ = served_delays(play(trial, no_environment, 0.0))
        target, right = best_target(shares, loss.p, loss.symbols)
        wrong = loss.gap_delay * float(shares @ (1.0 - right))
        useful = -1.0 if not setting.repeats and wrong > loss.gap_default * float(shares.sum()) else math.inf
        notes += (f"the mode moves and the agent does not know the delay: its actions are made for {target} frames",)

    def environment(own: np.random.SeedSequence, block: int) -> WitnessChain:
        return WitnessChain(witness, setting.repeats, own, block, useful=useful, target=target)

    compile_kernels(setting, environment)
    begin = time.perf_counter()
    tallies = play(setting, environment, witness.eigenvalue())
    speed = replications * setting.frames / (time.perf_counter() - begin)
    return _Played(scenario, setting, tallies, loss, witness, notes, speed)


def _outcome(played: _Played) -> tuple[RegretParts, ServiceLaw, dict[str, object]]:
    """Return regret, service, and the standard errors of the service's figures."""
    scenario, setting, tallies, loss, witness, notes, _ = played
    columns = tallies.columns
    frames = columns[..., column.FRAMES]
    said = (*setting.assumptions(), MEASURED if witness is None else KNOWN, *notes)
    service, errors = summed_service(tallies, setting.rule.name, scenario.workers, setting.frame_time, said)
    default_cost = loss.gap_default * columns[..., column.DEFAULT]
    if setting.repeats:
        default_cost = scenario.gap_delay * (columns[..., column.DEFAULT] - columns[..., column.DEFAULT_RIGHT])
    delay_cost = tallies.values
    if witness is not None:
        delay_cost = scenario.gap_delay * columns[..., column.AGENT_WRONG]
        delay_cost = delay_cost + loss.gap_default * columns[..., column.DECLINED]
    parts = {
        "inaction": ratio(default_cost, frames),
        "delay": ratio(delay_cost, frames),
        "learning": Ratio(0.0, 0.0),
        "total": ratio(default_cost + delay_cost, frames),
    }
    regret = RegretParts(
        parts["inaction"].value,
        parts["delay"].value,
        None,
        {name: part.standard_error for name, part in parts.items()},
        parts["total"].degrees,
        "simulation",
    )
    return regret, service, errors


def _figures(played: _Played) -> SimulationResult:
    """Turn tallies into figures."""
    scenario, setting, tallies, loss, witness, _, speed = played
    regret, service, errors = _outcome(played)
    columns, horizon, pool = tallies.columns, scenario.horizon, setting.rule.pool
    frames = columns[..., column.FRAMES]
    acted = frames - columns[..., column.DEFAULT]
    displaced = columns[..., column.OVERWRITTEN]
    blocked = columns[..., column.BLOCKED]
    simple = {
        "overwritten_fraction": ratio(displaced, displaced + acted),
        "out_of_order_fraction": ratio(columns[..., column.OUT_OF_ORDER], acted),
        "inferences_per_frame": ratio(columns[..., column.DISPATCHED], frames),
        "blocking_fraction": ratio(blocked, blocked + columns[..., column.DISPATCHED]),
    }
    interval = ratio(acted, frames)
    between, between_errors = interval_law(tallies)
    regret_errors = dict(regret.standard_errors)
    count = None if horizon is None else horizon / setting.frame_time
    errors |= {
        "regret_per_frame": regret_errors,
        "regret": None if count is None else {name: _times(error, count) for name, error in regret_errors.items()},
        "reward_per_frame": regret_errors["total"],
        "service_value": regret_errors["total"] if witness is None else ratio(tallies.values, frames).standard_error,
        "interval_law": between_errors,
        "interaction_time": _interval_error(interval, setting.frame_time),
        **{name: part.standard_error for name, part in simple.items() if pool or name != "blocking_fraction"},
    }
    return SimulationResult(
        service=service,
        service_value=(
            loss.gap_default - regret.total if witness is None else service.service_value(witness.eigenvalue())
        ),
        scenario=scenario,
        regret=regret,
        over_horizon=None if count is None else regret.scaled(count),
        reward_per_frame=1.0 - regret.total,
        action_interval=action_intervals(tallies, setting.frame_time),
        interval_law=between,
        overwritten_fraction=_number(simple["overwritten_fraction"]),
        out_of_order_fraction=_number(simple["out_of_order_fraction"]),
        blocking_fraction=_number(simple["blocking_fraction"]) if pool else None,
        inferences_per_frame=_number(simple["inferences_per_frame"]),
        frames=int(frames.sum()),
        replications=len(columns),
        standard_errors=errors,
        frames_per_second=speed,
        workers_for_zero_inaction=without_inaction(
            law_on_cores(with_batch_time(scenario, "simulate"))[0], scenario, loss
        ),
        witness="a measured loss curve" if witness is None else witness.describe(scenario.mode == "moves"),
        assumptions=service.assumptions,
    )


def _number(part: Ratio) -> float:
    """Return the ratio, 0 where there was nothing to divide by."""
    return part.value if np.isfinite(part.value) else 0.0


def _times(error: float | None, factor: float) -> float | None:
    return None if error is None else error * factor


def _interval_error(served: Ratio, frame_time: float) -> float | None:
    """Standard error of frame_time / (fraction served), to first order."""
    if served.standard_error is None or served.value <= 0:
        return None
    return frame_time * served.standard_error / served.value**2
