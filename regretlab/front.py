"""Functions of the front door that join two sides, or read what other functions take as objects.

``import regretlab as rl`` offers them as ``rl.delay_curve``, ``rl.run``, ``rl.referee``, ``rl.solve``, ``rl.sweep``,
``rl.profile``, ``rl.stochasticity`` and ``rl.validate``. Nothing heavy is imported before one is called.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .defaults import (
    CURVE_DELAYS,
    CURVE_FRAMES,
    PLAYED_FRAMES,
    POLICY,
    PROFILED_ACTIONS,
    REFEREED_FRAMES,
    REFEREED_REPLICATIONS,
)
from .errors import InputError
from .progress import Progress, silent
from .scenario import Scenario, whole_number

if TYPE_CHECKING:
    from .curves import DelayCurve
    from .mdp import DelayedSolution, StochasticityEstimate
    from .play.configuration import RunConfiguration
    from .play.referee import RefereeReport
    from .policies.profile import LatencyProfile
    from .records import Record
    from .sweeps.sweep import Sweep
    from .validation.suite import Validation

__all__ = ["delay_curve", "profile", "referee", "run", "solve", "stochasticity", "sweep", "validate"]

"""Called with the frames played, the frames in all, and what is going on."""


def delay_curve(
    env: str,
    *,
    policy: str = POLICY,
    delays: Sequence[int] = CURVE_DELAYS,
    default_behaviour: Literal["noop", "repeat", "random"] = "noop",
    chunk: float | str | None = None,
    frames: int = CURVE_FRAMES,
    seed: int = 0,
    options: dict[str, Any] | None = None,
    default_action: int | list[float] | None = None,
    weights: str | Path | None = None,
    **settings: Any,
) -> "DelayCurve":
    """Measure what a policy loses by the age of its actions; the curve is a world: ``Scenario(loss=curve)``.

    Parameters
    ----------
    env, policy, weights
        As for ``run``.
    delays
        Action delays in frames; 0 is added.
    default_behaviour
        What acts without an action. With "repeat" each action is held, and frames are sorted by its age.
    chunk
        Frames of age for which an action is held, or "inf".
    frames
        Frames of a play at most.
    seed
        Of environment, policy and default behaviour.
    options
        Keyword arguments of the environment.
    default_action
        The action that does nothing, of an environment that does not say which does.
    settings
        Further arguments of ``play.delay_curve.measure_delay_curve`` (``precision``, ``replications``, ``episodes``,
        ``per``, ``processes``, ``parts``, ``progress``).

    Returns
    -------
    DelayCurve
        With ``loss_curve``, ``fit``, ``checks``, ``save`` and ``plot``. What follows from it is a prediction for this
        policy.

    Raises
    ------
    InputError
        For anything that cannot be played.

    Examples
    --------
    >>> curve = delay_curve("beacon", policy="oracle", delays=[0, 1], frames=100, replications=8)
    >>> round(Scenario(0.01, loss=curve).loss.gap_default, 9)
    1.0
    """
    from .games import environment_id
    from .play.configuration import RunConfiguration
    from .play.delay_curve import measure_delay_curve

    configuration = RunConfiguration(
        environment=environment_id(env),
        environment_options=options or {},
        policy=policy,
        default_behaviour=default_behaviour,
        chunk="inf" if chunk == float("inf") else chunk,
        frames=frames,
        seed=seed,
        default_action=default_action,
        weights=None if weights is None else str(weights),
        frame_time=1.0,  # nothing is timed
    )
    return measure_delay_curve(configuration, delays, **settings)


def run(
    scenario: Scenario,
    *,
    out: str | Path,
    env: str = "beacon",
    policy: "str | Callable[[Any], Any]" = POLICY,
    clock: Literal["real", "virtual"] = "real",
    frames: int = PLAYED_FRAMES,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress = silent,
    **settings: Any,
) -> "Record":
    """Run a scenario: staggered inference in an environment that does not wait, recorded.

    Parameters
    ----------
    scenario
        Workers, rule and world. Inferences are padded to its law; without an ``inference_time`` they take the time they
        take (real clock). Symbols, mode and mode probability are those of the cartridge ``beacon``; for any other
        environment the mode probability serves a hold that is learned.
    out
        Folder for the record.
    env
        ``beacon``, ``stacker``, ``duel``, or a Gymnasium id.
    policy
        ``impala-kN``, ``nature``, ``mlp``, ``oracle``, ``random``, ``noop``, ``sb3:FILE``, ``module:FILE.py:NAME`` or
        ``ws://HOST:PORT``; on the virtual clock also a callable that is given an observation and returns an action.
    clock
        "real": processes on the wall clock. "virtual": the same rules on simulated time, reproducible to the byte.
    frames
        Frames to play.
    seed
        Of environment, policies and emulated times.
    overwrite
        Replace a record that is already there.
    progress
        Called with the frames played, the frames in all, and what is going on.
    settings
        Further fields of ``play.configuration.RunConfiguration`` (``learners``, ``weights``, ``device``, ...).

    Returns
    -------
    Record
        With ``regret`` and ``summary``, whose ``predicted`` is what theory predicts for the inference times of this
        run.

    Raises
    ------
    InputError
        For anything that cannot be run, or a field of the scenario that a run does not take into account.
    RunError
        For a run that broke off; its record holds everything up to then.

    Examples
    --------
    >>> import tempfile
    >>> asked = Scenario(0.04, mode_probability=0.9, symbols=4, workers=3, rule="max-time")
    >>> record = run(asked, policy="oracle", clock="virtual", frames=400, out=tempfile.mkdtemp())
    >>> record.summary.inaction_fraction, record.regret.inaction
    (0.0, 0.0)
    """
    from .play.run import run as play
    from .prediction import with_prediction
    from .records import Record

    configuration = _configured(
        "run", scenario, env, policy, settings | {"clock": clock, "frames": frames, "seed": seed}
    )
    summary = play(configuration, out, overwrite=overwrite, progress=progress)
    record = Record(out)
    record.summary = with_prediction(record, summary)
    return record


def _configured(
    name: str, scenario: Scenario, env: str, policy: "str | Callable[[Any], Any]", settings: dict[str, Any]
) -> "RunConfiguration":
    """Return the run of a scenario in an environment; ``name`` is the function that asks."""
    for field in settings:
        if field in ("rule", "workers", "hold", "alignment", "frame_time", "emulate_latency"):
            where = "inference_time" if field == "emulate_latency" else field
            raise InputError(f"{name} takes {field} from the scenario: give Scenario({where}=...)")
    from .games import environment_id
    from .play.configuration import RunConfiguration

    if not isinstance(policy, str):
        from .policies.user_code import object_policy

        policy = object_policy(policy)
    asked, learned = with_numbers(scenario, environment_id(env), settings.get("environment_options") or {})
    return RunConfiguration.of(asked, environment=environment_id(env), policy=policy, **(learned | settings))


def referee(
    scenario: Scenario,
    *,
    env: str = "beacon",
    policy: "str | Callable[[Any], Any]" = POLICY,
    tokens_per_second: float | None = None,
    replications: int = REFEREED_REPLICATIONS,
    per: Literal["auto", "frame", "episode"] = "auto",
    frames: int = REFEREED_FRAMES,
    seed: int = 0,
    out: str | Path | None = None,
    progress: Progress = silent,
    **settings: Any,
) -> "RefereeReport":
    """Referee an agent: its reward with the world paused less that in real time, by cause, next to random and no-op.

    Parameters
    ----------
    scenario
        Workers, rule and world, as for ``run``. Its inference time is the agent's clock: a law. Without one the clock
        is the wall clock, or that of ``tokens_per_second``.
    env
        As for ``run``.
    policy
        As for ``run``, or any callable: it is given an observation and returns an action, or ``(action, tokens)``. A
        callable needs a law or a clock of tokens; the wall clock runs ``module:FILE.py:NAME``.
    tokens_per_second
        An inference takes the tokens that the agent reports, divided by this, and the inference time of the scenario,
        if it has one, in addition.
    replications
        Independent replications, at least 4.
    per
        "frame" (reward per frame), "episode" (return per episode), or "auto": the episode where all plays end some.
    frames
        Frames of each play.
    seed
        The first seed.
    out
        Folder in which the records of the runs are kept, as OUT/0, OUT/1, ... (for ``DelayWrapper``).
    progress
        Called with the plays finished, the plays in all, and what is going on.
    settings
        Further fields of ``play.configuration.RunConfiguration`` (``environment_options``, ``default_action``, ...).

    Returns
    -------
    RefereeReport
        With ``score("paused")``, ``part("inaction")`` and the like, each an estimate with its interval.

    Raises
    ------
    InputError
        For anything that cannot be run.
    RunError
        If the agent or the environment fails.

    Examples
    --------
    >>> def thinks(observation):
    ...     return 1, 30
    >>> slow = Scenario(0.1, rule="sequential")
    >>> report = referee(slow, policy=thinks, tokens_per_second=300, frames=60, replications=4)
    >>> report.clock, report.mean_age
    ('tokens', 12.0)
    """
    from .play.referee import referee as play

    told = {"clock": "real", "frames": frames, "seed": seed, "tokens_per_second": tokens_per_second}
    if scenario.inference_time is not None or scenario.batch_law is not None or tokens_per_second is not None:
        told["clock"] = "virtual"
    configuration = _configured("referee", scenario, env, policy, settings | told)
    return play(configuration, replications=replications, per=per, out=out, progress=progress)


def with_numbers(scenario: Scenario, environment: str, options: dict[str, Any]) -> tuple[Scenario, dict[str, Any]]:
    """Return the scenario of a run with numbers for what is "auto", and further settings of the run.

    A threshold of cancelling is learned where the law of the inference time is not given; the settings say what for.
    With a loss curve the kept outputs act in the order that is best for it (``theory.orders``): found by simulation
    where the law of the inference time is given, else the freshest first unless the curve is a deadline.

    Parameters
    ----------
    scenario
        What is to be run. Its gaps count where a number is chosen by them.
    environment, options
        Gymnasium id and keyword arguments; what the environment reports of its mode probability counts.

    Raises
    ------
    InputError
        Without a mode probability.

    Examples
    --------
    >>> asked = Scenario("lognorm(1, scale=0.05)", mode_probability=0.97, workers=4, cancel_after="auto")
    >>> round(with_numbers(asked, "regretlab/Beacon-v0", {})[0].cancel_after * 59.7275, 6)
    4.0
    >>> unknown, settings = with_numbers(asked.replace(inference_time=None, age_limit=3), "regretlab/Beacon-v0", {})
    >>> unknown.cancel_after, [round(worth, 3) for worth in settings["cancel_worth"]]
    ('learned', [0.97, 0.941, 0.0])
    """
    ordered = scenario.loss is not None and scenario.unused != "drop"
    automatic = "auto" in (scenario.age_limit, scenario.cancel_after) or scenario.cancel_after == "learned"
    if not ordered and not automatic:
        return scenario, {}
    from .play.preparation import describe_environment
    from .rules import get_rule
    from .simulation.orders import order_of_run
    from .simulation.thresholds import threshold_for_rule
    from .theory.loss import limit_of, loss_of, worth_of

    known = None if scenario.is_default("frame_time") else scenario.frame_time
    described = describe_environment(environment, options, known)
    details, frame = described.details, described.frame_time
    known_of_world = () if scenario.loss is not None else ("mode_probability", "symbols")
    own = {name: details[name] for name in known_of_world if name in details}
    given = {name: value for name in own if (value := getattr(scenario, name)) is not None}
    world = scenario.replace(**own | given)
    loss = loss_of(world, "run")
    numbers: dict[str, Any] = {}
    if scenario.age_limit == "auto":
        limit = limit_of(world.replace(chunk=None), loss)
        numbers["age_limit"] = None if limit == float("inf") else int(limit)
    settings: dict[str, Any] = {}
    if scenario.loss is not None:  # all that a run makes of it
        numbers["loss"] = None
    if scenario.cancel_after == "learned" or (scenario.cancel_after == "auto" and scenario.inference_time is None):
        numbers["cancel_after"] = "learned"
        settings["cancel_worth"] = worth_of(loss, limit_of(world, loss))
    elif scenario.cancel_after == "auto":
        assert scenario.inference_time is not None
        known_law = world.replace(frame_time=frame, cancel_after=None)
        if get_rule(scenario.rule).holds and scenario.hold in (None, "auto"):
            from .simulation.on_witness import with_hold

            known_law = with_hold(known_law)
        threshold = threshold_for_rule(known_law, scenario.inference_time, loss)
        numbers["cancel_after"] = None if threshold == float("inf") else threshold
    if ordered:
        played = world.replace(frame_time=frame, cancel_after=numbers.get("cancel_after", scenario.cancel_after))
        order, limit = order_of_run(played, loss)
        if order.oldest_first or order.ranks:
            numbers["age_limit"] = None if limit == float("inf") else int(limit)
            settings |= {"oldest_first": order.oldest_first, "order_of_use": order.ranks}
    if not get_rule(scenario.rule).holds:  # no other part of a run weighs them
        numbers |= {"gap_default": Scenario.gap_default, "gap_delay": Scenario.gap_delay}
    return scenario.replace(**numbers), settings


def solve(mdp: Any, delay: int = 0, *, every: int = 1) -> "DelayedSolution":
    """Return the exact optimum of a finite MDP under a constant delay, with an action every so many frames.

    Parameters
    ----------
    mdp
        A family with its parameters such as "ring(p=0.9, symbols=4)", the name of an ``.npz`` file, or an MDP.
    delay
        Frames from observation to effect.
    every
        Frames between the agent's actions; the default behaviour of the MDP acts in those between.

    Examples
    --------
    >>> round(solve("shift-register(p=0.8, n=3)", delay=3).regret_per_frame, 9)
    0.488
    """
    from .mdp import AsynchronousMDP, FiniteMDP, parse_mdp, solve_delayed

    process = parse_mdp(mdp) if isinstance(mdp, str) else mdp
    if not isinstance(process, FiniteMDP | AsynchronousMDP):
        raise InputError(f"solve takes an MDP or the text of one, such as 'ring(p=0.9, symbols=4)', not {mdp!r}")
    return solve_delayed(process, whole_number(delay, "delay"), every=whole_number(every, "every"))


def sweep(configuration: "str | Path | dict[str, Any]", out: str | Path, *, processes: int | None = None) -> "Sweep":
    """Compute a grid of bounds, simulations, solutions or virtual runs into one labelled dataset; resumes where it was.

    Parameters
    ----------
    configuration
        A TOML file with the sections sweep, fixed and grid, or what it would hold as a dictionary.
    out
        File to write, .nc or .zarr.
    processes
        Processes to use; all cores if not given.
    """
    from .sweeps import read_configuration, run_sweep

    return run_sweep(read_configuration(configuration), out, cores=processes)


def profile(
    policy: str, *, samples: int = 500, actions: int = PROFILED_ACTIONS, device: str = "cpu", **settings: Any
) -> "LatencyProfile":
    """Measure the inference time of a policy on this machine.

    Parameters
    ----------
    policy
        As for ``run``; it must have a network, or be a person's own.
    samples
        Inferences to measure.
    actions
        Actions the policy chooses from.
    device
        "cpu" or "cuda".
    settings
        Further arguments of ``regretlab.policies.profile.profile_policy`` (``threads``, ``bf16``, ``compiled``, ...).
    """
    from .policies import PolicySpec
    from .policies.profile import profile_policy

    return profile_policy(PolicySpec(policy, actions=actions, device=device), samples=samples, **settings)


def stochasticity(
    record: "Record | str | Path",
    *,
    horizon: int = 5,
    ignore_actions: bool = False,
    confidence: float = 0.95,
) -> "StochasticityEstimate":
    """Estimate from a record how predictable its environment is: the mode probability, and over which horizon.

    Parameters
    ----------
    record
        A record, or its folder, of an environment that reports its state.
    horizon
        Largest number of frames to predict over.
    ignore_actions
        Take it that actions do not move the state, which needs far fewer frames.
    confidence
        Of the intervals, in (0, 1).
    """
    from .mdp import estimate_from_record
    from .records import Record

    if horizon < 1:
        raise InputError(f"horizon must be at least 1 frame, not {horizon}")
    opened = record if isinstance(record, Record) else Record(record)
    horizons: Sequence[int] = range(1, horizon + 1)
    return estimate_from_record(opened, horizons=horizons, ignore_actions=ignore_actions, confidence=confidence)


def validate(out: str | Path, *, quick: bool = False, **settings: Any) -> "Validation":
    """Play the cartridge, compare every run with the theory, and write a report.

    Parameters
    ----------
    out
        Folder for the records and the report; a validation that was interrupted there is continued.
    quick
        Shorter runs, with the same tolerances.
    settings
        ``clock`` ("real" or "virtual") and ``claims`` (names), to do only a part.
    """
    from .validation.suite import validate as play

    return play(out, quick=quick, **settings)
