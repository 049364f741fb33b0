"""``solve`` over a grid: finite MDPs under delay, exactly."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .command import Command, Output, Parameters, parameter

__all__ = ["SOLVE"]


class SolveParameters(Parameters):
    """Options of ``regretlab solve``."""

    mdp: str = parameter(..., "")
    delay: int = parameter(0, "frame")
    every: int = parameter(1, "frame")


OUTPUTS = {
    "regret": Output("reward/frame", "what delay and rare actions cost against the optimum without either"),
    "gain": Output("reward/frame", "optimal gain with delay and rare actions"),
    "optimal_gain": Output("reward/frame", "optimal gain without either"),
    "gain_error": Output("reward/frame", "certified error of gain"),
    "p_minimax": Output("1", "least mode probability of a frame"),
    "kappa": Output("1", "mode probability over the delay, nan where not known"),
}


def evaluate(
    same: Mapping[str, Any], many: Mapping[str, Sequence[Any]], seeds: Sequence[int]
) -> dict[str, NDArray[np.float64] | float]:
    """Return the outputs of one point."""
    from ...mdp import parse_mdp, solve_delayed

    solution = solve_delayed(parse_mdp(same["mdp"]), same["delay"], every=same["every"])
    return {
        "regret": solution.regret_per_frame,
        "gain": solution.gain,
        "optimal_gain": solution.optimal_gain,
        "gain_error": solution.gain_error,
        "p_minimax": solution.p_minimax,
        "kappa": np.nan if solution.kappa is None else solution.kappa,
    }


SOLVE = Command(
    name="solve",
    parameters=SolveParameters,
    outputs=OUTPUTS,
    fast=(),
    evaluate=evaluate,
    seeded=False,
    chunk=4,
)
