"""Stacker: no frame is skipped, rows pay what they should, a scripted player does well and a random one does not."""

import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from regretlab.errors import InputError
from regretlab.games import make_game
from regretlab.games.stacker import Stacker
from regretlab.games.stacker_player import SearchPlayer


def test_gymnasium_accepts_it():
    game = make_game("regretlab/Stacker-v0")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*render_modes.*|.*not within the allowed range.*")
        check_env(game.unwrapped, skip_render_check=True)
    game.close()


def test_stable_baselines3_accepts_it():
    from stable_baselines3.common.env_checker import check_env as check_for_baselines

    game = Stacker()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*image as an observation.*|.*unconventional shape.*|.*CNN.*")
        check_for_baselines(game, skip_render_check=True)
    game.close()


@pytest.mark.parametrize("level", [0, 20])
@pytest.mark.one_in(2)
def test_no_frame_is_skipped(level):
    """The cartridge's counter moves by one a tick, over 5 * 10^4 frames a level: good play, then random buttons."""
    game, player, rng = Stacker(level=level, pixels=False), SearchPlayer(), np.random.default_rng(level)
    game.reset(seed=level)
    for step in range(50_000):
        before = game.frames
        action = player.action(game) if step < 20_000 else int(rng.integers(7))
        *_, terminated, _, _ = game.step(action)  # raises if the cartridge was late
        assert game.frames == before + 1
        if terminated:
            game.reset()
    game.close()


def test_same_seed_same_game_to_the_byte():
    games = [Stacker(), Stacker()]
    observations = [game.reset(seed=5)[0] for game in games]
    assert np.array_equal(*observations)
    for action in np.random.default_rng(1).integers(7, size=1500):
        first, second = (game.step(action) for game in games)
        assert np.array_equal(first[0], second[0])
        assert first[1:] == second[1:]
    other = Stacker()
    other.reset(seed=6)
    assert other._emulator.read(0xC014, 4) != games[0]._emulator.read(0xC014, 4)
    for game in (*games, other):
        game.close()


def test_rows_pay_by_number_and_level():
    """Every increase of the score over a row clear is 40, 100, 300 or 1200 times the level + 1, plus soft drops."""
    game, player = Stacker(pixels=False), SearchPlayer()
    game.reset(seed=4)
    lines, level, collected, clears = 0, 0, 0.0, 0
    for _ in range(10_000):
        falling = game.falling
        _, reward, terminated, _, _ = game.step(player.action(game))
        assert not terminated
        if falling:
            assert reward in (0, 1)
            if collected:
                rows = game.lines - lines
                assert collected == {1: 40, 2: 100, 3: 300, 4: 1200}[rows] * (level + 1)
                clears += 1
            lines, level, collected = game.lines, game.level, 0.0
        else:
            collected += reward
    assert clears > 30
    assert game.level == game.lines // 10
    game.close()


@pytest.mark.thorough
def test_search_player_does_well_and_random_does_not():
    """8000 frames, five seeds: the worst searched game earns ten times the best random one."""
    searched, random = [], []
    for seed in range(5):
        for scores, player in ((searched, SearchPlayer()), (random, None)):
            game, rng = Stacker(pixels=False), np.random.default_rng(seed)
            game.reset(seed=seed)
            for _ in range(8000):
                action = player.action(game) if player else int(rng.integers(7))
                if game.step(action)[2]:
                    break
            scores.append(game.score)
            game.close()
    assert min(searched) > 10 * max(random)


def test_the_game_ends_when_the_pile_reaches_the_top():
    game = Stacker(level=20, pixels=False)
    game.reset(seed=0)
    for _ in range(2000):
        *_, terminated, _, _ = game.step(0)
        if terminated:
            break
    assert game.over
    assert game.score == 0
    assert game.board[:2].any()
    game.close()


@pytest.mark.parametrize("level", [-1, 21])
def test_levels_out_of_range_are_refused(level):
    with pytest.raises(InputError, match=f"level 0 to 20, not {level}"):
        Stacker(level=level)
