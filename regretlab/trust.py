"""What a configuration file or a foreign record may not do by itself: run Python code, or connect to another machine.

``policy = "module:FILE.py:NAME"`` runs that file, ``env = "module:id"`` imports that module, and a process that joins a
Ray cluster runs what the cluster sends. A person who types such a name decides to run it; a file that was downloaded
must not decide. The commands that read files refuse these names unless ``--trust`` is given.
"""

from collections.abc import Mapping
from typing import Any

from .errors import InputError

__all__ = ["refuse_foreign_code", "refuse_foreign_files"]

_OWN_CLUSTERS = (None, "local")
_ADVICE = "give --trust if you have read this file and what it names"
_FILES = ("rom", "memory_map", "state")


def refuse_foreign_code(values: Mapping[str, Any], place: str) -> None:
    """Raise ``InputError`` for the first setting that would run code or connect to another machine.

    Parameters
    ----------
    values
        Settings of a run, of a sweep's point or of an experiment, by name; a list or tuple holds alternatives.
    place
        Where they stand, for the message.

    Raises
    ------
    InputError
        For a policy of a Python file or on a server, an environment of a Python module, or a Ray cluster's address.

    Examples
    --------
    >>> refuse_foreign_code({"policy": "impala-k1", "env": "beacon"}, "sweep.toml: fixed")
    >>> refuse_foreign_code({"env": "evil:Game-v0"}, "sweep.toml: fixed")
    Traceback (most recent call last):
    ...
    regretlab.errors.InputError: sweep.toml: fixed.env: 'evil:Game-v0' imports a Python module: give --trust ...
    """
    for name, given in values.items():
        for value in given if isinstance(given, list | tuple) else (given,):
            reason = _danger(name, value)
            if reason:
                raise InputError(f"{place}.{name}: {value!r} {reason}: {_ADVICE}")


def refuse_foreign_files(options: Mapping[str, Any], place: str) -> None:
    """Raise ``InputError`` for the first option of an environment that opens a file.

    Parameters
    ----------
    options
        Keyword arguments of the environment, from a foreign record.
    place
        Where they stand, for the message.

    Raises
    ------
    InputError
        For a ROM, a memory map, a state, or any other text that is a path.
    """
    for name, given in options.items():
        for value in given if isinstance(given, list | tuple) else (given,):
            if isinstance(value, str) and (name in _FILES or "/" in value or "\\" in value):
                raise InputError(f"{place}.{name}: {value!r} is a file that would be opened: {_ADVICE}")


def _danger(name: str, value: Any) -> str | None:
    text = str(value).strip().lower()
    if name == "policy" and text.startswith("module:"):
        return "runs a Python file"
    if name == "policy" and "://" in text:
        return "connects to a server"
    if name in ("env", "environment") and ":" in text:
        return "imports a Python module"
    if name in ("ray_address", "address") and value not in _OWN_CLUSTERS:
        return "connects to a Ray cluster, which runs code here"
    return None
