"""The command that answers inverse questions: ``plan``."""

from typing import Any

from ..errors import InputError
from .options import Json, Whole, app
from .output import listed, print_facts, print_json
from .scenario import Alignment, Surroundings, read_hold, read_workers

__all__ = ["plan"]


@app.command
def plan(
    world: Surroundings,
    *,
    inference_time: str | None = None,
    profile: str | None = None,
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
        Share of a lone worker's time by which each further worker slows all of them down; that of the profile, else 0,
        if not given. Measured contention holds what sharing cores costs: give no cores besides.
    """
    from ..laws import parse_law
    from ..laws.measured import read_profile
    from ..planning import plan as find

    if (inference_time is None) == (profile is None):
        raise InputError("give either --inference-time with a law or --profile with what regretlab profile wrote")
    measured = None if profile is None else read_profile(profile)
    if contention is None:
        contention = 0.0 if measured is None else measured.contention
    found = find(
        parse_law(inference_time or "") if measured is None else measured.law,
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
        contention=contention,
    )
    if json:
        print_json(found.to_json())
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
        numbers = ", ".join(map(str, measured.contention_workers))
        shared = f"{contention:.4g}, measured with {numbers} workers" if numbers else "not measured: taken as none"
        facts.append(("contention", shared))
    facts += [
        *listed("regret and cost of each", others),
        ("method", found.method),
        *listed("assuming", found.assumptions),
    ]
    print_facts(f"{_times(inference_time, measured)}, mode probability {world.mode_probability:g}", facts)
    return 0


def _times(inference_time: str | None, measured: Any) -> str:
    if measured is None:
        return f"inference time {inference_time} s"
    return f"inference time of {measured.policy}, {1e3 * measured.law.mean():.4g} ms in the mean"


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
