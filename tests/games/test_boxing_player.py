"""The scripted player of Atari Boxing beats the game's own boxer; a random one does not."""

import numpy as np
import pytest

pytest.importorskip("ale_py")

from regretlab.games import make_game
from regretlab.games.boxing_player import BoxingScout, boxing_action


def _score(seed, scripted, frames=3500):
    """Return the blows landed less those taken in half a bout."""
    game, random = make_game("regretlab/Boxing-v0"), np.random.default_rng(seed)
    game.reset(seed=seed)
    scout, total = BoxingScout(game.unwrapped), 0.0
    for frame in range(frames):
        action = boxing_action(*scout.places(), frame, random) if scripted else int(random.integers(18))
        _, reward, terminated, truncated, _ = game.step(action)
        total += reward
        if terminated or truncated:
            break
    game.close()
    return total


@pytest.mark.thorough
def test_the_script_beats_the_games_boxer_and_random_play():
    scripted, random = [_score(seed, True) for seed in range(3)], [_score(seed, False) for seed in range(3)]
    assert min(scripted) > 0
    assert np.mean(scripted) > np.mean(random) + 5


def test_every_action_of_the_script_is_one_of_the_games():
    random = np.random.default_rng(0)
    for right in range(-60, 61, 3):
        for below in range(-60, 61, 3):
            assert 0 <= boxing_action(right, below, right + below, random) < 18
