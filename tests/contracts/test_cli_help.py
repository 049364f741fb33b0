"""Contract: help is quick, because nothing heavy is imported for it (modules are counted, no timer is trusted)."""

import re

import pytest

from regretlab import __version__
from regretlab.cli import application

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
COMMANDS = (
    *("bound", "completion", "doctor", "figures", "learn", "plan", "profile"),
    *("run", "simulate", "solve", "stochasticity", "sweep", "validate"),
)


@pytest.mark.parametrize(
    "words", [[], ["--help"], ["--version"], ["bund"], *([command, "--help"] for command in COMMANDS)], ids=str
)
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
        assert f" {command} " in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_every_option(command, answer, monkeypatch):
    monkeypatch.setenv("COLUMNS", "600")  # one line an option
    shown = answer(command, "--help").out
    options = [
        argument.name for argument in application()[command].assemble_argument_collection() if argument.name[:2] == "--"
    ]
    assert len(options) >= 2
    for option in options:
        line = next(line for line in shown.splitlines() if line[:1] == "│" and option in line.split())
        explanation = re.sub(r"\[.*?\]", "", line.split(option, 1)[1]).strip("│ ")
        assert len(explanation.split()) > 3, line
