"""Duel as numbers: what its screen shows as a vector, for networks that look at no pictures."""

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from .duel import BUTTONS, PHASES, Duel, DuelState
from .duel_player import MOVES, effect, full_damage

__all__ = ["LENGTH", "DuelNumbers", "numbers"]

_LINES, _NETS, _POINTS = 4, 3, 100
_TOLD = len(PHASES) + _LINES + 4 + 3 * 4
LENGTH = _TOLD + len(BUTTONS)
"""Numbers of an observation."""


def numbers(state: DuelState, held: int = 0) -> NDArray[np.float32]:
    """Return a moment in numbers from 0 to 1.

    The phase and the line of the cursor (a 1 at each one's place), the nets left, the hit points of both sides in
    hundreds and the share the opponent has left; of each of one's own moves the most that a hit takes, in hundreds of
    hit points, its accuracy, and whether its type is strong (1), weak (0) or neither (a third); last the button that is
    held (a 1 at its place), for one that is held already counts no second time.

    Parameters
    ----------
    state
        What a player may know of the moment.
    held
        The action of the frame that ends with it.

    Returns
    -------
    numpy.ndarray
        Shape (``LENGTH``,).

    Examples
    --------
    >>> game = DuelNumbers()
    >>> seen, _ = game.reset(seed=0)
    >>> seen.shape, game.state().own.hp, round(float(seen[14]), 2)
    ((36,), 64, 0.64)
    >>> game.close()
    """
    told = np.zeros(LENGTH, np.float32)
    told[PHASES.index(state.phase)] = 1
    told[len(PHASES) + min(state.cursor, _LINES - 1)] = 1
    facts = [state.nets / _NETS, state.own.hp / _POINTS, state.foe.hp / _POINTS, state.foe.hp / max(state.foe.most, 1)]
    for number in state.own.moves:
        move = MOVES[number]
        strong = (effect(move.type, state.foe.type) - 0.5) / 1.5
        facts += [full_damage(move, state.own.strength, state.foe.type) / _POINTS, move.accuracy / 100, strong]
    told[len(PHASES) + _LINES : _TOLD] = facts
    told[_TOLD + held] = 1
    return told


class DuelNumbers(Duel):
    """The cartridge ``duel`` with ``numbers`` for observations, one frame earlier than the screen shows them.

    Parameters
    ----------
    **options
        Those of ``Duel`` but ``pixels``: nothing is drawn.

    Raises
    ------
    InputError
        For settings out of range and unusable ROM files.

    Examples
    --------
    >>> game = DuelNumbers(setting="catch", encounter=3)
    >>> game.observation_space.shape
    (36,)
    >>> game.close()
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(pixels=False, **options)
        self.observation_space = gymnasium.spaces.Box(0, 1, (LENGTH,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Start an encounter, no button held."""
        self._action = 0
        return super().reset(seed=seed, options=options)

    def step(self, action: np.int64 | int) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Hold the action's button for one frame."""
        self._action = int(action)
        return super().step(action)

    def _observation(self) -> NDArray[Any]:
        super()._observation()  # it looks whether a frame was late
        return numbers(self.state(), self._action)
