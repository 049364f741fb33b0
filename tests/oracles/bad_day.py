"""An environment that misbehaves on a given frame, for ``tests/play/test_bad_day.py``."""

import os
import sys

import gymnasium
import numpy as np

from tests.oracles.bad_day_policies import start_processes
from tests.oracles.ring_environment import Ring

OBSERVATIONS = {
    "none": None,
    "shape": np.zeros((84, 1), np.uint8),  # NumPy would spread it over a frame
    "type": np.zeros((84, 84), np.float64),
}


class BadDay(Ring):
    """A ring that does what ``fault`` says in its frame ``at``, counted from the last seeded reset."""

    def __init__(self, fault="", at=90):
        super().__init__()
        self._fault, self._at = fault, at
        if fault == "start":
            start_processes()

    def reset(self, *, seed=None, options=None):
        self._steps = 0
        return super().reset(seed=seed, options=options)

    def step(self, action):
        observation, *rest = super().step(action)
        self._steps += 1
        if self._fault == "print":
            print("the environment prints")
        if self._steps > self._at:
            if self._fault == "os._exit":
                os._exit(0)
            if self._fault == "sys.exit":
                sys.exit(0)
            if self._fault == "raise":
                raise ArithmeticError("the cartridge fell out")
            if self._fault == "nan reward":
                rest[0] = float("nan")
            observation = OBSERVATIONS.get(self._fault, observation)
        return observation, *rest


gymnasium.register("tests/BadDay-v0", entry_point=BadDay)
gymnasium.register("tests/Starting-v0", entry_point=BadDay, kwargs={"fault": "start"})
