"""The informed agent: it knows the model and the rule, and acts on the same old observations as a learner.

What it loses is the part of the regret that no learning removes. Three cases:

* *The environment waits*: the optimal policy. *Every action has one delay d and they are I frames apart* (any rule that
  settles into such a rhythm): the exact optimum of ``regretlab.mdp.solve_delayed``, which knows its actions in flight.
* *The transitions ignore the actions*: whatever the law of the delay, the action that costs least on average over the
  frames in which it will be in force, given the state observed, is optimal. That law is counted in a run of the rule.
* *Otherwise* the optimum is not known: several policies are tried, and what the best of them loses is at least what
  must be lost. The delay part is then an upper bound and the learning part a lower one.

The delayed optimum is derived in docs/theory.md, "The delay part"; the second case in docs/learning.md.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...mdp import solve_delayed
from . import _kernels as kernels
from .playing import Game, KnownPolicy

__all__ = ["InformedAgent", "informed_agent"]

RHYTHM_FRAMES = 1 << 18
"""Frames of the rule looked at."""
PILOT_FRAMES = 200_000
"""Frames in which a candidate is tried."""
AUGMENTED_BYTES = 1 << 28
"""Memory an augmented problem may take."""
IMPROVEMENTS = 4


@dataclass(frozen=True, eq=False)
class InformedAgent:
    """An agent that knows the model.

    Attributes
    ----------
    policy
        What it plays.
    method
        "exact" if nothing on the same observations loses less per frame in the long run, else "upper bound".
    what
        What it is, in words.
    """

    policy: KnownPolicy
    method: Literal["exact", "upper bound"]
    what: str


def informed_agent(game: Game, optimal: NDArray[np.int64], seed: np.random.SeedSequence) -> InformedAgent:
    """Return the informed agent of a game.

    Parameters
    ----------
    game
        The process and the rule.
    optimal
        The policy that is optimal without delay, shape (S,).
    seed
        Of the runs it is chosen in.
    """
    mdp = game.process.mdp
    if game.setting is None:
        return InformedAgent(_memoryless(optimal, mdp.actions), "exact", "the optimal policy")
    rhythm_seed, pilot_seed = seed.spawn(2)
    served = game.served(RHYTHM_FRAMES, rhythm_seed)[RHYTHM_FRAMES // 4 :]
    if mdp.kernel_classes.max() == 0:
        law = _law_in_force(served, repeats=game.process.repeats)
        return InformedAgent(
            _memoryless(_betting(game, law), mdp.actions),
            "exact",
            "the action of least expected gap in the frames it will be in force (transitions ignore the actions)",
        )
    rhythm = _rhythm(served)
    if rhythm is not None:
        solved = _delayed_optimum(game, *rhythm)
        if solved is not None:
            delay, every = rhythm
            return InformedAgent(
                solved,
                "exact",
                f"the optimum with actions {delay} frames old every {every} frames, those in flight known",
            )
    return _best_tried(game, optimal, served, pilot_seed)


def _memoryless(actions: NDArray[np.int64], number: int) -> KnownPolicy:
    return KnownPolicy(np.array(actions, np.int64), np.zeros(number, np.int64))


def _rhythm(served: NDArray[np.int64]) -> tuple[int, int] | None:
    """Return (delay, frames between actions) if both are the same throughout."""
    at = np.flatnonzero(served)
    if len(at) < 2:
        return None
    apart = np.diff(at)
    if (apart != apart[0]).any() or (served[at] != served[at[0]]).any():
        return None
    return int(served[at[0]]), int(apart[0])


def _law_in_force(served: NDArray[np.int64], *, repeats: bool) -> NDArray[np.float64]:
    """Return how old the action in force is, as shares of the frames in which an agent's action is in force."""
    if not repeats:
        ages = served[served > 0]
    else:
        frame = np.arange(len(served))
        observed = np.maximum.accumulate(np.where(served > 0, frame, -1))
        known = observed >= 0
        ages = served[observed[known]] + frame[known] - observed[known]
    if not len(ages):
        raise InputError(f"the rule serves no frame in {RHYTHM_FRAMES}: nothing can be learned")
    return np.bincount(ages) / len(ages)


def _betting(game: Game, law: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return argmin over a of sum_j law_j (P^j gap)(s, a) for transitions P that ignore the actions."""
    matrix = game.process.mdp.matrix(0)
    cost = np.zeros_like(game.gaps)
    for weight in law[:0:-1]:  # Horner: P (law_1 gap + P (law_2 gap + ...))
        cost = matrix @ (weight * game.gaps + cost)
    best: NDArray[np.int64] = (law[0] * game.gaps + cost).argmin(axis=1)
    return best


def _delayed_optimum(game: Game, delay: int, every: int) -> KnownPolicy | None:
    """Return the exact optimum as a table, or None if it is too large."""
    mdp = game.process.mdp
    try:
        solved = solve_delayed(game.process, delay, every=every, limit=AUGMENTED_BYTES)
    except InputError:
        return None
    rows = solved.policy.shape[0]
    with_last = rows != mdp.states
    return KnownPolicy(
        np.ascontiguousarray(solved.policy).ravel().astype(np.int64),
        np.arange(mdp.actions) if with_last else mdp.kernel_classes,
        waiting=delay // every,
        every=every,
        with_last=with_last,
    )


def _best_tried(
    game: Game, optimal: NDArray[np.int64], served: NDArray[np.int64], seed: np.random.SeedSequence
) -> InformedAgent:
    """Return the candidate that lost least in a run of its own."""
    mdp = game.process.mdp
    horizon = np.array([PILOT_FRAMES])
    pair_seed, *seeds = seed.spawn(IMPROVEMENTS + 4)
    candidates = [("the policy that is optimal without delay", _memoryless(optimal, mdp.actions))]
    present = optimal
    for own in pair_seed.spawn(IMPROVEMENTS):
        pairs = np.zeros((mdp.states, mdp.states))
        game.known(_memoryless(present, mdp.actions), horizon, own, pairs)
        expected = pairs @ game.gaps
        # a state that was never acted from keeps its action
        present = np.where(pairs.sum(axis=1) > 0, expected.argmin(axis=1), present)
        candidates.append(
            ("the action of least gap in the states where it took effect", _memoryless(present, mdp.actions))
        )
    if (served > 0).all():
        for delay in sorted({int(np.bincount(served).argmax()), round(float(served.mean()))}):
            solved = _delayed_optimum(game, delay, 1)
            if solved is not None:
                candidates.append((f"the optimum of a constant delay of {delay} frames", solved))
    lost = [
        game.known(policy, horizon, own)[0, [kernels.INACTION, kernels.AGENT]].sum()
        for (_, policy), own in zip(candidates, seeds, strict=False)
    ]
    what, policy = candidates[int(np.argmin(lost))]
    return InformedAgent(policy, "upper bound", f"the best of {len(candidates)} policies tried: {what}")
