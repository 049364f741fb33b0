"""The command that estimates how predictable an environment is: ``stochasticity``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..scenario import frames_of
from .environments import ModeProbability, Symbols, Weights, environment_id, environment_options
from .options import Flag, Json, Whole, app
from .output import listed, print_facts, print_json, show_progress

if TYPE_CHECKING:
    from ..mdp import HorizonEstimate, StochasticityEstimate

__all__ = ["stochasticity"]

_MOST_SYMBOLS = 15
_INSTEAD = "no mode probability follows: measure what your policy loses by its delay (delay-curve) for plan --loss"


@dataclass(frozen=True)
class _Found:
    """What was estimated; None or empty where it could not be, and a sentence that says why."""

    estimate: "StochasticityEstimate | None"
    staleness: Sequence["HorizonEstimate"]
    policy: str | None
    environment: Mapping[str, Any]
    notes: tuple[str, ...]


@app.command
def stochasticity(
    *,
    record: Path | None = None,
    env: str | None = None,
    policy: str | None = None,
    weights: Weights = None,
    horizon: Whole = 5,
    ignore_actions: Flag = False,
    frames: Whole = 20_000,
    symbols: Symbols = None,
    mode_probability: ModeProbability = None,
    confidence: float = 0.95,
    seed: Whole = 0,
    json: Json = False,
) -> int:
    """Estimate how predictable an environment is, and how long a policy's choices stay right, from play or a record.

    Example: regretlab stochasticity --env beacon --symbols 8 --mode-probability 0.95 --ignore-actions

    Parameters
    ----------
    record
        Folder of the record of a run.
    env
        Play this environment without delay instead: beacon, stacker, duel, or a Gymnasium id. At random for what it
        does next; by the policy for how long its choices stay.
    policy
        Whose choices; oracle if not given, where the environment reports its state.
    horizon
        Largest number of frames to predict over.
    ignore_actions
        Take it that actions do not move the state, which needs far fewer frames.
    frames
        Frames of each play.
    confidence
        Confidence of the intervals.
    seed
        Seed of the play.
    """
    if (record is None) == (env is None):
        raise InputError("give either --record with the folder of a run or --env with an environment to play")
    if horizon < 1:
        raise InputError(f"horizon must be at least 1 frame, not {horizon}")
    if not 0 < confidence < 1:
        raise InputError(f"confidence must lie between 0 and 1, not {confidence}")
    horizons = range(1, horizon + 1)
    if record is not None:
        if policy is not None or weights is not None:
            raise InputError("a record holds the choices of its own policy: give --policy and --weights with --env")
        found = _of_record(record, horizons, confidence, ignore_actions)
    else:
        settings = {
            "environment": environment_id(env or ""),
            "environment_options": environment_options(symbols=symbols, mode_probability=mode_probability),
            "frames": frames,
            "seed": seed,
            "default_behaviour": "random",
            "frame_time": 1.0,  # nothing is timed
        }
        chosen = None if policy is None else {"policy": policy, "weights": None if weights is None else str(weights)}
        found = _of_play(settings, chosen, horizons, confidence, ignore_actions)
    if env is not None and found.estimate is not None and math.isnan(found.estimate.p_minimax.value):
        found = replace(found, notes=(*found.notes, _INSTEAD))
    truth = _truth(found, horizons)
    if json:
        print_json(_values(found, truth, confidence))
        return 0
    facts = _facts(found, truth)
    facts += [
        ("intervals", f"{100 * confidence:g} %; of p_minimax and kappa for all states at once"),
        *listed("assuming", found.notes),
    ]
    print_facts(f"stochasticity of {record or env}", facts)
    return 0


def _of_record(record: Path, horizons: range, confidence: float, ignore_actions: bool) -> _Found:
    from ..mdp import estimate_from_record, staleness_from_record
    from ..records import Record

    opened = Record.open(record)
    staleness = staleness_from_record(opened, horizons, confidence=confidence)
    config = opened.meta.get("config")
    name = config.get("policy") if isinstance(config, Mapping) else None
    told = opened.meta.get("environment")
    environment = told if isinstance(told, Mapping) else {}
    if (opened.frames["label"] < 0).any():
        note = "the environment reported no state, and the record holds no observations: only staleness is estimated"
        return _Found(None, staleness, name, environment, (note,))
    estimate = estimate_from_record(opened, horizons=horizons, confidence=confidence, ignore_actions=ignore_actions)
    return _Found(estimate, staleness, name, environment, estimate.assumptions)


def _of_play(
    settings: dict[str, Any],
    chosen: dict[str, Any] | None,
    horizons: range,
    confidence: float,
    ignore_actions: bool,
) -> _Found:
    from ..mdp import estimate_staleness, estimate_stochasticity
    from ..play.configuration import RunConfiguration
    from ..play.undelayed import play_undelayed

    # Both are checked before either plays.
    at_random = RunConfiguration(policy="random", **settings)
    by_policy = None if chosen is None else RunConfiguration(**chosen, **settings)
    with show_progress() as tell:
        play = play_undelayed(at_random, progress=tell)
        estimate = estimate_stochasticity(
            play.states,
            None if ignore_actions else play.actions,
            ended=play.ended,
            horizons=horizons,
            confidence=confidence,
        )
        notes = [*estimate.assumptions]
        if not play.told:
            notes[0] = "the observation is the state: the next one depends on nothing but it and the action"
        if by_policy is None and play.told:
            by_policy = RunConfiguration(policy="oracle", **settings)
        staleness: Sequence[HorizonEstimate] = ()
        if by_policy is not None:
            played = play_undelayed(by_policy, progress=tell)
            staleness = estimate_staleness(played.actions, horizons, ended=played.ended, confidence=confidence)
        else:
            notes.append("no policy was named (--policy): how long choices stay the same is not estimated")
    name = None if by_policy is None else by_policy.policy
    return _Found(estimate, staleness, name, play.environment.details, tuple(notes))


def _truth(found: _Found, horizons: range) -> dict[str, Any] | None:
    """Return the exact values of an environment that is known to be the ring; None for any other."""
    from ..mdp import kappa_curve, p_minimax, parse_mdp, staleness_curve

    symbols, probability = found.environment.get("symbols"), found.environment.get("mode_probability")
    if not (isinstance(symbols, int) and isinstance(probability, float) and 2 <= symbols <= _MOST_SYMBOLS):
        return None
    # The cartridge counts in steps of 1/65536: the least p it is set to may lie below 1/K by a part of that.
    probability = min(max(probability, 1 / symbols), 1.0)
    mode = "rotating" if found.environment.get("rotating") else "lazy"
    ring = parse_mdp(f"ring(p={probability!r}, symbols={symbols}, mode={mode})").mdp
    known = found.policy == "oracle"
    return {
        "p_minimax": p_minimax(ring),
        "kappa": kappa_curve(ring, horizons[-1])[1:].tolist(),
        "staleness": staleness_curve(ring, range(symbols), horizons[-1])[1:].tolist() if known else None,
    }


def _values(found: _Found, truth: dict[str, Any] | None, confidence: float) -> dict[str, Any]:
    estimate = found.estimate
    said = {} if estimate is None else estimate.to_json()
    return {
        "p_minimax": said.get("p_minimax"),
        "kappa": said.get("kappa", []),
        "policy": found.policy,
        "staleness": [asdict(point) for point in found.staleness],
        "truth": truth,
        "pairs": said.get("pairs", []),
        "confidence": confidence,
        "assumptions": list(found.notes),
    }


def _facts(found: _Found, truth: dict[str, Any] | None) -> list[tuple[str, str]]:
    facts = []
    known = truth or {}
    if found.estimate is not None:
        facts.append(("p_minimax", found.estimate.p_minimax.in_words(known.get("p_minimax"))))
        for point, value in _beside(found.estimate.kappa, known.get("kappa")):
            facts.append((f"kappa over {frames_of(point.horizon)}", point.in_words(value)))
    for point, value in _beside(found.staleness, known.get("staleness")):
        facts.append((f"{found.policy}: same action {frames_of(point.horizon)} later", point.in_words(value)))
    return facts


def _beside(points: Sequence["HorizonEstimate"], values: Sequence[float] | None) -> list[tuple[Any, float | None]]:
    known: Sequence[float | None] = values or [None] * len(points)
    return list(zip(points, known, strict=True))
