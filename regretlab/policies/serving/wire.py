"""Messages of the openpi protocol: msgpack, with arrays as maps of their bytes, type and shape.

Nothing here unpickles. What a peer sends is bounded in size and checked before an array is made of it: only booleans,
integers and floats, and exactly as many bytes as the shape needs.
"""

import math
import os
import re
from typing import Any, NamedTuple

import msgpack
import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

__all__ = [
    "API_KEY",
    "CONNECTING",
    "LARGEST_MESSAGE",
    "LONGEST_ANSWER",
    "Reply",
    "WireError",
    "api_key",
    "cause",
    "pack",
    "reply_of",
    "unpack",
]

API_KEY = "REGRETLAB_API_KEY"
"""The environment variable that holds the key: the server asks for it, and the client sends it."""
CONNECTING, LONGEST_ANSWER = 10.0, 600.0
"""Seconds for which a connection, and an answer, is waited for."""

LARGEST_MESSAGE = 64 * 2**20
"""Bytes of a message at most."""
_MOST_ENTRIES = 100_000
_MOST_DIMENSIONS = 32
_TYPE = re.compile(r"[<>|=]?[biuf][1248]")


class WireError(ValueError):
    """A message that the protocol does not allow; the text says why."""


def api_key() -> str | None:
    """Return the key in the environment, without spaces around it; None if there is none.

    Raises
    ------
    InputError
        If it cannot be sent in a header; the message does not show it.
    """
    key = os.environ.get(API_KEY, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise InputError(f"{API_KEY} holds a character that no header can hold: letters, digits and signs of ASCII can")
    return key or None


def pack(message: Any) -> bytes:
    """Return a message as bytes.

    Parameters
    ----------
    message
        Plain values, lists, dictionaries, NumPy arrays and scalars of booleans, integers or floats.

    Raises
    ------
    WireError
        For an array of another type, or anything else that msgpack does not hold.

    Examples
    --------
    >>> unpack(pack({"actions": np.array([1, 2], np.int16)}))
    {'actions': array([1, 2], dtype=int16)}
    """
    try:
        return bytes(msgpack.packb(message, default=_packed))
    except (TypeError, ValueError, OverflowError) as error:
        raise WireError(f"this cannot be sent: {error}") from None


def unpack(data: Any, largest: int = LARGEST_MESSAGE) -> Any:
    """Return the message that bytes hold.

    Parameters
    ----------
    data
        As received.
    largest
        Bytes allowed.

    Raises
    ------
    WireError
        For text, more bytes than allowed, or anything that is not one whole message of the protocol.

    Examples
    --------
    >>> unpack(msgpack.packb({b"__ndarray__": True, b"dtype": "|O", b"shape": [1], b"data": b"12345678"}))
    Traceback (most recent call last):
    regretlab.policies.serving.wire.WireError: an array of type '|O' is not allowed: booleans, integers and floats are
    """
    if not isinstance(data, bytes):
        raise WireError("a message is msgpack in a binary frame, not text")
    if len(data) > largest:
        raise WireError(f"a message of {len(data)} bytes is longer than the {largest} allowed")
    try:
        return msgpack.unpackb(
            data,
            object_hook=_unpacked,
            ext_hook=_refuse,
            max_array_len=_MOST_ENTRIES,
            max_map_len=_MOST_ENTRIES,
            max_ext_len=0,
        )
    except WireError:
        raise
    except Exception as error:  # msgpack's own kinds, and those of its limits
        text = " ".join(str(error).split())[:100] or type(error).__name__
        raise WireError(f"this is not one msgpack message: {text}") from None


def _packed(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind not in "biuf":
        raise WireError(f"an array of type '{value.dtype.str}' is not allowed: booleans, integers and floats are")
    if isinstance(value, np.ndarray):
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    if isinstance(value, np.generic):
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    raise WireError(f"a {type(value).__name__} is not a value of the protocol")


def _unpacked(value: dict[Any, Any]) -> Any:
    if b"__ndarray__" in value:
        kind, shape, data = _type(value), value.get(b"shape"), value.get(b"data")
        sound = isinstance(shape, list | tuple) and len(shape) <= _MOST_DIMENSIONS
        if not (sound and all(type(size) is int and size >= 0 for size in shape or ())):
            raise WireError("an array's shape is a list of at most 32 sizes")
        if not isinstance(data, bytes) or len(data) != math.prod(shape or ()) * kind.itemsize:
            raise WireError(
                f"an array of shape {tuple(shape or ())} and type '{kind.str}' has other bytes than it needs"
            )
        return np.frombuffer(data, kind).reshape(tuple(shape or ()))
    if b"__npgeneric__" in value:
        kind, number = _type(value), value.get(b"data")
        if not isinstance(number, bool | int | float):
            raise WireError("a NumPy scalar holds a number")
        return kind.type(number)
    return value


def _type(value: dict[Any, Any]) -> np.dtype[Any]:
    text = value.get(b"dtype")
    if not isinstance(text, str) or not _TYPE.fullmatch(text):
        shown = repr(text)[:20]
        raise WireError(f"an array of type {shown} is not allowed: booleans, integers and floats are")
    try:
        return np.dtype(text)
    except TypeError:
        raise WireError(f"there is no array type '{text}'") from None


def _refuse(code: int, data: bytes) -> Any:
    raise WireError(f"msgpack extension {code} is not part of the protocol")


class Reply(NamedTuple):
    """A server's answer: its actions, one for each age from 0 on, and the seconds and tokens that it reports."""

    actions: NDArray[Any]
    server_time: float = math.nan
    tokens: Any = None


def reply_of(message: Any) -> Reply:
    """Return the answer that a message holds.

    Raises
    ------
    WireError
        If it holds none.

    Examples
    --------
    >>> reply_of({"actions": [2], "server_timing": {"infer_ms": 40.0}})
    Reply(actions=array([2]), server_time=0.04, tokens=None)
    """
    if not isinstance(message, dict) or "actions" not in message:
        raise WireError("it holds no 'actions'")
    try:
        actions = np.asarray(message["actions"])
    except ValueError as error:  # rows of several lengths
        raise WireError(f"its actions are not an array: {error}") from None
    if actions.dtype.kind not in "biuf":
        raise WireError(f"its actions are {actions.dtype}, not numbers")
    timing, tokens = message.get("server_timing"), message.get("tokens")
    taken = timing.get("infer_ms") if isinstance(timing, dict) else None
    waited = timing.get("queue_ms", 0.0) if isinstance(timing, dict) else 0.0
    if not (isinstance(taken, int | float) and isinstance(waited, int | float)):
        return Reply(actions, tokens=tokens)
    seconds = 1e-3 * (taken + waited)
    return Reply(actions, seconds if 0 <= seconds <= LONGEST_ANSWER else math.nan, tokens)


def cause(error: BaseException) -> str:
    """Return in words why there is no connection."""
    if isinstance(error, TimeoutError):
        return f"no answer in {CONNECTING:g} s"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return f"it refuses the API key (status {status}): set {API_KEY} to the one that it asks for"
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(reason).split())[:200].rstrip(".").lower()
