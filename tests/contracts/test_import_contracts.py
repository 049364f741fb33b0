"""Contract: who may import whom (the arrows are in ``pyproject.toml``)."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_import_contracts_hold():
    program = Path(sys.executable).with_name("lint-imports")
    command = str(program) if program.exists() else shutil.which("lint-imports")
    if command is None:
        pytest.skip("import-linter is not installed")
    done = subprocess.run([command], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_package_loads_nothing(program):
    done = program("import sys, regretlab; print(sorted({'numpy', 'scipy', 'numba', 'torch'} & set(sys.modules)))")
    assert (done.code, done.out.strip()) == (0, "[]"), done.err
