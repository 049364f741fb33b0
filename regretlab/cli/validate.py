"""The command that holds runs against the theory: ``validate``."""

from pathlib import Path
from typing import Literal

from .options import Flag, Json, app
from .output import print_json, print_rows, printable, show_progress, write

__all__ = ["validate"]


@app.command
def validate(
    *,
    out: Path,
    quick: Flag = False,
    clock: Literal["real", "virtual"] | None = None,
    claims: str = "",
    json: Json = False,
) -> int:
    """Play the cartridge, compare every run with the theory, and write a report.

    Example: regretlab validate --quick --out validation

    Parameters
    ----------
    out
        Folder for the records and report.html; a validation that was interrupted there is continued.
    quick
        Shorter runs: under four minutes on two cores, with over a minute of realtime play.
    clock
        Only the runs on this clock.
    claims
        Only these claims: names, or beginnings of names, separated by commas.
    """
    from ..validation.suite import validate as play

    names = _claim_names(claims)
    with show_progress() as tell:
        result = play(out, quick=quick, clock=clock, claims=names, progress=tell)
    if json:
        print_json(result.to_json())
    else:
        rows = [
            (
                claim.verdict,
                claim.name,
                f"{claim.predicted:.5g}",
                f"{claim.measured:.5g}",
                f"{claim.interval[1] - claim.measured:.2g}",
                f"{claim.tolerance:.2g}",
                "" if claim.rival_predicted is None else f"{claim.rival_predicted:.5g}",
                claim.source,
            )
            for claim in result.claims
        ]
        print_rows(
            f"{sum(claim.passed for claim in result.claims)} of {len(rows)} claims hold",
            ("verdict", "claim", "predicted", "measured", "± 99 %", "within", "not", "clock"),
            rows,
            foldable=1,
        )
        write("".join(f"busy machine: {printable(str(run))}\n" for run in result.busy))
        write(f"report: {printable(str(result.report))}\n")
    return 0 if result.passed else 1


def _claim_names(text: str) -> tuple[str, ...]:
    """Split at commas outside brackets: claim names such as delay-regret[p=0.95,d=5] hold commas."""
    names, depth, current = [], 0, ""
    for character in text:
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            names.append(current)
            current = ""
        else:
            current += character
    return tuple(name.strip() for name in [*names, current] if name.strip())
