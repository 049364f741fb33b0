"""Claims about what becomes of outputs: kept for later frames, chunks with an action for each age, repeated, cancelled.

Each names other theories of the same run, which its measurement must exclude. A frame whose action is of age j loses,
on average over the world, what the ring says. Realtime runs are judged by their regret with the chance of the path
removed, so that only the ages that real processes reached are left to chance.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..laws import Law
from ..play.configuration import RunConfiguration
from ..scenario import Scenario
from ..simulation import simulate
from ..theory.ages import free_running_ages, regret_at_ages, sequential_ages
from ..theory.loss import FrameLoss
from .runs import FRAME_TIME

__all__ = ["OF_EACH_AGE", "REPEATED", "loss_of_a_repeated_symbol", "served_fields", "theories_of_outputs"]

OF_EACH_AGE = "each action is right for its age (S_known)"
SIMULATED = 100_000
"""Frames of each replication of a simulation: its error is a fifth of that of a run."""
REPEATED = "the action of the observed symbol acts at every age"


def served_fields(configuration: RunConfiguration) -> dict[str, Any]:
    """Return what a run's outputs serve, as fields of a scenario."""
    given = {name: getattr(configuration, name) for name in ("default_behaviour", "chunk", "unused", "cancel_after")}
    return {name: value for name, value in given.items() if value is not None}


def loss_of_a_repeated_symbol(ages: NDArray[np.int64], loss: FrameLoss) -> NDArray[np.float64]:
    """Return what a frame loses by its age where the mode moves on and the action of the observed symbol acts.

    It is right again after a whole turn of the K symbols; else only if a jump led there.

    Examples
    --------
    >>> loss_of_a_repeated_symbol(np.array([0, 1, 2]), FrameLoss(0.7, symbols=3)).round(4).tolist()
    [0.0, 0.85, 0.7675]
    """
    symbols = loss.symbols or 0
    right = np.where(ages % symbols == 0, 1.0 - 1.0 / symbols, -1.0 / symbols) * loss.decay**ages + 1.0 / symbols
    return np.asarray(1.0 - right, dtype=np.float64)


def theories_of_outputs(
    configuration: RunConfiguration, law: Law, loss: FrameLoss
) -> tuple[str, float, float, dict[str, float]]:
    """Return what is claimed of a run, its predicted regret per frame with its error, and the rivals' predictions.

    Parameters
    ----------
    configuration
        Of the run: free-running or sequential workers.
    law
        Its inference times, seconds.
    loss
        What a frame loses by its age, on the ring that was played.
    """
    if configuration.chunk is not None or configuration.default_behaviour == "repeat":
        if configuration.staggering_rule.single_worker:
            ages = sequential_ages(law, FRAME_TIME)
        else:
            ages = free_running_ages(law, FRAME_TIME, configuration.workers)
        known = regret_at_ages(ages, loss)
        repeated = float(ages @ loss_of_a_repeated_symbol(np.arange(len(ages)), loss))
        if configuration.chunk is not None:
            return "where the mode moves, action chunks attain S_known", known, 0.0, {REPEATED: repeated}
        return "where the mode moves, repeating an action does not", repeated, 0.0, {OF_EACH_AGE: known}
    world = {"mode_probability": loss.p, "symbols": loss.symbols, "frame_time": FRAME_TIME, "inference_time": law}
    own = {"workers": configuration.workers, "rule": configuration.rule, **world, **served_fields(configuration)}
    statement = "outputs that lost their frame serve later ones, and the regret is the simulated one"
    rivals = {
        "they are dropped": _simulated(own | {"unused": "drop"})[0],
        "one of them is kept": _simulated(own | {"unused": "keep:1"})[0],
    }
    if math.isfinite(configuration.given_threshold):
        frames = configuration.given_threshold / FRAME_TIME
        statement = f"inferences are cancelled after {frames:.3g} frames, and the regret is the simulated one"
        rivals["nothing is cancelled"] = _simulated(own | {"cancel_after": None})[0]
    return statement, *_simulated(own), rivals


def _simulated(fields: dict[str, Any]) -> tuple[float, float]:
    """Return the simulated regret per frame of a scenario, and its error."""
    found = simulate(Scenario(**fields), frames=SIMULATED, seed=1)
    return found.regret.total, found.standard_errors["regret_per_frame"]["total"]
