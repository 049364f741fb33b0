"""Reaching a Ray cluster: one that is there, or one of this machine's own. Ray is imported only when asked for."""

import os
import socket
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from .errors import InputError
from .needs import need
from .reaper import reaped

__all__ = ["AUTHENTICATION", "OWN", "check_cluster", "open_cluster"]

_EXPOSED = "regretlab: note: Ray listens on all network addresses here; it admits only processes with this user's token"
_REMOTE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # 0: a cluster of one machine, on its loopback interface; also on Linux
OWN = (None, "local")
"""Addresses that stand for a cluster of this machine's own."""

AUTHENTICATION = "RAY_AUTH_MODE"
"""Environment variable with which a process says that it has a token. Ray sets it in a process that starts a cluster;
another one that connects to that cluster by its address must be given it."""


def check_cluster(address: str | None, what: str) -> None:
    """Raise ``InputError`` if Ray is not installed, or no server answers at HOST:PORT (Ray would wait for minutes).

    Parameters
    ----------
    address
        HOST:PORT, "auto", "local", "ray://..." or None.
    what
        What needs it, for the message: "engine 'ray'".
    """
    need("ray", what)
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
def open_cluster(address: str | None, *, patience: float = 0.0, own: bool = False) -> Iterator[Any]:
    """Yield the ``ray`` module, connected; what was started or connected here is ended with the body.

    Parameters
    ----------
    address
        Of the cluster; None for one of this machine's own, whose services listen on the loopback interface only and
        admit only processes with the token that Ray keeps for this user.
    patience
        Seconds to go on trying: a busy cluster does not always answer the first time.
    own
        Whether the address is that of a cluster which another process has opened for itself, on the loopback interface.

    Raises
    ------
    InputError
        If there is no cluster at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    started = not ray.is_initialized()
    variables = {name: os.environ.get(name) for name in (AUTHENTICATION, _REMOTE)}
    with reaped() if started and address in OWN else nullcontext():
        try:
            if started:
                _persist(ray, address, patience, own or address in OWN)
            yield ray
        finally:
            if started:
                ray.shutdown()
                _restore(variables)


def _restore(variables: dict[str, str | None]) -> None:
    """Undo what starting a cluster set: the processes of later runs may join another cluster, without tokens.

    This process itself cannot join one without tokens: Ray keeps the mode that it read first.
    """
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _persist(ray: Any, address: str | None, patience: float, own: bool) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            return _connect(ray, address, own)
        except (ConnectionError, ValueError, RuntimeError) as error:
            if time.monotonic() > until:
                reason = str(error.__cause__ or error).strip().splitlines()[0]
                raise InputError(f"no Ray cluster at '{address}': {reason}") from None
            time.sleep(0.5)


def _connect(ray: Any, address: str | None, own: bool) -> None:
    settings: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    if address in OWN:
        address = "local"  # None would join any cluster that happens to run on this machine
        os.environ.setdefault("RAY_worker_niceness", "0")  # its own default, 15, gives way to everything
        settings["include_dashboard"] = False
        settings["_node_ip_address"] = "127.0.0.1"
        os.environ[_REMOTE] = "0"
    constants = ray._private.ray_constants
    remote = constants.ENABLE_RAY_CLUSTER  # what the variable was when Ray was imported
    constants.ENABLE_RAY_CLUSTER = remote and not own  # else Ray would replace 127.0.0.1 by another address
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(address=address, **settings)
    finally:
        constants.ENABLE_RAY_CLUSTER = remote
    if address == "local" and any(node["NodeManagerAddress"] != "127.0.0.1" for node in ray.nodes()):
        print(_EXPOSED, file=sys.stderr, flush=True)
