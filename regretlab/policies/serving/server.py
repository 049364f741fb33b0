"""A server for one of our policies, or a person's own, through the openpi protocol.

Three ways to treat requests that come together, as servers of the field do: ``serial`` answers one after the other in
the order of arrival; ``batch`` answers all that wait in one inference; ``independent`` answers each at once. Answer
times may be padded to a law, which makes a server with known behaviour out of any policy.
"""

import hmac
import http
import ipaddress
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..policy import Policy
from ..spec import PolicySpec
from .wire import API_KEY, LARGEST_MESSAGE, WireError, pack, unpack

__all__ = ["API_KEY", "MOST_CONNECTIONS", "PolicyServer", "ServerOptions"]

MOST_CONNECTIONS = 256
_INTERNAL_ERROR, _TRY_AGAIN_LATER = 1011, 1013


@dataclass(frozen=True)
class ServerOptions:
    """How a policy is served.

    Attributes
    ----------
    host, port
        Address; port 0 takes a free one.
    observation_key
        Key of the observation in a request.
    chunk
        Actions of an answer: entry i is for i frames after the observation.
    requests
        "serial", "batch" or "independent".
    turns
        Symbols among which an oracle's chunk moves on, one a frame; 0: every entry is the same action.
    api_key
        What clients must send; None: nothing.

    Raises
    ------
    InputError
        For a number out of range, or a host that other machines reach where there is no key.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    observation_key: str = "observation"
    chunk: int = 1
    requests: Literal["serial", "batch", "independent"] = "serial"
    turns: int = 0
    api_key: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise InputError(f"port must lie between 0 and 65535, not {self.port}")
        if not 1 <= self.chunk <= 10_000:
            raise InputError(f"chunk must lie between 1 and 10000 actions of an answer, not {self.chunk}")
        if not self.observation_key:
            raise InputError("the observation key is empty: give a name such as observation")
        if not self.api_key and not _is_loopback(self.host):
            raise InputError(
                f"host '{self.host}' lets other machines ask: set {API_KEY} to a secret that clients must send, or "
                "serve on 127.0.0.1"
            )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass
class _Request:
    observation: Any
    policy: Policy
    came: float
    done: threading.Event = field(default_factory=threading.Event)
    answer: Any = None
    queued: float = 0.0
    inferred: float = 0.0


class PolicyServer:
    """A policy behind a websocket.

    Parameters
    ----------
    make
        Called with 0, 1, ... for each policy that is needed: one, or one for each connection ("independent").
    spec
        The policy's specification.
    options
        How it is served.
    draw
        Returns how many seconds the next inference takes at least; None: as long as it takes.
    """

    def __init__(
        self,
        make: Callable[[int], Policy],
        spec: PolicySpec,
        options: ServerOptions,
        draw: Callable[[], float] | None = None,
    ) -> None:
        from websockets.sync.server import serve

        self._make, self._spec, self._options, self._draw = make, spec, options, draw
        self._first = make(0)
        self._made, self._drawing = 0, threading.Lock()
        self._stopping = threading.Event()
        self._seats = threading.Semaphore(MOST_CONNECTIONS)
        self._waiting: queue.Queue[_Request] = queue.Queue()
        logger = logging.getLogger("regretlab.serve")
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        try:
            self._server = serve(
                self._connection,
                options.host,
                options.port,
                process_request=self._before,
                compression=None,
                max_size=LARGEST_MESSAGE,
                close_timeout=1.0,
                logger=logger,
            )
        except OSError as error:
            raise InputError(
                f"port {options.port} of '{options.host}' cannot be served: {error.strerror or error}; give another "
                "--port"
            ) from None
        if options.requests != "independent":
            threading.Thread(target=self._infer_in_turn, daemon=True).start()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Where clients connect to."""
        host = self._options.host
        return f"ws://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def metadata(self) -> dict[str, Any]:
        """The first frame of every connection."""
        spec, options = self._spec, self._options
        return {
            "server": "regretlab",
            "policy": spec.name,
            "observation_key": options.observation_key,
            "observes": "symbol" if spec.observes_symbol else "frame",
            "observation_shape": [] if spec.observes_symbol else list(spec.frame_shape),
            "observation_type": "int64" if spec.observes_symbol else spec.frame_dtype,
            "actions": spec.actions,
            "action_row": None if spec.action_row is None else spec.action_row.to_json(),
            "action_horizon": spec.horizon if spec.horizon > 1 else options.chunk,
            "requests": options.requests,
        }

    def serve(self) -> None:
        """Answer until ``close`` is called, or the main thread is interrupted; then end every connection."""
        try:
            self._server.serve_forever()
        finally:
            self.close()

    def close(self) -> None:
        """End all connections; what is being inferred is not waited for."""
        self._stopping.set()
        self._server.shutdown()

    def _before(self, connection: Any, request: Any) -> Any:
        """Answer the health check, and refuse clients without the key."""
        if request.path == "/healthz":
            return connection.respond(http.HTTPStatus.OK, "OK\n")
        key = self._options.api_key
        given = request.headers.get("Authorization", "")
        if key and not hmac.compare_digest(given.encode(), f"Api-Key {key}".encode()):
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "the API key is missing or wrong\n")
        return None

    def _connection(self, connection: Any) -> None:
        """Answer one client until it goes away."""
        from websockets.exceptions import ConnectionClosed

        if not self._seats.acquire(blocking=False):
            connection.close(_TRY_AGAIN_LATER, f"{MOST_CONNECTIONS} clients are connected")
            return
        try:
            policy = self._policy()
            connection.send(pack(self.metadata))
            before = None
            while not self._stopping.is_set():
                data = connection.recv()
                began = time.monotonic()
                try:
                    request = _Request(self._observation(unpack(data)), policy, began)
                    reply = self._reply(request)
                except Exception as error:  # what the client sent, or the policy made of it: reported once
                    connection.send(_sentence(error))
                    connection.close(_INTERNAL_ERROR, "the error is in the frame before")
                    return
                if reply is None:
                    return
                if before is not None:
                    reply["server_timing"]["prev_total_ms"] = 1e3 * before
                connection.send(pack(reply))
                before = time.monotonic() - began
        except ConnectionClosed:
            pass
        finally:
            self._seats.release()

    def _policy(self) -> Policy:
        if self._options.requests != "independent":
            return self._first
        with self._drawing:
            number, self._made = self._made, self._made + 1
        return self._first if number == 0 else self._make(number)

    def _observation(self, message: Any) -> Any:
        key = self._options.observation_key
        if not isinstance(message, dict) or key not in message:
            held = ", ".join(map(str, message)) if isinstance(message, dict) else type(message).__name__
            raise WireError(f"a request is a map with the observation under '{key}'; this one holds {held[:100]}")
        seen = np.asarray(message[key])
        if self._spec.observes_symbol:
            if seen.shape != () or seen.dtype.kind not in "iu":
                raise WireError(f"policy '{self._spec.name}' observes a symbol, one whole number")
            return int(seen)
        if seen.shape != self._spec.frame_shape or seen.dtype != self._spec.frame_dtype:
            raise WireError(
                f"policy '{self._spec.name}' observes {self._spec.frame_dtype} of shape {self._spec.frame_shape}, not "
                f"{seen.dtype} of shape {seen.shape}"
            )
        return seen

    def _reply(self, request: _Request) -> dict[str, Any] | None:
        """Return the reply to a request; None where the server is closed meanwhile."""
        if self._options.requests == "independent":
            self._infer([request])
        else:
            self._waiting.put(request)
            while not request.done.wait(0.2):
                if self._stopping.is_set():
                    return None
        if isinstance(request.answer, Exception):
            raise request.answer
        timing = {"infer_ms": 1e3 * request.inferred, "queue_ms": 1e3 * request.queued}
        return {"actions": self._chunk(request.answer), "server_timing": timing}

    def _chunk(self, answer: Any) -> NDArray[Any]:
        """Return the actions of an answer, one for each age from 0 on."""
        if (row := self._spec.action_row) is not None:
            chunk = row.checked_chunk(answer)
            return chunk if len(chunk) > 1 else np.repeat(chunk, self._options.chunk, axis=0)
        if np.ndim(answer):  # a policy of one's own that makes chunks
            return np.asarray(answer)
        ages = np.arange(self._options.chunk)
        action, turns = int(answer), self._options.turns
        moves = turns and action > 0
        return (1 + (action - 1 + ages) % turns if moves else np.full(len(ages), action)).astype(np.int64)

    def _infer_in_turn(self) -> None:
        """Answer the requests that wait: the oldest, or all of them together."""
        while not self._stopping.is_set():
            try:
                batch = [self._waiting.get(timeout=0.2)]
            except queue.Empty:
                continue
            while self._options.requests == "batch" and not self._waiting.empty():
                batch.append(self._waiting.get())
            self._infer(batch)

    def _infer(self, batch: list[_Request]) -> None:
        """Answer a batch in one inference, padded to the law."""
        began = time.monotonic()
        policy = batch[0].policy
        try:
            many = getattr(policy, "act_many", None)
            if many is not None and len(batch) > 1:
                answers = many([request.observation for request in batch])
            else:
                answers = [policy.act(request.observation) for request in batch]
        except (Exception, SystemExit) as error:
            answers = [RuntimeError(_sentence(error))] * len(batch)
        if self._draw is not None:
            with self._drawing:
                until = began + self._draw()
            self._stopping.wait(max(0.0, until - time.monotonic()))
        seconds = time.monotonic() - began
        for request, answer in zip(batch, answers, strict=True):
            request.answer, request.queued, request.inferred = answer, began - request.came, seconds
            request.done.set()


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
