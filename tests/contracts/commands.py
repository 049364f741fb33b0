"""The tree of commands, and the command lines that documentation and help texts hold."""

import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from regretlab.cli import application

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "regretlab").rglob("*.md"),
    ]
    if not {"_build", "reference"} & set(page.parts)  # built, and written by the build
)

JOBS = [ROOT / "docs" / "how-to" / f"{job}.md" for job in (
    "workers", "robot", "language-model", "networks", "loaded-laptop", "paper"
)]  # fmt: skip
"""Pages that are followed from an empty directory, one command after the other."""


def commands() -> Iterator[tuple[str, ...]]:
    """Yield the words that name each command: ("bound",), ("record", "info"), ..."""

    def below(app, words):
        for name in sorted(name for name in app if not name.startswith("-")):
            if any(not sub.startswith("-") for sub in app[name]):
                yield from below(app[name], (*words, name))
            else:
                yield (*words, name)

    yield from below(application(), ())


def options_of(words: tuple[str, ...]) -> list[str]:
    """Return the names of a command's options, --like-this."""
    arguments = _app(words).assemble_argument_collection()
    return [name for argument in arguments for name in argument.names if name.startswith("--")]


def _app(words):
    app = application()
    for word in words:
        app = app[word]
    return app


def example_of(words: tuple[str, ...]) -> list[str]:
    """Return the words of a command's worked example, those after ``regretlab``."""
    text = inspect.getdoc(_app(words).default_command) or ""
    (line,) = re.findall(r"^Example: regretlab (.*)$", text, flags=re.MULTILINE)
    return shlex.split(line)


def parse(words: list[str]) -> None:
    """Bind the words to their command; raises what the command line would refuse."""
    application().parse_args(words, exit_on_error=False, print_error=False)


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Return the fenced blocks of a page: fence, what follows it (the language or directive), and the text inside."""
    found, lines = [], page.read_text().splitlines()
    index = 0
    while index < len(lines):
        opened = re.match(r"^(`{3,}|:{3,})(.*)$", lines[index])
        if opened is None or not opened.group(2).strip():
            index += 1
            continue
        fence, kind = opened.group(1), opened.group(2).strip()
        if fence[0] == ":":  # holds Markdown: what is inside is looked at on its own
            found.append((fence, kind, ""))
            index += 1
            continue
        end = next(line for line in range(index + 1, len(lines)) if lines[line].rstrip() == fence)
        found.append((fence, kind, "\n".join(lines[index + 1 : end]) + "\n"))
        index = end + 1
    return found


def console_commands(text: str) -> list[tuple[str, str]]:
    """Return the command lines of a console block, each with the output below it."""
    found: list[list[str]] = []
    text = text.replace("\\\n", " ")
    prompted = any(line.startswith("$ ") for line in text.splitlines())
    for line in text.splitlines():
        if line.startswith("$ ") or (not prompted and line.strip()):
            found.append([line.removeprefix("$ ").split("  #")[0].strip(), ""])
        elif found:
            found[-1][1] += line + "\n"
    return [(command, output) for command, output in found]
