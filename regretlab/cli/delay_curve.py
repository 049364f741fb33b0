"""The command that measures what a policy loses by the age of its actions: ``delay-curve``."""

from pathlib import Path
from typing import Literal

from ..defaults import CURVE_DELAYS, CURVE_EPISODES, CURVE_FRAMES, CURVE_REPLICATIONS
from ..errors import InputError
from .environments import (
    DefaultAction,
    ModeProbability,
    Sticky,
    Symbols,
    Weights,
    default_action_of,
    environment_id,
    environment_options,
)
from .options import Json, Whole, app
from .output import print_result, show_progress

__all__ = ["delay_curve"]


@app.command
def delay_curve(
    *,
    env: str,
    policy: str,
    delays: str = ",".join(map(str, CURVE_DELAYS)),
    default_behaviour: Literal["noop", "repeat", "random"] = "noop",
    default_action: DefaultAction = None,
    chunk: str | None = None,
    per: Literal["auto", "frame", "episode"] = "auto",
    episodes: Whole = CURVE_EPISODES,
    frames: Whole = CURVE_FRAMES,
    replications: Whole = CURVE_REPLICATIONS,
    precision: float | None = None,
    most_replications: Whole | None = None,
    processes: Whole = 1,
    symbols: Symbols = None,
    mode_probability: ModeProbability = None,
    sticky: Sticky = None,
    weights: Weights = None,
    seed: Whole = 0,
    out: Path | None = None,
    figure: Path | None = None,
    json: Json = False,
) -> int:
    """Measure what a policy loses when its actions are some frames old: the world of bound and plan with --loss.

    Example: regretlab delay-curve --env beacon --policy oracle --delays 0,1,2 --frames 300 --replications 8

    Parameters
    ----------
    env
        beacon, stacker, duel, or any Gymnasium id (module:id imports the module first).
    policy
        nature, impala-kN, impala2x-kN, mlp, random, noop, oracle, sb3:FILE.zip, or module:FILE.py:NAME (which runs the
        code in that file). {delay} in it stands for the delay in frames: a policy for each.
    delays
        Action delays in frames, separated by commas; 0 is added.
    default_behaviour
        What acts without an action: noop, random, or repeat: each action is held, and frames are sorted by its age.
    chunk
        Frames of age for which each action is held, or inf (an action chunk); frames are sorted by its age.
    per
        What counts: reward per frame, return per episode, or auto: the episode where each play without delay ends one.
    episodes
        Episodes of a play.
    frames
        Frames of a play at most.
    replications
        Independent replications, each with the same seeds at all delays; with a precision the fewest.
    precision
        Go on until each loss is known to within this, in reward per frame (half a 99 % interval).
    most_replications
        Where a precision that is not reached stops; 10,000 if not given.
    processes
        Processes that play replications.
    seed
        The first seed of environment, policy and default behaviour.
    out
        File to write the curve to, .json, for --loss. Finished replications lie in OUT.parts until all are there, so
        that a measurement that was killed goes on.
    figure
        File to draw the curve into: .pdf, .svg or .png.
    """
    from ..play.configuration import RunConfiguration
    from ..play.delay_curve import MOST_REPLICATIONS, measure_delay_curve

    for name, path, kinds in (("--out", out, (".json",)), ("--figure", figure, (".pdf", ".svg", ".png"))):
        if path is not None and path.suffix not in kinds:
            raise InputError(f"{name} needs a file that ends in {' or '.join(kinds)}, not '{path}'")
        if path is not None and not path.parent.is_dir():
            raise InputError(f"{name} '{path}' lies in a folder that does not exist")
    options = environment_options(symbols=symbols, mode_probability=mode_probability, sticky=sticky)
    configuration = RunConfiguration(
        environment=environment_id(env),
        environment_options=options,
        policy=policy,
        default_behaviour=default_behaviour,
        default_action=default_action_of(default_action),
        chunk=chunk if chunk in (None, "inf") else _whole(chunk or "", "chunk"),
        weights=None if weights is None else str(weights),
        frames=frames,
        seed=seed,
        frame_time=1.0,  # nothing is timed
    )
    with show_progress() as tell:
        curve = measure_delay_curve(
            configuration,
            [_whole(each, "a delay") for each in delays.split(",")],
            per=per,
            episodes=episodes,
            replications=replications,
            precision=precision,
            most_replications=max(replications, MOST_REPLICATIONS) if most_replications is None else most_replications,
            processes=processes,
            parts=None if out is None else out.with_name(out.name + ".parts"),
            progress=tell,
        )
    if out is not None:
        curve.save(out)
    if figure is not None:
        curve.plot().savefig(figure)
    return print_result(curve, json)


def _whole(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{name} must be a whole number of frames, not '{text}'") from None
