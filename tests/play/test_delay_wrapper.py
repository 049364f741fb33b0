"""The wrapper gives an environment the delays of a record: the same agent in the same environment earns the same."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import regretlab as rl
from regretlab.errors import InputError
from regretlab.games import make_game

RING = "tests.oracles.ring_environment:tests/Ring-v0"


def leans(seen):
    return int(seen[2] + seen[3] > 0)


def swings(seen):
    return np.array([-2.0 * np.sign(seen[2])])


def symbol(seen):
    return 1 + int(seen[0, 0]) // 10


def played(tmp_path, env, policy, law="gamma(4, scale=0.02)", **settings):
    world = rl.Scenario(law, workers=3, rule="free-running", default_behaviour=settings.pop("default", "noop"))
    return rl.run(world, env=env, policy=policy, clock="virtual", out=tmp_path / "record", **settings)


def follow(game, policy, frames, seed):
    """Play an agent that knows nothing of delays; return delay, reward and end of each frame."""
    seen, _ = game.reset(seed=seed)
    rows = []
    for _ in range(frames):
        seen, reward, terminated, truncated, info = game.step(policy(seen))
        rows.append((info["delay_frames"], reward, terminated))
        if terminated or truncated:
            seen, _ = game.reset()
    return np.array(rows)


@pytest.mark.parametrize(
    ("env", "policy", "default"),
    [
        (RING, symbol, "random"),
        (RING, symbol, "noop"),
        ("CartPole-v1", leans, "repeat"),
        ("Pendulum-v1", swings, "noop"),
    ],
)
def test_the_same_environment_and_agent_earn_what_the_record_holds(tmp_path, env, policy, default):
    record = played(tmp_path, env, policy, frames=500, seed=7, default=default)
    with make_game(env) as game:
        rows = follow(rl.DelayWrapper(tmp_path / "record")(game), policy, 500, seed=7)
    frames = record.frames
    assert len(set(frames["delay_frames"])) > 3
    np.testing.assert_array_equal(rows[:, 0], frames["delay_frames"])
    np.testing.assert_array_equal(np.float32(rows[:, 1]), frames["reward"])
    np.testing.assert_array_equal(rows[:, 2], frames["terminated"])


def test_gymnasium_accepts_it(tmp_path):
    record = played(tmp_path, RING, symbol, frames=120)
    for offset in (0, "random"):
        around = rl.DelayWrapper(record, offset=offset, default_action=0)
        with warnings.catch_warnings():  # of CartPole's infinite bounds, and that this is a wrapper
            warnings.simplefilter("ignore", UserWarning)
            check_env(around(gymnasium.make("CartPole-v1")), skip_render_check=True)


def test_vector_environments_take_it_as_a_wrapper(tmp_path):
    played(tmp_path, RING, symbol, frames=120)
    around = rl.DelayWrapper(tmp_path / "record", offset="random", default_behaviour="repeat")
    games = gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="sync", wrappers=[around])
    games.reset(seed=5)
    seen = np.array([games.step(games.action_space.sample())[4]["delay_frames"] for _ in range(9)])
    assert seen.shape == (9, 3)
    assert (seen[:, 0] != seen[:, 1]).any()  # each at an offset of its own
    games.close()


def test_delays_repeat_or_end_and_begin_where_they_are_asked_to(tmp_path):
    record = played(tmp_path, RING, symbol, law="uniform(0.02, 0.1)", frames=40)
    delays = record.frames["delay_frames"].to_numpy()

    def seen(frames, seed=1, **settings):
        with make_game(RING) as game:
            return follow(rl.DelayWrapper(record, **settings)(game), symbol, frames, seed)[:, 0]

    np.testing.assert_array_equal(seen(100), np.tile(delays, 3)[:100])
    shifted = np.roll(delays, -15)
    known = shifted <= np.arange(40)  # before the first action of that age the default behaviour acts
    np.testing.assert_array_equal(seen(40, offset=15), np.where(known, shifted, -1))
    np.testing.assert_array_equal(seen(40, offset="random", seed=3), seen(40, offset="random", seed=3))
    assert any((seen(40, offset="random", seed=3) != seen(40, offset="random", seed=s)).any() for s in (4, 5, 6))
    with make_game(RING) as game:
        wrapped = rl.DelayWrapper(record, after="truncate")(game)
        wrapped.reset(seed=1)
        ends = [wrapped.step(1)[3] for _ in range(40)]
        assert ends == [False] * 39 + [True]
        wrapped.reset()
        assert wrapped.step(1)[4]["delay_frames"] == delays[0]


def test_what_cannot_be_wrapped_is_refused(tmp_path):
    record = played(tmp_path, RING, symbol, frames=40)
    for settings, sentence in (
        ({"after": "stop"}, "after must be repeat or truncate, not 'stop'"),
        ({"offset": 40}, "a frame of the record, 0 to 39, not 40"),
        ({"offset": True}, "not True"),
        ({"default_behaviour": "hold"}, "default_behaviour"),
    ):
        with pytest.raises(InputError, match=sentence):
            rl.DelayWrapper(record, **settings)
    with pytest.raises(InputError, match="is not a record"):
        rl.DelayWrapper(tmp_path)
    with pytest.raises(InputError, match="does not say which of its actions does nothing"):
        rl.DelayWrapper(record)(gymnasium.make("CartPole-v1"))
    with pytest.raises(InputError, match="reset the environment"):
        rl.DelayWrapper(record, default_action=0)(gymnasium.make("CartPole-v1", disable_env_checker=True)).step(0)
