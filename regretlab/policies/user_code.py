"""A person's own policy: a callable in a Python file, ``module:FILE.py:NAME``.

This runs the file's code, as ``python FILE.py`` would: it is for files that the person wrote or trusts, and no record,
untrusted configuration file or weights ever lead here (`regretlab.play.mirror` refuses them).

``NAME(observation_shape, actions)`` is called once in each worker process and returns

* a ``torch.nn.Module``: it is given one observation, float32 of shape ``(1, *observation_shape)``, unscaled, and
  returns the values of the actions, shape ``(1, actions)``; the action of largest value is played; or
* any other callable: it is given the observation as the environment shows it, and returns the action, or
  ``(action, tokens)``: how many tokens it took to choose it (`regretlab.play.referee`). A callable with an attribute
  ``tokens`` reports them there.

A callable of this process needs no file: ``object_policy`` gives it a name (``object:N``), valid in this process alone.

Where an action is a row of numbers, ``actions`` is how many they are, and what a module returns is the action.
"""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from regretlab.errors import InputError, RunError
from regretlab.policies.spec import PolicySpec

__all__ = ["CallablePolicy", "ModulePolicy", "object_policy", "policy_of_object", "user_policy"]

_OBJECTS: list[Any] = []
"""The callables of this process that have a name; number N has ``object:N``."""


class ModulePolicy:
    """Plays the action of largest value of a torch module, or its output where an action is a row of numbers."""

    def __init__(self, spec: PolicySpec, module: torch.nn.Module) -> None:
        self.spec = spec
        self._module = module.eval()
        self._values: NDArray[np.float32] = np.zeros(spec.frame_shape, np.float32)
        self._input = torch.from_numpy(self._values)[None]

    def act(self, observation: NDArray[Any]) -> int | NDArray[np.float32]:
        """Return the action for an observation.

        Raises
        ------
        RunError
            If the module does not return one finite value for each action.
        """
        self._values[...] = observation
        with torch.inference_mode():
            values = self._module(self._input)
        if not isinstance(values, torch.Tensor) or tuple(values.shape) != (1, self.spec.actions):
            got = tuple(values.shape) if isinstance(values, torch.Tensor) else type(values).__name__
            raise RunError(
                f"policy {self.spec.name!r} returned {got} where values of shape (1, {self.spec.actions}) are due"
            )
        if not bool(torch.isfinite(values).all()):
            raise RunError(f"policy {self.spec.name!r} returned values that are not finite: {values[0].tolist()}")
        return int(values[0].argmax()) if self.spec.action_row is None else values[0].numpy().copy()


class CallablePolicy:
    """Plays what a callable answers: an action, or ``(action, tokens)``.

    Attributes
    ----------
    tokens
        Tokens that it reports for the last action; None where it reports none.
    """

    def __init__(self, spec: PolicySpec, answer: Callable[[NDArray[Any]], Any]) -> None:
        self.spec = spec
        self._answer = answer
        self.tokens: Any = None

    def act(self, observation: NDArray[Any]) -> Any:
        """Return the action for an observation."""
        answer = self._answer(observation)
        pair = isinstance(answer, tuple) and len(answer) == 2
        if pair and (self.spec.action_row is None or np.ndim(answer[0])):  # else a row of two numbers
            answer, self.tokens = answer
        else:
            self.tokens = getattr(self._answer, "tokens", None)
        return answer  # checked by the caller


def object_policy(answer: Callable[[NDArray[Any]], Any]) -> str:
    """Return the name of a callable of this process: it is given an observation and returns an action.

    Raises
    ------
    InputError
        If it cannot be called.

    Examples
    --------
    >>> object_policy(print) == object_policy(print)
    True
    """
    if not callable(answer):
        raise InputError(f"a policy is a name or a callable, not {answer!r}")
    if not any(known is answer for known in _OBJECTS):
        _OBJECTS.append(answer)
    return f"object:{next(number for number, known in enumerate(_OBJECTS) if known is answer)}"


def policy_of_object(spec: PolicySpec) -> ModulePolicy | CallablePolicy:
    """Make the policy that ``object:N`` names.

    Raises
    ------
    InputError
        If no callable of this process has that name.
    """
    number = spec.name.partition(":")[2]
    if not number.isdecimal() or int(number) >= len(_OBJECTS):
        raise InputError(f"policy {spec.name!r} is a Python object of another process: give module:FILE.py:NAME")
    return _playing(spec, _OBJECTS[int(number)])


def _playing(spec: PolicySpec, made: Any) -> ModulePolicy | CallablePolicy:
    return ModulePolicy(spec, made) if isinstance(made, torch.nn.Module) else CallablePolicy(spec, made)


def user_policy(spec: PolicySpec) -> ModulePolicy | CallablePolicy:
    """Make the policy that ``module:FILE.py:NAME`` names, running the file's code.

    Raises
    ------
    InputError
        If there is no such file or name, or what it makes is not a policy.
    """
    _, _, rest = spec.name.partition(":")
    path, _, name = rest.rpartition(":")
    if Path(path).suffix != ".py" or not name:
        raise InputError(f"policy {spec.name!r} is not of the form module:FILE.py:NAME")
    factory = getattr(_module(Path(path), spec.name), name, None)
    if not callable(factory):
        raise InputError(f"policy {spec.name!r}: '{path}' defines no callable named '{name}'")
    try:
        made = factory(spec.frame_shape, spec.actions)
    except (Exception, SystemExit) as error:
        raise InputError(
            f"policy {spec.name!r}: {name}({spec.frame_shape}, {spec.actions}) failed: {_sentence(error)}"
        ) from error
    if callable(made):
        return _playing(spec, made)
    raise InputError(
        f"policy {spec.name!r}: {name} returned a {type(made).__name__}; a torch module or a callable is needed"
    )


def _module(path: Path, policy: str) -> ModuleType:
    """Return the module of a file, run once in a process."""
    key = f"regretlab_policy:{path.resolve()}"
    if key in sys.modules:
        return sys.modules[key]
    if not path.is_file():
        raise InputError(f"policy {policy!r}: there is no file '{path}'")
    found = importlib.util.spec_from_file_location(key, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[key] = module  # dataclasses and the like look their module up
    try:
        found.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[key]
        raise InputError(f"policy {policy!r}: '{path}' cannot be imported: {_sentence(error)}") from error
    return module


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
