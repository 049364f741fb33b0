"""The command that answers inverse questions: ``plan``."""

from typing import TYPE_CHECKING, Any, Literal

from ..errors import InputError
from .options import Json, Whole, app
from .output import listed, print_facts, print_json
from .scenario import Alignment, Surroundings, read_hold, read_workers

if TYPE_CHECKING:
    from ..laws import Law
    from ..laws.measured import MeasuredProfile, MeasuredSlowdown

__all__ = ["plan"]


@app.command
def plan(
    world: Surroundings,
    *,
    inference_time: str | None = None,
    profile: str | None = None,
    law: Literal["auto", "samples", "fitted"] | None = None,
    target_regret: float | None = None,
    worker_cost: float = 0.0,
    scaling: str | None = None,
    quality: str | None = None,
    rule: str | None = None,
    workers: str | None = None,
    hold: str | None = None,
    alignment: Alignment | None = None,
    most_workers: Whole | None = None,
    learners: Whole = 0,
    contention: float | None = None,
    json: Json = False,
) -> int:
    """Find what to run: rule, workers and hold, how slow a network may be, and whether to act at all.

    Example: regretlab plan --inference-time 0.1 --mode-probability 0.95 --worker-cost 0.01

    Parameters
    ----------
    inference_time
        Law of the inference time in seconds: 0.1, constant(0.1), any scipy.stats distribution such as
        "gamma(4, scale=0.02)", @FILE with samples (.csv, .npy) or @RECORD (the folder of a run).
    profile
        Take inference times and contention from the file that regretlab profile --out wrote.
    law
        Of the profile: its samples, its best fitted law, or auto, the fitted law unless tests speak against it.
    target_regret
        Take the cheapest plan with at most this regret per frame.
    worker_cost
        What a worker costs, in reward per frame.
    scaling
        Seconds of inference of a model of size m, such as "0.002*m**0.9".
    quality
        What a model of size m loses without delay in reward per frame, such as "0.2*m**-0.35".
    rule
        Plan for this staggering rule only.
    workers
        Plan for this number of inference workers only, or inf.
    hold
        Plan for frame-hold with this hold only.
    alignment
        Plan for inferences that start on frames, or anywhere, only.
    most_workers
        Largest number of workers to consider; twice as many as fill every frame if not given.
    learners
        Number of learner processes on the same cores.
    contention
        Share of a lone worker's time by which each further worker slows all of them down. If not given, that of the
        profile (its measured times themselves where they are on no line), else 0.
    """
    from ..laws import parse_law
    from ..laws.measured import read_profile
    from ..planning import plan as find

    if (inference_time is None) == (profile is None):
        raise InputError("give either --inference-time with a law or --profile with what regretlab profile wrote")
    if law is not None and profile is None:
        raise InputError(f"law '{law}' chooses from a profile: give --profile with it")
    measured = None if profile is None else read_profile(profile)
    times = parse_law(inference_time or "") if measured is None else measured.law(law or "auto")
    slowed: float | MeasuredSlowdown = 0.0 if contention is None else contention
    if contention is None and measured is not None and measured.contention is not None:
        if world.cores is not None:
            raise InputError("the profile's contention holds what sharing cores costs: give no --cores with it")
        slowed = measured.contention.taken
    found = find(
        times,
        world.frame_seconds(),
        world.mode_probability,
        **world.keywords(),
        cores=world.cores,
        target_regret=target_regret,
        worker_cost=worker_cost,
        scaling=scaling,
        quality=quality,
        rule=rule,
        workers=None if workers is None else read_workers(workers),
        hold=read_hold(hold),
        alignment=alignment,
        most_workers=most_workers,
        learners=learners,
        contention=slowed,
    )
    if json:
        taken = None
        if measured is not None:
            taken = _taken(measured, times, contention)
            taken["workers_for_every_frame"] = _every_frame(times, world.frame_seconds(), slowed)
        print_json({**found.to_json(), "profile": taken})
        return 0
    facts = [("play", found.regime.replace("-", " "))]
    if found.rule is not None:
        facts.append(("with", _named(found)))
    parts = found.regret
    facts += [
        ("regret per frame", f"{parts.total:.6g}  =  {parts.inaction:.6g} inaction + {parts.delay:.6g} delay"),
        ("cost per frame", f"{found.cost:.6g}"),
        ("what binds", found.binds),
    ]
    if found.meets_target is not None:
        facts.append(("target", f"{found.target_regret:g} per frame: {'met' if found.meets_target else 'not met'}"))
    slowest = "no limit" if found.largest_inference_time is None else f"{found.largest_inference_time:.6g} s"
    facts.append(("largest mean inference time", slowest))
    if scaling is not None:
        facts.append(("model size", "no limit" if found.model_size is None else f"{found.model_size:.6g}"))
    others = [
        f"{candidate.total:.6g}  {_named(candidate)}"
        for candidate in sorted(found.alternatives, key=lambda candidate: candidate.total)
    ]
    if measured is not None:
        facts += [("law", _law_said(measured, times)), ("contention", _contention_said(measured, contention))]
        every = _every_frame(times, world.frame_seconds(), slowed)
        facts.append(
            ("workers for every frame", "none: too many slow each other down" if every is None else str(every))
        )
        if found.service is not None:
            slower = slowed if isinstance(slowed, float | int) else None
            factor = slowed(found.workers) if slower is None else 1 + slower * (found.workers - 1)  # type: ignore[operator]
            facts.append(("inference time then", f"{1e3 * factor * times.mean():.4g} ms in the mean"))
    facts += [
        *listed("regret and cost of each", others),
        ("method", found.method),
        *listed("assuming", found.assumptions),
    ]
    print_facts(f"{_times(inference_time, measured, times)}, mode probability {world.mode_probability:g}", facts)
    return 0


