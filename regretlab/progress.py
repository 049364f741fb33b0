"""How long work reports how far it is: one signature for every function that takes ``progress``."""

from collections.abc import Callable

__all__ = ["Progress", "silent"]

Progress = Callable[[int, int, str], None]
"""Called with how much is done, how much there is in all, and what is being done."""


def silent(done: int, total: int, what: str) -> None:
    """Report nothing."""
