"""Contract: the ground floor and the theory run where torch, PyBoy and Gymnasium are not installed."""

import pkgutil
from pathlib import Path

import pytest

ROOMS = ("laws", "mdp", "staggering", "records", "results", "bounds", "planning", "simulation")
PACKAGE = Path(__file__).parents[2] / "regretlab"
BLOCK = """
import importlib, pkgutil, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "pyboy", "gymnasium"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
"""
IMPORT_ALL = """
room = importlib.import_module("regretlab.{room}")
for module in pkgutil.walk_packages(getattr(room, "__path__", []), room.__name__ + "."):
    importlib.import_module(module.name)
"""
PRESENT = [room for room in ROOMS if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").exists()]


def test_the_rooms_are_where_this_test_looks():
    assert {"laws", "mdp", "staggering", "records", "results", "bounds", "simulation"} <= set(PRESENT)
    assert {module.name for module in pkgutil.iter_modules([str(PACKAGE)])} >= set(PRESENT)


def test_the_block_works(program):
    assert "torch is blocked" in program(BLOCK + "import torch").err


@pytest.mark.parametrize("room", PRESENT)
def test_every_module_of_the_room_imports(room, program):
    done = program(BLOCK + IMPORT_ALL.format(room=room))
    assert done.code == 0, done.err


BOUND = ["bound", "--inference-time", "expon(scale=0.04)", "--mode-probability", "0.9", "--rule", "sequential"]


SIMULATE = ["simulate", *BOUND[1:], "--frames", "2000", "--replications", "1"]
PLAN = ["plan", *BOUND[1:5]]
SOLVE = ["solve", "--mdp", "ring(p=0.9)", "--delay", "2"]


@pytest.mark.parametrize("words", [BOUND, [*BOUND, "--json"], PLAN, SIMULATE, SOLVE], ids=str)
def test_the_commands_of_the_theory_run(words, program):
    done = program(BLOCK + f"from regretlab.cli import main\nsys.exit(main({words!r}))")
    assert done.code == 0, done.err
    assert done.out
