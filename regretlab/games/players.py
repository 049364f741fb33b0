"""Players that need no network: one script for each of our games, and two floors.

A player says what it keeps of a moment (``see``), and later chooses an action from what it kept then and from the
actions that have taken effect since (``act``).
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

__all__ = [
    "BeaconScript",
    "BoxingScript",
    "DuelScript",
    "FixedPlayer",
    "Player",
    "RandomPlayer",
    "StackerScript",
    "scripted_player",
]


class Player(Protocol):
    """Plays by what it saw some frames ago."""

    updates: int
    memory: int

    def begin(self, game: Any) -> None:
        """Start an episode."""

    def see(self, observation: NDArray[np.generic]) -> Any:
        """Return what to keep of this moment."""

    def act(self, seen: Any, since: Sequence[int], frame: int) -> int:
        """Return an action for now.

        Parameters
        ----------
        seen
            What ``see`` returned.
        since
            The actions of the frames played since, in their order; of at least ``memory`` frames, with the default
            action for those before the episode.
        frame
            Frames played in all episodes.
        """

    def learn(self, seen: Any, action: int, reward: float, discount: float, *, last: bool) -> None:
        """Take in what an action earned until the next one; ``discount`` 0 if the episode ended."""

    def played(self, frames: int) -> None:
        """Take in that so many frames have been played in all."""


class FixedPlayer:
    """Always plays the same action: the no-op, as a floor."""

    updates = memory = 0

    def __init__(self, action: int) -> None:
        self._action = action

    def begin(self, game: Any) -> None:
        """Start an episode."""

    def see(self, observation: NDArray[np.generic]) -> Any:
        """Keep nothing."""

    def act(self, seen: Any, since: Sequence[int], frame: int) -> int:
        """Return the action."""
        return self._action

    def learn(self, seen: Any, action: int, reward: float, discount: float, *, last: bool) -> None:
        """Learn nothing."""

    def played(self, frames: int) -> None:
        """Take no notice."""


class RandomPlayer(FixedPlayer):
    """Plays any action: a floor."""

    def __init__(self, actions: int, seed: int) -> None:
        self._actions, self._generator = actions, np.random.default_rng([seed, 0x2A])

    def act(self, seen: Any, since: Sequence[int], frame: int) -> int:
        """Return any action."""
        return int(self._generator.integers(self._actions))


class BeaconScript(FixedPlayer):
    """Names beacon's symbol as it was: the oracle's play."""

    def __init__(self) -> None:
        self._game: Any = None

    def begin(self, game: Any) -> None:
        """Start an episode."""
        self._game = game.unwrapped

    def see(self, observation: NDArray[np.generic]) -> Any:
        """Keep the symbol."""
        return self._game.symbol

    def act(self, seen: Any, since: Sequence[int], frame: int) -> int:
        """Name it."""
        return 1 + int(seen)


class StackerScript(FixedPlayer):
    """``StackerPlanner``: it counts in what it did since."""

    def __init__(self) -> None:
        self._game: Any = None

    def begin(self, game: Any) -> None:
        """Start an episode."""
        from .stacker_planner import StackerPlanner, StackerWatcher

        self._game, self._watcher, self._planner = game.unwrapped, StackerWatcher(), StackerPlanner()

    def see(self, observation: NDArray[np.generic]) -> Any:
        """Keep board and piece."""
        return self._watcher.state(self._game)

    def act(self, seen: Any, since: Sequence[int], frame: int) -> int:
        """Return the planned action."""
        return self._planner.action(seen, since)


class DuelScript(FixedPlayer):
    """``wanted_button`` of what it saw; while a press of its own is on its way it waits for what comes of it."""

    def __init__(self) -> None:
        self._game: Any = None
        self._last = 0

    def begin(self, game: Any) -> None:
        """Start an episode."""
        self._game, self._last = game.unwrapped, 0

    def see(self, observation: NDArray[np.generic]) -> Any:
        """Keep what a player may know."""
        return self._game.state()

    def act(self, seen: Any, since: Sequence[int], frame: int) -> int:
        """Return the wanted button, or let go."""
        from .duel_player import wanted_button

        held = since[-1] if since else self._last  # a button counts when it goes down, so let go between presses
        self._last = 0 if any(since) or held else wanted_button(seen)
        return self._last


class BoxingScript(FixedPlayer):
    """The script of ``regretlab.games.boxing_player``, one action in twenty random."""

    def __init__(self, seed: int) -> None:
        self._scout: Any = None
        self._generator = np.random.default_rng([seed, 0xB0])

    def begin(self, game: Any) -> None:
        """Start an episode."""
        from .boxing_player import BoxingScout

        self._scout = BoxingScout(game.unwrapped)

    def see(self, observation: NDArray[np.generic]) -> Any:
        """Keep where the boxers stand."""
        return self._scout.places()

    def act(self, seen: Any, since: Sequence[int], frame: int) -> int:
        """Return the script's action."""
        from .boxing_player import boxing_action

        right, below = seen
        return boxing_action(right, below, frame, self._generator)


SCRIPTS: dict[str, Callable[[int], FixedPlayer]] = {
    "regretlab/Beacon-v0": lambda seed: BeaconScript(),
    "regretlab/Stacker-v0": lambda seed: StackerScript(),
    "regretlab/Duel-v0": lambda seed: DuelScript(),
    "regretlab/Boxing-v0": BoxingScript,
}
"""Scripted players by environment."""


def scripted_player(environment: str, seed: int = 0) -> FixedPlayer:
    """Return the scripted player of a game.

    Parameters
    ----------
    environment
        The game.
    seed
        Of what is random in its play.

    Raises
    ------
    InputError
        If that game has no script.
    """
    if environment not in SCRIPTS:
        raise InputError(f"environment '{environment}' has no scripted player: choose one of {', '.join(SCRIPTS)}")
    return SCRIPTS[environment](seed)
