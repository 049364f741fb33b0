"""Games: Gymnasium environments on an emulated Game Boy.

Importing this package registers ``regretlab/Beacon-v0`` and ``regretlab/Stacker-v0``; ``make_game`` opens them or any
other Gymnasium environment.
"""

from typing import Any

import gymnasium

from ..errors import InputError
from .observations import array_observations

__all__ = ["GAMES", "environment_id", "make_game"]

GAMES = ("regretlab/Beacon-v0", "regretlab/Stacker-v0")
"""The environments of this package."""

gymnasium.register("regretlab/Beacon-v0", entry_point="regretlab.games.beacon:Beacon")
gymnasium.register("regretlab/Stacker-v0", entry_point="regretlab.games.stacker:Stacker")


def environment_id(name: str) -> str:
    """Return the Gymnasium id of a short name of ours; other names are ids already.

    Examples
    --------
    >>> environment_id("beacon"), environment_id("CartPole-v1")
    ('regretlab/Beacon-v0', 'CartPole-v1')
    """
    short = {game.split("/")[1].split("-")[0].lower(): game for game in GAMES}
    return short.get(name, name)


def make_game(environment: str, **options: Any) -> gymnasium.Env[Any, Any]:
    """Open an environment by its Gymnasium id.

    Parameters
    ----------
    environment
        ``regretlab/Beacon-v0`` or any Gymnasium id (``module:id`` imports the module first).
    **options
        Keyword arguments of the environment.

    Raises
    ------
    InputError
        If there is no such environment, or it does not take these options.

    Examples
    --------
    >>> game = make_game("regretlab/Beacon-v0", symbols=4)
    >>> int(game.action_space.n)
    5
    >>> game.close()
    """
    try:
        # The checking wrapper costs more than a frame of the emulator; the environments are checked by the tests.
        return array_observations(gymnasium.make(environment, disable_env_checker=True, **options), environment)
    except InputError:
        raise
    except (gymnasium.error.Error, ModuleNotFoundError) as error:
        known = ", ".join(GAMES)
        raise InputError(f"unknown environment '{environment}': {_sentence(error)} (ours: {known})") from None
    except TypeError as error:
        raise InputError(f"environment '{environment}' does not take these options: {_sentence(error)}") from None


def _sentence(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
