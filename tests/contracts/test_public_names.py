"""Contract: the public names, which are those of the front door; every other module is internal.

Regenerate the list with ``python -m tests.contracts.test_public_names``.
"""

import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import regretlab

LIST = Path(__file__).with_name("public_names.json")
HEAVY = ("gymnasium", "matplotlib", "numba", "numpy", "pandas", "pyboy", "pydantic", "scipy", "sympy", "torch")


def test_public_names_change_only_on_purpose():
    assert sorted(regretlab.__all__) == json.loads(LIST.read_text())


@pytest.mark.parametrize("name", regretlab.__all__)
def test_every_public_name_is_there(name):
    assert getattr(regretlab, name) is not None
    assert name in dir(regretlab)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'regretlab' has no attribute 'bounds'"):
        regretlab.bounds  # noqa: B018 - the access is what is tested


def test_the_names_are_few():
    assert len(regretlab.__all__) <= 34


def test_importing_the_package_imports_nothing_heavy():
    """In a fresh interpreter: modules are counted, no timer is trusted."""
    program = (
        "import sys; before = set(sys.modules); import regretlab\n"
        "assert regretlab.Scenario, regretlab.InputError\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), len(set(sys.modules) - before) < 100)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=900)
    assert said.stdout.strip() == "[] True"


@pytest.mark.parametrize("package", ["planning", "play", "rules", "simulation", "sweeps", "theory", "validation"])
def test_no_name_of_a_package_shadows_a_module(package):
    """``planning.plan`` is the function; a module of that name would be hidden behind it."""
    found = importlib.import_module(f"regretlab.{package}")
    modules = {each.name for each in pkgutil.iter_modules(found.__path__)}
    assert not modules & set(getattr(found, "__all__", ()))


def test_no_public_name_shadows_a_module():
    assert not {each.name for each in pkgutil.iter_modules(regretlab.__path__)} & set(regretlab.__all__)


if __name__ == "__main__":
    LIST.write_text(json.dumps(sorted(regretlab.__all__), indent=1) + "\n")
