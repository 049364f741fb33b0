"""The command that runs staggered inference: ``run``."""

from pathlib import Path
from typing import Any, Literal

from ..rules import DEFAULT_RULE
from .cartridges import OwnCartridge
from .environments import environment_id, environment_options
from .learners import Learners
from .options import Flag, Json, Whole, app
from .output import print_facts, print_json, show_progress
from .scenario import read_hold

__all__ = ["run"]


@app.command
def run(
    *,
    out: Path,
    env: str | None = None,
    policy: str = "impala-k1",
    workers: Whole = 1,
    rule: str = DEFAULT_RULE,
    clock: Literal["real", "virtual"] = "real",
    frames: Whole = 3600,
    emulate_latency: str | None = None,
    symbols: Whole | None = None,
    mode_probability: float | None = None,
    sticky: float | None = None,
    cartridge: OwnCartridge | None = None,
    weights: Path | None = None,
    frame_time: str | None = None,
    default_behaviour: Literal["noop", "repeat", "random"] = "noop",
    default_action: Whole | None = None,
    alignment: Literal["frame", "uniform"] | None = None,
    hold: str | None = None,
    hold_probability: float | None = None,
    gap_default: float = 1.0,
    gap_delay: float = 1.0,
    seed: Whole = 0,
    backend: Literal["local", "ray"] = "local",
    ray_address: str | None = None,
    device: Literal["cpu", "cuda"] = "cpu",
    learning: Learners | None = None,
    overwrite: Flag = False,
    watch: Flag = False,
    json: Json = False,
) -> int:
    """Run staggered inference in an environment and record it.

    Example: regretlab run --policy impala-k1 --workers 3 --emulate-latency 0.04 --frames 1200 --out my-run

    Parameters
    ----------
    out
        Folder for the record.
    env
        beacon (what is played without --rom), stacker, duel, tetris, pokemon, boxing, krull, namethisgame, or any
        Gymnasium id with a discrete action space (module:id imports the module first).
    policy
        nature, impala-kN, impala2x-kN, mlp, random, noop, oracle, sb3:FILE.zip, or module:FILE.py:NAME (which runs the
        code in that file).
    workers
        Number of inference workers (processes).
    rule
        Staggering rule: sequential, sequential-strict, unstaggered, free-running, max-time, expected-time, frame-pool
        or frame-hold.
    clock
        real: processes on the wall clock; virtual: the same rules on simulated time, reproducible to the byte.
    frames
        Frames to play.
    emulate_latency
        Pad every inference to a law (needed on the virtual clock): 0.04, "gamma(4, scale=0.02)", @FILE, or
        @RECORD (the inference times of an earlier run).
    symbols
        Symbols that beacon shows, 2 to 15.
    mode_probability
        How likely beacon's symbol stays from one frame to the next.
    sticky
        How likely an Atari game takes the last frame's action instead of this one's (0).
    weights
        Weights of the policy's network, a .safetensors file.
    frame_time
        Time of a frame: seconds, gameboy or atari; what the environment says if not given.
    default_behaviour
        What acts in frames without an agent action.
    default_action
        Number of the action that does nothing, where the environment does not say which does.
    alignment
        Whether inferences start on frames or anywhere; the rule's default if not given.
    hold
        Frames that frame-hold holds an output for at least, or auto (its default): learned from the times seen.
    hold_probability
        Modal probability a frame for hold auto, where the environment does not tell its own (beacon does).
    gap_default
        Loss of a frame without an agent action, for hold auto.
    gap_delay
        Loss of a wrong action, for hold auto.
    seed
        Seed of environment, policies and emulated times.
    backend
        local: processes of this machine; ray: actors on a Ray cluster (the environment stays here).
    ray_address
        Address of the cluster, HOST:PORT or auto; without one a cluster of this machine's own.
    device
        Where the workers' networks run: cpu, or cuda (a GPU; real clock only).
    overwrite
        Replace a record that is already in the folder.
    watch
        Show frame rate, served fraction, delays, age and reward of the last ten seconds while the run is on.
    """
    from ..laws import parse_frame_time
    from ..play.configuration import RunConfiguration
    from ..play.run import run as play

    own = cartridge or OwnCartridge()
    beacon = environment_options(symbols=symbols, mode_probability=mode_probability)
    configuration = RunConfiguration(
        environment=environment_id(env or own.environment(beacon)),
        environment_options=beacon | environment_options(sticky=sticky) | own.options(),
        policy=policy,
        workers=workers,
        rule=rule,
        clock=clock,
        frames=frames,
        emulate_latency=emulate_latency,
        weights=None if weights is None else str(weights),
        frame_time=None if frame_time is None else parse_frame_time(frame_time),
        default_behaviour=default_behaviour,
        default_action=default_action,
        alignment=alignment,
        hold=read_hold(hold),
        hold_probability=hold_probability,
        gap_default=gap_default,
        gap_delay=gap_delay,
        seed=seed,
        backend=backend,
        ray_address=ray_address,
        device=device,
        **(learning or Learners()).configuration(),
    )
    summary = _play_watched(configuration, out, overwrite) if watch else None
    if summary is None:
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
        (
            "inference time",
            _times(summary.inference_time) if emulate_latency is None else f"emulated: {emulate_latency} s",
        ),
        *([("outputs held for", f"{summary.hold} frames")] if summary.hold is not None else []),
        *([("longest time learned", f"{1e3 * summary.tau_max:.3f} ms")] if summary.tau_max is not None else []),
        *([("mean time learned", f"{1e3 * summary.mean_time:.3f} ms")] if summary.mean_time is not None else []),
        ("workers restarted", str(summary.restarts)),
        ("record", summary.record),
    ]
    facts[-1:-1] = _learning_facts(summary.learning) + _cost_facts(summary.core_seconds, summary.reward_per_core_second)
    if clock == "real" and lateness["p99"] is not None:
        late = f"p50 {1e3 * (lateness['p50'] or 0):.3f} ms, p99 {1e3 * lateness['p99']:.3f} ms"
        facts.insert(5, ("lateness of frame deadlines", late))
    print_facts(f"{configuration.environment}, {policy}, {rule}, {workers} worker(s), {clock} clock", facts)
    return 0


