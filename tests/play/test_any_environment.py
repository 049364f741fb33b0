"""Any Gymnasium environment with discrete actions, on both clocks, with a person's own policies."""

import sys

import gymnasium
import numpy as np
import pytest

from regretlab.cli import main
from regretlab.errors import InputError
from regretlab.games import make_game
from regretlab.play.configuration import RunConfiguration
from regretlab.play.mirror import mirror
from regretlab.play.preparation import prepare
from regretlab.play.run import run
from regretlab.records import Record

BALANCER = """
def make(observation_shape, actions):
    def act(observation):  # leans where the pole leans
        return int(observation[2] + observation[3] > 0)
    return act
"""


def _configuration(**changes):
    values = {
        "environment": "CartPole-v1",
        "policy": "random",
        "clock": "virtual",
        "emulate_latency": "0.01",
        "default_behaviour": "repeat",
        "frames": 400,
        "seed": 3,
    }
    return RunConfiguration(**(values | changes))


@pytest.fixture
def balancer(tmp_path):
    (tmp_path / "mine.py").write_text(BALANCER)
    return f"module:{tmp_path / 'mine.py'}:make"


def _score(policy, frames, delay):
    """Play CartPole with observations that many steps old, in a plain loop; return how many episodes ended."""
    game, ends = gymnasium.make("CartPole-v1"), 0
    seen = [game.reset(seed=3)[0]]
    for frame in range(frames):
        action = policy(seen[frame - delay]) if frame >= delay else 0
        observation, _, terminated, truncated, _ = game.step(action)
        if terminated or truncated:
            ends += 1
            observation, _ = game.reset()
        seen.append(observation)
    return ends


@pytest.mark.parametrize("delay", [1, 3])
def test_a_policy_of_ones_own_plays_as_in_a_plain_loop(delay, balancer, tmp_path):
    latency = f"{(delay - 0.5) * 0.02}"
    configuration = _configuration(policy=balancer, rule="frame-pool", workers=delay, emulate_latency=latency)
    summary = run(configuration, tmp_path / "r")
    assert summary.delay_law == pytest.approx([0.0] * delay + [1.0])
    frames = Record.open(tmp_path / "r").frames
    expected = _score(lambda seen: int(seen[2] + seen[3] > 0), 400, delay)
    assert int((frames["terminated"] | frames["truncated"]).sum()) == expected


def test_a_policy_of_ones_own_may_answer_chunks_of_which_each_frame_takes_the_entry_of_its_age(tmp_path, capsys):
    source = "def make(shape, actions):\n    return lambda seen: "
    (tmp_path / "mine.py").write_text(f"{source}[1, 0, int(seen[2] > 0), 1]\n")
    policy = f"module:{tmp_path / 'mine.py'}:make"
    late = {"emulate_latency": "0.03", "default_behaviour": "noop", "default_action": 0}
    run(_configuration(policy=policy, **late), tmp_path / "r")
    record = Record.open(tmp_path / "r")
    assert record.meta["config"]["chunk"] == 3
    frames, game = record.frames, gymnasium.make("CartPole-v1")
    shown = [game.reset(seed=3)[0]]
    for action in frames["action"]:
        observation, _, terminated, truncated, _ = game.step(int(action))
        shown.append(game.reset()[0] if terminated or truncated else observation)
    acted = frames[frames["served_by"] >= 0]
    assert set(acted["delay_frames"]) == {2, 3}
    assert acted["entry"].tolist() == acted["delay_frames"].tolist()
    assert set(frames["entry"][frames["served_by"] < 0]) == {-1}
    assert main(["record", "info", str(tmp_path / "r")]) == 0
    assert f"{acted['entry'].mean():.4g} on average, 2 to 3" in capsys.readouterr().out
    leans = np.array(shown)[acted["observation_frame"], 2] > 0
    assert np.array_equal(acted["action"], np.where(acted["delay_frames"] == 2, leans, 1))
    for wrong in ("[0, 2]", "[0.5, 0.5]", "[[0], [1]]", "[]", "[0]"):
        (tmp_path / "wrong.py").write_text(f"{source}{wrong}\n")
        with pytest.raises(InputError, match="fails on an observation of zeros: the policy chose"):
            prepare(_configuration(policy=f"module:{tmp_path / 'wrong.py'}:make"))
        sys.modules.pop(f"regretlab_policy:{tmp_path / 'wrong.py'}")
    assert main(["serve", "--env", "CartPole-v1", "--policy", policy, "--chunk", "7", "--port", "0"]) == 2
    assert "answers 4 actions by itself, and chunk 7 is asked for" in capsys.readouterr().err


