"""Atari games on the real Arcade Learning Environment: frame by frame, nothing sticky unless asked for."""

import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from regretlab.errors import InputError
from regretlab.games import environment_id, make_game

ale_py = pytest.importorskip("ale_py")
from regretlab.games.atari import Atari  # noqa: E402

GAMES = {"Boxing": ("boxing", 18), "Krull": ("krull", 18), "NameThisGame": ("name_this_game", 6)}


@pytest.mark.thorough
@pytest.mark.parametrize("name", GAMES)
def test_the_games_of_the_paper(name):
    """18, 18 and 6 actions of which the first does nothing, 60 frames a second, one gray frame of 84x84."""
    game = make_game(f"regretlab/{name}-v0")
    assert game.action_space.n == GAMES[name][1]
    assert game.observation_space == gymnasium.spaces.Box(0, 255, (84, 84), np.uint8)
    assert game.unwrapped.frame_time == 1 / 60
    assert game.unwrapped.default_action == 0
    assert environment_id(name.lower()) == f"regretlab/{name}-v0"
    check_env(game.unwrapped, skip_render_check=True)
    game.close()


@pytest.mark.parametrize("name", GAMES)
def test_a_step_is_a_frame_of_the_machine(name):
    """Held against the interface below, action by action: frames, rewards, screens."""
    game, machine = Atari(GAMES[name][0]), ale_py.ALEInterface()
    machine.setLoggerMode(ale_py.LoggerMode.Error)
    machine.setFloat("repeat_action_probability", 0.0)
    machine.loadROM(ale_py.roms.get_rom_path(GAMES[name][0]))
    machine.reset_game()
    actions, rng = machine.getMinimalActionSet(), np.random.default_rng(0)
    begun = game.reset(seed=3)[1]["episode_frame"]
    total = 0.0
    for frame in range(900):
        action = int(rng.integers(len(actions)))
        observation, reward, over, cut, told = game.step(action)
        assert reward == machine.act(actions[action])
        assert told["episode_frame"] == machine.getEpisodeFrameNumber() == begun + frame + 1
        assert (over, cut) == (machine.game_over(), False)
        total += reward
        if frame % 50 == 0:
            assert np.abs(observation.astype(int) - _averaged(machine.getScreenGrayscale())).max() <= 0.5 + 1e-9
    assert total != 0
    game.close()


def _averaged(screen):
    """Average over areas by matrices of shares: each 84th of the screen against each of its lines."""

    def shares(lines):
        edges, places = np.arange(85) * lines / 84, np.arange(lines)
        overlap = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
        return np.maximum(overlap, 0) * 84 / lines

    return shares(screen.shape[0]) @ screen @ shares(screen.shape[1]).T


def _course(sticky, seed, frames=400):
    game, rng = Atari("boxing", sticky=sticky), np.random.default_rng(0)
    seen = [game.reset(seed=seed)[0]]
    seen += [game.step(int(rng.integers(18)))[0] for _ in range(frames)]
    game.close()
    return np.array(seen)


def test_nothing_is_random_unless_actions_stick():
    assert (_course(0.0, 1) == _course(0.0, 2)).all()
    assert (_course(0.5, 1) == _course(0.5, 1)).all()
    assert (_course(0.5, 1) != _course(0.5, 2)).any()


@pytest.mark.parametrize("name", ["boxing", "ale_py:BoxingNoFrameskip-v4"])
def test_nothing_is_said_on_standard_error(name, capfd):
    make_game(environment_id(name)).close()
    assert capfd.readouterr() == ("", "")


def test_pictures_for_people():
    game = Atari("boxing", render_mode="rgb_array")
    game.reset(seed=0)
    assert game.render().shape == (210, 160, 3)
    game.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sticky": 1.5}, r"sticky must lie in \[0, 1\], not 1.5"),
        ({"sticky": float("nan")}, "sticky must lie in"),
        ({"game": "chess"}, "'chess' is not a game of ale-py, such as boxing, krull or name_this_game"),
        ({"render_mode": "human"}, "render_mode must be None or 'rgb_array', not 'human'"),
    ],
)
def test_what_cannot_be_played(options, message):
    with pytest.raises(InputError, match=message):
        Atari(**({"game": "boxing"} | options))


def test_without_ale_py_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ale_py", None)
    with pytest.raises(InputError, match=r"Atari game 'krull' needs ale_py, .*: type pip install 'regretlab\[atari\]'"):
        make_game("regretlab/Krull-v0")
