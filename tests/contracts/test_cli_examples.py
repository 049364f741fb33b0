"""Contract: the help of every command has one worked example; each parses, and each is run, the long ones shortened."""

import shutil

import numpy as np
import pytest

from regretlab.cli import main

from .commands import ROOT, commands, example_of, parse

COMMANDS = list(commands())
SHORTER = {
    ("figures",): ["--quick"],
    ("profile",): ["--samples", "5"],
    ("run",): ["--clock", "virtual"],  # real processes have tests of their own
    ("simulate",): ["--frames", "5000"],
    ("stochasticity",): ["--frames", "400"],
}
REPLACED = {
    ("delay-curve",): {"300": "40"},
    ("referee",): {"300": "60"},
    ("run",): {"1200": "60"},
    ("learn",): {"50000": "500"},
    ("figures",): {"regret": "tolerable-time"},
}
ELSEWHERE = {
    ("explore",): "it serves until it is interrupted: tests/explore opens it in a browser",
    ("validate",): "test_cli_json.py runs a claim of it; the whole is minutes of realtime play",
    ("serve",): "it serves until it is interrupted: tests/policies/test_policy_server.py asks one",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with what the examples take from earlier ones."""
    folder = tmp_path_factory.mktemp("examples")
    settings = ["--clock", "virtual", "--emulate-latency", "0.04", "--policy", "oracle", "--frames", "60"]
    assert main(["run", *settings, "--out", str(folder / "my-run")]) == 0
    np.save(folder / "k1.npy", np.full(20, 0.01))
    contracts = ROOT / "tests" / "contracts"
    shutil.copy(contracts / "sweep.toml", folder / "sweep.toml")
    shutil.copy(contracts / "simulated-delay.toml", folder / "stacker.toml")
    shutil.copy(contracts / "asynchronous.toml", folder / "beacon.toml")
    return folder


def test_the_tree_of_commands():
    assert ("bound",) in COMMANDS
    assert ("record", "replay") in COMMANDS


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_example_is_of_its_command_and_fits_a_line(command, answer, monkeypatch):
    words = example_of(command)
    assert tuple(words[: len(command)]) == command
    parse(words)
    monkeypatch.setenv("COLUMNS", "125")  # shown whole, to be copied
    (shown,) = [line for line in answer(*command, "--help").out.splitlines() if line.startswith("Example: ")]
    assert shown.rstrip().endswith(words[-1].split()[-1])


@pytest.mark.docs
@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in ELSEWHERE], ids=" ".join)
def test_the_example_runs(command, answer, place, tmp_path, monkeypatch):
    shutil.copytree(place, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    words = [REPLACED.get(command, {}).get(word, word) for word in example_of(command)]
    if command == ("run",):
        shutil.rmtree("my-run")
    said = answer(*words, *SHORTER.get(command, []))
    assert said.code == 0, said.err
    assert said.out
