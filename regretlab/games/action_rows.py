"""Any action as a number or a row of numbers: what shared memory, records and policies hold."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..actions import MOST_NUMBERS, ActionRow
from ..errors import InputError

__all__ = ["action_row", "rows_of_actions"]


def action_row(space: spaces.Space[Any], name: str) -> ActionRow | None:
    """Return what the numbers of a space's actions may be; None for a discrete space, whose actions are numbers.

    Parameters
    ----------
    space
        A space of actions.
    name
        The environment, for messages.

    Raises
    ------
    InputError
        If its actions are neither.

    Examples
    --------
    >>> action_row(spaces.Box(-2.0, 2.0, (2, 1)), "arm")
    ActionRow(low=(-2.0, -2.0), high=(2.0, 2.0), whole=False)
    >>> action_row(spaces.MultiDiscrete([3, 2]), "arm")
    ActionRow(low=(0.0, 0.0), high=(2.0, 1.0), whole=True)
    """
    if isinstance(space, spaces.Discrete) and space.start == 0:
        return None
    low: Any
    if isinstance(space, spaces.Box):
        low, high = space.low, space.high
    elif isinstance(space, spaces.MultiDiscrete):
        low = np.broadcast_to(space.start, space.nvec.shape)
        high = low + space.nvec - 1
    elif isinstance(space, spaces.MultiBinary):
        low, high = np.zeros(space.shape), np.ones(space.shape)
    else:
        raise InputError(
            f"environment '{name}' has action space {space}; it must be Discrete, from 0 on, or Box, MultiDiscrete or "
            "MultiBinary"
        )
    if not 1 <= low.size <= MOST_NUMBERS:
        raise InputError(f"environment '{name}' has actions of {low.size} numbers; it must be 1 to {MOST_NUMBERS}")
    whole = space.dtype is not None and np.issubdtype(space.dtype, np.integer)
    low, high = (tuple(float(value) for value in each.reshape(-1)) for each in (low, high))
    return ActionRow(low, high, whole=bool(whole))


def rows_of_actions(game: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    """Return the environment with actions that may be rows of numbers, where its space is an array's."""
    if isinstance(game.action_space, spaces.Box | spaces.MultiDiscrete | spaces.MultiBinary):
        return _Rows(game)
    return game


class _Rows(gymnasium.ActionWrapper[Any, Any, Any]):
    """Gives each action the shape and type of the space."""

    def action(self, action: NDArray[np.float64]) -> NDArray[Any]:
        """Return the action as the environment takes it."""
        space = self.action_space
        return np.asarray(action).astype(space.dtype).reshape(space.shape or ())
