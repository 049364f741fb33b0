"""The command that measures inference times, and compares policies by them: ``profile``."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from ..defaults import PROFILED_ACTIONS
from ..errors import InputError
from ..scenario import Scenario
from .environments import ObservationKey, RequestFormFile
from .options import Flag, Json, Whole, app
from .output import listed, print_facts, print_json, print_rows, show_progress
from .scenario import FieldOptions, with_fields

if TYPE_CHECKING:
    from ..laws.fitting import FittedLaw
    from ..planning import Plan
    from ..policies import PolicySpec
    from ..policies.contention import Contention
    from ..policies.effects import OptionEffect
    from ..policies.profile import LatencyProfile

__all__ = ["profile"]

_COMPARED = ("policy", "latency (mean, 99 %)", "workers", "rule", "frames without an action", "regret per frame")


@with_fields("mode_probability", "loss", "frame_time", "fps", "gap_default", "gap_delay", "default_behaviour")
class _World(FieldOptions):
    """The world to plan for, if any: --mode-probability asks for a plan of each policy."""


@app.command
def profile(
    world: _World | None = None,
    *,
    policy: list[str],
    env: str | None = None,
    actions: Whole | None = None,
    samples: Whole = 500,
    threads: Whole = 1,
    channels_last: Annotated[bool, Parameter(negative="--contiguous")] = True,
    device: Literal["cpu", "cuda"] = "cpu",
    bf16: Flag = False,
    compiled: Annotated[bool, Parameter(name="--compile", negative="")] = False,
    effects: Flag = False,
    workers: str | None = None,
    concurrency: str | None = None,
    observation_key: ObservationKey = None,
    request_form: RequestFormFile = None,
    out: Path | None = None,
    json: Json = False,
) -> int:
    """Measure the inference time of a policy on this machine.

    Example: regretlab profile --policy impala-k1 --workers 1,2,4 --out k1.npy

    Parameters
    ----------
    policy
        nature, impala-kN, impala2x-kN, mlp, one of your own (module:FILE.py:NAME or sb3:FILE.zip), or ws://HOST:PORT, a
        policy server, whose answers are timed from request to answer. Given several times, the policies are compared:
        latency and, in a world, workers, rule and regret of each.
    env
        Take the number of actions, and what a policy of your own is shown, from this environment.
    actions
        Number of actions; 7 if neither they nor an environment are given.
    samples
        Inferences to measure, after a warm-up that does not count.
    threads
        Threads of the network's operations.
    channels_last
        Memory layout of the convolutions.
    device
        Where the network runs: cpu, or cuda (a GPU, which concurrent workers then share).
    bf16
        Compute in bfloat16 instead of float32.
    compiled
        Compile the network with torch.compile first (tens of seconds, and it needs a C++ compiler).
    effects
        Also measure what each of these options does, all side by side: ratio of the times, and whether the actions stay
        the same.
    workers
        Also measure under so many concurrent processes, such as 1,2,4, and fit how each slows the others down (what
        plan calls contention).
    concurrency
        Of a policy server: measure with so many requests in flight, such as 1,2,4,8, one law for each number. The .csv
        file of --out is then the law of bound, plan and simulate: --inference-time @FILE.
    out
        File for the samples, .npy or .csv (everything else goes next to it as .json).
    """
    from ..laws.fitting import FEWEST, fit_laws
    from ..policies.contention import check_numbers, measure_contention
    from ..policies.effects import measure_effects
    from ..policies.profile import CONFIDENCE, check_target, profile_policy

    numbers = None if workers is None else check_numbers(_numbers(workers))
    load = None if concurrency is None else check_numbers(_numbers(concurrency))
    if len(policy) > 1 and (effects or numbers is not None or load is not None or out is not None):
        raise InputError(f"effects, workers, concurrency and out are for one policy, and {len(policy)} are given")
    specifications = [_specification(p, env, actions, channels_last=channels_last, device=device) for p in policy]
    specification = specifications[0]
    asked = (world or _World()).scenario()
    planned = asked.mode_probability is not None or asked.loss is not None
    if not planned and asked.changed:
        named = asked.changed[0].replace("_", "-")
        raise InputError(
            f"--{named} has no effect without --mode-probability: give the world to plan for, or leave it out"
        )
    if device != "cpu":
        from ..policies.policy import check_device

        check_device(device)
    if out is not None:
        check_target(out)
    specifications = [_asked(each, observation_key, request_form, load, numbers) for each in specifications]
    specification = specifications[0]
    if load is not None:
        return _under_load(specification, load, samples, out, json)
    with show_progress() as tell:
        profiles = [
            profile_policy(
                each,
                samples=samples,
                threads=threads,
                bf16=bf16,
                compiled=compiled,
                progress=lambda done, total, what: tell(done, total, what) if _tenth(done, total) else None,
            )
            for each in specifications
        ]
        measured = profiles[0]
        plans = []
        for index, each in enumerate(profiles if planned else ()):
            tell(index, len(profiles), "planning")
            plans.append(_planned(each, asked))
        options: tuple[OptionEffect, ...] | None = None
        if effects:
            tell(0, 1, "building each option")
            options = measure_effects(
                specification,
                samples=samples,
                confidence=CONFIDENCE,
                progress=tell,
            )
        shared = None
        if numbers is not None:
            shared = measure_contention(
                specification,
                numbers,
                samples=samples,
                threads=threads,
                bf16=bf16,
                compiled=compiled,
                progress=tell,
            )
    if len(profiles) > 1:
        return _print_comparison(profiles, plans, asked, json)
    judged = fit_laws(measured.seconds) if len(measured.seconds) >= FEWEST else []
    fits = [fit for fit in judged if fit.is_rejected is False]
    found = {
        "confidence": CONFIDENCE,
        "fits": [asdict(fit) for fit in fits],
        "rejected": [fit.family for fit in judged if fit.is_rejected],
        "effects": None if options is None else [asdict(effect) for effect in options],
        "contention": None if shared is None else asdict(shared),
    }
    written = None if out is None else str(measured.save(out, found))
    if json:
        print_json({**measured.to_json(), **found, "file": written, "plan": plans[0].to_json() if plans else None})
        return 0
    facts = [
        *measured.facts(),
        *listed("fitted law", [_fitted(fit) for fit in fits] or _no_law(judged)),
        *([("plan", f"{plans[0].in_words()}: regret {plans[0].regret.words()} per frame")] if plans else []),
        *listed("effect of each option", [_effect(effect) for effect in options or ()]),
        *_contention_facts(shared),
    ]
    if written:
        facts.append(("samples", f"{written} (use as --inference-time @{written}, or plan --profile {written})"))
    print_facts(measured.title, facts)
    return 0


def _asked(
    specification: "PolicySpec",
    key: str | None,
    form: Path | None,
    load: list[int] | None,
    numbers: list[int] | None,
) -> "PolicySpec":
    """Return the specification, of a policy server with what it answers."""
    from ..errors import InputError

    if specification.is_served:
        if numbers is not None:
            raise InputError("workers are processes of this machine: give a policy server's --concurrency instead")
        from ..policies.serving.client import inspect_server

        return inspect_server(specification, key=key, form=form)
    for name, value in (("concurrency", load), ("observation key", key), ("request form", form)):
        if value is not None:
            raise InputError(f"{name} is for policies on a server (ws://HOST:PORT), not for '{specification.name}'")
    return specification


def _under_load(specification: "PolicySpec", numbers: list[int], samples: int, out: Path | None, json: bool) -> int:
    """Measure a policy server with several numbers of requests in flight."""
    from ..policies.serving.load import check_load_target, measure_load

    if out is not None:
        check_load_target(out)
    with show_progress() as tell:
        found = measure_load(specification, numbers, samples=samples, progress=tell)
    written = None if out is None else str(found.save(out))
    values = {**found.to_json(), "file": written}
    if json:
        print_json(values)
        return 0
    facts = []
    for number, mean, limits, p99 in zip(numbers, found.means, values["mean_intervals"], values["p99"], strict=True):
        said = "{:.3f} ms in [{:.3f}, {:.3f}] (95 %), p99 {:.3f} ms".format(*(1e3 * t for t in (mean, *limits, p99)))
        facts.append((f"{number} in flight", f"{said}, {number / mean:.1f} answers a second"))
    facts.append(("which suggests", _VERDICTS[found.verdict]))
    if (server := found.server) is not None:
        network = f"; {1e3 * server.network:.3g} ms of a lone answer are the network's" * (server.network > 0)
        facts.append(("model", f"{server}{network}; bound, plan and simulate play its queue"))
    if written:
        facts.append(("samples", f"{written} (use as --inference-time @{written})"))
    print_facts(f"{specification.name}: answers under load", facts)
    return 0


_VERDICTS = {
    "one worker": "one worker: the server answers one request after the other",
    "batch": "batch: answers come together, so that several environments can share the server; in one, a frame uses "
    "one of them",
    "N workers": "N workers: each request is answered as fast as a lone one",
}


def _specification(policy: str, env: str | None, actions: int | None, **settings: Any) -> "PolicySpec":
    from ..policies import PolicySpec

    if env is None:
        return PolicySpec(policy, actions=PROFILED_ACTIONS if actions is None else actions, **settings)
    if actions is not None:
        raise InputError(f"actions {actions} are given, and '{env}' has its own: give one of the two")
    from ..play.preparation import describe_environment, specify_policy
    from .environments import environment_id

    described = describe_environment(environment_id(env), {}, frame_time=1.0)  # how fast it is does not matter here
    return specify_policy(policy, described, **settings)


def _tenth(done: int, total: int) -> bool:
    """Whether a tenth of the way is newly done: drawing in between would disturb what is timed."""
    return done == total or 10 * done // total != 10 * (done - 1) // total


def _fitted(fit: "FittedLaw") -> str:
    said = f"{fit.text}: Kolmogorov-Smirnov {fit.distance:.3f}"
    if fit.distance_if_true is not None:
        said += " ({:.3f} to {:.3f} if true, ".format(*fit.distance_if_true) + f"p = {fit.p_value:.2g})"
    said += f", Anderson-Darling {fit.anderson_darling:.3g}"
    if fit.anderson_darling_if_true is not None:
        limits = "{:.3g} to {:.3g}".format(*fit.anderson_darling_if_true)
        said += f" ({limits} if true, p = {fit.anderson_darling_p_value:.2g})"
    return said


def _no_law(judged: "Sequence[FittedLaw]") -> list[str]:
    if not judged:
        return ["none: too few samples to fit one"]
    return [f"none: the tests reject {', '.join(fit.family for fit in judged)}; use the samples"]


def _planned(measured: "LatencyProfile", asked: Scenario) -> "Plan":
    """Return what to run with the samples of a profile, in a world."""
    from ..laws import law_from_samples
    from ..planning import plan

    law = law_from_samples(measured.seconds, text=f"{len(measured.seconds)} samples of {measured.policy}")
    return plan(asked.replace(inference_time=law), services="given")


def _print_comparison(
    profiles: "Sequence[LatencyProfile]", plans: "Sequence[Plan]", asked: Scenario, as_json: bool
) -> int:
    """Print latency, workers and regret of several policies, and what speaks for which; return the exit code 0."""
    order = sorted(range(len(plans)), key=lambda place: plans[place].total)
    best = order[0] if order else min(range(len(profiles)), key=lambda place: profiles[place].seconds.mean())
    name = profiles[best].policy
    if plans:
        advice = [f"{name}, {plans[best].in_words()}: the least regret, unless another policy plays better by itself"]
        needed = {profiles[place].policy: plans[place].total - plans[best].total for place in order[1:]}
        for policy, more in needed.items():
            least = f"earns {more:.4g} per frame more" if more > 1e-6 else "earns more"
            advice.append(f"{policy} if it {least} without delay")
    else:
        needed, advice = {}, [f"{name} is the fastest; --mode-probability P compares what they lose in a world"]
    if as_json:
        values = [profile.to_json() for profile in profiles]
        values = [each | {"plan": plans[place].to_json() if plans else None} for place, each in enumerate(values)]
        print_json({"policies": values, "recommended": name, "worth_more_by": needed, "recommendation": advice})
        return 0
    rows = []
    for place, measured in enumerate(profiles):
        times = measured.to_json()
        row = [measured.policy, f"{1e3 * times['mean']:.3f} ms, {1e3 * times['p99']:.3f} ms", "-", "-", "-", "-"]
        if plans:
            found = plans[place]
            idle = 1.0 if found.service is None else found.service.inaction_fraction
            row[2:4] = [f"{found.workers}", found.rule or "do not act"]
            row[4:] = [f"{100 * idle:.4g} %", f"{found.regret.total:.6g}"]
        rows.append(row)
    world = ""
    if plans:
        p = asked.mode_probability
        known = "a measured loss curve" if p is None else f"mode probability {p:g}"
        world = f", {known}, {1 / asked.frame_time:.4g} frames per second"
    print_rows(f"{len(profiles)} policies{world}", _COMPARED, rows, foldable=0)
    warnings = [f"{measured.policy}: {said}" for measured in profiles for said in measured.warnings]
    print_facts("", [*listed("recommended", advice), *listed("warning", warnings)])
    return 0


def _effect(effect: "OptionEffect") -> str:
    if effect.mean is None or effect.ratio is None:
        return f"{effect.option}: not measured: {effect.unavailable}"
    if effect.option == "plain":
        return f"plain: {1e3 * effect.mean:.3f} ms (float32, contiguous, one thread, not compiled)"
    return (
        f"{effect.option}: time x {effect.ratio:.3f} in [{effect.lower:.3f}, {effect.upper:.3f}], same action in "
        f"{100 * (effect.actions_agree or 0.0):.4g} % of frames, values differ by at most "
        f"{effect.largest_difference:.2g} (their standard deviation: {effect.value_spread:.2g})"
    )


def _contention_facts(shared: "Contention | None") -> list[tuple[str, str]]:
    if shared is None:
        return []
    times = [
        f"{number}: {1e3 * mean:.3f} ms ± {1e3 * error:.3f} (standard error)"
        for number, mean, error in zip(shared.workers, shared.means, shared.errors, strict=True)
    ]
    line = ""
    if shared.line_p_value is not None:
        line = f"; on a line: p = {shared.line_p_value:.2g}" + (" (no line)" if shared.line_p_value < 0.05 else "")
    interval = f"in [{shared.contention_lower:.4g}, {shared.contention_upper:.4g}]"
    return [
        *listed("concurrent workers", times),
        ("contention", f"{shared.contention:.4g} {interval}{line} (use as plan --contention)"),
    ]


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"workers must be whole numbers with commas between them, such as 1,2,4, not '{text}'"
        ) from None
