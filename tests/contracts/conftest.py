"""The command line inside this process, and whole programs in their own."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from regretlab.cli import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """What a command said: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def answer(capsys) -> Callable[..., Answer]:
    """Return a function that runs ``regretlab`` with the given words in this process."""

    def run(*words: str) -> Answer:
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def program() -> Callable[[str], Answer]:
    """Return a function that runs Python source in a fresh interpreter at the root of the checkout."""

    def run(source: str) -> Answer:
        done = subprocess.run(
            [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run
