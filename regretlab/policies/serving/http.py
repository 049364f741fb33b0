"""Policies behind HTTP: one POST of a JSON document for each observation.

Without a form the request is ``{"observation": [...]}`` and the answer ``{"actions": [...]}``, or one number, with
``server_timing`` as in the protocol of openpi and ``tokens`` where the server reports them. A form says how else to ask
and where the answer lies, such as for a chat endpoint that speaks OpenAI's protocol (docs/how-to/server.md). It is a
JSON object of

* ``body``: the document that is sent. In its texts ``{observation}`` stands for the observation as JSON, ``{image}``
  for the frame as the data URL of a PNG, ``{actions}`` for the number of actions; a text that is nothing but
  ``{observation}`` is replaced by the numbers themselves;
* ``answer``: where in the reply the actions lie, keys and places joined by full stops
  (``choices.0.message.content``): numbers, or a text, of which the first whole number counts;
* ``tokens``: where the number of tokens lies, if it is wanted (``usage.completion_tokens``);
* ``observes``: "symbol" for the environment's symbol in place of the frame.

Nothing in a form or an answer is evaluated. Redirections and proxies are not followed, and what is read is bounded.
"""

import base64
import http.client
import io
import json
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ...errors import AnswerLost, InputError, RunError
from .wire import API_KEY, CONNECTING, LARGEST_MESSAGE, LONGEST_ANSWER, Reply, WireError, api_key, cause, reply_of

__all__ = ["HttpConnection", "RequestForm"]

_TRY_AGAIN = (408, 429, 502, 503, 504)
_FIELDS = {"body", "answer", "tokens", "observes"}
_HOLDERS = re.compile(r"\{(observation|image|actions)\}")
_WHOLE = re.compile(r"(?<![\w.])-?\d{1,9}(?![\w]|\.\d)")
_SHOWN = 200
_BLOCK = 65536


@dataclass(frozen=True)
class RequestForm:
    """How a server is asked, and where its answer lies.

    Attributes
    ----------
    body
        The document that is sent, with placeholders.
    answer, tokens
        Where actions and tokens lie in the reply; None for no tokens.
    observes
        "symbol", or None for the frame.

    Examples
    --------
    >>> form = RequestForm.of('{"body": {"ask": "of {actions}: {observation}"}, "answer": "said.0"}')
    >>> form.request(np.array([1, 2]), 5)
    {'ask': 'of 5: [1, 2]'}
    >>> form.reply({"said": ["I choose action 3."]}).actions
    array(3)
    """

    body: Any
    answer: str
    tokens: str | None = None
    observes: str | None = None

    @classmethod
    def of(cls, text: str) -> "RequestForm":
        """Return the form that a JSON text describes.

        Raises
        ------
        InputError
            If it is not one.
        """
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"a request form is JSON, and this is not: {error}") from None
        if not isinstance(found, dict) or not {"body", "answer"} <= set(found) <= _FIELDS:
            keys = sorted(found) if isinstance(found, dict) else type(found).__name__
            raise InputError(f"a request form has body and answer, and maybe tokens and observes, not {keys}")
        for name in ("answer", "tokens"):
            if not isinstance(found.get(name, ""), str) or found.get(name) == "":
                raise InputError(f"{name} of a request form is a path such as choices.0.message.content")
        if found.get("observes", "symbol") != "symbol":
            raise InputError(f"observes of a request form is 'symbol' or left out, not {found['observes']!r}")
        return cls(**found)

    def request(self, observation: Any, actions: int) -> Any:
        """Return the document for an observation."""
        return _filled(self.body, np.asarray(observation), actions)

    def reply(self, message: Any) -> Reply:
        """Return what a reply says.

        Raises
        ------
        WireError
            If the actions are not where they should be.
        """
        said = _at(message, self.answer)
        if isinstance(said, str):
            number = _WHOLE.search(said)
            if number is None:
                raise WireError(f"there is no whole number in {said[:_SHOWN]!r}")
            said = int(number[0])
        reply = reply_of({"actions": said})
        return reply if self.tokens is None else reply._replace(tokens=_at(message, self.tokens))


