"""The simulated-delay protocol: a game played by what was seen ``delay`` frames ago.

``asynchronous``: in every frame from the ``delay``-th of an episode on the player acts by what it saw ``delay`` frames
before. ``sequential``: it acts by the same, but in each frame of number delay + k (delay + 1) only: after every action
come ``delay`` frames of the default action, in which the next one is computed. Before its first action there is the
default action too. Without delay the two are one.

With a decision interval k an asynchronous player acts in one of k frames, and a sequential one in one of k or delay +
1, whichever is more; the action is pressed for a number of frames and then released for the default action.

A transition goes from what an action was chosen from to what the next one was chosen from, with the rewards of the
frames between their effects, discounted by the frame.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..games import without_pictures
from ..games.players import FixedPlayer, Player, RandomPlayer, scripted_player
from .configuration import Cell, Experiment
from .results import Windows

if TYPE_CHECKING:
    import pandas as pd

    from ..policies.agents.dqn import DQN
    from ..policies.distilled.policy import DistilledPolicy

__all__ = ["AgentPlayer", "PlayedFrame", "check_simulated_delay", "play_delayed", "play_simulated_delay"]


_REPORT_EVERY = 200  # frames between two reports of progress


class PlayedFrame(NamedTuple):
    """A frame as it was played."""

    reward: float
    acted: bool
    ended: bool


def play_delayed(
    game: Any,
    player: Player,
    *,
    delay: int,
    sequential: bool,
    default_action: int,
    discount: float,
    seed: int,
    interval: int = 1,
    press: int = 1,
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
    interval
        Frames from an asynchronous decision to the next, and at least as many between sequential ones.
    press
        Frames that an action is in effect for, at most ``interval``; the default action after that.

    Examples
    --------
    >>> from regretlab.games import make_game
    >>> from regretlab.games.players import BeaconScript
    >>> game = make_game("regretlab/Beacon-v0", symbols=4, mode_probability=1.0)
    >>> play = play_delayed(
    ...     game, BeaconScript(), delay=2, sequential=True, default_action=0, discount=1.0, seed=0
    ... )
    >>> [next(play).reward for _ in range(9)]
    [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]
    >>> game.close()
    """
    every = max(interval, delay + 1) if sequential else interval
    frame, first = 0, True
    while True:
        observation, _ = game.reset(seed=seed if first else None)
        first = False
        player.begin(game)
        seen: deque[Any] = deque([player.see(observation)], maxlen=delay + 1)
        kept = max(delay, player.memory)
        since: deque[int] = deque([default_action] * (kept - delay), maxlen=kept)
        begun: tuple[Any, int] | None = None  # what the last action was chosen from, and it
        reward_sum, weight = 0.0, 1.0
        age, ended = 0, False
        chosen, held = default_action, 0
        while not ended:
            if age >= delay and (age - delay) % every == 0:
                chosen, held = player.act(seen[0], list(since), frame), press
                if begun is not None:
                    player.learn(*begun, reward_sum, weight, last=False)
                begun, reward_sum, weight = (seen[0], chosen), 0.0, 1.0
            acted, held = held > 0, held - 1
            action = chosen if acted else default_action
            observation, reward, terminated, truncated, _ = game.step(action)
            reward_sum, weight = reward_sum + weight * float(reward), weight * discount
            ended = bool(terminated or truncated)
            if ended and begun is not None:
                player.learn(*begun, reward_sum, 0.0 if terminated else weight, last=True)
            since.append(action)
            seen.append(player.see(observation))
            age, frame = age + 1, frame + 1
            player.played(frame)
            yield PlayedFrame(float(reward), acted, ended)


class AgentPlayer(FixedPlayer):
    """DQN or Rainbow; learns from what it saw, as if that were the present.

    Parameters
    ----------
    agent
        The agent.
    """

    def __init__(self, agent: "DQN") -> None:
        self._agent, self._actions = agent, agent.actions
        self.memory = agent.settings.recent_actions
        self._chosen_from: deque[Any] = deque()  # each decision is learned from once, in their order

    @property
    def updates(self) -> int:  # type: ignore[override]
        """Updates of the network so far."""
        return self._agent.updates

    def see(self, observation: NDArray[np.generic]) -> Any:
        """Keep the observation."""
        return observation

    def act(self, seen: Any, since: Sequence[int], frame: int) -> int:
        """Return the action of largest value, or now and then any."""
        self._chosen_from.append(self._agent.with_recent(seen, since))
        return self._agent.act(self._chosen_from[-1], self._agent.settings.exploration(frame))

    def learn(self, seen: Any, action: int, reward: float, discount: float, *, last: bool) -> None:
        """Remember and learn."""
        self._agent.learn(self._chosen_from.popleft(), action, reward, discount, last=last)

    def played(self, frames: int) -> None:
        """Update, if updates are counted by frames."""
        self._agent.played(frames)


class PolicyPlayer(FixedPlayer):
    """A distilled network.

    Parameters
    ----------
    policy
        The network.
    delay
        Frames from seeing to acting.
    """

    def __init__(self, policy: "DistilledPolicy", delay: int) -> None:
        self._policy, self._delay = policy, delay
        self.memory = delay + 1  # and what was done in the frame before it

    def see(self, observation: NDArray[np.generic]) -> Any:
        """Keep the observation."""
        return observation

    def act(self, seen: Any, since: Sequence[int], frame: int) -> int:
        """Return the network's action for this delay."""
        return self._policy.late_action(seen, since, self._delay)


