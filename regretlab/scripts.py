"""Child processes that do not run the caller's script again.

``multiprocessing`` imports the main module of the parent in each child, so that functions of a script can be the
target of a process. Every target of this package lies in a module of its own; with this import a script without
``if __name__ == "__main__"`` would be executed once per process, side effects included.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import spawn
from typing import Any

__all__ = ["main_left_alone"]

_lock = threading.RLock()


@contextmanager
def main_left_alone() -> Iterator[None]:
    """Let processes that are started in the body (by fork server or spawn) not import this process's main module."""
    with _lock:
        complete = spawn.get_preparation_data

        def without_main(name: str) -> dict[str, Any]:
            data: dict[str, Any] = complete(name)
            return {key: value for key, value in data.items() if not key.startswith("init_main")}

        spawn.get_preparation_data = without_main
        try:
            yield
        finally:
            spawn.get_preparation_data = complete
