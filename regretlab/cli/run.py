"""The command that runs staggered inference: ``run``."""

from pathlib import Path
from typing import Any, Literal

from ..defaults import PLAYED_FRAMES, POLICY
from ..errors import InputError
from ..scenario import SERVICE_FIELDS
from .cartridges import OwnCartridge
from .environments import (
    DefaultAction,
    ModeProbability,
    ObservationKey,
    RequestFormFile,
    Sticky,
    Symbols,
    Weights,
    default_action_of,
    environment_id,
    environment_options,
)
from .learners import Learners
from .options import Flag, Json, Whole, app
from .output import print_facts, print_json, show_progress
from .scenario import FieldOptions, with_fields

__all__ = ["Served", "run"]

_SERVICE = tuple(name for name in SERVICE_FIELDS if name != "actions")
"""The environment has its own actions."""


@with_fields("workers", "rule", "execution_horizon", "hold", "alignment", *_SERVICE, "gap_default", "gap_delay", "fps")
class Served(FieldOptions):
    """Workers under a rule, and how the world moves."""


@app.command
def run(
    *,
    out: Path,
    served: Served | None = None,
    env: str | None = None,
    policy: str = POLICY,
    clock: Literal["real", "virtual"] = "real",
    frames: Whole = PLAYED_FRAMES,
    emulate_latency: str | None = None,
    symbols: Symbols = None,
    mode_probability: ModeProbability = None,
    sticky: Sticky = None,
    cartridge: OwnCartridge | None = None,
    weights: Weights = None,
    frame_time: str | None = None,
    default_action: DefaultAction = None,
    observation_key: ObservationKey = None,
    request_form: RequestFormFile = None,
    hold_probability: float | None = None,
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
        Gymnasium id (module:id imports the module first).
    policy
        nature, impala-kN, impala2x-kN, mlp, random, noop, oracle, distilled:FILE.safetensors (or distilled:stacker),
        sb3:FILE.zip, module:FILE.py:NAME (which runs the code in that file), ws://HOST:PORT (a policy server that
        speaks the openpi protocol) or http://HOST:PORT/PATH (a server that is asked by POST requests).
    clock
        real: processes on the wall clock; virtual: the same rules on simulated time, reproducible to the byte.
    frames
        Frames to play.
    emulate_latency
        Pad every inference to a law (needed on the virtual clock): 0.04, "gamma(4, scale=0.02)", @FILE, or
        @RECORD (the inference times of an earlier run).
    frame_time
        Time of a frame: seconds, gameboy or atari; what the environment says if not given.
    hold_probability
        Mode probability a frame for hold auto, where the environment does not report its own (beacon does).
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
    from ..front import with_numbers
    from ..laws import parse_frame_time
    from ..play.configuration import RunConfiguration
    from ..play.run import run as play
    from ..prediction import with_prediction
    from ..records import Record

    own = cartridge or OwnCartridge()
    beacon = environment_options(symbols=symbols, mode_probability=mode_probability)
    asked = (served or Served()).scenario(inference_time=emulate_latency)
    if "frame_time" in asked.changed and frame_time is not None:
        raise InputError(f"give --frame-time or --fps, not both: they are {frame_time} and {1 / asked.frame_time:g}")
    seconds = asked.frame_time if "frame_time" in asked.changed else None
    game, options = environment_id(env or own.environment(beacon)), beacon | environment_options(sticky=sticky)
    options |= own.options()
    if frame_time is not None:
        asked = asked.replace(frame_time=parse_frame_time(frame_time))
    asked, learned = with_numbers(asked, game, options)
    configuration = RunConfiguration.of(
        asked,
        environment=game,
        environment_options=options,
        policy=policy,
        clock=clock,
        frames=frames,
        weights=None if weights is None else str(weights),
        frame_time=seconds if frame_time is None else parse_frame_time(frame_time),
        default_action=default_action_of(default_action),
        observation_key=observation_key,
        request_form=None if request_form is None else str(request_form),
        hold_probability=hold_probability,
        seed=seed,
        backend=backend,
        ray_address=ray_address,
        device=device,
        **learned,
        **(learning or Learners()).configuration(),
    )
    summary = _play_watched(configuration, out, overwrite) if watch else None
    if summary is None:
        with show_progress() as tell:
            summary = play(configuration, out, overwrite=overwrite, progress=tell)
    summary = with_prediction(Record.open(out), summary)
    if json:
        print_json(dict(summary))
        return 0
    workers = "1 worker" if configuration.workers == 1 else f"{configuration.workers} workers"
    rule = asked.rule if configuration.batch_law is None else f"batches of {configuration.batch} at most"
    title = f"{configuration.environment}, {policy}, {rule}, {workers}, {clock} clock"
    print_facts(title, summary.facts())
    return 0


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
