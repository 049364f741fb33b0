"""Simulate a staggering rule on a witness chain: the measured twin of ``regretlab.theory``.

The inferences of a rule (the very transitions the harness runs) serve the frames; a witness chain says which actions
were right. Regret per frame, by its parts (docs/theory):

    inaction  gap_default * (default frames) / frames
    delay     gap_delay * (agent frames whose action is no longer the mode) / frames

``default_behaviour`` "noop" pays ``gap_default`` each frame; "repeat" (the last agent action again) and "random" (an
action drawn uniformly) pay ``gap_delay`` where they are wrong.
"""

import time
from typing import Literal, get_args

import numpy as np

from ..errors import InputError
from ..laws import Law
from ..rules import FRAME_POOL, get_rule
from ..rules.rule import StaggeringRule
from ..rules.service.service import workers_for_zero_inaction
from ..theory.hold import hold_to_simulate
from ..theory.loss import FrameLoss
from .estimates import Ratio, Stacked, action_intervals, interval_law, ratio, stack, summed_service
from .replication import Progress, compile_kernels, play_replications
from .result import SimulationResult
from .setting import Setting, resolve
from .tallies import _kernels as column
from .witness import Witness, WitnessChain

__all__ = ["DefaultBehaviour", "simulate"]

DefaultBehaviour = Literal["noop", "repeat", "random"]
KNOWN = "the agent knows the optimal action of each observation"


def simulate(
    law: Law,
    frame_time: float,
    p: float,
    *,
    workers: float = 1,
    rule: str | StaggeringRule = FRAME_POOL,
    symbols: int | None = None,
    hold: int | Literal["auto"] | None = None,
    alignment: str | None = None,
    maximum_time: float | None = None,
    frames: int = 1_000_000,
    warmup: int | None = None,
    seed: int = 0,
    replications: int = 8,
    gap_default: float = 1.0,
    gap_delay: float = 1.0,
    default_behaviour: DefaultBehaviour = "noop",
    horizon: float | None = None,
    cores: int | None = None,
    progress: Progress | None = None,
) -> SimulationResult:
    """Simulate a rule on a witness chain.

    Parameters
    ----------
    law
        Law of the inference time.
    frame_time
        Seconds of a frame.
    p
        Modal probability per frame, in [0, 1].
    workers
        Number of workers; ``inf`` for the unlimited pool (frame-pool and frame-hold).
    rule
        The staggering rule, or its name.
    symbols
        K of the K-symbol ring (W2, p >= 1/K); ``None`` for the chain of fresh states (W1).
    hold
        Frames of hold, for frame-hold; "auto", its default, for the hold of least regret (or one near it, where
        the pool has no closed form).
    alignment
        "frame" or "uniform"; ``None`` for the rule's default.
    maximum_time
        tau_max in seconds, known from the start, for max-time; default: the law's maximum if it has one, else it is
        learned from the run.
    frames
        Frames to play in each replication, after the warm-up.
    warmup
        Frames to play before counting; default: 10,000 and 20 mean inference times, and a tenth of the frames more
        where the rule learns an unbounded tau_max.
    seed
        Non-negative integer. The same seed gives the same figures on any number of cores.
    replications
        Independent replications.
    gap_default, gap_delay
        Gaps of the default behaviour and of a wrong action, at least 0.
    default_behaviour
        "noop", "repeat" or "random".
    horizon
        Seconds over which to total the regret.
    cores
        Threads to use; default: all cores.
    progress
        Told after each replication how many are done, and of how many.

    Returns
    -------
    SimulationResult
        Figures with standard errors by batch means or replications, whichever is larger.

    Raises
    ------
    InputError
        For bad input.

    References
    ----------
    Witness chains and the parts of the regret: derived in docs/theory.

    Examples
    --------
    >>> from regretlab.laws import parse_law
    >>> result = simulate(parse_law("expon(scale=2.5)"), 1.0, 0.9, workers=4, frames=100_000, seed=1)
    >>> abs(result.inaction_fraction - 0.340402175) < 4 * result.service.standard_error
    True
    """
    witness = Witness(p, symbols)
    for name, value in (("gap of the default behaviour", gap_default), ("gap of a wrong action", gap_delay)):
        if not (np.isfinite(value) and value >= 0):
            raise InputError(f"{name} must be a finite number of at least 0, not {value!r}")
    rule = get_rule(rule)
    if rule.holds and hold in (None, "auto"):
        loss = FrameLoss(p, symbols, gap_default, gap_delay)
        hold = hold_to_simulate(law, frame_time, loss, workers=workers)
    elif hold == "auto":
        raise InputError(f"rule '{rule}' has no hold, and 'auto' is given")
    setting = resolve(
        law,
        frame_time,
        rule=rule,
        workers=workers,
        hold=hold,
        alignment=alignment,
        maximum_time=maximum_time,
        frames=frames,
        warmup=warmup,
    )
    if default_behaviour not in get_args(DefaultBehaviour):
        known = ", ".join(get_args(DefaultBehaviour))
        raise InputError(f"default behaviour must be one of {known}, not {default_behaviour!r}")
    if horizon is not None and not (np.isfinite(horizon) and horizon > 0):
        raise InputError(f"horizon must be a positive, finite number of seconds, not {horizon!r}")

    def environment(own: np.random.SeedSequence, block: int) -> WitnessChain:
        return WitnessChain(witness, default_behaviour == "repeat", own, block)

    compile_kernels(setting, environment)
    begin = time.perf_counter()
    tallies = stack(
        play_replications(
            setting,
            environment,
            rate=witness.eigenvalue(),
            seed=seed,
            replications=replications,
            cores=cores,
            progress=progress,
        )
    )
    speed = replications * setting.frames / (time.perf_counter() - begin)
    return _figures(setting, tallies, witness, default_behaviour, gap_default, gap_delay, horizon, speed)


