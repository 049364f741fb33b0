"""Other programs on this machine: processes that compute without a pause, some or in changing number."""

import contextlib
import itertools
import multiprocessing
import threading

__all__ = ["busy_processes", "changing_load"]


def _busy():
    while True:
        sum(range(10_000))


@contextlib.contextmanager
def busy_processes(number):
    """Let that many processes compute without a pause during the body."""
    processes = [multiprocessing.get_context("spawn").Process(target=_busy, daemon=True) for _ in range(number)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()
            process.close()


@contextlib.contextmanager
def changing_load(numbers=(0, 1, 2, 0, 3, 1), *, seconds=20.0):
    """Let so many processes compute during the body, each number for ``seconds`` and over again."""
    ended = threading.Event()

    def change():
        for number in itertools.cycle(numbers):
            with busy_processes(number):
                if ended.wait(seconds):
                    return

    thread = threading.Thread(target=change, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
