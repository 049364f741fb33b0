"""The theorems behind ``learning``: each gives its constant, its root and its conditions for a problem.

One function a bound; the table and the references are in ``learning``. A bound is added by its function here and one
row in ``THEOREMS``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import InputError
from .checks import check_count, check_positive

__all__ = ["MDP_CONSTANT", "MDP_CONSTANT_PUBLISHED", "THEOREMS", "LearningProblem", "Theorem", "supported_mdp_constant"]

MDP_CONSTANT = 0.0032
"""c of the finite-MDP bound that the proof supports for all S, A >= 10 (to its two digits): see
``supported_mdp_constant``."""

MDP_CONSTANT_PUBLISHED = 0.015
"""c as printed in Jaksch, Ortner & Auer 2010, Theorem 5; the proof there loses a factor on the way to S, A and D."""


@dataclass(frozen=True)
class LearningProblem:
    """The arguments of ``learning_bound``, checked one by one when a bound asks for them."""

    name: str
    interactions: float
    share: float
    actions: int | None
    states: int | None
    diameter: float | None
    episode_length: float | None
    latency: float | None
    constant: float | None

    def arms(self) -> int:
        """Return k or A, at least 2."""
        return check_count(self.required("actions", self.actions), "actions", 2)

    def required(self, argument: str, value: float | None) -> float:
        """Return an argument that this bound needs; raise ``InputError`` where it was not given."""
        if value is None:
            raise InputError(f"learning bound '{self.name}' needs {argument.replace('_', ' ')}, and none is given")
        return value


@dataclass(frozen=True)
class Theorem:
    """A bound evaluated: constant times root, and its conditions as (text, met, what was given)."""

    constant: float
    root: float
    conditions: tuple[tuple[str, bool, str], ...]
    reference: str
    assumptions: tuple[str, ...] = ()


_GAUSSIAN = "rewards are Gaussian; their standard deviation is the reward range, in which their means lie too"
_UNSEEN = "a learner that processes fewer interactions does no better, so the bound holds for every share"


def _bandit(problem: LearningProblem, constant: float, least: float, reference: str, noise: str) -> Theorem:
    arms = problem.arms()
    processed = problem.share * problem.interactions
    need = least * (arms - 1)
    return Theorem(
        constant,
        math.sqrt((arms - 1) * problem.interactions / problem.share) if problem.share > 0 else math.inf,
        ((f"{need:g} processed interactions", processed >= need, f"{processed:g}"),),
        reference,
        (noise, "which interactions are processed does not depend on their rewards"),
    )


def _gaussian(problem: LearningProblem) -> Theorem:
    reference = "Lattimore & Szepesvari 2020, Theorem 15.2 (share below 1: derived in docs/theory)"
    return _bandit(problem, 1 / 27, 1.0, reference, _GAUSSIAN)


def _bernoulli(problem: LearningProblem) -> Theorem:
    return _bandit(problem, 1 / 57, 3.5, "derived in docs/theory", "rewards are 0 or 1")


def _bernoulli_published(problem: LearningProblem) -> Theorem:
    arms, n = problem.arms(), problem.interactions
    return Theorem(
        1 / 20,
        math.sqrt(n * arms),
        ((f"{arms} interactions (one an action)", n >= arms, f"{n:g}"),),
        "Bubeck & Cesa-Bianchi 2012, Theorem 3.5",
        ("rewards are 0 or 1", _UNSEEN),
    )


def supported_mdp_constant(states: int, actions: int) -> float:
    """Return the c that the proof of the finite-MDP bound supports for these S and A.

    Jaksch, Ortner & Auer 2010 prove 0.015 sqrt(D' k A' T) with D' = D/4, k = floor(S/2), A' = floor((A-1)/2).

    Parameters
    ----------
    states, actions
        S and A, at least 10 each.

    Returns
    -------
    float
        0.015 sqrt(floor(S/2) floor((A-1)/2) / (4 S A)): least at S = 11, A = 10, where it is 0.003198.

    Examples
    --------
    >>> round(supported_mdp_constant(10, 10), 6), round(supported_mdp_constant(11, 10), 6)
    (0.003354, 0.003198)
    """
    S, A = check_count(states, "states", 10), check_count(actions, "actions", 10)
    return MDP_CONSTANT_PUBLISHED * math.sqrt((S // 2) * ((A - 1) // 2) / (4 * S * A))


def _finite_mdp(problem: LearningProblem) -> Theorem:
    S = check_count(problem.required("states", problem.states), "states", 1)
    A = problem.arms()
    D = check_positive(problem.required("diameter", problem.diameter), "diameter")
    constant = problem.constant
    if constant is None:
        constant = min(MDP_CONSTANT, supported_mdp_constant(S, A)) if S >= 10 and A >= 10 else MDP_CONSTANT
    reach = 20 * math.log(S) / math.log(A)
    return Theorem(
        check_positive(constant, "constant of the learning bound"),
        math.sqrt(D * S * A * problem.interactions),
        (
            ("10 states", S >= 10, f"{S}"),
            ("10 actions", A >= 10, f"{A}"),
            (f"a diameter of 20 log_A S = {reach:g} interactions", reach <= D, f"{D:g}"),
            (f"D S A = {D * S * A:g} interactions", problem.interactions >= D * S * A, f"{problem.interactions:g}"),
        ),
        "Jaksch, Ortner & Auer 2010, Theorem 5",
        ("some communicating MDP of this size and diameter, rewards in [0, 1]", _UNSEEN),
    )


def _tree(states: int, actions: int) -> tuple[int, int, int]:
    """Return (S, A, depth) of the largest problem of Domingues et al. inside S states and A actions.

    Their construction has exactly 3 + (A^d - 1)/(A - 1) states. A problem with more states or actions contains a
    smaller one (states never reached, actions that copy another), so its bound carries over.
    """
    best = (0, 0, 0)
    for branches in range(2, min(actions, states) + 1):
        depth, nodes = 1, 1
        while 3 + nodes * branches + 1 <= states:
            depth, nodes = depth + 1, nodes * branches + 1
        if nodes + 3 >= 6 and (nodes + 3) * branches > best[0] * best[1]:
            best = (nodes + 3, branches, depth)
    return best


def _episodic(problem: LearningProblem) -> Theorem:
    S = check_count(problem.required("states", problem.states), "states", 1)
    A = problem.arms()
    H = check_positive(problem.required("episode_length", problem.episode_length), "episode length")
    inner, branches, depth = _tree(S, A) if S >= 6 else (S, A, 1)
    episodes = problem.interactions / H
    need = H * inner * branches
    assumptions = ["the transitions may differ from step to step of the episode, rewards in [0, 1]", _UNSEEN]
    if (inner, branches) != (S, A):
        assumptions.append(f"evaluated for the {inner} states and {branches} actions of the full tree inside")
    return Theorem(
        1 / (48 * math.sqrt(6)),
        math.sqrt(H**3 * inner * branches * episodes),
        (
            ("6 states", S >= 6, f"{S}"),
            (f"episodes of 3 d = {3 * depth} interactions", 3 * depth <= H, f"{H:g}"),
            (f"H S A = {need:g} episodes", episodes >= need, f"{episodes:g}"),
        ),
        "Domingues, Menard, Kaufmann & Valko 2021, Theorem 9",
        tuple(assumptions),
    )


def _latency(problem: LearningProblem) -> Theorem:
    arms = problem.arms()
    latency = problem.required("latency", problem.latency)
    if not 0 <= latency < math.inf:
        raise InputError(f"feedback latency must be a finite number of interactions of at least 0, not {latency!r}")
    return Theorem(
        1 - 1 / arms,
        min(problem.interactions, latency),
        (),
        "derived in docs/theory",
        ("no reward is known to the learner before G interactions have passed; the best action is uniformly random",),
    )


THEOREMS: dict[str, Callable[[LearningProblem], Theorem]] = {
    "gaussian-bandit": _gaussian,
    "bernoulli-bandit": _bernoulli,
    "bernoulli-bandit-published": _bernoulli_published,
    "finite-mdp": _finite_mdp,
    "episodic": _episodic,
    "feedback-latency": _latency,
}
