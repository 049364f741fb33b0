"""Policies trained with Stable-Baselines3, ``sb3:FILE.zip``, read without opening a single pickle.

Such a file is a zip archive: ``data``, JSON in which whatever JSON cannot say is pickled (and also described in words),
and ``policy.pth``, the weights. Here the words are read and the pickles are not: the policy's class and its settings
are looked up among the known ones, the policy is built anew with the environment's own spaces, and the weights are
loaded as tensors only (``torch.load(weights_only=True)``). A policy that needs anything else (a class of one's own, a
features extractor of one's own) is refused; ``module:FILE.py:NAME`` takes it.

PPO, A2C, DQN, SAC, TD3 and DDPG with ``MlpPolicy`` or ``CnnPolicy`` are known. Observations that a ``VecNormalize``
scaled are not scaled here: its figures are not in the file.
"""

import ast
import importlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

from regretlab.errors import InputError
from regretlab.needs import need
from regretlab.policies.spec import PolicySpec

__all__ = ["BaselinesPolicy"]

_CLASSES = {
    ("stable_baselines3.common.policies", "ActorCriticPolicy"),
    ("stable_baselines3.common.policies", "ActorCriticCnnPolicy"),
    ("stable_baselines3.dqn.policies", "DQNPolicy"),
    ("stable_baselines3.dqn.policies", "CnnPolicy"),
    ("stable_baselines3.sac.policies", "SACPolicy"),
    ("stable_baselines3.sac.policies", "CnnPolicy"),
    ("stable_baselines3.td3.policies", "TD3Policy"),
    ("stable_baselines3.td3.policies", "CnnPolicy"),
}
_ACTIVATIONS = ("ReLU", "Tanh", "ELU", "LeakyReLU", "SiLU", "GELU", "Sigmoid")
_EXTRACTORS = ("NatureCNN", "FlattenExtractor")
_TRAINING_ONLY = frozenset({"optimizer_class", "optimizer_kwargs", "ortho_init", "log_std_init", "use_sde"})
_PLAIN = frozenset({"net_arch", "normalize_images", "share_features_extractor", "features_extractor_kwargs"})
_PLAIN |= {"n_critics", "use_expln", "squash_output"}


class BaselinesPolicy:
    """Plays a stored policy's best action.

    Parameters
    ----------
    spec
        ``sb3:FILE.zip``, with the environment's actions and observations.

    Raises
    ------
    InputError
        If the file cannot be read without opening pickles, or its policy is not for such an environment.
    """

    def __init__(self, spec: PolicySpec) -> None:
        self.spec = spec
        path = Path(spec.name.partition(":")[2])
        described, weights = _contents(path, spec.name)
        self._shape, self._order = _layout(described, spec)
        self._policy = _build(described, spec, self._shape, _actions(described["action_space"], spec))
        try:
            self._policy.load_state_dict(weights, strict=True)
        except (RuntimeError, AttributeError, TypeError) as error:
            first = " ".join(str(error).split())[:160]
            raise InputError(f"policy {spec.name!r} holds the weights of another architecture: {first}") from None
        self._policy.set_training_mode(False)

    def act(self, observation: NDArray[Any]) -> int | NDArray[Any]:
        """Return the action for an observation, a row of numbers where the environment's is one."""
        observation = np.asarray(observation)
        if self._order is not None:
            observation = observation.transpose(self._order)
        action, _ = self._policy.predict(observation.reshape(self._shape), deterministic=True)
        return int(action) if self.spec.action_row is None else action


