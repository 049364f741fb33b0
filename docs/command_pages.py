"""Writes reference/commands.md: the help of every command and option, as the program itself prints it."""

import re
from pathlib import Path

from regretlab.cli import application

__all__ = ["command_text", "write_command_page"]

HEAD = """# All commands and options

What `regretlab COMMAND --help` says, taken from the program when this page was built. The keys of the JSON that each
command prints, exit codes and the forms of laws are in [Command line](../command-line.md).

"""
_OPTION = re.compile(r"^(\* `[^`]*`:? ?)(.*?)((?: \*\*\[required\]\*\*)?(?: \*\[[^]]*\]\*)*)$", flags=re.MULTILINE)


def command_text() -> str:
    """Return the page: a section a command, with its worked example as a block to copy."""
    text = application().generate_docs(output_format="markdown")
    text = text[text.index("\n## regretlab ") + 1 :]  # what comes before is a table of contents, which the page has
    text = re.sub(r"^(##+) (regretlab .*)$", r"\1 `\2`", text, flags=re.MULTILINE)
    text = re.sub(r"^(regretlab .*?) -m \S+", r"\1", text, flags=re.MULTILINE)  # how Sphinx itself was called
    text = re.sub(r"^Example: (regretlab .*)$", r"```console\n$ \1\n```", text, flags=re.MULTILINE)
    text = re.sub(r"^(?!\$ |\* |#|```|\*\*).*$", lambda found: found[0].replace("$", r"\$"), text, flags=re.MULTILINE)
    text = _OPTION.sub(lambda found: found[1] + _plain(found[2]) + found[3], text)
    return HEAD + _in_order(text)


def write_command_page(path: Path) -> None:
    """Write the page, and only if it changed."""
    text = command_text()
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def _plain(text: str) -> str:
    """Return text in which a*m**b is not emphasis and <words> are not HTML."""
    return re.sub(r"([*_<>$])", r"\\\1", text)


def _in_order(text: str) -> str:
    """Return the sections of commands by name, as --help lists them."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    return "".join(part.rstrip() + "\n\n" for part in sorted(parts) if part.strip())
