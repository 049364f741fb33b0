"""Functions of the front door that join two sides, or read what other functions take as objects.

``import regretlab as rl`` offers them as ``rl.run``, ``rl.solve``, ``rl.sweep``, ``rl.profile``,
``rl.stochasticity`` and ``rl.validate``. Nothing heavy is imported before one is called.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .defaults import PLAYED_FRAMES, POLICY, PROFILED_ACTIONS
from .errors import InputError
from .progress import Progress, silent
from .scenario import Scenario, whole_number

if TYPE_CHECKING:
    from .mdp import DelayedSolution, StochasticityEstimate
    from .policies.profile import LatencyProfile
    from .records import Record
    from .sweeps.sweep import Sweep
    from .validation.suite import Validation

__all__ = ["profile", "run", "solve", "stochasticity", "sweep", "validate"]

"""Called with the frames played, the frames in all, and what is going on."""


def run(
    scenario: Scenario,
    *,
    out: str | Path,
    env: str = "beacon",
    policy: str = POLICY,
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
        ``beacon``, ``stacker``, ``duel``, or a Gymnasium id with a discrete action space.
    policy
        ``impala-kN``, ``nature``, ``mlp``, ``oracle``, ``random``, ``noop``, ``sb3:FILE`` or ``module:FILE.py:NAME``.
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
    for name in settings:
        if name in ("rule", "workers", "hold", "alignment", "frame_time", "emulate_latency"):
            where = "inference_time" if name == "emulate_latency" else name
            raise InputError(f"run takes {name} from the scenario: give Scenario({where}=...)")
    from .games import environment_id
    from .play.configuration import RunConfiguration
    from .play.run import run as play
    from .prediction import with_prediction
    from .records import Record

    configuration = RunConfiguration.of(
        scenario,
        environment=environment_id(env),
        policy=policy,
        clock=clock,
        frames=frames,
        seed=seed,
        **settings,
    )
    summary = play(configuration, out, overwrite=overwrite, progress=progress)
    record = Record(out)
    record.summary = with_prediction(record, summary)
    return record


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
