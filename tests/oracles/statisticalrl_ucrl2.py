"""UCRL2 of statisticalrl-learners on RiverSwim, for comparison: run once in an environment of its own.

It pins an older NumPy than we need, so it cannot be a dependency of the tests::

    python -m venv /tmp/srl && /tmp/srl/bin/pip install statisticalrl-learners==2.2507
    /tmp/srl/bin/python tests/oracles/statisticalrl_ucrl2.py

It knows nothing of this package: the MDP is given by its matrices here. The file says cumulative reward at each horizon
for every replication.
"""

import json
from pathlib import Path

import numpy as np
from statisticalrl_learners.MDPs_discrete.UCRL2 import UCRL2

STATES, STEPS, HORIZONS, REPLICATIONS, CONFIDENCE = 3, 40_000, 10, 48, 0.05


def matrices():
    """Swim (1) moves on / stays / falls back with .35/.6/.05, .6/.4 at the ends; drift (0) moves back."""
    moves, rewards = np.zeros((STATES, 2, STATES)), np.zeros((STATES, 2))
    for s in range(STATES):
        moves[s, 0, max(0, s - 1)] = 1
        if s == 0:
            moves[s, 1, [0, 1]] = 0.4, 0.6
        elif s == STATES - 1:
            moves[s, 1, [s - 1, s]] = 0.4, 0.6
        else:
            moves[s, 1, [s - 1, s, s + 1]] = 0.05, 0.6, 0.35
    rewards[0, 0], rewards[STATES - 1, 1] = 0.005, 1.0
    return moves, rewards


def curve(seed):
    """Return the cumulative reward at each horizon."""
    moves, rewards = matrices()
    np.random.seed(seed)  # noqa: NPY002 - its agents draw from the global generator
    random = np.random.default_rng(1000 + seed)
    agent, state, total, told = UCRL2(STATES, 2, CONFIDENCE), 0, 0.0, []
    agent.reset(state)
    for step in range(STEPS):
        action = agent.play(state)
        reward = float(random.random() < rewards[state, action])
        after = int(random.choice(STATES, p=moves[state, action]))
        agent.update(state, action, reward, after)
        state, total = after, total + reward
        if (step + 1) % (STEPS // HORIZONS) == 0:
            told.append(total)
    return told


def main():
    """Write the curves."""
    content = {
        "made_by": "statisticalrl-learners 2.2507: python tests/oracles/statisticalrl_ucrl2.py",
        "states": STATES,
        "settings": {"confidence": CONFIDENCE},
        "horizons": [STEPS // HORIZONS * (n + 1) for n in range(HORIZONS)],
        "cumulative_reward": [curve(seed) for seed in range(REPLICATIONS)],
    }
    path = Path(__file__).parents[1] / "data" / "statisticalrl_ucrl2.json"
    path.write_text(json.dumps(content) + "\n")
    print(path)


if __name__ == "__main__":
    main()
