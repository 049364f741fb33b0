"""Policies that a person brings: Python files, and what Stable-Baselines3 saved, read without opening a pickle."""

import io
import json
import pickle
import zipfile
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch

from regretlab.actions import ActionRow
from regretlab.errors import InputError, RunError
from regretlab.games import action_row
from regretlab.policies.baselines3 import BaselinesPolicy
from regretlab.policies.policy import build_policy
from regretlab.policies.spec import PolicySpec, parse_network_name

VECTOR = {"actions": 2, "frame_shape": (4,), "frame_dtype": "float32"}

SOURCE = """
import torch

class Linear(torch.nn.Module):
    def __init__(self, observation_shape, actions):
        super().__init__()
        self.output = torch.nn.Linear(observation_shape[0], actions)
        with torch.no_grad():
            self.output.weight.copy_(torch.eye(actions, observation_shape[0]))
            self.output.bias.zero_()

    def forward(self, observations):
        return self.output(observations)

def sign(observation_shape, actions):
    return lambda observation: int(observation[0] > 0)

def table(observation_shape, actions):
    return {"left": 0}

def broken(observation_shape, actions):
    raise ValueError("no such thing")

def short(observation_shape, actions):
    return torch.nn.Linear(observation_shape[0], actions + 1)

number = 3
"""


@pytest.fixture
def own(tmp_path):
    """Return a function that makes the policy of that name in a file of a person's own."""
    (tmp_path / "mine.py").write_text(SOURCE)
    return lambda name: build_policy(PolicySpec(f"module:{tmp_path / 'mine.py'}:{name}", **VECTOR))


def test_a_module_plays_the_action_of_largest_value_and_a_callable_its_answer(own):
    for observation in ([1, 2, 9, 9], [2, 1, 9, 9], [-1, -2, 0, 0]):
        frame = np.array(observation, np.float32)
        assert own("Linear").act(frame) == int(np.argmax(frame[:2]))
        assert own("sign").act(frame) == int(frame[0] > 0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "defines no callable named 'missing'"),
        ("number", "defines no callable named 'number'"),
        ("table", "table returned a dict; a torch module or a callable is needed"),
        ("broken", r"broken\(\(4,\), 2\) failed: ValueError: no such thing"),
    ],
)
def test_what_makes_no_policy_is_said(name, message, own):
    with pytest.raises(InputError, match=message):
        own(name)


