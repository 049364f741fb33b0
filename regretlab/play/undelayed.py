"""Play without delay: the environment waits for every action, as Gymnasium environments do.

What it visits shows how predictable the environment is, and how long a policy's choice stays its choice
(`regretlab.mdp.estimation`). With a sequence of delays, actions act as late as it says: what a referee compares
(`regretlab.play.referee`). Nothing is staggered, timed or recorded here.
"""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..games import make_game, without_pictures
from ..progress import Progress, silent
from .configuration import RunConfiguration
from .delay_wrapper import DelayedActions
from .loop import DefaultBehaviour, EnvironmentPlan, awaited_chunk, chosen_action
from .preparation import EnvironmentDescription, Prepared, prepare

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
        Integer array of shape (n,): the action of that frame, chosen from that observation where nothing is delayed;
        -1 where an action is a row of numbers.
    ended
        Boolean array of shape (n,): whether the frame ended an episode.
    reward
        Sum of the rewards.
    finished
        Sum of the rewards of the episodes that ended.
    told
        Whether the states are what the environment reported.
    environment
        What the environment is.
    """

    states: NDArray[np.int64]
    actions: NDArray[np.int64]
    ended: NDArray[np.bool_]
    reward: float
    finished: float
    told: bool
    environment: EnvironmentDescription


def play_undelayed(
    configuration: RunConfiguration,
    *,
    delays: NDArray[np.int64] | None = None,
    prepared: Prepared | None = None,
    progress: Progress = silent,
) -> UndelayedPlay:
    """Play with every action in time, or as late as a sequence of delays says; the policy is asked in every frame.

    Parameters
    ----------
    configuration
        Environment, policy, weights, frames, seed and default behaviour; what concerns time is not looked at.
    delays
        Integer array: for each frame the age of its action; -1: the default behaviour acts. None: all are 0.
    prepared
        What ``prepare(configuration)`` returned, if it was called before.
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
    prepared = prepared or prepare(configuration)
    if delays is None and prepared.environment.action_row is not None:
        raise InputError(
            f"states and actions are counted, and in '{configuration.environment}' an action is "
            f"{prepared.environment.action_row}"
        )
    (policy,) = prepared.build_policies(1)
    told, frames = prepared.environment.tells_symbol, configuration.frames
    options, kind = configuration.environment_options, policy.spec.kind
    if told and kind is not None and not kind.prefix:  # random, noop and oracle look at no picture
        options = without_pictures(configuration.environment, options)
    game = make_game(configuration.environment, **options)
    late = None
    if delays is not None:
        turns = EnvironmentPlan.of(configuration, prepared.environment).turns
        late = DelayedActions(delays, DefaultBehaviour.of(configuration, game), turns=turns)
    states, actions, ended = np.empty(frames, np.int64), np.empty(frames, np.int64), np.zeros(frames, bool)
    numbers: dict[bytes, int] = {}
    reward = finished = 0.0
    try:
        observation, info = game.reset(seed=configuration.seed)
        for frame in range(frames):
            label = int(info["symbol"]) if told else -1
            if told:
                states[frame] = label
            else:
                digest = blake2b(observation.tobytes(), digest_size=16).digest()
                states[frame] = numbers.setdefault(digest, len(numbers))
            seen = label if policy.spec.observes_symbol else observation
            if late is None:
                action = chosen_action(policy, seen, policy.spec.actions)
            else:
                action = late.act(awaited_chunk(policy, seen, policy.spec.actions))
            actions[frame] = action if isinstance(action, int) else -1
            observation, gained, terminated, truncated, info = game.step(action)
            reward += float(gained)
            if terminated or truncated:
                ended[frame], finished = True, reward
                observation, info = game.reset()
            if (frame + 1) % _TOLD_EVERY == 0:
                progress(frame + 1, frames, f"playing {configuration.policy}")
    finally:
        game.close()
        if policy.spec.is_served:
            policy.close()  # type: ignore[attr-defined]
    return UndelayedPlay(states, actions, ended, reward, finished, told, prepared.environment)
