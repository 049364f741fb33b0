"""Contract: help is quick, because nothing heavy is imported for it (modules are counted, no timer is trusted)."""

import re

import pytest

from regretlab import __version__

from .commands import commands, options_of

HEAVY = {
    "gymnasium",
    "joblib",
    "matplotlib",
    "numba",
    "numpy",
    "pandas",
    "pyarrow",
    "pyboy",
    "pydantic",
    "scipy",
    "sympy",
    "torch",
    "xarray",
}
COMMANDS = list(commands())


@pytest.mark.parametrize(
    "words", [[], ["--help"], ["--version"], ["bund"], *([*command, "--help"] for command in COMMANDS)], ids=str
)
@pytest.mark.one_in(5)
def test_nothing_heavy_is_loaded(words, program):
    done = program(
        "import sys\nfrom regretlab.cli import main\n"
        f"main({words!r})\n"
        f"print('LOADED', sorted({HEAVY!r} & set(sys.modules)))"
    )
    assert done.code == 0, done.err
    assert done.out.strip().endswith("LOADED []")


def test_the_version(answer):
    assert (answer("--version").code, answer("--version").out) == (0, f"{__version__}\n")


def test_help_names_every_command(answer):
    shown = answer("--help").out
    for command in COMMANDS:
        assert f" {command[0]} " in shown


def test_help_of_a_group_names_its_commands(answer):
    groups = {words[0] for words in COMMANDS if len(words) > 1}
    assert groups == {"experiment", "record"}
    for group in groups:
        shown = answer(group, "--help").out
        for words in COMMANDS:
            assert words[0] != group or f" {words[1]} " in shown


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_speaks_json(command):
    assert "--json" in options_of(command)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_explains_every_option(command, answer, monkeypatch):
    monkeypatch.setenv("COLUMNS", "600")  # one line an option
    shown = answer(*command, "--help").out
    options = options_of(command)
    assert len(options) >= 2
    for option in options:
        line = next(line for line in shown.splitlines() if line[:1] == "│" and option in line.split())
        explanation = re.sub(r"\[.*?\]", "", line.split(option, 1)[1]).strip("│ ")
        assert len(explanation.split()) > 3, line
