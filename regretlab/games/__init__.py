"""Games: Gymnasium environments on an emulated Game Boy.

Importing this package registers the environments in ``GAMES``; ``make_game`` opens them or any other Gymnasium
environment.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from inspect import signature
from typing import Any

from ..errors import InputError
from ..needs import need

need("play", "a game")

import gymnasium  # noqa: E402 - the line above reports its absence
from gymnasium.envs.registration import load_env_creator  # noqa: E402

from .action_rows import action_row, rows_of_actions  # noqa: E402
from .observations import array_observations  # noqa: E402

__all__ = ["GAMES", "action_row", "environment_id", "make_game", "registration", "rows_of_actions", "without_pictures"]

_PLACES: dict[str, tuple[str, dict[str, Any]]] = {
    "regretlab/Beacon-v0": ("beacon:Beacon", {}),
    "regretlab/Stacker-v0": ("stacker:Stacker", {}),
    "regretlab/Duel-v0": ("duel:Duel", {}),
    "regretlab/DuelNumbers-v0": ("duel_numbers:DuelNumbers", {}),
    "regretlab/Cartridge-v0": ("cartridge:Cartridge", {}),
    "regretlab/Tetris-v0": ("cartridge:Cartridge", {"game": "tetris"}),
    "regretlab/Pokemon-v0": ("cartridge:Cartridge", {"game": "pokemon"}),
    "regretlab/Boxing-v0": ("atari:Atari", {"game": "boxing"}),
    "regretlab/Krull-v0": ("atari:Atari", {"game": "krull"}),
    "regretlab/NameThisGame-v0": ("atari:Atari", {"game": "name_this_game"}),
}

GAMES = tuple(_PLACES)
"""The environments of this package."""

for _name, (_place, _options) in _PLACES.items():
    gymnasium.register(_name, entry_point=f"regretlab.games.{_place}", kwargs=_options)


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
    if environment.startswith("ale_py:"):
        from .atari import keep_ale_quiet

        with suppress(ImportError):  # the missing package is reported below
            keep_ale_quiet()
    try:
        # The checking wrapper costs more than a frame of the emulator; the environments are checked by the tests.
        game = gymnasium.make(environment, disable_env_checker=True, **options)
        return rows_of_actions(array_observations(game, environment))
    except InputError:
        raise
    except (gymnasium.error.Error, ModuleNotFoundError) as error:
        known = ", ".join(GAMES)
        raise InputError(f"unknown environment '{environment}': {_sentence(error)} (ours: {known})") from None
    except TypeError as error:
        unknown = re.search(r"unexpected keyword argument ('\w+')", str(error))
        said = f"it has no {unknown[1]}" if unknown else _sentence(error)
        raise InputError(f"environment '{environment}' does not take these options: {said}") from None


def without_pictures(environment: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with which an environment of this package draws nothing, where it can leave that out.

    For players that look at no pictures: drawing takes four fifths of a frame of the emulator.
    """
    if not environment.startswith("regretlab/"):
        return dict(options)
    entry: Any = gymnasium.spec(environment).entry_point
    creator = load_env_creator(entry) if isinstance(entry, str) else entry
    return {"pixels": False, **options} if "pixels" in signature(creator).parameters else dict(options)


def registration(environment: str) -> Any:
    """Return what another process needs to register an environment: its Gymnasium specification.

    None for a name that leads there by itself: one of this package, or ``module:id``.

    Raises
    ------
    InputError
        If the environment is defined where no other process finds it: in the script that is running, or in a function.
    """
    if environment in GAMES or ":" in environment:
        return None
    spec = gymnasium.spec(environment)
    entry = spec.entry_point
    module = entry.partition(":")[0] if isinstance(entry, str) else getattr(entry, "__module__", "")
    if module == "__main__" or "<" in getattr(entry, "__qualname__", ""):
        raise InputError(
            f"environment '{environment}' is defined inside the script that is running, where its own process does not "
            f"find it: define and register it in a module MODULE and give 'MODULE:{environment}'"
        )
    return spec


def _sentence(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
