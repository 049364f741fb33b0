"""Printing: one JSON object for machines, tables for people, progress on standard error.

All output of a command goes through ``write``, so that a reader who goes away early (``regretlab bound ... | head -1``)
is not an error. Text of the user is never read as markup.
"""

import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, cast

__all__ = [
    "listed",
    "plain_console",
    "prepare_streams",
    "print_facts",
    "print_json",
    "print_result",
    "print_rows",
    "printable",
    "reserved_output",
    "show_progress",
    "write",
]

WIDTH_OF_FILES = 200
"""Columns of what is written to a file or into a pipe."""

_reserved: Any = None
"""Where ``write`` writes instead of standard output."""
_SOON = 30.0
"""Seconds after which a line of progress says how long it still takes."""


def printable(text: str) -> str:
    r"""Return text with control characters as escapes: what a foreign file holds must not command the terminal.

    Examples
    --------
    >>> print(printable("\x1b]0;title\x07 max-time ±"))
    \x1b]0;title\x07 max-time ±
    """
    if text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or c.isprintable() or (c.isspace() and ord(c) >= 0xA0) else _escaped(c) for c in text
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def prepare_streams() -> None:
    """Open what the caller closed, and let characters that the terminal's encoding lacks be replaced.

    A process that starts with standard output closed would give its number to the next file it opens.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number, this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115 - stays open
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


@contextmanager
def reserved_output() -> Iterator[None]:
    """Keep standard output for ``write``: what code of the user prints, here or in a process, goes to stderr."""
    global _reserved
    if sys.stdout is not sys.__stdout__:  # a caller has put something in its place
        _reserved, sys.stdout = sys.stdout, sys.stderr
        try:
            yield
        finally:
            sys.stdout, _reserved = _reserved, None
        return
    own = cast(Any, sys.stdout)
    own.flush()
    kept = os.dup(1)
    with open(kept, "w", encoding=own.encoding, errors=own.errors) as _reserved:
        os.dup2(2, 1)
        try:
            yield
        finally:
            own.flush()
            os.dup2(kept, 1)
            _reserved = None


def write(text: str) -> None:
    """Write text to standard output; when its reader is gone, drop it and what follows."""
    stream = _reserved or sys.stdout
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _drop_output()


def print_json(values: Mapping[str, Any]) -> None:
    """Print one JSON object; a number that is not finite is written as null, because JSON has no word for it."""
    write(json.dumps(_finite(values), allow_nan=False) + "\n")


def plain_console() -> Any:
    """Return a Rich console on standard output that changes no text and outlives its reader.

    Into a pipe or a file it writes words alone, and likewise where the environment sets NO_COLOR: neither colours nor
    bold nor italics. Lines are then ``WIDTH_OF_FILES`` long unless the environment sets COLUMNS: names are not cut up.
    """
    from rich.console import Console

    class PlainConsole(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True
            _drop_output()

    colours: Any = None if os.environ.get("NO_COLOR") else "auto"
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else WIDTH_OF_FILES
    return PlainConsole(highlight=False, markup=False, emoji=False, color_system=colours, width=width)


def listed(name: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return facts of which only the first carries the name."""
    return [(name if index == 0 else "", text) for index, text in enumerate(texts)]


def print_facts(title: str, facts: Sequence[tuple[str, str]]) -> None:
    """Print a titled two-column table."""
    from rich.table import Table

    table = Table(title=printable(title), title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(printable(name), printable(value))
    _print(table)


def print_result(result: Any, as_json: bool) -> int:
    """Print a result, as one JSON object or as its title and facts; return the exit code 0."""
    if as_json:
        print_json(result.to_json())
    else:
        print_facts(result.title, result.facts())
    return 0


def print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], foldable: int) -> None:
    """Print a titled table with a header; on a narrow terminal only the column numbered ``foldable`` gives way."""
    from rich import box
    from rich.table import Table

    table = Table(title=printable(title), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    rows = [[printable(cell) for cell in row] for row in rows]
    for index, column in enumerate(columns):
        width = max(len(cell) for cell in [column, *(row[index] for row in rows)])
        if index == foldable:
            table.add_column(column, overflow="fold")
        else:
            table.add_column(column, no_wrap=True, min_width=width)
    for row in rows:
        table.add_row(*row)
    _print(table)


def _print(table: Any) -> None:
    console = plain_console()
    with console.capture() as captured:
        console.print(table)
    write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _drop_output() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, (_reserved or sys.stdout).fileno())
    os.close(nowhere)


def _told_in_lines() -> Callable[..., None]:
    """Return what writes a line for every tenth of the way; the time left is reckoned from what was seen being done."""
    last: tuple[str, int] | None = None
    began, first = 0.0, 0

    def tell(done: int, total: int, what: str, note: str = "") -> None:
        nonlocal last, began, first
        share = 10 * int(10 * done / total) if total else 0
        if last is None or last[0] != what:
            began, first = monotonic(), done
        if (what, share) == last:
            return
        last = (what, share)
        said, spent = [f"{share} %"], monotonic() - began
        if done > first and note:
            said.append(note)
        if done > first and spent >= _SOON:
            left = round(spent * (total - done) / (done - first))
            said.append(f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02} left")
        print(printable(f"{what} ({', '.join(said)})"), file=sys.stderr, flush=True)

    return tell


@contextmanager
def show_progress() -> Iterator[Callable[..., None]]:
    """Yield a function (done, total, what, note="") that draws a bar on standard error, or writes lines if that is no
    terminal.

    Lines are written for every tenth of the way, with the note and, after half a minute, with the time that is left.
    """
    if not sys.stderr.isatty():
        yield _told_in_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    colours: Any = None if os.environ.get("NO_COLOR") else "auto"
    with Progress(*columns, console=Console(stderr=True, color_system=colours), transient=True) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda done, total, what, note="": progress.update(
            task, description=printable(f"{what} {note}".strip()), completed=done, total=total
        )