def play_simulated_delay(
    experiment: Experiment, cell: Cell, report: Callable[[int], None] = lambda frames: None
) -> "pd.DataFrame":
    """Play a cell and return its rows; ``report`` is called now and then with the number of frames played."""
    import pandas as pd
    from gymnasium.wrappers import TimeLimit

    from ..games import make_game
    from ..policies.agents.networks import one_thread

    settings = experiment.settings
    with one_thread():
        game = make_game(settings.environment, **_options(experiment, cell))
        if settings.episode_frames is not None:
            game = TimeLimit(game, settings.episode_frames)
        try:
            player = _player(experiment, cell, game)
            discount = float(getattr(_learning(experiment, cell), "discount", 1.0))
            play = play_delayed(
                game,
                player,
                delay=cell.delay,
                sequential=cell.interaction == "sequential",
                default_action=_default_action(experiment, game),
                discount=discount,
                seed=cell.seed,
                interval=cell.case["interval"],
                press=cell.case["press"] or cell.case["interval"],
            )
            windows = Windows(settings.frames, settings.windows)
            for frame in range(settings.frames):
                windows.add(*next(play), player.updates)
                if frame % _REPORT_EVERY == _REPORT_EVERY - 1:
                    report(frame + 1)
        finally:
            game.close()
    fixed = {"case": cell.case["label"], "delay": cell.delay, "interaction": cell.interaction, "seed": cell.seed}
    return pd.DataFrame([{**fixed, **row} for row in windows.rows])


def check_simulated_delay(experiment: Experiment) -> None:
    """Refuse what cannot be played: an environment, its options, a network that does not fit, a script there is not."""
    from ..games import make_game

    game = make_game(experiment.settings.environment, **experiment.settings.environment_options)
    try:
        if not hasattr(game.action_space, "n"):
            raise InputError(
                f"environment '{experiment.settings.environment}' has actions {game.action_space}: it must be Discrete"
            )
        _default_action(experiment, game)
        for case in experiment.cases:
            if case["action"] is not None and case["action"] >= game.action_space.n:
                raise InputError(
                    f"case '{case['label']}': action {case['action']} is out of range: "
                    f"'{experiment.settings.environment}' has 0 to {int(game.action_space.n) - 1}"
                )
            if case["player"] == "script":
                scripted_player(experiment.settings.environment)
            elif case["player"] == "policy":
                _policy(case["policy"], game)
            elif case["network"]:
                from ..policies.networks import build_network
                from ..policies.spec import PolicySpec

                shape = tuple(int(side) for side in (game.observation_space.shape or ()))
                dtype = str(game.observation_space.dtype)
                spec = PolicySpec(case["network"], actions=int(game.action_space.n), frame_shape=shape)
                if (spec.network is not None and spec.network.family != "mlp") != (dtype == "uint8"):
                    raise InputError(
                        f"network '{case['network']}' does not look at what '{experiment.settings.environment}' shows: "
                        f"an array of shape {shape} ({dtype})"
                    )
                build_network(spec)
    finally:
        game.close()


def _options(experiment: Experiment, cell: Cell) -> dict[str, Any]:
    """Return the environment's options; players that look at no pixels have none drawn where that can be left out."""
    options = dict(experiment.settings.environment_options)
    if cell.case["player"] in ("dqn", "rainbow", "policy"):
        return options
    return without_pictures(experiment.settings.environment, options)


def _learning(experiment: Experiment, cell: Cell) -> Any:
    from ..policies.agents import agent_settings

    if cell.case["player"] not in ("dqn", "rainbow"):
        return None
    return agent_settings(cell.case["player"], **{**experiment.learning, **cell.case["learning"]})


def _player(experiment: Experiment, cell: Cell, game: Any) -> FixedPlayer:
    actions, kind = int(game.action_space.n), cell.case["player"]
    if kind == "noop":
        return FixedPlayer(_default_action(experiment, game))
    if kind == "fixed":
        return FixedPlayer(cell.case["action"])
    if kind == "random":
        return RandomPlayer(actions, cell.seed)
    if kind == "script":
        return scripted_player(experiment.settings.environment, cell.seed)
    if kind == "policy":
        return PolicyPlayer(_policy(cell.case["policy"], game), cell.delay)
    from ..policies.agents import make_agent

    shape = tuple(int(side) for side in game.observation_space.shape)
    return AgentPlayer(make_agent(kind, cell.case["network"], shape, actions, _learning(experiment, cell), cell.seed))


def _policy(name: str, game: Any) -> "DistilledPolicy":
    from ..policies.distilled.policy import DistilledPolicy
    from ..policies.spec import PolicySpec

    shape, dtype = tuple(int(side) for side in game.observation_space.shape), str(game.observation_space.dtype)
    return DistilledPolicy(PolicySpec(name, int(game.action_space.n), shape, frame_dtype=dtype))


def _default_action(experiment: Experiment, game: Any) -> int:
    chosen = experiment.settings.default_action
    told = getattr(game.unwrapped, "default_action", None) if chosen is None else chosen
    name, last = experiment.settings.environment, int(game.action_space.n) - 1
    if told is None:
        raise InputError(
            f"environment '{name}' does not say which of its actions does nothing: give default_action 0 to {last}"
        )
    if not 0 <= int(told) <= last:
        raise InputError(f"default action {told} is out of range: '{name}' has 0 to {last}")
    return int(told)
