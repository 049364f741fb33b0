"""The command line: thin commands that parse, call the library and print. Heavy modules load inside the command in
need.

Exit codes: 0 done, 1 a claim or a run failed, 2 bad input (one line on standard error), 130 interrupted. With
``--json`` standard output holds one JSON object and nothing else (null stands for a figure that does not exist or is
not finite); progress goes to standard error.
"""

import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["application", "main"]


def application() -> Any:
    """Return the Cyclopts application with all commands."""
    from . import (  # noqa: F401 - they register their commands
        compare,
        completion,
        doctor,
        experiment,
        figures,
        learn,
        plan,
        profile,
        record,
        run,
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
    from cyclopts import CycloptsError

    from ..errors import InputError, RunError
    from ..interrupts import terminable
    from .output import plain_console
    from .sentences import say

    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with terminable():
            code = application()(
                words, console=plain_console(), exit_on_error=False, print_error=False, result_action="return_value"
            )
        return int(code or 0)
    except CycloptsError as error:
        return _complain(say(error), 2)
    except InputError as error:
        return _complain(str(error), 2)
    except RunError as error:
        return _complain(str(error), 1)
    except OSError as error:  # a disk that is full, a folder that may not be written
        return _complain(str(error), 1)
    except KeyboardInterrupt:
        return _complain("interrupted", 130)


def _complain(message: str, code: int) -> int:
    print(f"regretlab: error: {' '.join(message.split())}", file=sys.stderr)
    return code
