"""Contract: the base package works where nothing of the extras is installed, and says what to type for the rest.

A finder that refuses the packages simulates their absence: one fresh interpreter imports every module of the theory
side and runs every command.
"""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from regretlab.needs import EXTRAS, MissingPackageError, absent, load, need

ROOT = Path(__file__).parents[2]
BLOCKED = sorted({package for packages in EXTRAS.values() for package in packages})

REFUSING = """
import contextlib, importlib, io, json, os, pkgutil, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""
COLLECTING = """
import pytest
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:xdist", *{chosen!r}]))
"""
PROGRAM = (
    REFUSING
    + """
imported = []
for room in {rooms!r}:
    package = importlib.import_module(f"regretlab.{{room}}")
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), package.__name__ + "."):
        importlib.import_module(module.name)
        imported.append(module.name)
from regretlab.cli import main
answers = []
os.chdir({folder!r})
for words in {commands!r}:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    answers.append([code, out.getvalue(), err.getvalue()])
print(json.dumps([imported, answers]))
"""
)

THEORY_ROOMS = (
    *("scenario", "laws", "mdp", "rules", "records", "results", "theory", "planning", "simulation", "plots", "cli"),
)

WORKS = [
    'bound --inference-time "expon(scale=0.04)" --mode-probability 0.9 --rule sequential --json',
    'bound --inference-time "gamma(4, scale=0.02)" --mode-probability 0.95 --workers 8',
    "simulate --inference-time 0.1 --mode-probability 0.9 --frames 1000 --replications 1 --json",
    "plan --inference-time 0.1 --mode-probability 0.95 --worker-cost 0.01 --json",
    "compare --inference-time 0.1 --mode-probability 0.95 --workers 4 --json",
    'solve --mdp "ring(p=0.9)" --delay 2 --json',
    'learn --mdp "riverswim(3)" --learner ucrl2 --inference-time 0.05 --workers 2 --frames 500 --replications 1 --json',
    "figures hold-routes --quick --out figures --json",
    "doctor --json",
    "--help",
    "run --help",
    "completion bash",
]
NEEDS_PLAY = [
    "run --policy nature --emulate-latency 0.04 --frames 60 --out new",
    "validate --quick --out new",
    "profile --policy impala-k1 --json",
    "distil --out new.safetensors",
    f"experiment asynchronous {ROOT}/tests/contracts/asynchronous.toml --out new",
    f"experiment simulated-delay {ROOT}/tests/contracts/simulated-delay.toml --out new",
    f"sweep {ROOT}/tests/contracts/sweep.toml --out new.nc",
    "record info record",
    "record export record --out new",
    "record replay record",
    "stochasticity --env CartPole-v1",
    "delay-curve --env CartPole-v1 --policy random",
    "referee --policy oracle",
    "stochasticity --record record",
    "bound --inference-time @record --mode-probability 0.9",
]


pytestmark = pytest.mark.xdist_group("base-alone")  # one process: the commands run once


@pytest.fixture(scope="module")
def blocked(tmp_path_factory, program):
    """The modules that were imported, and what each command answered, without the packages of the extras."""
    folder = tmp_path_factory.mktemp("blocked")
    (folder / "record").mkdir()
    (folder / "record" / "meta.json").write_text('{"schema_version": 1, "complete": false}')
    commands = [shlex.split(line) for line in (*WORKS, *NEEDS_PLAY)]
    source = PROGRAM.format(blocked=BLOCKED, rooms=THEORY_ROOMS, folder=str(folder), commands=commands)
    done = program(source)
    assert done.code == 0, done.err
    imported, answers = json.loads(done.out)
    left = {path.name for path in folder.iterdir()}
    return imported, dict(zip((*WORKS, *NEEDS_PLAY), answers, strict=True)), left


@pytest.mark.thorough
def test_every_module_of_the_theory_side_imports(blocked):
    rooms = {name.split(".")[1] for name in blocked[0]}
    assert rooms >= {"laws", "mdp", "rules", "records", "theory", "planning", "simulation", "plots", "cli"}


@pytest.mark.thorough
@pytest.mark.parametrize("line", WORKS)
def test_the_base_is_enough(line, blocked):
    code, out, err = blocked[1][line]
    assert code == 0, err
    assert out
    if "--json" in line:
        json.loads(out)


@pytest.mark.thorough
@pytest.mark.parametrize("line", NEEDS_PLAY)
def test_a_command_that_needs_play_says_what_to_type(line, blocked):
    code, out, err = blocked[1][line]
    assert (code, out) == (2, ""), err
    *_, last = err.strip().splitlines()
    assert re.fullmatch(r"regretlab: error: .* needs .* not installed: type pip install 'regretlab\[play\]'", last), err


@pytest.mark.thorough
def test_nothing_is_left_by_a_command_that_is_refused(blocked):
    assert blocked[2] <= {"record", "figures"}


@pytest.mark.thorough
def test_the_tests_of_the_theory_side_are_collected(program):
    """`make test-base` runs them without the extras; a test that plays must not end that at its import."""
    (listed,) = re.findall(r"THEORY_TESTS := \$\(addprefix tests/,(.*?)\) \\\n\t(\S+)", (ROOT / "Makefile").read_text())
    chosen = [*(f"tests/{name}" for name in listed[0].split()), listed[1]]
    done = program(REFUSING.format(blocked=BLOCKED) + COLLECTING.format(chosen=chosen))
    assert done.code == 0, done.out[-3000:]
    assert re.search(r"^tests/planning/.*::", done.out, re.MULTILINE)


def test_a_library_function_raises_the_same_sentence(monkeypatch):
    monkeypatch.setitem(EXTRAS, "play", ("no_such_package", "json", "nor_this"))
    assert absent("play") == ["no_such_package", "nor_this"]
    sentence = "a run needs no_such_package and 1 other package, which are not installed: type pip install"
    with pytest.raises(MissingPackageError, match=sentence):
        need("play", "a run")
    with pytest.raises(MissingPackageError, match=r"a record needs nor_this, which is not installed: .*\[play\]"):
        load("nor_this.deeper")


def test_the_table_of_extras_is_that_of_pyproject():
    optional = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra, packages in EXTRAS.items():
        names = {re.split(r"[<>=\[]", line)[0].replace("-", "_") for line in optional[extra]} - {"regretlab"}
        assert names == set(packages), extra
