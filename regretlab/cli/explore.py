"""The command that opens a scenario or a record in a browser: ``explore``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .options import Flag, Json, Whole, app
from .output import print_json, write

__all__ = ["explore"]


@app.command
def explore(
    record: Path | None = None,
    *,
    port: Whole = 0,
    opens: Annotated[bool, Parameter(name="--open", negative="--no-open")] = True,
    trust: Flag = False,
    json: Json = False,
) -> int:
    """Open a page on this computer: what a scenario costs, while its sliders move; or a record, frame by frame.

    Example: regretlab explore --no-open --port 5006

    Parameters
    ----------
    record
        Folder of a record, finished or still written; without one, the page of a scenario.
    port
        Port of the loopback interface; 0 takes one that is free.
    opens
        Open the page in the browser.
    trust
        Open the ROM and other files, and import the environment's module, that the record names.
    """
    from ..explore.server import serve

    def ready(address: str) -> None:
        if json:
            print_json({"address": address})
        else:
            write(f"{address} (Ctrl-C ends it)\n")

    serve(record, port=port, opens=opens, trust=trust, ready=ready)
    return 0
