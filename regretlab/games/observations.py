"""Any observation as one array: what the frame ring, the networks and the replay store hold.

* An array (Box) stays as it is.
* A dictionary with an ``image`` (MiniGrid) is its image.
* Anything else made of numbers (Discrete, MultiDiscrete, MultiBinary, dictionaries and tuples of such) is one row of
  numbers, Discrete ones as a single one among zeros (Gymnasium's ``flatten``); texts in a dictionary are left out.
"""

from typing import Any

import gymnasium
from gymnasium import spaces
from numpy.typing import NDArray

from ..errors import InputError

__all__ = ["array_observations"]

_NUMBERS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


def array_observations(game: gymnasium.Env[Any, Any], name: str) -> gymnasium.Env[Any, Any]:
    """Return the environment with observations that are one array.

    Parameters
    ----------
    game
        The environment.
    name
        What to call it in messages.

    Raises
    ------
    InputError
        If its observations cannot be one array.

    Examples
    --------
    >>> lake = array_observations(gymnasium.make("FrozenLake-v1"), "FrozenLake-v1")
    >>> lake.observation_space.shape, lake.reset(seed=0)[0].tolist()[:3]
    ((16,), [1, 0, 0])
    """
    space = game.observation_space
    if isinstance(space, spaces.Box):
        return game
    if isinstance(space, spaces.Dict):
        image = space.spaces.get("image")
        if isinstance(image, spaces.Box):
            return _Image(game)
        kept = [key for key, part in space.spaces.items() if _is_numeric(part)]
        left = [key for key in space.spaces if key not in kept and not isinstance(space.spaces[key], spaces.Text)]
        if kept and not left:
            chosen = gymnasium.wrappers.FilterObservation(game, kept) if len(kept) < len(space.spaces) else game
            return gymnasium.wrappers.FlattenObservation(chosen)
    elif _is_numeric(space):
        return gymnasium.wrappers.FlattenObservation(game)
    raise InputError(f"environment '{name}' has observations {space}; they must be one array, or a row of numbers")


def _is_numeric(space: spaces.Space[Any]) -> bool:
    if isinstance(space, spaces.Dict):
        return all(_is_numeric(part) for part in space.spaces.values())
    if isinstance(space, spaces.Tuple):
        return all(_is_numeric(part) for part in space.spaces)
    return isinstance(space, _NUMBERS)


class _Image(gymnasium.ObservationWrapper[NDArray[Any], Any, Any]):
    """The image of an observation that is a dictionary."""

    def __init__(self, game: gymnasium.Env[Any, Any]) -> None:
        super().__init__(game)
        assert isinstance(game.observation_space, spaces.Dict)
        self.observation_space = game.observation_space["image"]

    def observation(self, observation: dict[str, Any]) -> NDArray[Any]:
        """Return the image."""
        return observation["image"]
