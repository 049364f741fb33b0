"""The command that estimates how predictable an environment is: ``stochasticity``."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..errors import InputError
from .environments import environment_id, environment_options
from .options import Flag, Json, Whole, app
from .output import listed, print_facts, print_json, show_progress

__all__ = ["stochasticity"]

_AT_ONCE = "0.0001"
"""Seconds of an inference of random play: an action for every frame."""


@app.command
def stochasticity(
    *,
    record: Path | None = None,
    env: str | None = None,
    horizon: Whole = 5,
    ignore_actions: Flag = False,
    frames: Whole = 20_000,
    symbols: Whole | None = None,
    mode_probability: float | None = None,
    confidence: float = 0.95,
    seed: Whole = 0,
    json: Json = False,
) -> int:
    """Estimate how predictable an environment is, from the record of a run or from random play.

    Example: regretlab stochasticity --env beacon --symbols 8 --mode-probability 0.95 --ignore-actions

    Parameters
    ----------
    record
        Folder of the record of a run whose environment told its true state.
    env
        Play this environment at random instead: beacon, or a Gymnasium id.
    horizon
        Largest number of frames to predict over.
    ignore_actions
        Take it that actions do not move the state, which needs far fewer frames.
    frames
        Frames of random play.
    symbols
        Symbols that beacon shows, 2 to 15.
    mode_probability
        How likely beacon's symbol stays from one frame to the next.
    confidence
        Confidence of the intervals.
    seed
        Seed of random play.
    """
    from ..mdp import estimate_from_record, staleness_from_record
    from ..records import Record

    if (record is None) == (env is None):
        raise InputError("give either --record with the folder of a run or --env with an environment to play")
    if horizon < 1:
        raise InputError(f"horizon must be at least 1 frame, not {horizon}")
    if not 0 < confidence < 1:
        raise InputError(f"confidence must lie between 0 and 1, not {confidence}")
    horizons = range(1, horizon + 1)
    staleness: Sequence[Any] = ()
    if record is not None:
        opened = Record.open(record)
        estimate = estimate_from_record(opened, horizons=horizons, confidence=confidence, ignore_actions=ignore_actions)
        staleness = staleness_from_record(opened, horizons, confidence=confidence)
    else:
        from ..harness.configuration import RunConfiguration
        from ..harness.run import run

        configuration = RunConfiguration(
            environment=environment_id(env or ""),
            environment_options=environment_options(symbols=symbols, mode_probability=mode_probability),
            policy="random",
            rule="sequential",
            clock="virtual",
            frames=frames,
            emulate_latency=_AT_ONCE,
            default_behaviour="random",
            seed=seed,
        )
        with TemporaryDirectory() as folder, show_progress() as tell:
            run(configuration, folder, overwrite=True, progress=lambda played, total, what: tell(what, played, total))
            opened = Record.open(folder)
            if (opened.frames["label"] < 0).any():
                raise InputError(f"environment '{env}' does not tell its true state (info['symbol']), as beacon does")
            estimate = estimate_from_record(
                opened, horizons=horizons, confidence=confidence, ignore_actions=ignore_actions
            )
    if json:
        columns = (estimate.visits, estimate.modes, estimate.modal_probability, *estimate.modal_interval)
        print_json(
            {
                "p_minimax": asdict(estimate.p_minimax),
                "kappa": [asdict(point) for point in estimate.kappa],
                "staleness": [asdict(point) for point in staleness],
                "pairs": [
                    {
                        "state": int(pair[0]),
                        "action": None if pair[1] < 0 else int(pair[1]),
                        "visits": int(visits),
                        "mode": int(mode),
                        "modal_probability": float(share),
                        "lower": float(lower),
                        "upper": float(upper),
                    }
                    for pair, visits, mode, share, lower, upper in zip(estimate.pairs, *columns, strict=True)
                ],
                "confidence": estimate.confidence,
                "assumptions": list(estimate.assumptions),
            }
        )
        return 0
    what = str(record or env)
    facts = [("p_minimax", _interval(estimate.p_minimax))]
    facts += [(f"kappa over {point.horizon} frame(s)", _interval(point)) for point in estimate.kappa]
    facts += [(f"same action {point.horizon} frame(s) later", _interval(point)) for point in staleness]
    facts += [
        ("intervals", f"{100 * confidence:g} %; of p_minimax and kappa for all states at once"),
        *listed("assuming", estimate.assumptions),
    ]
    print_facts(f"stochasticity of {what}", facts)
    return 0


def _interval(point: Any) -> str:
    if point.value != point.value:
        return "not seen often enough"
    return f"{point.value:.4f} in [{point.lower:.4f}, {point.upper:.4f}], {point.samples:,} windows"
