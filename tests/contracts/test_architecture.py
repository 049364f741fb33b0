"""Who may import whom, what loads without the heavy packages, and which names are public."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PUBLIC_NAMES = Path(__file__).with_name("public_names.json")


def test_the_import_contracts_hold():
    program = Path(sys.executable).with_name("lint-imports")
    command = str(program) if program.exists() else shutil.which("lint-imports")
    if command is None:
        pytest.skip("import-linter is not installed")
    done = subprocess.run([command], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


def test_the_theory_runs_without_torch_pyboy_and_gymnasium():
    program = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "pyboy", "gymnasium"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Refuse())
from regretlab.cli import main
code = main(["bound", "--inference-time", "expon(scale=0.04)", "--mode-probability", "0.9", "--rule", "sequential"])
import regretlab.staggering.finite_pools, regretlab.records, regretlab.bounds.symbolic
sys.exit(code)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_importing_the_package_loads_nothing():
    program = "import sys, regretlab; print(sorted({'numpy', 'scipy', 'numba', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def public_names():
    """Return ``__all__`` of every public module."""
    names = {}
    for path in sorted((ROOT / "regretlab").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if any(part.startswith("_") and part != "__init__" for part in parts):
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                names[".".join(parts).removesuffix(".__init__")] = sorted(ast.literal_eval(node.value))
    return names


def test_public_names_change_only_on_purpose():
    """Regenerate with ``python -m tests.contracts.test_architecture``."""
    assert public_names() == json.loads(PUBLIC_NAMES.read_text())


if __name__ == "__main__":
    PUBLIC_NAMES.write_text(json.dumps(public_names(), indent=1, sort_keys=True) + "\n")
