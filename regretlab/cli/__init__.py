"""The command line: thin commands that parse, call the library and print. Heavy modules load inside the command in
need.

Exit codes: 0 done, 1 a claim or a run failed, 2 bad input (one line on standard error), 130 interrupted. With
``--json`` standard output holds one JSON object and nothing else; progress goes to standard error.
"""

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


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
    from .commands import app

    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(app(words, exit_on_error=False, print_error=False, result_action="return_value") or 0)
    except CycloptsError as error:
        return _complain(_one_line(str(error)), 2)
    except InputError as error:
        return _complain(_one_line(str(error)), 2)
    except RunError as error:
        return _complain(str(error), 1)
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except BrokenPipeError:  # the reader of our output went away: nothing to complain to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _one_line(message: str) -> str:
    return " ".join(message.split())


def _complain(message: str, code: int) -> int:
    print(f"regretlab: error: {message}", file=sys.stderr)
    return code