def _contents(path: Path, policy: str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Return what the file says of its policy, and its weights."""
    try:
        with zipfile.ZipFile(path) as archive:
            described, stored = archive.read("data"), archive.read("policy.pth")
    except OSError as error:
        raise InputError(f"policy {policy!r} cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, KeyError):
        raise InputError(
            f"policy {policy!r} is not a file that Stable-Baselines3 saved (a zip archive with data and policy.pth)"
        ) from None
    try:
        facts = json.loads(described)
        spaces = facts["observation_space"], facts["action_space"], facts["policy_class"]
        if not all(isinstance(space, dict) for space in spaces):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        raise InputError(f"policy {policy!r} does not say what it is in the words of Stable-Baselines3") from None
    try:
        weights = torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True)
    except Exception:
        raise InputError(
            f"policy {policy!r} is refused: its policy.pth holds more than tensors, and pickled objects can run code "
            "when "
            "opened"
        ) from None
    return facts, weights


def _kind(space: dict[str, Any]) -> str:
    """Return the name of a space's class, as described."""
    match = re.search(r"\.(\w+)'>$", str(space.get(":type:", "")))
    return match[1] if match else "?"


def _layout(facts: dict[str, Any], spec: PolicySpec) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """Return the shape of observation that the policy wants, and the order of axes that makes ours so."""
    observed = facts["observation_space"]
    if _kind(observed) == "Discrete":  # the environment shows such a number as a row with a single one
        wanted: tuple[int, ...] = (_number(observed.get("n")),)
    elif _kind(observed) == "Box":
        wanted = tuple(int(side) for side in _plain(observed.get("_shape", ())))
    else:
        raise InputError(f"policy {spec.name!r} looks at a {_kind(observed)} space; it must be one array (Box)")
    ours = spec.frame_shape
    if _kind(observed) == "Box" and str(observed.get("dtype")) != spec.frame_dtype:
        raise InputError(
            f"policy {spec.name!r} looks at {observed.get('dtype')} and the environment shows {spec.frame_dtype}"
        )
    if _sides(wanted) == _sides(ours):
        return wanted, None
    if len(ours) == 3 and (ours[2], ours[0], ours[1]) == wanted:  # channels first, as Stable-Baselines3 trains
        return wanted, (2, 0, 1)
    raise InputError(f"policy {spec.name!r} looks at observations of shape {wanted} and the environment shows {ours}")


def _actions(acted: dict[str, Any], spec: PolicySpec) -> gymnasium.Space[Any]:
    """Return the space of the policy's actions, a Box flattened, if it is that of the environment."""
    row, kind = spec.action_row, _kind(acted)
    space: gymnasium.Space[Any]
    if row is None:
        if kind != "Discrete":
            raise InputError(f"policy {spec.name!r} has actions in a {kind} space; they must be Discrete")
        if (count := _number(acted.get("n"))) != spec.actions:
            raise InputError(f"policy {spec.name!r} has {count} actions but the environment has {spec.actions}")
        return gymnasium.spaces.Discrete(spec.actions)
    low, high = np.array(row.low), np.array(row.high)
    if kind == "Box" and not row.whole:
        space, bounds = gymnasium.spaces.Box(np.float32(low), np.float32(high)), (acted.get("low"), acted.get("high"))
        same = all(_are(text, values) for text, values in zip(bounds, (low, high), strict=True))
    elif kind == "MultiDiscrete" and row.whole:
        space = gymnasium.spaces.MultiDiscrete((high - low + 1).astype(np.int64), start=low.astype(np.int64))
        same = _are(acted.get("nvec"), high - low + 1) and _are(acted.get("start", np.zeros(row.count)), low)
    else:
        space, buttons = gymnasium.spaces.MultiBinary(row.count), not low.any() and bool((high == 1).all())
        same = kind == "MultiBinary" and row.whole and buttons and _number(acted.get("n")) == row.count
    if not same:
        stated = (" ".join(str(acted[key]).split()) for key in ("low", "high", "nvec", "n") if key in acted)
        raise InputError(
            f"policy {spec.name!r} has actions in a {kind} of {' to '.join(stated)}, and here an action is {row}"
        )
    return space


def _are(text: Any, values: NDArray[np.float64]) -> bool:
    """Whether a description, such as "[-2. 2.]", is of these values, to the digits that NumPy prints."""
    try:
        described = np.array(re.sub(r"[\[\],]", " ", str(text)).split(), dtype=np.float64)
    except ValueError:
        return False
    return described.shape == values.shape and bool(np.allclose(described, values, rtol=1e-6, atol=0))


def _sides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without axes of length one: one gray channel may be written or left out."""
    return tuple(side for side in shape if side != 1)


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return -1


def _plain(value: Any) -> Any:
    """Return a setting that JSON holds as it is or as the text of a Python literal."""
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value


def _build(facts: dict[str, Any], spec: PolicySpec, shape: tuple[int, ...], actions: gymnasium.Space[Any]) -> Any:
    """Return the policy with fresh weights, its class and settings looked up among the known ones."""
    stated = facts["policy_class"]
    match = re.match(r"<function (\w+)\.__init__ ", str(stated.get("__init__", "")))
    name = (str(stated.get("__module__")), match[1] if match else "?")
    if name not in _CLASSES:
        raise InputError(
            f"policy {spec.name!r} is a {'.'.join(name)}, which only its pickled parts describe: PPO, A2C, DQN, SAC, "
            "TD3 and DDPG with MlpPolicy or CnnPolicy are known; for another give module:FILE.py:NAME"
        )
    settings = {
        key: _setting(key, value, spec.name)
        for key, value in (facts.get("policy_kwargs") or {}).items()
        if not key.startswith(":") and key not in _TRAINING_ONLY
    }
    if spec.action_row is not None and facts.get("use_sde") is True:
        settings["use_sde"] = True
    need("rl", f"policy {spec.name!r}")
    built = getattr(importlib.import_module(name[0]), name[1])
    if spec.frame_dtype == "uint8":
        observed = gymnasium.spaces.Box(0, 255, shape, np.uint8)
    else:
        observed = gymnasium.spaces.Box(-np.inf, np.inf, shape, np.float32)
    try:
        return built(observed, actions, lambda _: 0.0, **settings)
    except (AssertionError, TypeError, ValueError) as error:
        first = " ".join(str(error).split())[:160]
        raise InputError(f"policy {spec.name!r} cannot be built as it describes itself: {first}") from None


def _setting(key: str, value: Any, policy: str) -> Any:
    """Return a setting of the policy's class if words are enough to know it."""
    if key == "activation_fn":
        match = re.fullmatch(r"<class 'torch\.nn\.modules\.activation\.(\w+)'>", str(value))
        if match and match[1] in _ACTIVATIONS:
            return getattr(torch.nn, match[1])
    elif key == "features_extractor_class":
        match = re.fullmatch(r"<class 'stable_baselines3\.common\.torch_layers\.(\w+)'>", str(value))
        if match and match[1] in _EXTRACTORS:
            from stable_baselines3.common import torch_layers

            return getattr(torch_layers, match[1])
    elif key in _PLAIN:
        plain = _plain(value)
        if isinstance(plain, list | dict | bool | int):
            return plain
    raise InputError(
        f"policy {policy!r} was made with {key}={str(value)[:80]}, which only its pickled parts describe: give "
        "module:FILE.py:NAME"
    )