@pytest.mark.realtime
def test_the_same_policy_in_worker_processes(balancer, tmp_path):
    """Each action is the policy's own on the observation that the record names, however late it came."""
    configuration = _configuration(
        policy=balancer, clock="real", emulate_latency=None, rule="free-running", frame_time=0.02, frames=200
    )
    summary = run(configuration, tmp_path / "r")
    record = Record.open(tmp_path / "r")
    game = gymnasium.make("CartPole-v1")
    seen, decided = [game.reset(seed=3)[0]], 0
    for row in record.frames.itertuples():
        if row.served_by >= 0:
            observed = seen[row.observation_frame]
            assert row.action == int(observed[2] + observed[3] > 0)
            decided += 1
        observation, _, terminated, truncated, _ = game.step(row.action)
        assert terminated == row.terminated
        seen.append(game.reset()[0] if terminated or truncated else observation)
    assert decided > 0.3 * summary.frames
    assert record.meta["policy"]["file"].endswith("mine.py")


def test_a_frame_is_as_long_as_one_chooses(tmp_path):
    summary = run(_configuration(frame_time=0.1, emulate_latency="0.25", rule="sequential"), tmp_path / "r")
    assert summary.delay_law == pytest.approx([0, 0, 0, 1 / 3], abs=0.01)  # 0.25 s are three frames of 0.1 s
    assert Record.open(tmp_path / "r").meta["frame_time"] == 0.1


def test_the_no_op_is_the_action_one_names(tmp_path):
    configuration = _configuration(default_behaviour="noop", default_action=1, emulate_latency="0.09", policy="noop")
    run(configuration, tmp_path / "r")
    frames = Record.open(tmp_path / "r").frames
    assert (frames["action"][frames["served_by"] < 0] == 1).all()
    assert (frames["action"][frames["served_by"] >= 0] == 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"default_behaviour": "noop"}, "does not say which of its actions does nothing: give --default-action 0 to 1"),
        ({"default_action": 2}, "default action 2 is out of range: 'CartPole-v1' has 0 to 1"),
        (
            {"environment": "tests.oracles.row_environments:tests/Both-v0"},
            r"action space Dict\(.*; it must be Discrete, from 0 on, or Box, MultiDiscrete or MultiBinary",
        ),
        ({"policy": "nature"}, r"looks at frames of shape \(84, 84\)"),
        ({"weights": "net.pkl", "policy": "mlp"}, "only .safetensors files are read"),
    ],
)
def test_what_does_not_go_together_is_found_before_anything_starts(changes, message, tmp_path):
    with pytest.raises(InputError, match=message):
        run(_configuration(**changes), tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_frame_times_that_are_none():
    for time in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(InputError, match="frame_time must lie in"):
            _configuration(frame_time=time)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("FrozenLake-v1", (16,)),
        ("Blackjack-v1", (32 + 11 + 2,)),
        ("minigrid:MiniGrid-Empty-5x5-v0", (7, 7, 3)),
        ("Acrobot-v1", (6,)),
    ],
)
def test_whatever_is_observed_becomes_one_array(name, shape, tmp_path):
    pytest.importorskip("minigrid")
    game = make_game(name)
    assert game.observation_space.shape == shape
    assert game.observation_space.contains(game.reset(seed=0)[0])
    game.close()
    for policy in ("mlp", "random"):
        options = {"environment": name, "policy": policy, "frame_time": 0.1, "emulate_latency": "0.15", "frames": 60}
        assert run(_configuration(**options), tmp_path / policy).frames == 60


def test_dictionaries_of_numbers_become_a_row_and_texts_are_left_out():
    from regretlab.games.observations import array_observations

    class Facts(gymnasium.Env):
        observation_space = gymnasium.spaces.Dict(
            {
                "place": gymnasium.spaces.Box(-1, 1, (2,)),
                "door": gymnasium.spaces.Discrete(3),
                "say": gymnasium.spaces.Text(5),
            }
        )
        action_space = gymnasium.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            return {"place": np.array([0.5, -0.5], np.float32), "door": 2, "say": "hello"}, {}

    game = array_observations(Facts(), "facts")
    assert game.reset()[0].tolist() == [0, 0, 1, 0.5, -0.5]
    Facts.observation_space = gymnasium.spaces.Sequence(gymnasium.spaces.Discrete(3))
    with pytest.raises(InputError, match="they must be one array, or a row of numbers"):
        array_observations(Facts(), "facts")


def test_an_mlp_learns_while_it_plays(tmp_path):
    configuration = _configuration(policy="mlp", learners=1, emulate_learning="0.01", emulate_latency="0.01")
    summary = run(configuration, tmp_path / "r")
    assert summary.learning["updates"] > 50


def test_a_record_cannot_make_its_twin_run_code(balancer, tmp_path):
    run(_configuration(policy=balancer), tmp_path / "r")
    with pytest.raises(InputError, match=r"policy: 'module:.*' runs a Python file"):
        mirror(tmp_path / "r", tmp_path / "twin")


def test_networks_without_weights_play_where_there_is_no_symbol_to_read():
    told = []
    configuration = _configuration(environment="regretlab/Stacker-v0", policy="nature", default_behaviour="noop")
    assert prepare(configuration, told.append).policy.weights is None
    assert "nature plays with random weights" in told[0]
