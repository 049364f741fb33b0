"""The ring as a plain NumPy environment: what the cartridge computes, without an emulator.

Registered as ``tests.oracles.ring_environment:tests/Ring-v0``.
"""

import time

import gymnasium
import numpy as np

FRAME_TIME = 1 / 59.7275


class Ring(gymnasium.Env):
    """K symbols; stay with probability p, else jump to one of the others; action 1 + symbol earns 1."""

    metadata = {"render_modes": [], "render_fps": 59.7275}  # noqa: RUF012
    default_action = 0

    def __init__(self, symbols=4, mode_probability=0.9, frame_time=FRAME_TIME):
        self.symbols, self.mode_probability, self.frame_time = symbols, mode_probability, frame_time
        self.observation_space = gymnasium.spaces.Box(0, 255, (84, 84), np.uint8)
        self.action_space = gymnasium.spaces.Discrete(1 + symbols)
        self._screens = np.repeat(np.arange(symbols, dtype=np.uint8), 84 * 84).reshape(symbols, 84, 84) * 10

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._symbol = int(self.np_random.integers(self.symbols))
        return self._screens[self._symbol], {"symbol": self._symbol, "score": 0}

    def step(self, action):
        reward = float(action == 1 + self._symbol)
        if self.np_random.random() >= self.mode_probability:
            self._symbol = (self._symbol + 1 + int(self.np_random.integers(self.symbols - 1))) % self.symbols
        return self._screens[self._symbol], reward, False, False, {"symbol": self._symbol, "score": 0}


gymnasium.register("tests/Ring-v0", entry_point=Ring)


class TurningRing(Ring):
    """A ring that turns by one symbol in every frame: with the age of an observation one names the symbol of now."""

    def step(self, action):
        _, reward, *ends, info = super().step(action)
        self._symbol = (self._symbol + 1) % self.symbols
        return self._screens[self._symbol], reward, *ends, info | {"symbol": self._symbol}


gymnasium.register("tests/TurningRing-v0", entry_point=TurningRing)


class FailingRing(Ring):
    """A ring whose emulator breaks after a while."""

    def step(self, action):
        self._steps = getattr(self, "_steps", 0) + 1
        if self._steps > 150:
            raise RuntimeError("the cartridge fell out")
        return super().step(action)


gymnasium.register("tests/FailingRing-v0", entry_point=FailingRing)


class SuspendedRing(Ring):
    """A ring on a machine that is suspended for five seconds after a while: only the boot-time clock goes on."""

    def step(self, action):
        self._steps = getattr(self, "_steps", 0) + 1
        if self._steps == 150:
            clock = time.clock_gettime_ns
            time.clock_gettime_ns = lambda number: clock(number) + (number == time.CLOCK_BOOTTIME) * 5_000_000_000
        return super().step(action)


gymnasium.register("tests/SuspendedRing-v0", entry_point=SuspendedRing)


class PoisonedRing(Ring):
    """A ring whose reward is no number from its 150th frame on."""

    def step(self, action):
        self._steps = getattr(self, "_steps", 0) + 1
        observation, reward, *rest = super().step(action)
        return observation, reward if self._steps < 150 else float("nan"), *rest


gymnasium.register("tests/PoisonedRing-v0", entry_point=PoisonedRing)