class HttpConnection:
    """A connection to a server that is asked by HTTP.

    Parameters
    ----------
    address
        ``http://HOST:PORT/path`` or ``https://HOST``.
    form
        How it is asked, as JSON; None: ``{key: observation}``.
    actions
        Number of actions, for the form.

    Raises
    ------
    AnswerLost
        If there is no server.
    """

    def __init__(self, address: str, form: str | None, actions: int) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None
        self.address, self._actions = address, actions
        self._form = None if form is None else RequestForm.of(form)
        observes = None if self._form is None else self._form.observes
        self.metadata: dict[str, Any] = {} if observes is None else {"observes": observes}
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._http = kind(parts.hostname, parts.port, timeout=CONNECTING)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key := api_key():
            self._headers["Authorization"] = f"Bearer {key}"
        try:
            self._http.connect()
        except OSError as error:
            self.abandon()
            raise AnswerLost(cause(error)) from error

    def ask(self, key: str, observation: Any, seconds: float = LONGEST_ANSWER) -> Reply:
        """Send an observation and return the answer; parameters and errors as ``Connection.ask``."""
        if self._form is None:
            body: Any = {key: np.asarray(observation).tolist()}
        else:
            body = self._form.request(observation, self._actions)
        deadline = time.monotonic() + seconds
        try:
            status, data = self._exchange(json.dumps(body).encode(), deadline)
        except TimeoutError:
            self.abandon()
            raise AnswerLost(f"no answer in {seconds:g} s", cancelled=True) from None
        except (OSError, http.client.HTTPException) as error:
            self.abandon()
            raise AnswerLost(cause(error)) from error
        except RunError:
            self.abandon()
            raise
        if status in _TRY_AGAIN:
            self.abandon()
            raise AnswerLost(f"status {status}")
        try:
            if status in (401, 403):
                raise ValueError(f"it refuses the API key (status {status}): set {API_KEY} to the one that it asks for")
            if status != 200:
                raise ValueError(f"status {status}: {_shown(data)}")
            message = json.loads(data)
            return reply_of(message) if self._form is None else self._form.reply(message)
        except (ValueError, RecursionError) as error:
            self.abandon()
            raise RunError(f"policy server '{self.address}' sent an answer that cannot be used: {error}") from None

    def _exchange(self, body: bytes, deadline: float) -> tuple[int, bytes]:
        """Return status and document of the answer; raise ``TimeoutError`` at the deadline."""
        if self._http.sock is None:  # the server closes each connection after its answer
            self._http.timeout = max(1e-3, deadline - time.monotonic())
            self._http.connect()
        self._wait_until(deadline)
        self._http.request("POST", self._path, body, self._headers)
        self._wait_until(deadline)
        parts: list[bytes] = []
        size = 0
        with self._http.getresponse() as response:
            while size <= LARGEST_MESSAGE:
                self._wait_until(deadline)
                part = response.read1(_BLOCK)
                if not part:
                    self._wait_until(deadline)
                    return response.status, b"".join(parts)
                parts.append(part)
                size += len(part)
        raise RunError(f"policy server '{self.address}' sent an answer of more than {LARGEST_MESSAGE} bytes")

    def _wait_until(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if self._http.sock is not None:
            self._http.sock.settimeout(left)

    def abandon(self) -> None:
        """Close the connection without waiting for the server."""
        self._http.close()

    close = abandon


def _filled(value: Any, observation: np.ndarray[Any, Any], actions: int) -> Any:
    """Return a document with its placeholders filled in."""
    if isinstance(value, dict):
        return {name: _filled(part, observation, actions) for name, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, observation, actions) for part in value]
    if not isinstance(value, str):
        return value
    if value == "{observation}":
        return observation.tolist()

    def held(found: re.Match[str]) -> str:
        if found[1] == "observation":
            return json.dumps(observation.tolist())
        return str(actions) if found[1] == "actions" else _picture(observation)

    return _HOLDERS.sub(held, value)


def _picture(frame: np.ndarray[Any, Any]) -> str:
    """Return a frame as the data URL of a PNG."""
    if frame.dtype != np.uint8 or not (frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 3)):
        raise RunError(f"a picture is of bytes, (height, width) or (height, width, 3), not {frame.dtype} {frame.shape}")
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(frame).save(written, "PNG")
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()


def _at(message: Any, path: str) -> Any:
    """Return what lies at a path of keys and places."""
    found = message
    for step in path.split("."):
        try:
            found = found[int(step)] if isinstance(found, list) else found[step]
        except (KeyError, IndexError, TypeError, ValueError):
            raise WireError(f"it holds no '{path}': {_shown(json.dumps(message).encode())}") from None
    return found


def _shown(data: bytes) -> str:
    return " ".join(data[: 4 * _SHOWN].decode(errors="replace").split())[:_SHOWN]
