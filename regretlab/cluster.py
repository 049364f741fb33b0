"""Reaching a Ray cluster: one that is there, or one of this machine's own. Ray is imported only when asked for."""

import importlib.util
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import InputError

__all__ = ["check_cluster", "open_cluster"]


def check_cluster(address: str | None, what: str) -> None:
    """Raise ``InputError`` if Ray is not installed, or nobody answers at HOST:PORT (Ray would wait for minutes).

    Parameters
    ----------
    address
        HOST:PORT, "auto", "local", "ray://..." or None.
    what
        What needs it, for the message: "engine 'ray'".
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError(f"{what} needs Ray: install regretlab[ray]")
    if address is None:
        return
    host, colon, port = address.rpartition(":")
    if not colon or "/" in address:
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError, OverflowError):
        raise InputError(f"no Ray cluster at '{address}'") from None


@contextmanager
def open_cluster(address: str | None) -> Iterator[Any]:
    """Yield the ``ray`` module, connected; what was started or connected here is ended with the body.

    Parameters
    ----------
    address
        Of the cluster; None for one of this machine's own. (Ray's services listen on all of its network addresses; they
        let in only who has the token that Ray keeps for this user.)

    Raises
    ------
    InputError
        If there is no cluster at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    started = not ray.is_initialized()
    if started:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                settings: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
                if address is None:
                    os.environ.setdefault("RAY_worker_niceness", "0")  # its own default, 15, gives way to everything
                    settings["include_dashboard"] = False
                    settings["_node_ip_address"] = "127.0.0.1"
                ray.init(address=address, **settings)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(f"no Ray cluster at '{address}': {str(error).splitlines()[0]}") from None
    try:
        yield ray
    finally:
        if started:
            ray.shutdown()