def _figures(
    setting: Setting,
    tallies: Stacked,
    witness: Witness,
    default_behaviour: DefaultBehaviour,
    gap_default: float,
    gap_delay: float,
    horizon: float | None,
    speed: float,
) -> SimulationResult:
    """Turn tallies of shape (replications, batches, ...) into figures."""
    columns = tallies.columns
    frames = columns[..., column.FRAMES]
    acted = frames - columns[..., column.DEFAULT]
    displaced = columns[..., column.OVERWRITTEN]
    blocked = columns[..., column.BLOCKED]
    service, errors = summed_service(
        tallies, setting.rule.name, setting.workers, setting.frame_time, (*setting.assumptions(), KNOWN)
    )

    default_cost = gap_default * columns[..., column.DEFAULT]
    if default_behaviour == "repeat":
        default_cost = gap_delay * (columns[..., column.DEFAULT] - columns[..., column.DEFAULT_RIGHT])
    elif default_behaviour == "random":
        default_cost = gap_delay * (1.0 - witness.guess_right()) * columns[..., column.DEFAULT]
    delay_cost = gap_delay * columns[..., column.AGENT_WRONG]
    parts = {
        "inaction": ratio(default_cost, frames),
        "delay": ratio(delay_cost, frames),
        "learning": Ratio(0.0, 0.0),
        "total": ratio(default_cost + delay_cost, frames),
    }
    simple = {
        "overwritten_fraction": ratio(displaced, displaced + acted),
        "out_of_order_fraction": ratio(columns[..., column.OUT_OF_ORDER], acted),
        "inferences_per_frame": ratio(columns[..., column.DISPATCHED], frames),
        "blocking_fraction": ratio(blocked, blocked + columns[..., column.DISPATCHED]),
    }
    interval = ratio(acted, frames)
    between, between_errors = interval_law(tallies)
    regret = {name: part.value for name, part in parts.items()}
    regret_errors = {name: part.standard_error for name, part in parts.items()}
    rate = witness.eigenvalue()
    count = None if horizon is None else horizon / setting.frame_time
    pool = setting.rule.pool
    errors |= {
        "regret_per_frame": regret_errors,
        "regret": None if count is None else {name: _times(error, count) for name, error in regret_errors.items()},
        "reward_per_frame": regret_errors["total"],
        "service_value": ratio(tallies.values, frames).standard_error,
        "interval_law": between_errors,
        "interaction_time": _interval_error(interval, setting.frame_time),
        **{name: part.standard_error for name, part in simple.items() if pool or name != "blocking_fraction"},
    }
    return SimulationResult(
        service=service,
        service_value=service.service_value(rate),
        regret_per_frame=regret,
        regret=None if count is None else {name: value * count for name, value in regret.items()},
        reward_per_frame=1.0 - regret["total"],
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
        workers_for_zero_inaction=workers_for_zero_inaction(setting.law, setting.frame_time),
        witness=witness.describe(),
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
