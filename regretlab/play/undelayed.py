"""Play without delay: the environment waits for every action, as Gymnasium environments do.

What it visits shows how predictable the environment is, and how long a policy's choice stays its choice
(`regretlab.mdp.estimation`). Nothing is staggered, timed or recorded here.
"""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..games import make_game
from ..progress import Progress, silent
from .configuration import RunConfiguration
from .loop import chosen_action
from .preparation import EnvironmentDescription, prepare

__all__ = ["UndelayedPlay", "play_undelayed"]

_TOLD_EVERY = 500


@dataclass(frozen=True, eq=False)
class UndelayedPlay:
    """A trajectory.

    Attributes
    ----------
    states
        Integer array of shape (n,): the state that the environment reported at the start of each frame, or the number
        of the observation (equal ones have one number, in order of first appearance).
    actions
        Integer array of shape (n,): the action of that frame, chosen from that observation.
    ended
        Boolean array of shape (n,): whether the frame ended an episode.
    reward
        Sum of the rewards.
    told
        Whether the states are what the environment reported.
    environment
        What the environment is.
    """

    states: NDArray[np.int64]
    actions: NDArray[np.int64]
    ended: NDArray[np.bool_]
    reward: float
    told: bool
    environment: EnvironmentDescription


def play_undelayed(configuration: RunConfiguration, *, progress: Progress = silent) -> UndelayedPlay:
    """Play with every action in time.

    Parameters
    ----------
    configuration
        Environment, policy, weights, frames and seed; what concerns time is not looked at.
    progress
        Called with the frames played and the total.

    Returns
    -------
    UndelayedPlay
        The same for the same seed.

    Raises
    ------
    InputError
        If environment and policy do not go together.
    RunError
        If the policy fails or chooses what is not an action.

    Examples
    --------
    >>> setting = RunConfiguration(environment_options={"symbols": 4}, policy="oracle", frames=100)
    >>> play = play_undelayed(setting)
    >>> play.reward, bool((play.actions == play.states + 1).all())
    (100.0, True)
    """
    prepared = prepare(configuration)
    if prepared.environment.action_row is not None:
        raise InputError(
            f"states and actions are counted, and in '{configuration.environment}' an action is "
            f"{prepared.environment.action_row}"
        )
    (policy,) = prepared.build_policies(1)
    game = make_game(configuration.environment, **configuration.environment_options)
    told, frames = prepared.environment.tells_symbol, configuration.frames
    states, actions, ended = np.empty(frames, np.int64), np.empty(frames, np.int64), np.zeros(frames, bool)
    numbers: dict[bytes, int] = {}
    reward = 0.0
    try:
        observation, info = game.reset(seed=configuration.seed)
        for frame in range(frames):
            label = int(info["symbol"]) if told else -1
            if told:
                states[frame] = label
            else:
                digest = blake2b(observation.tobytes(), digest_size=16).digest()
                states[frame] = numbers.setdefault(digest, len(numbers))
            actions[frame] = action = chosen_action(
                policy, label if policy.spec.observes_symbol else observation, policy.spec.actions
            )
            observation, gained, terminated, truncated, info = game.step(action)
            reward += float(gained)
            if terminated or truncated:
                ended[frame] = True
                observation, info = game.reset()
            if (frame + 1) % _TOLD_EVERY == 0:
                progress(frame + 1, frames, f"playing {configuration.policy}")
    finally:
        game.close()
    return UndelayedPlay(states, actions, ended, reward, told, prepared.environment)
