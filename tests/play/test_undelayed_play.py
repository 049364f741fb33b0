"""Play without delay: on the cartridge, whose truth is known, and in environments that tell no state."""

import numpy as np
import pytest

from regretlab.errors import RunError
from regretlab.games import make_game
from regretlab.mdp import estimate_staleness, estimate_stochasticity
from regretlab.play.configuration import RunConfiguration
from regretlab.play.undelayed import play_undelayed

BLIND = {"symbols": 4, "mode_probability": 0.9, "pixels": False}


def beacon(policy, frames, seed=0, **options):
    settings = BLIND | options
    return play_undelayed(RunConfiguration(environment_options=settings, policy=policy, frames=frames, seed=seed))


def test_the_trajectory_is_that_of_the_environment():
    """Driven again by hand with the same actions the environment shows the same states and gives the same reward."""
    told = []
    configuration = RunConfiguration(environment_options=BLIND, policy="random", frames=1000, seed=3)
    play = play_undelayed(configuration, progress=lambda *way: told.append(way))
    assert told == [(500, 1000, "playing random"), (1000, 1000, "playing random")]
    game = make_game("regretlab/Beacon-v0", **BLIND)
    _, info = game.reset(seed=3)
    reward = 0.0
    for state, action in zip(play.states, play.actions, strict=True):
        assert info["symbol"] == state
        _, gained, _, _, info = game.step(int(action))
        reward += gained
    game.close()
    assert reward == play.reward
    assert play.told
    np.testing.assert_array_equal(play_undelayed(configuration).actions, play.actions)


def test_the_oracle_without_delay_earns_everything():
    assert beacon("oracle", 2000, rotating=True).reward == 2000


@pytest.mark.thorough
def test_intervals_cover_on_the_cartridge():
    """60 episodes of 1000 frames with seeds of their own, 95 % intervals: at most 10 misses each (binomial, z < 4)."""
    eigenvalue = (4 * (1 - round(0.1 * 65536) / 65536) - 1) / 3
    missed = dict.fromkeys(("staleness 1", "staleness 6", "p_minimax", "kappa 3"), 0)
    for seed in range(60):
        play = beacon("oracle", 1000, seed)
        near, far = estimate_staleness(play.actions, (1, 6))
        found = estimate_stochasticity(play.states, horizons=(3,))
        points = (near, far, found.p_minimax, found.kappa[0])
        for name, point, delay in zip(missed, points, (1, 6, 1, 3), strict=True):
            exact = 0.25 + 0.75 * eigenvalue**delay
            missed[name] += not point.lower <= exact <= point.upper
    assert max(missed.values()) <= 60 * 0.05 + 4 * np.sqrt(60 * 0.05 * 0.95)


def test_observations_are_states_where_none_is_told():
    """FrozenLake that does not slip: a deterministic world, seen as such; its observations are its states."""
    configuration = RunConfiguration(
        environment="FrozenLake-v1",
        environment_options={"is_slippery": False},
        policy="random",
        default_behaviour="random",
        frames=3000,
        frame_time=1.0,
    )
    play = play_undelayed(configuration)
    assert not play.told
    assert play.states[0] == 0
    assert play.ended.any()
    assert play.states.max() < 16
    found = estimate_stochasticity(play.states, play.actions, ended=play.ended)
    assert found.p_minimax.value == 1.0


@pytest.mark.parametrize(
    ("what", "message"),
    [("99", "failed: the policy chose action 99; the environment has actions 0 to 4"), ("1 // 0", "failed: integer")],
)
def test_a_policy_that_cannot_play_ends_it(tmp_path, what, message):
    source = tmp_path / "mine.py"
    source.write_text(
        "def mine(shape, actions):\n    played = []\n    def act(seen):\n        played.append(seen)\n"
        "        return WHAT if len(played) > 5 else 0\n    return act\n".replace("WHAT", what)
    )
    with pytest.raises(RunError, match=message):
        beacon(f"module:{source}:mine", 20)
