"""The learners by name, with their parameters and where they come from.

* ``ucrl2``: optimistic episodes with doubling counts (Jaksch, Ortner & Auer 2010); ``confidence`` delta.
* ``q-epsilon``: Q-learning (Watkins 1989), epsilon-greedy, constant ``step``, ``discount`` and ``epsilon``.
* ``q-ucb``: optimistic Q-learning for average reward (Wei, Jafarnia-Jahromi, Luo, Sharma & Jain 2020, algorithm 2):
  steps (H+1)/(H+n), ``bonus`` sqrt(H/n) (there 4 sp(v*) sqrt(ln(2T/delta))), effective horizon ``height`` H.
* ``thompson``: Beta-Bernoulli posterior sampling (Thompson 1933), one state.
* ``ucb``: UCB1 (Auer, Cesa-Bianchi & Fischer 2002), one state.

All of them see one state, the one observed when the action is chosen, and not their actions in flight. Where the
transitions depend on the actions the best agent needs those too; ``regretlab.mdp.augmented_mdp`` makes them visible.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from . import _kernels as kernels

__all__ = ["LEARNERS", "Learner", "learner_named"]


@dataclass(frozen=True)
class Learner:
    """A learner and its parameters.

    Attributes
    ----------
    name
        As in ``LEARNERS``.
    code
        Its number in the kernels.
    parameters
        Values by name.
    one_state
        Whether it is for bandits only.
    """

    name: str
    code: int
    parameters: Mapping[str, float] = field(default_factory=dict)
    one_state: bool = False

    def settings(self, share: float, bernoulli: bool, repeats: bool) -> NDArray[np.float64]:
        """Return the settings of the kernels."""
        values = np.zeros(kernels.SETTINGS)
        values[kernels.SHARE] = share
        values[kernels.BERNOULLI] = bernoulli
        values[kernels.REPEATS] = repeats
        for name, value in self.parameters.items():
            values[_PLACES[name]] = value
        return values


_PLACES = {
    "epsilon": kernels.EPSILON,
    "discount": kernels.DISCOUNT,
    "step": kernels.STEP,
    "bonus": kernels.BONUS,
    "height": kernels.HORIZON_H,
    "confidence": kernels.CONFIDENCE,
}
_RANGES = {
    "epsilon": (0.0, 1.0, "[0, 1]"),
    "discount": (0.0, 1.0 - 1e-12, "[0, 1)"),
    "step": (1e-12, 1.0, "(0, 1]"),
    "bonus": (0.0, 1e12, "[0, 1e12]"),
    "height": (1.0, 1e12, "[1, 1e12]"),
    "confidence": (1e-300, 1.0 - 1e-12, "(0, 1)"),
}
"""Least and largest value, and how they are written."""

LEARNERS: dict[str, Learner] = {
    "ucrl2": Learner("ucrl2", kernels.UCRL2, {"confidence": 0.05}),
    "q-epsilon": Learner("q-epsilon", kernels.Q_EPSILON, {"epsilon": 0.1, "discount": 0.99, "step": 0.1}),
    "q-ucb": Learner("q-ucb", kernels.Q_UCB, {"bonus": 1.0, "height": 100.0}),
    "thompson": Learner("thompson", kernels.THOMPSON, {}, one_state=True),
    "ucb": Learner("ucb", kernels.UCB, {}, one_state=True),
}
"""The learners with their default parameters."""


def learner_named(name: str, **parameters: float) -> Learner:
    """Return a learner, with some parameters of one's own.

    Raises
    ------
    InputError
        For an unknown learner or parameter, or a value out of range.

    Examples
    --------
    >>> learner_named("q-epsilon", epsilon=0.2).parameters["epsilon"]
    0.2
    """
    if name not in LEARNERS:
        raise InputError(f"unknown learner '{name}': choose one of {', '.join(LEARNERS)}")
    known = LEARNERS[name]
    for key, value in parameters.items():
        if key not in known.parameters:
            has = ", ".join(known.parameters) or "none"
            raise InputError(f"learner '{name}' has no parameter '{key}': it has {has}")
        low, high, said = _RANGES[key]
        if not low <= value <= high:
            raise InputError(f"{key} of learner '{name}' must lie in {said}, not {value!r}")
    return Learner(name, known.code, {**known.parameters, **parameters}, known.one_state)
