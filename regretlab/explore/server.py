"""Serving the explorer's pages on the loopback interface, to a browser on this computer."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..needs import need

__all__ = ["serve"]

_HOST = "127.0.0.1"
_NICENESS = 15


def serve(
    record: Path | None = None,
    *,
    port: int = 0,
    opens: bool = True,
    trust: bool = False,
    ready: Callable[[str], None],
) -> None:
    """Serve the page of a scenario, or of a record, until the process is interrupted.

    Parameters
    ----------
    record
        Folder of a record, finished or still written; None for the page of a scenario.
    port
        Of the loopback interface; 0: one that is free.
    opens
        Open the page in the user's browser.
    trust
        Open the files and import the code that the record names.
    ready
        Called with the address when the page is served.

    Raises
    ------
    MissingPackageError
        Without the extra ``explore``.
    InputError
        For a port that is taken, or a folder without a record.
    """
    need("explore", "the explorer")
    import panel as pn

    if not 0 <= port <= 65535:
        raise InputError(f"port must lie between 0 and 65535, not {port}")
    chosen = _free_port(port)
    if record is None:
        from .scenario_page import ScenarioPage

        def page() -> Any:
            return ScenarioPage(_query(pn)).view()
    else:
        from .record_page import RecordPage

        if not RecordPage(record).record.meta.get("complete", False):  # raises for a folder without a record
            os.nice(_NICENESS)  # so that drawing gives way to the run that is still writing

        def page() -> Any:
            return RecordPage(record, trust=trust).view()

    address = f"http://{_HOST}:{chosen}/"
    server = pn.serve(
        {"/": page},
        title="regretlab explore",
        port=chosen,
        address=_HOST,
        websocket_origin=[f"{_HOST}:{chosen}", f"localhost:{chosen}"],
        show=opens,
        start=False,
        verbose=False,
        threaded=False,
    )
    server.start()
    ready(address)
    try:
        server.io_loop.start()
    finally:
        server.stop()
    raise KeyboardInterrupt  # Panel ends the loop on Ctrl-C, and nothing else does


def _query(pn: Any) -> dict[str, str]:
    """Return the names and values after the question mark of the address that a browser asked for."""
    return {name: values[0].decode() for name, values in pn.state.session_args.items() if values}


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise InputError(f"port {port} of {_HOST} cannot be used: {error.strerror}") from None
        return int(probe.getsockname()[1])