def test_values_that_are_not_one_for_each_action_end_the_run(own):
    with pytest.raises(RunError, match=r"returned \(1, 3\) where values of shape \(1, 2\) are due"):
        own("short").act(np.zeros(4, np.float32))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("net.pt", b"", "is not of the form module:FILE.py:NAME"),
        ("syntax.py", b"def make(:\n", "cannot be imported: SyntaxError"),
        ("raises.py", b"raise RuntimeError('on\\nfire')\n", "cannot be imported: RuntimeError: on fire"),
    ],
)
def test_files_that_are_no_modules(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        build_policy(PolicySpec(f"module:{tmp_path / name}:make", **VECTOR))
    with pytest.raises(InputError, match="there is no file"):
        build_policy(PolicySpec(f"module:{tmp_path / 'nowhere.py'}:make", **VECTOR))


@pytest.mark.parametrize("name", ["net.pkl", "net.pt", "weights/net.pth", "model.zip", "net.safetensors"])
def test_a_bare_file_is_no_policy(name):
    with pytest.raises(InputError, match="does not say what network they are of"):
        parse_network_name(name)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Models of CartPole and of gray frames with three actions, as Stable-Baselines3 saves them."""
    from stable_baselines3 import A2C, DQN, PPO

    folder = tmp_path_factory.mktemp("baselines")
    cart, frames = gymnasium.make("CartPole-v1"), _Frames()
    settings = {"activation_fn": torch.nn.ReLU, "net_arch": {"pi": [16], "vf": [8]}}
    models = {
        "ppo": PPO("MlpPolicy", cart, n_steps=64, policy_kwargs=settings, seed=1),
        "a2c": A2C("MlpPolicy", cart, seed=2),
        "dqn": DQN("MlpPolicy", cart, seed=3),
        "dqn-frames": DQN("CnnPolicy", frames, buffer_size=10, seed=4),
        "lake": DQN("MlpPolicy", gymnasium.make("FrozenLake-v1"), seed=6),
    }
    for name, model in models.items():
        model.save(folder / f"{name}.zip")
    return folder, models


class _Frames(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(0, 255, (84, 84, 1), np.uint8)
    action_space = gymnasium.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        return np.zeros((84, 84, 1), np.uint8), {}


@pytest.mark.parametrize("name", ["ppo", "a2c", "dqn"])
def test_stored_policies_of_vectors_act_as_their_models(name, saved):
    folder, models = saved
    policy = build_policy(PolicySpec(f"sb3:{folder / name}.zip", **VECTOR))
    for observation in np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32):
        assert policy.act(observation) == int(models[name].predict(observation, deterministic=True)[0])


def test_a_stored_policy_of_frames_acts_as_its_model_on_frames_without_a_channel(saved):
    folder, models = saved
    policy = build_policy(PolicySpec(f"sb3:{folder / 'dqn-frames.zip'}", actions=3))
    rng = np.random.default_rng(1)
    for _ in range(20):
        frame = (rng.integers(0, 256, (84, 84)) * rng.random()).astype(np.uint8)
        assert policy.act(frame) == int(models["dqn-frames"].predict(frame[..., None], deterministic=True)[0])


def test_a_stored_policy_of_a_number_acts_as_its_model_on_the_row_that_stands_for_it(saved):
    folder, models = saved
    spec = PolicySpec(f"sb3:{folder / 'lake.zip'}", actions=4, frame_shape=(16,), frame_dtype="int64")
    policy = build_policy(spec)
    for state in range(16):
        row = np.eye(16, dtype=np.int64)[state]
        assert policy.act(row) == int(models["lake"].predict(np.int64(state), deterministic=True)[0])


class _Rows(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (3,), np.float32)

    def __init__(self, actions):
        self.action_space = actions

    def reset(self, *, seed=None, options=None):
        return np.zeros(3, np.float32), {}


_BOX = gymnasium.spaces.Box(np.array([[-2], [0]], np.float32), np.array([[2], [0.3]], np.float32))
_ROW_MODELS = {
    "PPO": (_BOX, {}),
    "SAC": (_BOX, {"buffer_size": 10, "policy_kwargs": {"net_arch": {"pi": [16], "qf": [8]}}}),
    "TD3": (_BOX, {"buffer_size": 10}),
    "DDPG": (_BOX, {"buffer_size": 10}),
    "PPO with gSDE": (_BOX, {"use_sde": True}),
    "PPO of levers": (gymnasium.spaces.MultiDiscrete([3, 2]), {}),
    "PPO of buttons": (gymnasium.spaces.MultiBinary(3), {}),
}


@pytest.mark.parametrize("name", _ROW_MODELS)
def test_stored_policies_of_rows_of_numbers_act_as_their_models(name, tmp_path):
    import stable_baselines3

    space, settings = _ROW_MODELS[name]
    model = getattr(stable_baselines3, name.split()[0])("MlpPolicy", _Rows(space), seed=1, **settings)
    model.save(tmp_path / "model.zip")
    row = action_row(space, name)
    spec = {"frame_shape": (3,), "frame_dtype": "float32", "actions": row.count, "action_row": row}
    policy = build_policy(PolicySpec(f"sb3:{tmp_path / 'model.zip'}", **spec))
    seen = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    actions = np.array([row.checked(policy.act(each)) for each in seen])
    expected = np.array([model.predict(each, deterministic=True)[0].reshape(-1) for each in seen])
    assert np.array_equal(actions, expected.astype(float))
    assert len(np.unique(actions[:, 0])) > 1 or row.whole
    wider = replace(row, high=tuple(value + 1 for value in row.high))
    for wrong in ({"action_row": wider}, {"action_row": ActionRow((0.0,), (1.0,)), "actions": 1}, {"action_row": None}):
        with pytest.raises(InputError, match=r"has actions in a "):
            build_policy(PolicySpec(f"sb3:{tmp_path / 'model.zip'}", **(spec | wrong)))


def _changed(source, target, **parts):
    """Copy a saved model with some parts of the archive replaced."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, parts.get(name.replace(".", "_"), old.read(name)))
    return target


def _described(source, **changes):
    with zipfile.ZipFile(source) as archive:
        return json.dumps(json.loads(archive.read("data")) | changes)


class _Bomb:
    def __reduce__(self):
        return open, ("/nonexistent/regretlab-was-here", "w")


def test_pickles_are_refused(saved, tmp_path):
    folder, _ = saved
    for payload in (pickle.dumps({"weight": _Bomb()}), _torch_bytes({"weight": _Bomb()})):
        file = _changed(folder / "ppo.zip", tmp_path / "evil.zip", policy_pth=payload)
        with pytest.raises(InputError, match=r"is refused: its policy\.pth holds more than tensors"):
            BaselinesPolicy(PolicySpec(f"sb3:{file}", **VECTOR))
    (tmp_path / "net.pkl").write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(InputError, match="is not a file that Stable-Baselines3 saved"):
        BaselinesPolicy(PolicySpec(f"sb3:{tmp_path / 'net.pkl'}", **VECTOR))


def _torch_bytes(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def test_no_pickled_part_is_opened(saved, tmp_path):
    """With every pickled part of the description replaced by rubbish the policy is the same."""
    folder, models = saved
    with zipfile.ZipFile(folder / "ppo.zip") as archive:
        facts = json.loads(archive.read("data"))

    def spoiled(value):
        if isinstance(value, dict):
            return {key: "rubbish" if key == ":serialized:" else spoiled(part) for key, part in value.items()}
        return value

    file = _changed(folder / "ppo.zip", tmp_path / "spoiled.zip", data=json.dumps(spoiled(facts)))
    policy = build_policy(PolicySpec(f"sb3:{file}", **VECTOR))
    observation = np.array([0.1, -0.2, 0.03, 0.4], np.float32)
    assert policy.act(observation) == int(models["ppo"].predict(observation, deterministic=True)[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy_kwargs": {}}, "holds the weights of another architecture"),
        ({"policy_kwargs": {"net_arch": [16, "x"]}}, "cannot be built as it describes itself"),
        ({"policy_kwargs": {"activation_fn": "<class '__main__.Mine'>"}}, "which only its pickled parts describe"),
        ({"policy_kwargs": {"features_extractor_class": "<class '__main__.Mine'>"}}, "pickled parts describe"),
        ({"policy_class": {"__module__": "mine", "__init__": "<function Mine.__init__ at 0x1>"}}, "is a mine.Mine"),
        ({"policy_class": 3}, "in the words of Stable-Baselines3"),
        ({"action_space": {":type:": "<class 'gymnasium.spaces.box.Box'>"}}, "has actions in a Box space"),
        ({"observation_space": {":type:": "<class 'gymnasium.spaces.dict.Dict'>"}}, "looks at a Dict space"),
    ],
    ids=str,
)
def test_descriptions_that_do_not_do(changes, message, saved, tmp_path):
    folder, _ = saved
    file = _changed(folder / "ppo.zip", tmp_path / "changed.zip", data=_described(folder / "ppo.zip", **changes))
    with pytest.raises(InputError, match=message):
        BaselinesPolicy(PolicySpec(f"sb3:{file}", **VECTOR))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"actions": 3, "frame_shape": (4,), "frame_dtype": "float32"}, "has 2 actions but the environment has 3"),
        (
            {"actions": 2, "frame_shape": (5,), "frame_dtype": "float32"},
            r"of shape \(4,\) and the environment shows \(5,\)",
        ),
        ({"actions": 2}, "looks at float32 and the environment shows uint8"),
    ],
)
def test_environments_that_a_stored_policy_is_not_for(spec, message, saved):
    folder, _ = saved
    with pytest.raises(InputError, match=message):
        BaselinesPolicy(PolicySpec(f"sb3:{folder / 'ppo.zip'}", **spec))


def test_an_mlp_is_the_matrices_it_says():
    from regretlab.policies.networks import build_network
    from regretlab.policies.parameters import named_views, random_parameters

    spec = PolicySpec("mlp", actions=3, frame_shape=(2, 3), frame_dtype="float32", seed=4)
    weights = random_parameters(spec)
    weights += np.random.default_rng(0).normal(0, 0.1, weights.shape).astype(np.float32)
    first, a, second, b, third, c = named_views(build_network(spec), weights).values()
    frame = np.random.default_rng(1).normal(size=(2, 3)).astype(np.float32)
    hidden = np.maximum(second @ np.maximum(first @ frame.ravel() + a, 0) + b, 0)
    assert build_policy(spec, parameters=weights).values(frame) == pytest.approx(third @ hidden + c, rel=1e-4, abs=1e-5)
