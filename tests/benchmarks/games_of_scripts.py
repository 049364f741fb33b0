"""Games for players that read more than the screen, and those players as policies: ``module:THIS FILE:NAME``.

Registered as ``tests.benchmarks.games_of_scripts:tests/Told-...``. An observation is the number of a moment, which the
game keeps in this process and the policy looks up: for delay curves and for runs on the virtual clock. The players keep
nothing between their calls, so that each of several workers plays alike; buttons are let go in every other frame.
"""

from collections import OrderedDict
from itertools import count
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np

from regretlab.games import make_game

_NUMBERS = count(1)
_MOMENTS: OrderedDict[int, tuple[Any, int]] = OrderedDict()
_KEPT = 4096


class Told(gymnasium.Wrapper):
    """A game whose observation is the number of a moment."""

    def __init__(self, name, **options):
        super().__init__(make_game(name, **options))
        self.observation_space = gymnasium.spaces.Box(0, np.inf, (1,), np.float64)
        self.frame = 0

    @property
    def default_action(self):
        return self.env.unwrapped.default_action

    def told(self):
        raise NotImplementedError

    def reset(self, **options):
        _, info = self.env.reset(**options)
        return self._number(), info

    def step(self, action):
        _, reward, terminated, truncated, info = self.env.step(action)
        self.frame += 1
        return self._number(), reward, terminated, truncated, info

    def _number(self):
        number = next(_NUMBERS)
        _MOMENTS[number] = self.told(), self.frame
        if len(_MOMENTS) > _KEPT:
            _MOMENTS.popitem(last=False)
        return np.array([float(number)])


class ToldStacker(Told):
    """Board and piece."""

    def __init__(self):
        super().__init__("regretlab/Stacker-v0", pixels=False)

    def told(self):
        game = self.env.unwrapped
        return SimpleNamespace(falling=game.falling, piece=game.piece, board=game.board > 0, pieces=game.pieces)


class ToldDuel(Told):
    """What a player may know."""

    def __init__(self):
        super().__init__("regretlab/Duel-v0", pixels=False)

    def told(self):
        return self.env.unwrapped.state()


for _name, _game in (("Stacker", ToldStacker), ("Duel", ToldDuel)):
    if f"tests/Told-{_name}-v0" not in gymnasium.registry:
        gymnasium.register(f"tests/Told-{_name}-v0", entry_point=_game)
