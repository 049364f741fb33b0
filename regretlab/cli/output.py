"""Printing: one JSON object for machines, tables for people, progress on standard error."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["print_facts", "print_json", "print_rows", "show_progress"]


def print_json(values: Mapping[str, Any]) -> None:
    """Print a JSON object on standard output; a figure that is not finite would be a fault of ours and raises."""
    print(json.dumps(values, allow_nan=False))


def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False)


def print_facts(title: str, facts: Sequence[tuple[str, str]]) -> None:
    """Print a titled two-column table."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, value in facts:
        table.add_row(name, value)
    _console().print(table)


def print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], foldable: int) -> None:
    """Print a titled table with a header; on a narrow terminal only the column numbered ``foldable`` gives way."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        width = max(len(cell) for cell in [column, *(row[index] for row in rows)])
        if index == foldable:
            table.add_column(column, overflow="fold")
        else:
            table.add_column(column, no_wrap=True, min_width=width)
    for row in rows:
        table.add_row(*row)
    _console().print(table)


@contextmanager
def show_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function (what, done, total) that draws a bar on standard error, or lines if that is no terminal."""
    if not sys.stderr.isatty():
        told: list[str] = []

        def tell(what: str, done: int, total: int) -> None:
            share = 10 * int(10 * done / total) if total else 0
            line = f"{what} ({share} %)"
            if line not in told[-1:]:
                told.append(line)
                print(line, file=sys.stderr, flush=True)

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)
