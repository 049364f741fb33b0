"""The command line: thin commands that parse, call the library and print. Heavy modules load inside the command in
need.

Exit codes: 0 done, 1 a claim or a run failed, 2 bad input (one line on standard error), 130 interrupted. With
``--json`` standard output holds one JSON object and nothing else (null stands for a figure that does not exist or is
not finite); progress goes to standard error. ``--debug``, which every command takes, prints the traceback before the
one-line message.
"""

import errno
import gc
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

from ..errors import InputError
from ..reaper import ended

__all__ = ["application", "main"]

_COLLECTED_AFTER = 100_000
"""New objects between two searches for garbage: most of those made while modules load stay, and Python's own number
makes the searches a tenth of a short command."""


def application() -> Any:
    """Return the Cyclopts application with all commands."""
    from . import (  # noqa: F401 - they register their commands
        compare,
        completion,
        delay_curve,
        distil,
        doctor,
        experiment,
        explore,
        figures,
        learn,
        plan,
        profile,
        record,
        referee,
        run,
        serve,
        solve,
        stochasticity,
        sweep,
        theory,
        validate,
    )
    from .options import app

    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments
        The words after ``regretlab``; those of the process by default.

    Returns
    -------
    int
        The exit code.
    """
    if arguments is None:  # a process of its own
        gc.set_threshold(_COLLECTED_AFTER)
    from cyclopts import CycloptsError

    from ..errors import RunError
    from ..interrupts import terminable
    from .output import plain_console, prepare_streams, printable, reserved_output, write
    from .sentences import say

    prepare_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if debug := "--debug" in words:
        words.remove("--debug")

    def complain(message: str, code: int) -> int:
        if debug:
            traceback.print_exc()
        print(f"regretlab: error: {printable(' '.join(message.split()))}", file=sys.stderr)
        return code

    lasting = arguments is not None or words[:1] == ["explore"]  # which opens the user's browser
    try:
        _refuse_empty_paths(words)
        output = reserved_output() if "--json" in words else nullcontext()
        with terminable(last=arguments is None), output, nullcontext() if lasting else ended():
            code = application()(
                words, console=plain_console(), exit_on_error=False, print_error=False, result_action="return_value"
            )
        write("")  # what a library left in the buffer; its reader may be gone
        return int(code or 0)
    except CycloptsError as error:
        return complain(say(error), 2)
    except InputError as error:
        return complain(str(error), 2)
    except RunError as error:
        return complain(str(error), 1)
    except MemoryError as error:
        return complain(f"there is not enough memory for this: {error}".rstrip(": "), 2)
    except OSError as error:  # a disk that is full, a folder that may not be written
        return complain(_of_system(error), 2 if error.errno in _BAD_NAMES else 1)
    except KeyboardInterrupt:
        return complain("interrupted", 130)


_BAD_NAMES = (errno.ENAMETOOLONG, errno.ELOOP)
_PATHS = (
    *("--out", "--record", "--gif", "--loss", "--figure", "--folder"),
    *("--weights", "--rom", "--memory-map", "--state", "--resume"),
)


def _refuse_empty_paths(words: Sequence[str]) -> None:
    """Raise ``InputError`` for an empty path, which Python would take for the current folder."""
    for word, value in pairwise([*words, "-"]):
        name, equals, attached = word.partition("=")
        if name in _PATHS and (attached if equals else value) == "":
            raise InputError(f"{name} is empty: give a path")


def _of_system(error: OSError) -> str:
    """Return what the operating system refused, and the name, shortened where it is long."""
    name = str(error.filename or "")
    shown = name if len(name) <= 100 else f"{name[:97]}..."
    return f"'{shown}': {error.strerror}" if name and error.strerror else str(error)
