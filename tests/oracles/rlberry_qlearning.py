"""Q-learning of rlberry on RiverSwim, for comparison: run once in an environment of its own, its result is committed.

rlberry needs an older Gymnasium than we do, so it cannot be a dependency of the tests::

    python -m venv /tmp/rlberry && /tmp/rlberry/bin/pip install rlberry==0.7.3 rlberry-scool==0.7.3
    /tmp/rlberry/bin/python tests/oracles/rlberry_qlearning.py

It knows nothing of this package: the MDP is given by its matrices here. The file says cumulative reward at each horizon
for every replication.
"""

import json
from pathlib import Path

import numpy as np
import rlberry.spaces as spaces
from rlberry.envs.interface import Model
from rlberry_scool.agents.tabular_rl import QLAgent

STATES, STEPS, HORIZONS, REPLICATIONS = 4, 20_000, 10, 48
SETTINGS = {"gamma": 0.95, "alpha": 0.1, "exploration_rate": 0.3}


class RiverSwim(Model):
    """Swim (1) moves on / stays / falls back with .35/.6/.05, .6/.4 at the ends; drift (0) moves back."""

    name = "RiverSwim"

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.observation_space = spaces.Discrete(STATES)
        self.action_space = spaces.Discrete(2)
        self.moves = np.zeros((STATES, 2, STATES))
        for s in range(STATES):
            self.moves[s, 0, max(0, s - 1)] = 1
            if s == 0:
                self.moves[s, 1, [0, 1]] = 0.4, 0.6
            elif s == STATES - 1:
                self.moves[s, 1, [s - 1, s]] = 0.4, 0.6
            else:
                self.moves[s, 1, [s - 1, s, s + 1]] = 0.05, 0.6, 0.35
        self.rewards = np.zeros((STATES, 2))
        self.rewards[0, 0], self.rewards[STATES - 1, 1] = 0.005, 1.0
        self.state, self.total, self.steps, self.curve = 0, 0.0, 0, []

    def reset(self, seed=None, options=None):
        self.state = 0
        return 0, {}

    def step(self, action):
        reward = float(self.rng.random() < self.rewards[self.state, action])
        self.state = int(self.rng.choice(STATES, p=self.moves[self.state, action]))
        self.total += reward
        self.steps += 1
        if self.steps % (STEPS // HORIZONS) == 0:
            self.curve.append(self.total)
        return self.state, reward, False, False, {}


def main():
    """Write the curves."""
    curves = []
    for seed in range(REPLICATIONS):
        env = RiverSwim()
        env.reseed(seed)
        agent = QLAgent(env, exploration_type="epsilon", seeder=1000 + seed, **SETTINGS)
        agent.env.curve = []
        agent.fit(STEPS)
        curves.append(agent.env.curve)
    content = {
        "made_by": "rlberry 0.7.3, rlberry-scool 0.7.3: python tests/oracles/rlberry_qlearning.py",
        "states": STATES,
        "settings": SETTINGS,
        "horizons": [STEPS // HORIZONS * (n + 1) for n in range(HORIZONS)],
        "cumulative_reward": curves,
    }
    path = Path(__file__).parents[1] / "data" / "rlberry_qlearning.json"
    path.write_text(json.dumps(content) + "\n")
    print(path)


if __name__ == "__main__":
    main()
