"""The command that looks at the machine: ``doctor``."""

from pathlib import Path

from .options import Json, app
from .output import print_facts, print_json, print_rows, write

__all__ = ["doctor"]

_MARKS = {"good": "good", "limited": "limited", "missing": "MISSING"}


@app.command
def doctor(*, folder: Path = Path("."), json: Json = False) -> int:
    """Look at what this machine offers, and say what to do about what is missing.

    Example: regretlab doctor

    Parameters
    ----------
    folder
        Where records would be written.
    """
    from ..validation.machine import examine

    findings = examine(folder)
    missing = sum(finding.state == "missing" for finding in findings)
    if json:
        print_json(
            {
                "findings": [
                    {"name": f.name, "state": f.state, "found": f.found, "advice": f.advice} for f in findings
                ],
                "missing": missing,
            }
        )
        return 1 if missing else 0
    rows = [[f.name, _MARKS[f.state], f.found] for f in findings]
    print_rows("this machine", ["what", "state", "found"], rows, 2)
    write("\n")
    print_facts("what to do", [(f.name, f.advice) for f in findings if f.advice] or [("nothing", "all is well")])
    return 1 if missing else 0