def _times(seconds: dict[str, float | None]) -> str:
    if seconds["mean"] is None or seconds["p99"] is None:
        return "measured: none was finished"
    return f"measured: {1e3 * seconds['mean']:.3f} ms in the mean, p99 {1e3 * seconds['p99']:.3f} ms"


def _learning_facts(learning: dict[str, Any] | None) -> list[tuple[str, str]]:
    if learning is None:
        return []
    rate = learning["updates_per_second"]
    return [
        ("updates of the network", f"{learning['updates']}" + ("" if rate is None else f" ({rate:.2f} a second)")),
        ("learned of what it might", "none" if learning["share"] is None else f"{100 * learning['share']:.2f} %"),
        ("learners restarted", str(learning["restarts"])),
    ]


def _cost_facts(seconds: dict[str, float | None], reward: dict[str, float | None]) -> list[tuple[str, str]]:
    return [
        (f"reward per core-second, {kind}", f"{value:.4f} ({seconds[kind]:.2f} core-seconds)")
        for kind, value in reward.items()
        if value is not None
    ]


def _play_watched(configuration: Any, out: Path, overwrite: bool) -> Any:
    """Play with the live view; None where there is no terminal to show it on."""
    import sys

    from ..play.preparation import prepare
    from ..play.run import run as play
    from .watching import watching

    if not sys.stderr.isatty():
        return None
    prepared = prepare(configuration, lambda text: print(text, file=sys.stderr))
    with watching(prepared.environment.frame_time) as view:
        return play(configuration, out, overwrite=overwrite, prepared=prepared, watch=view.feed)
