"""The policy of a worker that asks a policy server: one connection, one request at a time.

An answer that is cancelled, or whose server goes away, closes the connection, so it can never be taken for the answer
to a later request. The worker then connects again, for a while, before it observes the next frame.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import AnswerLost, InputError, RunError
from ...inputs import read_file
from ..spec import PolicySpec, ServedPolicySpec
from .http import HttpConnection, RequestForm
from .wire import CONNECTING, LARGEST_MESSAGE, LONGEST_ANSWER, Reply, WireError, api_key, cause, pack, reply_of, unpack

__all__ = ["PATIENCE", "Connection", "ServedPolicy", "connected", "inspect_server"]

PATIENCE = 15.0
"""Seconds for which a worker tries to reach a server that went away, before the run ends."""
_PAUSE = 0.05
_LARGEST_FORM = 2**20


class Connection:
    """A connection to a policy server.

    Parameters
    ----------
    address
        ``ws://HOST:PORT[/path]`` or ``wss://...``.

    Raises
    ------
    AnswerLost
        If no policy server answers there; the text says why.
    """

    def __init__(self, address: str) -> None:
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        self.address = address
        key = api_key()
        headers = {"Authorization": f"Api-Key {key}"} if key else None
        self._open = ExitStack()
        try:
            self._socket = self._open.enter_context(
                connect(
                    address,
                    compression=None,
                    max_size=LARGEST_MESSAGE,
                    additional_headers=headers,
                    open_timeout=CONNECTING,
                    close_timeout=1.0,
                    ping_interval=None,  # an openpi server that infers answers no ping
                    proxy=None,
                )
            )
            metadata = unpack(self._socket.recv(timeout=CONNECTING))
        except (OSError, EOFError, WebSocketException, WireError) as error:
            self.abandon()
            raise AnswerLost(cause(error)) from error
        self.metadata: dict[str, Any] = metadata if isinstance(metadata, dict) else {}

    def ask(self, key: str, observation: Any, seconds: float = LONGEST_ANSWER) -> Reply:
        """Send an observation and return the answer.

        Parameters
        ----------
        key, observation
            What is sent: {key: observation}.
        seconds
            How long to wait.

        Raises
        ------
        AnswerLost
            If no answer came in time (``cancelled``), or the server went away; the connection is closed.
        RunError
            If the server reports an error, or its answer is not one of the protocol.
        """
        from websockets.exceptions import ConnectionClosed

        try:
            self._refuse_unasked()
            self._socket.send(pack({key: observation}))
            data = self._socket.recv(timeout=seconds)
        except TimeoutError:
            self.abandon()
            raise AnswerLost(f"no answer in {seconds:g} s", cancelled=True) from None
        except (ConnectionClosed, OSError) as error:
            self.abandon()
            raise AnswerLost(cause(error)) from error
        if isinstance(data, str):
            self.abandon()
            raise RunError(f"policy server '{self.address}' reports: {_last_line(data)}")
        try:
            return reply_of(unpack(data))
        except WireError as error:
            self.abandon()
            raise RunError(f"policy server '{self.address}' sent an answer that cannot be used: {error}") from None

    def _refuse_unasked(self) -> None:
        """Raise if there is an answer before the request: it would be taken for the answer to this one."""
        try:
            self._socket.recv(timeout=0)
        except TimeoutError:
            return
        self.abandon()
        raise RunError(f"policy server '{self.address}' sends more than one answer to a request")

    def abandon(self) -> None:
        """Close the connection without waiting for the server."""
        if (socket := getattr(self, "_socket", None)) is not None:
            socket.close_socket()
        self._open.pop_all()

    def close(self) -> None:
        """Close the connection as the protocol asks."""
        self._open.close()


def connected(spec: PolicySpec) -> Connection | HttpConnection:
    """Return a connection to the server of a policy.

    Raises
    ------
    AnswerLost
        If no server answers there.
    """
    if spec.name.startswith("http"):
        return HttpConnection(spec.name, None if spec.served is None else spec.served.form, spec.actions)
    return Connection(spec.name)


class ServedPolicy:
    """Plays what a policy server answers.

    Parameters
    ----------
    spec
        A policy named ``ws://HOST:PORT[/path]`` or ``http://HOST[:PORT][/path]``.

    Raises
    ------
    InputError
        If no policy server answers there.
    """

    def __init__(self, spec: PolicySpec) -> None:
        self.spec = spec
        self._served = spec.served or ServedPolicySpec()
        self.server_time = float("nan")
        """Seconds that the server says its last answer took."""
        self.tokens: Any = None
        """Tokens that it reports for it; None where it reports none."""
        self._connection: Connection | HttpConnection | None = None
        try:
            self._connection = connected(spec)
        except AnswerLost as lost:
            raise InputError(_unreachable(spec.name, lost)) from None

    def act(self, observation: Any) -> int | NDArray[Any]:
        """Return the action, or a chunk of them, shape (horizon,) or (horizon, numbers).

        Entry i is for i frames after the observation.

        Raises
        ------
        AnswerLost
            If the answer was cancelled, or the server went away: call ``recover``.
        """
        if self._connection is None:
            raise AnswerLost("there is no connection")
        try:
            reply = self._connection.ask(self._served.observation_key, observation, self._patience())
        except AnswerLost:
            self._connection = None
            raise
        self.server_time, self.tokens = reply.server_time, reply.tokens
        if self.spec.action_row is not None:
            return self.spec.action_row.checked_chunk(reply.actions)
        actions = whole_numbers(reply.actions)
        if len(actions) != self._served.horizon:
            raise ValueError(f"it sent {len(actions)} actions, and {self._served.horizon} before the run")
        return int(actions[0]) if self._served.horizon == 1 else actions.astype(np.int16)

    def recover(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Connect again, trying for ``PATIENCE`` seconds or until ``stopped``.

        Raises
        ------
        RunError
            If the server stays away.
        """
        began = time.monotonic()
        while not stopped():
            try:
                self._connection = connected(self.spec)
                return
            except AnswerLost as lost:
                if time.monotonic() - began > PATIENCE:
                    raise RunError(
                        f"policy server '{self.spec.name}' has been away for {PATIENCE:g} s: {lost}"
                    ) from None
            time.sleep(_PAUSE)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _patience(self) -> float:
        return self._served.cancel_after or LONGEST_ANSWER


