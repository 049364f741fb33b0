"""Reading files that another person may have made: regular files only, of bounded size, and never a pickle.

Every function raises ``InputError`` with one sentence that names the file. A pipe or a device is refused before it is
opened, because opening one may wait forever; declared array sizes are added up before anything is unpacked, because a
few megabytes of zeros can unpack to many gigabytes.
"""

import json
import math
import os
import tomllib
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

__all__ = ["LARGEST_ARRAYS", "check_regular", "read_array", "read_arrays", "read_file", "read_json", "read_toml"]

LARGEST_ARRAYS = 2 << 30
"""Bytes that the arrays of one file may take in memory."""

_LARGEST_TEXT = 64 << 20
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_file(path: str | Path, what: str, most: int = _LARGEST_TEXT) -> bytes:
    """Return the bytes of a regular file.

    Parameters
    ----------
    path
        The file.
    what
        What it is, for the message: "ROM".
    most
        Bytes that are accepted.

    Raises
    ------
    InputError
        If it does not exist, is not a regular file, cannot be read, or is larger.

    Examples
    --------
    >>> read_file("/dev/zero", "ROM")
    Traceback (most recent call last):
    regretlab.errors.InputError: ROM '/dev/zero' cannot be read: it is not a regular file
    """
    try:
        with _opened(path, what) as file:
            content = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{what} '{path}' cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise InputError(f"{what} '{path}' has more than {most:,} bytes, the most that is read")
    return content


def read_toml(path: str | Path, what: str, most: int = _LARGEST_TEXT) -> dict[str, Any]:
    """Return what a TOML file holds.

    Parameters
    ----------
    path, what, most
        As for ``read_file``.

    Raises
    ------
    InputError
        If it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(read_file(path, what, most).decode())
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{what} '{path}' is not TOML: {_first_line(error)}") from None


def read_json(path: str | Path, what: str) -> Any:
    """Return what a JSON file holds.

    Parameters
    ----------
    path, what
        As for ``read_file``.

    Raises
    ------
    InputError
        If it cannot be read or is not JSON.
    """
    try:
        return json.loads(read_file(path, what).decode())
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{what} '{path}' is not JSON: {_first_line(error)}") from None


def read_array(path: str | Path, what: str) -> NDArray[Any]:
    """Return the array in a ``.npy`` file.

    Parameters
    ----------
    path, what
        As for ``read_file``.

    Raises
    ------
    InputError
        If it cannot be read as an array of numbers or text, or is larger than ``LARGEST_ARRAYS``.
    """
    try:
        with _opened(path, what) as file:
            declared = _declared_bytes(file, os.fstat(file.fileno()).st_size)
            _check_size(declared, path, what)
            file.seek(0)
            array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
            return array
    except _DAMAGES as error:
        raise _unreadable(error, path, what, "npy") from None


def read_arrays(path: str | Path, what: str) -> dict[str, NDArray[Any]]:
    """Return the arrays in a ``.npz`` file by name.

    Parameters
    ----------
    path, what
        As for ``read_file``.

    Raises
    ------
    InputError
        If it cannot be read as arrays of numbers or text, or they are together larger than ``LARGEST_ARRAYS``.
    """
    try:
        with _opened(path, what) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            declared = 0
            for member in members:
                with archive.open(member) as packed:
                    declared += _declared_bytes(packed, member.file_size)
                _check_size(declared, path, what)
            found = {}
            for member in members:
                with archive.open(member) as packed:
                    name = member.filename.removesuffix(".npy")
                    found[name] = np.lib.format.read_array(packed, allow_pickle=False)
            return found
    except _DAMAGES as error:
        raise _unreadable(error, path, what, "npz") from None


_DAMAGES = (OSError, ValueError, EOFError, RuntimeError, TypeError, SyntaxError, MemoryError, zipfile.BadZipFile)


def check_regular(path: str | Path, what: str) -> None:
    """Raise ``InputError`` for a pipe, a device or a folder in the place of a file; a missing file passes."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError(f"{what} '{path}' cannot be read: it is not a regular file")


def _opened(path: str | Path, what: str) -> IO[bytes]:
    """Open a regular file; opening anything else may wait, so the kind is checked first."""
    check_regular(path, what)
    return Path(path).open("rb")


def _declared_bytes(file: IO[bytes], size: int) -> int:
    """Return the bytes of the array that an open ``.npy`` file declares; raise ``ValueError`` if they are not there."""
    version = np.lib.format.read_magic(file)
    shape, _, dtype = _HEADERS.get(version, np.lib.format.read_array_header_2_0)(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never loaded")
    declared = math.prod(shape) * dtype.itemsize
    if declared > size:
        raise ValueError(f"its header declares {declared:,} bytes, and {size:,} are there")
    return declared


def _check_size(declared: int, path: str | Path, what: str) -> None:
    if declared > LARGEST_ARRAYS:
        raise InputError(
            f"{what} '{path}' declares arrays of {declared:,} bytes or more: at most {LARGEST_ARRAYS:,} are loaded"
        )


def _unreadable(error: Exception, path: str | Path, what: str, kind: str) -> InputError:
    if isinstance(error, InputError):
        return error
    reason = getattr(error, "strerror", None) or _first_line(error)
    return InputError(f"{what} '{path}' cannot be read as .{kind}: {reason}")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
