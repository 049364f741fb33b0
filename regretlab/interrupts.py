"""Signals: a request to end acts as a keyboard interrupt, so that the process tidies up first, and only once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["deferred", "terminable", "uninterrupted"]

_ASKING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def terminable(*, last: bool = False) -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into ``KeyboardInterrupt`` for the body, where this thread may.

    A SIGHUP that is ignored (``nohup``) stays ignored. Afterwards the handlers are what they were; but if the body is
    the ``last`` thing that this process does, an interrupted one ignores further requests until it has ended.
    """

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    heard = [number for number in _ASKING if signal.getsignal(number) is not signal.SIG_IGN]
    with _handled(dict.fromkeys(heard, interrupt)) as afterwards:
        try:
            yield
        except KeyboardInterrupt:
            if last:
                afterwards.update(dict.fromkeys((signal.SIGINT, *_ASKING), signal.SIG_IGN))
            raise


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore further requests to end during the body, which closes what an interrupted run has open."""
    with _handled(dict.fromkeys((signal.SIGINT, *_ASKING), signal.SIG_IGN)):
        yield


@contextmanager
def deferred() -> Iterator[None]:
    """Let a request to end that comes during the body wait until the body has ended.

    For steps that must not be torn apart, such as taking rows out of shared memory and writing them. The request then
    reaches the handler that was set before. Costs a few microseconds.
    """
    waiting: list[int] = []

    def remember(number: int, frame: object) -> None:
        waiting.append(number)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *_ASKING)}
    heard = [number for number, handler in handlers.items() if callable(handler)]
    with _handled(dict.fromkeys(heard, remember)):
        yield
    if waiting:
        signal.raise_signal(waiting[0])


@contextmanager
def _handled(handlers: dict[signal.Signals, Any]) -> Iterator[dict[signal.Signals, Any]]:
    """Set handlers for the body; yield those that are set after it."""
    if threading.current_thread() is not threading.main_thread():
        yield {}
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield before
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
