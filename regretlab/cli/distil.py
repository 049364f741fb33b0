"""The command that distils a network from a game's script: ``distil``."""

from pathlib import Path
from typing import Literal

from .environments import ModeProbability, Symbols
from .options import Flag, Json, Whole, app
from .output import print_json, print_rows, show_progress

__all__ = ["distil"]


@app.command
def distil(
    *,
    out: Path,
    env: str = "stacker",
    labels: Literal["actions", "landings"] = "actions",
    network: str = "nature",
    ages: Whole = 16,
    rounds: Whole = 10,
    frames: Whole = 2_000,
    updates: Whole = 200,
    batch: Whole = 128,
    learning_rate: float = 1e-3,
    symbols: Symbols = None,
    mode_probability: ModeProbability = None,
    rotating: Flag = False,
    seed: Whole = 0,
    json: Json = False,
) -> int:
    """Distil a network from the script that plays a game: pixels in, an action for each age out.

    Call it again with the same settings to go on where it was killed. Play the file with --policy distilled:FILE.

    Example: regretlab distil --env beacon --symbols 4 --ages 4 --rounds 2 --frames 200 --updates 50 --out b.safetensors

    Parameters
    ----------
    out
        File to write, .safetensors.
    env
        A game with a script: beacon, stacker, duel, boxing.
    labels
        actions: the script's action in each of the next frames; landings (stacker): what each landing is worth and
        where the piece is, from which fixed rules press the buttons.
    network
        nature, impala-kN, impala2x-kN or mlp; landings have a network of their own.
    ages
        Actions of an answer: entry i is for i frames after the observation.
    rounds
        Rounds of play (of boards, for landings) and updates.
    frames
        New frames (boards) of a round.
    updates
        Steps of the optimiser in a round.
    batch
        Examples of a step.
    learning_rate
        Of Adam; it falls over the second half.
    rotating
        Beacon's symbol moves on from one frame to the next instead of staying.
    seed
        Of everything drawn.
    """
    from ..policies.distilled.training import Distillation
    from ..policies.distilled.training import distil as run
    from .environments import environment_id, environment_options

    how = Distillation(
        environment_id(env),
        environment_options(symbols=symbols, mode_probability=mode_probability, rotating=rotating or None),
        labels,
        network,
        ages,
        rounds,
        frames,
        updates,
        batch,
        learning_rate,
        seed,
    )
    with show_progress() as tell:
        made = run(how, out, progress=tell)
    if json:
        print_json({"out": str(out), **made})
        return 0
    facts = [["labels", labels], ["updates", f"{made['updates']:,}"]]
    facts.append(["predicted of the last round's labels", f"{100 * made['agreement']:.3g} %"])
    print_rows(f"{env}, distilled: {out}", ("", ""), facts, 1)
    return 0
