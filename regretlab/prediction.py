"""What theory predicts for the inference times of a run: where a record and the bounds meet, as in ``rl.run``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError

if TYPE_CHECKING:
    from .records import Record, RunSummary

__all__ = ["predict", "with_prediction"]

_SIMULATED = 200_000
"""Frames of each of eight replications where a rule has no closed form."""
_PHASES = (
    "every inference takes the same time, so starts keep to few phases of a frame: "
    "the prediction is the mean over phases, not that of this run"
)
_PHASES_KEPT, _DIFFER = 8, 0.02


def predict(record: "Record") -> Mapping[str, Any]:
    """Return what theory predicts for a run, from the inference times that it measured.

    Parameters
    ----------
    record
        The run.

    Returns
    -------
    Mapping
        ``inaction_fraction``, ``delay_law``, ``interaction_time`` (seconds), ``regret_per_frame`` by parts (``None``
        where the mode probability of the environment is not known), ``method``: the closed form of the rule, or a
        simulation where it has none, and ``sampling_interval``: what the number of inferences leaves open.

    Raises
    ------
    InputError
        Where nothing predicts this run.

    Examples
    --------
    >>> import tempfile, regretlab as rl
    >>> asked = rl.Scenario(0.04, mode_probability=0.9, symbols=4, workers=2, rule="max-time", alignment="frame")
    >>> run = rl.run(asked, policy="oracle", clock="virtual", frames=600, out=tempfile.mkdtemp())
    >>> round(predict(run)["inaction_fraction"], 6), round(run.summary.inaction_fraction, 2)
    (0.333333, 0.33)
    """
    from .rules import get_rule
    from .simulation import simulate
    from .theory.realtime import bound

    asked = record.scenario
    learned = record.meta.get("tau_max")
    if learned is not None and get_rule(asked.rule).takes_maximum_time:
        asked = asked.replace(maximum_time=learned)
    known = asked.mode_probability is not None
    if not known:  # who serves the frames does not depend on it
        asked = asked.replace(mode_probability=0.5)
    if asked.default_behaviour == "random" and asked.actions is None:  # a record from before they were kept
        asked = asked.replace(actions=asked.symbols or 2)
    found: Any
    try:
        found = bound(asked)
    except InputError:
        found = simulate(asked.replace(maximum_time=None), frames=_SIMULATED)
    values = found.to_json()
    sampled = values["sampling_interval"]
    if sampled is not None and not known:
        sampled = sampled | {"regret_per_frame": None}
    return {
        "inaction_fraction": values["inaction_fraction"],
        "delay_law": values["delay_law"],
        "interaction_time": values["interaction_time"],
        "regret_per_frame": values["regret_per_frame"] if known else None,
        "method": values["method"],
        "sampling_interval": sampled,
    }


def with_prediction(record: "Record", summary: "RunSummary") -> "RunSummary":
    """Return the summary of a run with its prediction and what limits it, or with a warning where there is none."""
    try:
        found = replace(summary, predicted=predict(record))
    except InputError as error:
        return replace(summary, warnings=[*summary.warnings, f"no prediction: {error}"])
    phases = [_PHASES] if _keeps_its_phases(record, found) else []
    return replace(found, warnings=[*found.warnings, *phases, *_loss_by_threshold(record)])


def _loss_by_threshold(record: "Record") -> tuple[str, ...]:
    """Return a warning where the threshold of cancelling that a run learned makes its rule lose more than none."""
    from .laws import law_from_samples, parse_law
    from .simulation.thresholds import gain_of_learned
    from .theory.loss import loss_of

    asked, config = record.scenario, record.meta.get("config", {})
    if asked.cancel_after != "learned" or record.meta.get("cancel_after") is None or asked.mode_probability is None:
        return ()
    if config.get("emulate_latency"):
        return gain_of_learned(asked, parse_law(config["emulate_latency"]), loss_of(asked, "run"))
    rows = record.inferences
    done = (rows["completion"] - rows["scheduled"]).dropna().to_numpy()
    rng, times = np.random.default_rng(0), [done]
    for limit in (rows["freed"] - rows["scheduled"])[rows["cancelled"]]:  # would have taken as long as one let longer
        longer = done[done > limit]
        times.append(rng.choice(longer if len(longer) else [limit], 1))
    return gain_of_learned(asked, law_from_samples(np.concatenate(times)), loss_of(asked, "run"))


def _keeps_its_phases(record: "Record", summary: "RunSummary") -> bool:
    """Return whether every inference takes the same time, and starts keep to few phases of a frame.

    Those of independent workers do so among themselves; those of one worker, and starts that a rule spaces evenly,
    where a few of their distances are a whole number of frames.
    """
    from .rules import get_rule

    mean, spread = (summary.inference_time[name] for name in ("mean", "std"))
    asked = record.scenario
    if mean is None or spread is None or spread > 1e-6 * mean:
        return False
    rule = get_rule(asked.rule)
    if asked.workers > 1 and rule.independent:
        return True
    if rule.choose_alignment(asked.alignment) == "frame":
        return False
    distance = mean / asked.workers / asked.frame_time
    drift = min(abs(few * distance - round(few * distance)) / few for few in range(1, _PHASES_KEPT + 1))
    return bool(drift * len(record.inferences) < 1 / _PHASES_KEPT) and _apart(summary) > _DIFFER


def _apart(summary: "RunSummary") -> float:
    """Return the share of frames at another delay in a run than in its prediction."""
    assert summary.predicted is not None
    laws = [np.asarray(law, dtype=np.float64) for law in (summary.delay_law, summary.predicted["delay_law"])]
    length = max(map(len, laws))
    played, predicted = (np.pad(law, (0, length - len(law))) for law in laws)
    return float(np.abs(played - predicted).sum()) / 2
