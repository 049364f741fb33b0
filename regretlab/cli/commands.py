"""The commands. Each parses its options, imports what it needs, calls one library function and prints."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from .. import __version__
from ..errors import InputError
from .output import print_facts, print_json, print_rows, show_progress

__all__ = ["app"]

app = App(
    name="regretlab",
    help="How much regret slow inference costs, how many staggered workers bring it down, and a run that shows it.",
    version=__version__,
    suppress_keyboard_interrupt=False,
)

Json = Annotated[bool, Parameter(negative="", help="Print one JSON object on standard output and nothing else there.")]
Flag = Parameter(negative="")


@app.command
def bound(
    *,
    inference_time: str,
    mode_probability: float,
    frame_time: str = "gameboy",
    workers: str = "1",
    rule: str = "max-time",
    symbols: int | None = None,
    alignment: Literal["frame", "uniform"] | None = None,
    maximum_time: float | None = None,
    gap_default: float = 1.0,
    gap_delay: float = 1.0,
    horizon: float | None = None,
    json: Json = False,
) -> int:
    """Compute the regret that inference time forces on an agent.

    Example: regretlab bound --inference-time "gamma(4, scale=0.02)" --mode-probability 0.95 --workers 8

    Parameters
    ----------
    inference_time
        Law of the inference time in seconds: 0.1, constant(0.1), any scipy.stats distribution such as
        "gamma(4, scale=0.02)", or @FILE with samples (.csv, .npy).
    mode_probability
        How likely the likeliest successor of a frame is at least, p.
    frame_time
        Seconds of a frame, or gameboy, or atari.
    workers
        Number of inference workers, or inf.
    rule
        Staggering rule: sequential, sequential-strict, unstaggered, max-time, frame-pool, ...
    symbols
        Evaluate the ring of this many symbols instead of the worst case of all MDPs.
    alignment
        Whether inferences start on frames or anywhere; the rule's default if not given.
    maximum_time
        tau_max of max-time in seconds; the upper end of the law (else its 99.9 % quantile) if not given.
    gap_default
        Reward per frame that the default behaviour loses.
    gap_delay
        Reward per frame that a wrong action loses.
    horizon
        Seconds to add the regret up over.
    """
    from ..bounds.realtime import realtime_regret
    from ..laws import parse_frame_time, parse_law

    report = realtime_regret(
        parse_law(inference_time),
        parse_frame_time(frame_time),
        mode_probability,
        workers=_parse_workers(workers),
        rule=rule,
        alignment=alignment,
        symbols=symbols,
        gap_default=gap_default,
        gap_delay=gap_delay,
        horizon=horizon,
        maximum_time=maximum_time,
        with_symbolic=True,
    )
    values = report.to_json()
    if json:
        print_json(values)
        return 0
    service, parts = report.service, report.per_frame
    delays = [f"{100 * a:.2f} % at {j}" for j, a in enumerate(service.delay_law) if a >= 5e-4]
    shown = ", ".join(delays[:8]) + (", ..." if len(delays) > 8 else "")
    facts = [
        ("regret per frame", f"{parts.total:.6g}  =  {parts.inaction:.6g} inaction + {parts.delay:.6g} delay"),
        ("regret per second", f"{report.per_second.total:.6g}"),
        ("frames without an action", f"{100 * service.inaction_fraction:.4g} %"),
        ("frames by delay in frames", shown or "none is served"),
        ("mean time between actions", f"{service.interaction_time:.6g} s"),
        ("workers for zero inaction", f"{report.workers_for_zero_inaction} (max-time)"),
    ]
    if report.over_horizon is not None:
        facts.insert(2, (f"regret over {horizon:g} s", f"{report.over_horizon.total:.6g}"))
    facts += [("method", report.method), ("attained by", report.witness)]
    facts += [("assuming" if index == 0 else "", text) for index, text in enumerate(report.assumptions)]
    print_facts(f"{rule}, {workers} worker(s), inference time {inference_time} s", facts)
    return 0


def _parse_workers(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not value >= 1 or (value != float("inf") and value != int(value)):
        raise InputError(f"workers must be a whole number of at least 1 or inf, not '{text}'")
    return value if value == float("inf") else int(value)


_ENVIRONMENTS = {"beacon": "regretlab/Beacon-v0"}


@app.command
def run(
    *,
    out: Path,
    env: str = "beacon",
    policy: str = "impala-k1",
    workers: int = 1,
    rule: str = "max-time",
    clock: Literal["real", "virtual"] = "real",
    frames: int = 3600,
    emulate_latency: str | None = None,
    symbols: int | None = None,
    mode_probability: float | None = None,
    rom: Path | None = None,
    default_behaviour: Literal["noop", "repeat", "random"] = "noop",
    alignment: Literal["frame", "uniform"] | None = None,
    hold: int | None = None,
    seed: int = 0,
    overwrite: Annotated[bool, Flag] = False,
    json: Json = False,
) -> int:
    """Run staggered inference in an environment and record it.

    Example: regretlab run --policy impala-k1 --workers 3 --emulate-latency 0.04 --frames 1200 --out my-run

    Parameters
    ----------
    out
        Folder for the record.
    env
        beacon, or any Gymnasium id with a discrete action space (module:id imports the module first).
    policy
        nature, impala-kN, impala2x-kN, random, noop or oracle.
    workers
        Number of inference workers (processes).
    rule
        Staggering rule.
    clock
        real: processes on the wall clock; virtual: the same rules on simulated time, reproducible to the byte.
    frames
        Frames to play.
    emulate_latency
        Pad every inference to a law (needed on the virtual clock): 0.04, "gamma(4, scale=0.02)", @FILE, ...
    symbols, mode_probability
        Settings of beacon.
    rom
        Another build of the cartridge.
    default_behaviour
        What acts in frames without an agent action.
    alignment
        Whether inferences start on frames or anywhere; the rule's default if not given.
    hold
        Frames an output is held for at least (rules that hold only).
    seed
        Seed of environment, policies and emulated times.
    overwrite
        Replace a record that is already in the folder.
    """
    from ..harness.configuration import RunConfiguration
    from ..harness.run import run as play

    options: dict[str, Any] = {"symbols": symbols, "mode_probability": mode_probability, "rom": rom and str(rom)}
    configuration = RunConfiguration(
        environment=_ENVIRONMENTS.get(env, env),
        environment_options={name: value for name, value in options.items() if value is not None},
        policy=policy,
        workers=workers,
        rule=rule,
        clock=clock,
        frames=frames,
        emulate_latency=emulate_latency,
        default_behaviour=default_behaviour,
        alignment=alignment,
        hold=hold,
        seed=seed,
    )
    with show_progress() as tell:
        summary = play(
            configuration, out, overwrite=overwrite, progress=lambda played, total, what: tell(what, played, total)
        )
    if json:
        print_json(dict(summary))
        return 0
    errors = summary.standard_error

    def with_error(name: str, scale: float = 1.0, unit: str = "") -> str:
        value, error = summary[name], errors.get(name)
        if value is None:
            return "none"
        return f"{scale * value:.4f}{unit}" + ("" if error is None else f" ± {scale * error:.4f} (standard error)")

    lateness = summary.deadline_lateness
    facts = [
        ("frames", f"{summary.frames} ({summary.warmup_frames} before the first action, not counted below)"),
        ("reward per frame", with_error("reward_per_frame")),
        ("frames without an action", with_error("inaction_fraction", 100, " %")),
        (
            "frames by delay in frames",
            ", ".join(f"{100 * a:.1f} % at {j}" for j, a in enumerate(summary.delay_law) if a),
        ),
        ("mean age of what was acted on", with_error("mean_age", 1e3, " ms")),
        ("inference time", "measured" if emulate_latency is None else f"emulated: {emulate_latency} s"),
        ("workers restarted", str(summary.restarts)),
        ("record", summary.record),
    ]
    if clock == "real" and lateness["p99"] is not None:
        late = f"p50 {1e3 * (lateness['p50'] or 0):.3f} ms, p99 {1e3 * lateness['p99']:.3f} ms"
        facts.insert(5, ("lateness of frame deadlines", late))
    print_facts(f"{configuration.environment}, {policy}, {rule}, {workers} worker(s), {clock} clock", facts)
    return 0


@app.command
def profile(
    *,
    policy: str,
    actions: int = 7,
    samples: int = 500,
    threads: int = 1,
    channels_last: Annotated[bool, Parameter(negative="--contiguous")] = True,
    out: Path | None = None,
    json: Json = False,
) -> int:
    """Measure the inference time of a policy on this machine.

    Example: regretlab profile --policy impala-k1 --out k1.npy; then: regretlab bound --inference-time @k1.npy ...

    Parameters
    ----------
    policy
        nature, impala-kN or impala2x-kN.
    actions
        Number of actions of the network.
    samples
        Inferences to measure, after a warm-up that does not count.
    threads
        Threads of the network's operations.
    channels_last
        Memory layout of the convolutions.
    out
        File for the samples, .npy or .csv (a summary goes beside it as .json).
    """
    from ..policies import PolicySpec
    from ..policies.profile import check_target, profile_policy

    specification = PolicySpec(policy, actions=actions, channels_last=channels_last)
    if out is not None:
        check_target(out)
    measured = profile_policy(specification, samples=samples, threads=threads)
    written = None if out is None else str(measured.save(out))
    values = {**measured.to_json(), "file": written}
    if json:
        print_json(values)
        return 0
    facts = [
        ("parameters", f"{measured.parameters:,}"),
        ("mean", f"{1e3 * values['mean']:.3f} ms (standard deviation {1e3 * values['std']:.3f})"),
        ("p50, p99, max", ", ".join(f"{1e3 * values[name]:.3f} ms" for name in ("p50", "p99", "max"))),
        ("inferences per second", f"{values['inferences_per_second']:.1f}"),
        ("machine", f"{measured.machine}, torch {measured.torch_version}, {threads} thread(s)"),
    ]
    if written:
        facts.append(("samples", f"{written} (use as --inference-time @{written})"))
    print_facts(f"{policy}: {samples} inferences", facts)
    return 0


@app.command
def validate(
    *,
    out: Path,
    quick: Annotated[bool, Flag] = False,
    clock: Literal["real", "virtual"] | None = None,
    claims: str = "",
    json: Json = False,
) -> int:
    """Play the cartridge, compare every run with the theory, and write a report.

    Example: regretlab validate --quick --out validation

    Parameters
    ----------
    out
        Folder for the records and report.html; a validation that was interrupted there is continued.
    quick
        Shorter runs: under four minutes on two cores, with over a minute of realtime play.
    clock
        Only the runs on this clock.
    claims
        Only these claims: names, or beginnings of names, separated by commas.
    """
    from ..validation.suite import validate as play

    names = _claim_names(claims)
    with show_progress() as tell:
        result = play(out, quick=quick, clock=clock, claims=names, progress=tell)
    if json:
        print_json(result.to_json())
    else:
        rows = [
            (
                claim.verdict,
                claim.name,
                f"{claim.predicted:.5g}",
                f"{claim.measured:.5g}",
                f"{claim.interval[1] - claim.measured:.2g}",
                f"{claim.tolerance:.2g}",
                claim.source,
            )
            for claim in result.claims
        ]
        print_rows(
            f"{sum(claim.passed for claim in result.claims)} of {len(rows)} claims hold",
            ("verdict", "claim", "predicted", "measured", "± 99 %", "within", "clock"),
            rows,
            foldable=1,
        )
        print(f"report: {result.report}")
    return 0 if result.passed else 1


def _claim_names(text: str) -> tuple[str, ...]:
    """Split at commas outside brackets: claim names such as delay-regret[p=0.95,d=5] hold commas."""
    names, depth, current = [], 0, ""
    for character in text:
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            names.append(current)
            current = ""
        else:
            current += character
    return tuple(name.strip() for name in [*names, current] if name.strip())
