"""An environment whose episodes end at a known rate that depends on the action's age alone.

Registered as ``tests.oracles.terminal_environment:tests/Terminal-v0``.
"""

import gymnasium
import numpy as np


class Terminal(gymnasium.Env):
    """The symbol of a ring of two; a frame earns 1, and ends the episode with probability ``risk`` if not the symbol.

    With the symbol it ends with ``floor``. Action 2 names no symbol. The ring is not reset by an episode's end.
    """

    metadata = {"render_modes": []}  # noqa: RUF012
    default_action = 2

    def __init__(self, mode_probability=0.9, risk=0.5, floor=0.05):
        self.mode_probability, self.risk, self.floor = mode_probability, risk, floor
        self.observation_space = gymnasium.spaces.Box(0, 1, (1,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(3)
        self._symbol = 0

    def reset(self, *, seed=None, options=None):
        first = not hasattr(self, "_seen")
        super().reset(seed=seed)
        if first:
            self._symbol = int(self.np_random.integers(2))
        self._seen = True
        return self._shown(), {}

    def step(self, action):
        chance = self.floor if action == self._symbol else self.risk
        over = bool(self.np_random.random() < chance)
        if self.np_random.random() >= self.mode_probability:
            self._symbol = 1 - self._symbol
        return self._shown(), 1.0, over, False, {}

    def _shown(self):
        return np.array([self._symbol], np.float32)


gymnasium.register("tests/Terminal-v0", entry_point=Terminal)
