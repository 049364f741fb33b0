"""The command that says what real time costs an agent: ``referee``."""

from pathlib import Path
from typing import Literal

from ..defaults import POLICY, REFEREED_FRAMES, REFEREED_REPLICATIONS
from ..errors import InputError
from .cartridges import OwnCartridge
from .environments import (
    DefaultAction,
    ModeProbability,
    ObservationKey,
    RequestFormFile,
    Sticky,
    Symbols,
    Weights,
    environment_id,
    environment_options,
)
from .options import Json, Whole, app
from .output import print_result, show_progress
from .run import Served

__all__ = ["referee"]


@app.command
def referee(
    *,
    served: Served | None = None,
    env: str | None = None,
    policy: str = POLICY,
    emulate_latency: str | None = None,
    tokens_per_second: float | None = None,
    frames: Whole = REFEREED_FRAMES,
    replications: Whole = REFEREED_REPLICATIONS,
    per: Literal["auto", "frame", "episode"] = "auto",
    symbols: Symbols = None,
    mode_probability: ModeProbability = None,
    sticky: Sticky = None,
    cartridge: OwnCartridge | None = None,
    weights: Weights = None,
    default_action: DefaultAction = None,
    observation_key: ObservationKey = None,
    request_form: RequestFormFile = None,
    seed: Whole = 0,
    out: Path | None = None,
    json: Json = False,
) -> int:
    """Referee an agent: what real time costs it, as inaction + age + remainder, next to random and no-op.

    The agent's clock is --emulate-latency, --tokens-per-second, or without either the wall clock.

    Example: regretlab referee --policy oracle --rule sequential --emulate-latency 0.04 --frames 300 --replications 4

    Parameters
    ----------
    env
        beacon (what is played without --rom), stacker, duel, or any Gymnasium id (module:id imports the
        module first).
    policy
        nature, impala-kN, impala2x-kN, mlp, random, noop, oracle, sb3:FILE.zip, module:FILE.py:NAME (which runs the
        code in that file), ws://HOST:PORT or http://HOST:PORT/PATH (a policy server).
    emulate_latency
        Law of the agent's inference time: 0.04, "gamma(4, scale=0.02)", @FILE, or @RECORD. With --tokens-per-second it
        is added to the time of the tokens.
    tokens_per_second
        An inference takes the tokens that the agent reports divided by this: its callable returns (action, tokens).
    frames
        Frames of each play; on the wall clock each replication lasts as long as they do.
    replications
        Independent replications, at least 4, each with the same seeds for all plays.
    per
        What scores are per: frame, episode, or auto: the episode where all plays end some.
    seed
        The first seed of environment, agent and times.
    out
        Folder in which the records of the runs are kept, as OUT/0, OUT/1 and so on.
    """
    from ..front import with_numbers
    from ..play.configuration import RunConfiguration
    from ..play.referee import referee as play

    own, beacon = cartridge or OwnCartridge(), environment_options(symbols=symbols, mode_probability=mode_probability)
    options = beacon | environment_options(sticky=sticky) | own.options()
    game = environment_id(env or own.environment(beacon))
    if out is not None and (out / "0").exists():
        raise InputError(f"'{out}' holds records already: give another folder")
    asked, learned = with_numbers((served or Served()).scenario(inference_time=emulate_latency), game, options)
    wall = emulate_latency is None and tokens_per_second is None and asked.batch_law is None
    configuration = RunConfiguration.of(
        asked,
        environment=game,
        environment_options=options,
        policy=policy,
        clock="real" if wall else "virtual",
        tokens_per_second=tokens_per_second,
        frames=frames,
        weights=None if weights is None else str(weights),
        default_action=default_action,
        frame_time=asked.frame_time if "frame_time" in asked.changed else None,
        observation_key=observation_key,
        request_form=None if request_form is None else str(request_form),
        seed=seed,
        **learned,
    )
    with show_progress() as tell:
        report = play(configuration, replications=replications, per=per, out=out, progress=tell)
    return print_result(report, json)
