"""The simulated-delay protocol: a game played by what was seen ``delay`` frames ago.

``asynchronous``: in every frame from the ``delay``-th of an episode on the player acts by what it saw ``delay`` frames
before. ``sequential``: it acts by the same, but in each frame of number delay + k (delay + 1) only: after every action
come ``delay`` frames of the default action, in which the next one is computed. Before its first action there is the
default action too. Without delay the two are one.

A transition goes from what an action was chosen from to what the next one was chosen from, with the rewards of the
frames between their effects, discounted by the frame.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from .players import Player

__all__ = ["PlayedFrame", "play_delayed"]


class PlayedFrame(NamedTuple):
    """A frame as it was played."""

    reward: float
    acted: bool
    ended: bool


def play_delayed(
    game: Any, player: Player, *, delay: int, sequential: bool, default_action: int, discount: float, seed: int
) -> Iterator[PlayedFrame]:
    """Play a game frame by frame, episode after episode, for as long as frames are asked for.

    Parameters
    ----------
    game
        A Gymnasium environment.
    player
        Who plays.
    delay
        Frames from seeing to acting.
    sequential
        Act only once in delay + 1 frames.
    default_action
        Of frames without an action.
    discount
        Of the reward of the next frame, in what the player learns from.
    seed
        Of the game.

    Examples
    --------
    >>> from regretlab.games import make_game
    >>> from .players import BeaconScript
    >>> game = make_game("regretlab/Beacon-v0", symbols=4, mode_probability=1.0)
    >>> play = play_delayed(
    ...     game, BeaconScript(), delay=2, sequential=True, default_action=0, discount=1.0, seed=0
    ... )
    >>> [next(play).reward for _ in range(9)]
    [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]
    >>> game.close()
    """
    every = delay + 1 if sequential else 1
    frame, first = 0, True
    while True:
        observation, _ = game.reset(seed=seed if first else None)
        first = False
        player.begin(game)
        seen: deque[Any] = deque([player.see(observation)], maxlen=delay + 1)
        since: deque[int] = deque(maxlen=delay)
        begun: tuple[Any, int] | None = None  # what the last action was chosen from, and it
        reward_sum, weight = 0.0, 1.0
        age, ended = 0, False
        while not ended:
            acted = age >= delay and (age - delay) % every == 0
            action = player.act(seen[0], list(since), frame) if acted else default_action
            if acted:
                if begun is not None:
                    player.learn(*begun, reward_sum, weight, last=False)
                begun, reward_sum, weight = (seen[0], action), 0.0, 1.0
            observation, reward, terminated, truncated, _ = game.step(action)
            reward_sum, weight = reward_sum + weight * float(reward), weight * discount
            ended = bool(terminated or truncated)
            if ended and begun is not None:
                player.learn(*begun, reward_sum, 0.0 if terminated else weight, last=True)
            since.append(action)
            seen.append(player.see(observation))
            age, frame = age + 1, frame + 1
            yield PlayedFrame(float(reward), acted, ended)
