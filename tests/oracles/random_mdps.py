"""Random finite MDPs for property tests: controlled or not, sparse, periodic, with transient states; and by seed."""

import numpy as np
from hypothesis import strategies as st

from regretlab.mdp import FiniteMDP, mdp_structure

__all__ = ["controlled_mdps", "random_controlled_mdp"]


def random_controlled_mdp(seed, states=5, actions=3, successors=3, grain=8):
    """A communicating MDP whose probabilities are multiples of 1/grain, so that ties, zeros and periods do occur."""
    rng = np.random.default_rng(seed)
    while True:
        transitions = np.zeros((actions, states, states))
        for a in range(actions):
            for s in range(states):
                reached = rng.choice(states, size=min(successors, states), replace=False)
                weights = rng.multinomial(grain, rng.dirichlet(np.ones(len(reached)))) / grain
                transitions[a, s, reached] = weights
        rewards = rng.integers(0, 9, size=(states, actions)) / 8
        mdp = FiniteMDP(transitions, rewards)
        if mdp_structure(mdp, decide_unichain=0).communicating:
            return mdp


def controlled_mdps(largest_states=5, largest_actions=3):
    """Strategy: communicating MDPs of up to these sizes."""
    return st.builds(
        random_controlled_mdp,
        seed=st.integers(0, 2**31),
        states=st.integers(1, largest_states),
        actions=st.integers(1, largest_actions),
        successors=st.integers(2, 4),
        grain=st.sampled_from([2, 8, 64]),
    )
