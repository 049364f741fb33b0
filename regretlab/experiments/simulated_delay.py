"""One seed of one case of the simulated-delay protocol."""

from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .configuration import Cell, Experiment
from .delayed_play import play_delayed
from .players import AgentPlayer, FixedPlayer, RandomPlayer, scripted_player

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_simulated_delay", "play_simulated_delay"]


def play_simulated_delay(experiment: Experiment, cell: Cell) -> "pd.DataFrame":
    """Play a cell and return its rows."""
    import pandas as pd

    from ..games import make_game
    from ..policies.agents.threads import one_thread
    from .windows import Windows

    settings = experiment.settings
    with one_thread():
        game = make_game(settings.environment, **_options(experiment, cell))
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
            )
            windows = Windows(settings.frames, settings.windows)
            for _ in range(settings.frames):
                windows.add(*next(play), player.updates)
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
            if case["player"] == "script":
                scripted_player(experiment.settings.environment)
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
    if cell.case["player"] not in ("dqn", "rainbow") and experiment.settings.environment.startswith("regretlab/"):
        from inspect import signature

        from gymnasium import spec

        entry = spec(experiment.settings.environment).entry_point
        if isinstance(entry, str):
            from gymnasium.envs.registration import load_env_creator

            if "pixels" in signature(load_env_creator(entry)).parameters:
                options.setdefault("pixels", False)
    return options


def _learning(experiment: Experiment, cell: Cell) -> Any:
    from ..policies.agents import agent_settings

    if cell.case["player"] not in ("dqn", "rainbow"):
        return None
    return agent_settings(cell.case["player"], **{**experiment.learning, **cell.case["learning"]})


def _player(experiment: Experiment, cell: Cell, game: Any) -> FixedPlayer:
    actions, kind = int(game.action_space.n), cell.case["player"]
    if kind == "noop":
        return FixedPlayer(_default_action(experiment, game))
    if kind == "random":
        return RandomPlayer(actions, cell.seed)
    if kind == "script":
        return scripted_player(experiment.settings.environment, cell.seed)
    from ..policies.agents import make_agent

    shape = tuple(int(side) for side in game.observation_space.shape)
    return AgentPlayer(make_agent(kind, cell.case["network"], shape, actions, _learning(experiment, cell), cell.seed))


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