def inspect_server(
    spec: PolicySpec, *, key: str | None = None, cancel_after: float | None = None, form: str | Path | None = None
) -> PolicySpec:
    """Return the specification with what a server says of itself and answers to an observation of zeros.

    Parameters
    ----------
    spec
        A policy named ``ws://HOST:PORT[/path]`` or ``http://HOST[:PORT][/path]``.
    key
        Key of the observation in a request; None: what the server's metadata say, else "observation".
    cancel_after
        Seconds after which an answer is no longer waited for.
    form
        File of a ``RequestForm``, for a server that is asked by HTTP.

    Raises
    ------
    InputError
        If no policy server answers there, or its answer has no actions for this environment.
    """
    asked = None
    if form is not None:
        if not spec.name.startswith("http"):
            raise InputError(f"a request form is for policies on HTTP, and policy is '{spec.name}'")
        asked = read_file(form, "request form", _LARGEST_FORM).decode(errors="replace")
        RequestForm.of(asked)
    spec = replace(spec, served=ServedPolicySpec(form=asked))
    try:
        connection = connected(spec)
    except AnswerLost as lost:
        raise InputError(_unreachable(spec.name, lost)) from None
    try:
        said = connection.metadata
        symbol = said.get("observes") == "symbol"
        key = key or str(said.get("observation_key", "observation"))
        offered = said.get("actions")
        if isinstance(offered, int) and offered != spec.actions:
            raise InputError(f"policy server '{spec.name}' has {offered} actions, and the environment {spec.actions}")
        if "action_row" in said and bool(said["action_row"]) != (spec.action_row is not None):
            kinds = "a number", "a row of numbers"
            served, played = kinds[bool(said["action_row"])], kinds[spec.action_row is not None]
            raise InputError(f"an action of policy server '{spec.name}' is {served}, and here it is {played}")
        zeros = np.zeros((), np.int64) if symbol else np.zeros(spec.frame_shape, spec.frame_dtype)
        answer = connection.ask(key, zeros).actions
        actions = whole_numbers(answer) if spec.action_row is None else spec.action_row.checked_chunk(answer)
    except AnswerLost as lost:
        raise InputError(f"policy server '{spec.name}' went away at an observation of zeros: {lost}") from None
    except (RunError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"policy server '{spec.name}' fails on an observation of zeros: {error}") from None
    finally:
        connection.close()
    if spec.action_row is None and not ((actions >= 0) & (actions < spec.actions)).all():
        raise InputError(
            f"policy server '{spec.name}' answers {actions.tolist()[:8]}; the environment has actions 0 to "
            f"{spec.actions - 1}"
        )
    return replace(spec, served=ServedPolicySpec(key, len(actions), symbol, cancel_after, asked))


def whole_numbers(actions: NDArray[Any]) -> NDArray[np.int64]:
    """Return the actions of an answer as whole numbers, shape (horizon,).

    Raises
    ------
    ValueError
        If they are not.

    Examples
    --------
    >>> whole_numbers(np.array([[1.0], [2.0]]))
    array([1, 2])
    """
    flat = actions.reshape(-1) if actions.ndim < 2 or actions.shape[1:] == (1,) else None
    if flat is None or not len(flat):
        raise ValueError(
            f"its actions have shape {actions.shape}, and shape (H,) is due: one whole number for each age"
        )
    found = flat.astype(np.int64) if np.isfinite(flat).all() else None
    if found is None or not (found == flat).all():
        raise ValueError(f"its actions {flat.tolist()[:4]} are not whole numbers, which the environment needs")
    return found


def _unreachable(address: str, lost: AnswerLost) -> str:
    advice = "" if "API key" in str(lost) else "; start it, such as with regretlab serve, or give its port"
    return f"no policy server answers at '{address}': {lost}{advice}"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[-1][:300] if lines else "an error without a message"
