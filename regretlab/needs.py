"""Packages that only some commands need: which extra of ``pyproject.toml`` installs each, and what to type.

The base package holds the theory side. A subpackage of the empirical side starts with ``need(EXTRA)``, and a function
that uses one optional package takes it from ``load``. Both raise ``MissingPackageError``, which the command line
reports in one sentence with exit code 2. This module imports nothing but the standard library.
"""

import importlib
import importlib.util
import sys
from typing import Any

from .errors import InputError

__all__ = ["EXTRAS", "MissingPackageError", "absent", "load", "need"]

EXTRAS: dict[str, tuple[str, ...]] = {
    "play": (
        *("torch", "pyboy", "gymnasium", "pyarrow", "safetensors"),
        *("xarray", "h5netcdf", "h5py", "zarr", "joblib"),
    ),
    "atari": ("ale_py",),
    "ray": ("ray",),
    "rl": ("stable_baselines3",),
    "explore": ("panel", "bokeh"),
    "serve": ("websockets", "msgpack"),
}
"""The packages that each extra installs, under the names by which Python imports them."""


class MissingPackageError(ModuleNotFoundError, InputError):
    """An optional package is not installed; the message names it and the command that installs it."""


def absent(extra: str) -> list[str]:
    """Return the packages of an extra that are not installed, without importing any.

    Parameters
    ----------
    extra
        A key of ``EXTRAS``.
    """
    return [package for package in EXTRAS[extra] if not _is_present(package)]


def need(extra: str, what: str) -> None:
    """Raise ``MissingPackageError`` unless all packages of an extra are installed; import none of them.

    Parameters
    ----------
    extra
        A key of ``EXTRAS``.
    what
        What needs them, for the message: "a run".

    Raises
    ------
    MissingPackageError
        If one is not installed.
    """
    missing = absent(extra)
    if missing:
        raise _missing(what, missing, extra)


def load(module: str, what: str = "a record") -> Any:
    """Import and return a module of an optional package.

    Parameters
    ----------
    module
        Such as ``pyarrow.parquet``; its package is listed in ``EXTRAS``.
    what
        What needs it, for the message.

    Raises
    ------
    MissingPackageError
        If the package is not installed.

    Examples
    --------
    >>> load("pyarrow.parquet").__name__
    'pyarrow.parquet'
    """
    package = module.split(".")[0]
    extra = next(extra for extra, packages in EXTRAS.items() if package in packages)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != package:
            raise
        raise _missing(what, [package], extra) from None


def _is_present(package: str) -> bool:
    try:
        return sys.modules.get(package) is not None or importlib.util.find_spec(package) is not None
    except ImportError:
        return False


def _missing(what: str, packages: list[str], extra: str) -> MissingPackageError:
    first, others = packages[0], len(packages) - 1
    names = f"{first} and {others} other package{'s' * (others > 1)}, which are" if others else f"{first}, which is"
    return MissingPackageError(f"{what} needs {names} not installed: type pip install 'regretlab[{extra}]'", name=first)
