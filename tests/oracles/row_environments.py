"""Environments whose actions are rows of numbers, with rewards that say exactly which action came when.

Registered as ``tests.oracles.row_environments:tests/Tracker-v0``, and likewise
``tests/Regulator-v0``, ``tests/Levers-v0`` and ``tests/Both-v0``.
"""

import gymnasium
import numpy as np


class Tracker(gymnasium.Env):
    """A target moves by y' = ``keep`` y + noise of variance 1 - keep^2, whatever is done (stationary variance 1).

    A frame earns ``-|a - y|^2``; actions have the shape (``numbers``, 1).
    """

    metadata = {"render_modes": [], "render_fps": 50}  # noqa: RUF012

    def __init__(self, numbers=2, keep=0.9):
        self._numbers, self._keep = numbers, keep
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (numbers,), np.float64)
        self.action_space = gymnasium.spaces.Box(-6.0, 6.0, (numbers, 1), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._y = self.np_random.standard_normal(self._numbers)
        return self._y.copy(), {}

    def step(self, action):
        assert action.dtype == np.float32
        assert action.shape == (self._numbers, 1)
        assert self.action_space.contains(action)
        reward = -float(((action[:, 0] - self._y) ** 2).sum())
        noise = np.sqrt(1 - self._keep**2) * self.np_random.standard_normal(self._numbers)
        self._y = self._keep * self._y + noise
        return self._y.copy(), reward, False, False, {}


class Regulator(gymnasium.Env):
    """A mass that is pushed: x' = A x + B a + noise, reward -(x'Qx + a'Ra); shown are place, speed and the frame."""

    metadata = {"render_modes": [], "render_fps": 50}  # noqa: RUF012
    A = np.array([[1.0, 0.3], [0.0, 0.98]])
    B = np.array([[0.0], [0.5]])
    Q = np.diag([1.0, 0.1])
    R = np.array([[0.4]])
    W = np.array([[0.02, 0.01], [0.01, 0.05]])

    def __init__(self):
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float64)
        self.action_space = gymnasium.spaces.Box(-100.0, 100.0, (1,), np.float64)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._x, self._frame, self._root = np.zeros(2), 0, np.linalg.cholesky(self.W)
        return np.array([*self._x, 0.0]), {}

    def step(self, action):
        reward = -float(self._x @ self.Q @ self._x + action @ self.R @ action)
        self._x = self.A @ self._x + self.B @ action + self._root @ self.np_random.standard_normal(2)
        self._frame += 1
        return np.array([*self._x, self._frame]), reward, False, False, {}


class Levers(gymnasium.Env):
    """Three levers with 3, 2 and 4 positions: a frame earns 100 a + 10 b + c; an episode has 50 frames."""

    metadata = {"render_modes": [], "render_fps": 50}  # noqa: RUF012

    def __init__(self, default=None):
        if default is not None:
            self.default_action = default
        self.observation_space = gymnasium.spaces.Box(0, 50, (1,), np.float32)
        self.action_space = gymnasium.spaces.MultiDiscrete([3, 2, 4])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._frame = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self._frame += 1
        reward = float(action @ [100, 10, 1])
        return np.array([self._frame], np.float32), reward, False, self._frame == 50, {}


class Both(Levers):
    """Actions in a space that is no array's."""

    def __init__(self):
        super().__init__()
        self.action_space = gymnasium.spaces.Dict({"levers": self.action_space})


gymnasium.register("tests/Both-v0", entry_point=Both)
gymnasium.register("tests/Regulator-v0", entry_point=Regulator)
gymnasium.register("tests/Tracker-v0", entry_point=Tracker)
gymnasium.register("tests/Levers-v0", entry_point=Levers)