def _times(inference_time: str | None, measured: "MeasuredProfile | None", times: "Law") -> str:
    if measured is None:
        return f"inference time {inference_time} s"
    return f"inference time of {measured.policy}, {1e3 * times.mean():.4g} ms in the mean of a lone worker"


def _taken(measured: "MeasuredProfile", times: "Law", contention: float | None) -> dict[str, Any]:
    """Return what was taken from the profile."""
    shared = measured.contention
    if contention is not None:
        slowdown = "given"
    elif shared is None:
        slowdown = "none"
    else:
        slowdown = "line" if shared.on_a_line else "interpolated"
    return {
        "policy": measured.policy,
        "samples": len(measured.samples.seconds),
        "law": "samples" if times is measured.samples else times.text,
        "fit_p_value": measured.fit_p_value,
        "slowdown": slowdown,
        "contention": contention if shared is None or contention is not None else shared.share,
        "contention_interval": None if shared is None else [shared.lower, shared.upper],
        "contention_workers": [] if shared is None else list(shared.workers),
        "line_p_value": None if shared is None else shared.line_p_value,
    }


def _every_frame(times: "Law", frame_time: float, slowed: "float | MeasuredSlowdown") -> int | None:
    """Return how many workers infer as often as there are frames, by their mean time."""
    from ..planning.workers import workers_under_contention

    return workers_under_contention(times.mean() / frame_time, slowed)


def _law_said(measured: "MeasuredProfile", times: "Law") -> str:
    samples = f"{len(measured.samples.seconds)} samples"
    judged = "" if measured.fit_p_value is None else f" (p = {measured.fit_p_value:.2g})"
    if times is not measured.samples:
        verdict = "which nothing speaks against" if measured.fits else "though it does not fit"
        return f"{times.text}, fitted to the {samples}, {verdict}{judged}"
    if measured.fitted is None:
        return f"the {samples} themselves: no law was fitted"
    verdict = "fits" if measured.fits else "does not fit"
    return f"the {samples} themselves; {measured.fitted.text} {verdict}{judged}"


def _contention_said(measured: "MeasuredProfile", contention: float | None) -> str:
    shared = measured.contention
    if contention is not None:
        return f"{contention:.4g}, as given"
    if shared is None:
        return "not measured (profile --workers): taken as none"
    numbers = ", ".join(map(str, shared.workers))
    if shared.on_a_line:
        return f"{shared.share:.4g} in [{shared.lower:.4g}, {shared.upper:.4g}], measured with {numbers} workers"
    factors = ", ".join(f"{factor:.3g}" for factor in shared.slowdown.factors)
    numbers = ", ".join(map(str, shared.slowdown.workers))
    return f"{numbers} workers take {factors} times as long, no line (p = {shared.line_p_value:.2g}): interpolated"


def _named(choice: Any) -> str:
    """Return rule, workers, hold and alignment of a plan or a candidate in words."""
    if choice.rule is None:
        return "not acting"
    words = [choice.rule, "1 worker" if choice.workers == 1 else f"{choice.workers:g} workers"]
    if choice.hold is not None:
        words.append(f"outputs held to {choice.hold} frames")
    if choice.alignment is not None:
        words.append("starts on frames" if choice.alignment == "frame" else "starts anywhere")
    return ", ".join(words)
