"""Requests to end: once, and never in the middle of a step."""

import signal
import threading

import pytest

from regretlab.interrupts import deferred, terminable, uninterrupted


@pytest.fixture(autouse=True)
def default_interrupts():
    """As in a process that nohup or a script did not start with signals ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_waits_until_the_step_has_ended(number):
    done = []

    def work():
        with terminable():
            with deferred():
                signal.raise_signal(number)
                done.append("step")
            done.append("next step")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["step"]


def test_requests_during_one_step_are_one_request():
    def work():
        with terminable(), deferred():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        work()


def test_what_is_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reached = []
    with terminable(), deferred():
        signal.raise_signal(signal.SIGINT)
        reached.append("step")
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    with uninterrupted(), deferred():
        signal.raise_signal(signal.SIGTERM)
        reached.append("end")
    assert reached == ["step", "end"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_outside_the_main_thread_nothing_is_changed():
    seen = []

    def step():
        with deferred():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=step)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
