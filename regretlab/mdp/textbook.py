"""Textbook processes: RiverSwim, a single state, random controlled transitions."""

import numpy as np
from scipy import sparse

from ..errors import InputError
from .family_member import Member, checked_count, checked_gap, checked_states
from .model import AsynchronousMDP, FiniteMDP

__all__ = ["random_controlled", "riverswim", "single_state"]


def riverswim(states: int = 6) -> Member:
    """Swim against the current (action 1) for a reward of 1 at the far end, or drift (action 0) for 0.005 at the start.

    As in Osband, Russo & Van Roy 2013 ("(More) efficient reinforcement learning via posterior sampling", figure 1),
    after Strehl & Littman 2008, whose probabilities differ. Swimming moves on / stays / falls back with probability
    .35/.6/.05; at the start it moves on / stays with .6/.4, at the end it stays / falls back with .6/.4. Drifting
    always moves back. Rewards are 5/1000 and 1.
    """
    last = checked_states(checked_count(states, 2, "states"), "the river") - 1
    moved = np.zeros((2, states, states))
    for place in range(states):
        moved[0, place, max(place - 1, 0)] = 1.0
        moved[1, place, place] = 0.6
    moved[1, range(last), range(1, states)] = 0.35
    moved[1, range(1, states), range(last)] = 0.05
    moved[1, 0, :2] = 0.4, 0.6
    moved[1, last, last - 1 :] = 0.4, 0.6
    rewards = np.zeros((states, 2))
    rewards[0, 0], rewards[last, 1] = 0.005, 1.0
    return Member(AsynchronousMDP(FiniteMDP(moved, rewards, name="riverswim"), "repeat"), lambda delay, every: None)


def single_state(actions: int = 2, gap: float = 1.0) -> Member:
    """One state; the last action pays 1, the others 1 - gap; action 0 is the default behaviour. Regret phi * gap."""
    rewards = np.full((1, checked_count(actions, 2, "actions")), 1.0 - checked_gap(gap))
    rewards[0, -1] = 1.0
    mdp = FiniteMDP(np.ones((actions, 1, 1)), rewards, name="single state")
    return Member(AsynchronousMDP(mdp, 0), lambda delay, every: (1 - 1 / every) * gap)


def random_controlled(states: int = 5, actions: int = 3, successors: int = 3, seed: int = 0) -> Member:
    """Every action of every state has its own successors and its own uniform reward; action 0 is the default behaviour.

    Probabilities are uniform on the simplex. State s + 1 is always a successor of s, so every policy's chain is
    irreducible.
    """
    checked_count(states, 1, "states")
    checked_count(actions, 1, "actions")
    checked_count(seed, 0, "seed")
    if not 1 <= successors <= states:
        raise InputError(f"successors must lie in [1, {states}], not {successors}")
    generator = np.random.default_rng(seed)
    rows = states * actions
    # The first successor is the next state, the others are drawn without repetition from the rest.
    others = [generator.choice(max(states - 1, 1), successors - 1, replace=False) for _ in range(rows)]
    steps = np.hstack([np.ones((rows, 1), dtype=np.int64), 2 + np.array(others, dtype=np.int64).reshape(rows, -1)])
    target = (np.repeat(np.arange(states), actions)[:, None] + steps) % states
    law = generator.dirichlet(np.ones(successors), rows)
    stacked = sparse.csr_array(
        (law.ravel(), (np.repeat(np.arange(rows), successors), target.ravel())), shape=(rows, states)
    )
    mdp = FiniteMDP(stacked, generator.random((states, actions)), name="random")
    return Member(AsynchronousMDP(mdp, 0), lambda delay, every: None)
