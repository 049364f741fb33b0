"""The command that answers inverse questions: ``plan``."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InputError
from ..progress import Progress
from .options import Json, Whole, app
from .output import print_facts, print_json, print_result, show_progress
from .scenario import PlanningWorld

if TYPE_CHECKING:
    from ..laws import Law
    from ..laws.measured import MeasuredProfile, MeasuredSlowdown

__all__ = ["plan"]

_PATIENCE = 2.0
"""Seconds after which progress is shown."""


@app.command
def plan(
    world: PlanningWorld | None = None,
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
    alignment: Literal["frame", "uniform"] | None = None,
    most_workers: Whole | None = None,
    learners: Whole = 0,
    contention: float | None = None,
    services: Literal["given", "outputs", "any"] = "outputs",
    json: Json = False,
) -> int:
    """Find what to run: rule, workers and hold, how slow a network may be, and whether to act at all.

    Example: regretlab plan --inference-time 0.1 --mode-probability 0.95 --worker-cost 0.01

    Parameters
    ----------
    inference_time
        Law of the inference time in seconds: 0.1, constant(0.1), any scipy.stats distribution such as
        "gamma(4, scale=0.02)", @FILE with samples (.csv, .txt, .npy) or @RECORD (the folder of a run).
    profile
        Take inference times and contention from the file that regretlab profile --out wrote.
    law
        Of the profile: its samples (auto as well), which carry their sampling interval, or its fitted law.
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
        Plan for a rule that holds its outputs, with this hold only.
    alignment
        Plan for inferences that start on frames, or anywhere, only.
    most_workers
        Largest number of workers to consider; if not given as many as fill every frame, or with a cost can be worth it.
    learners
        Number of learner processes on the same cores.
    contention
        Share of a lone worker's time by which each further worker slows all of them down. If not given, that of the
        profile (its measured times themselves where they are on no line), else 0.
    services
        What the plan may choose of what an output serves: given (nothing), outputs (whether unused outputs are kept and
        slow inferences cancelled), or any (also the default behaviour, the chunk, and how many workers race on each
        observation).
    """
    from ..laws.measured import read_profile
    from ..planning import plan as find

    batches = world is not None and "batch_law" in world.given() and inference_time is profile is None
    if (inference_time is None) == (profile is None) and not batches:
        raise InputError("give either --inference-time with a law or --profile with what regretlab profile wrote")
    if law is not None and profile is None:
        raise InputError(f"law '{law}' chooses from a profile: give --profile with it")
    measured = None if profile is None else read_profile(profile)
    asked = (world or PlanningWorld()).scenario(
        inference_time=inference_time if measured is None else measured.law(law or "auto")
    )
    times, frame_time = asked.inference_time, asked.frame_time
    slowed: float | MeasuredSlowdown = 0.0 if contention is None else contention
    if contention is None and measured is not None and measured.contention is not None:
        if asked.cores is not None:
            raise InputError("the profile's contention holds what sharing cores costs: give no --cores with it")
        slowed = measured.contention.taken
    with _progress_after(_PATIENCE) as tell:
        found = find(
            asked,
            rule=rule,
            workers=workers,
            hold=hold,
            alignment=alignment,
            worker_cost=worker_cost,
            target_regret=target_regret,
            scaling=scaling,
            quality=quality,
            learners=learners,
            contention=slowed,
            most_workers=most_workers,
            services=services,
            progress=tell,
        )
    if measured is None or times is None:
        if json:
            print_json({**found.to_json(), "profile": None})
            return 0
        return print_result(found, json)
    if json:
        taken = _taken(measured, times, contention)
        taken["workers_for_every_frame"] = _every_frame(times, frame_time, slowed)
        print_json({**found.to_json(), "profile": taken})
        return 0
    every = _every_frame(times, frame_time, slowed)
    more = [
        ("law", _law_said(measured, times)),
        ("contention", _contention_said(measured, contention)),
        ("workers for every frame", "none: too many slow each other down" if every is None else str(every)),
    ]
    if found.service is not None:
        slower = slowed if isinstance(slowed, float | int) else None
        factor = slowed(found.workers) if slower is None else 1 + slower * (found.workers - 1)  # type: ignore[operator]
        more.append(("inference time then", f"{1e3 * factor * times.mean():.4g} ms on average"))
    facts = found.facts()
    place = [name for name, _ in facts].index("regret and cost of each")
    world_said = "a measured loss curve" if asked.loss else f"mode probability {asked.mode_probability:g}"
    mean = f"{1e3 * times.mean():.4g} ms on average for a lone worker"
    print_facts(
        f"inference time of {measured.policy}, {mean}, {world_said}",
        [*facts[:place], *more, *facts[place:]],
    )
    return 0


@contextmanager
def _progress_after(seconds: float) -> Iterator[Progress]:
    """Yield a function (done, total, what) that shows progress once the plan has taken that many seconds."""
    with ExitStack() as stack:
        begun, shown = monotonic(), None

        def tell(done: int, total: int, what: str) -> None:
            nonlocal shown
            if shown is None and monotonic() - begun > seconds:
                shown = stack.enter_context(show_progress())
            if shown is not None:
                shown(done, total, what)

        yield tell


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
        verdict = "which its tests do not reject" if measured.fits else "though it does not fit"
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
