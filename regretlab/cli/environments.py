"""How commands name environments."""

from typing import Any

__all__ = ["environment_id", "environment_options"]


def environment_id(name: str) -> str:
    """Return the Gymnasium id of a short name; other names are ids already."""
    from ..games import environment_id as known

    return known(name)


def environment_options(**options: Any) -> dict[str, Any]:
    """Return the options that were given, for the environment to check."""
    return {name: value for name, value in options.items() if value is not None}
