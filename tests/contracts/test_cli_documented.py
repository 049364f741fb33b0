"""Contract: docs/command-line.md lists every command and exactly the keys that its JSON has."""

import json
import re
from pathlib import Path

import pytest

from regretlab.cli import application

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
SWEEP = Path(__file__).with_name("sweep.toml")
TIMES = ["--inference-time", "0.05", "--mode-probability", "0.95"]
HELD = ["--rule", "frame-hold", "--workers", "inf", "--hold", "auto", "--batch-time", "0.1"]
PLAYED = ["--clock", "virtual", "--emulate-latency", "0.04", "--policy", "oracle", "--symbols", "4", "--workers", "3"]


def _documented() -> dict[str, set[str]]:
    """Return the keys in the first column of each command's table."""
    sections = re.split(r"^## `regretlab ([\w-]+)`$", PAGE.read_text(), flags=re.MULTILINE)
    return {
        name: set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`[^|]*) \|", text, flags=re.MULTILINE))))
        for name, text in zip(sections[1::2], sections[2::2], strict=True)
    }


DOCUMENTED = _documented()


def test_every_command_has_its_section():
    assert set(DOCUMENTED) == {name for name in application() if not name.startswith("-")}


@pytest.mark.parametrize(
    ("command", "words", "inherited"),
    [
        (
            "bound",
            [*TIMES, *HELD, "--horizon", "60", "--learning-bound", "gaussian-bandit", "--actions", "3"],
            set(),
        ),
        (
            "simulate",
            [*TIMES, "--frames", "1000", "--replications", "1", "--threads", "1"],
            DOCUMENTED["bound"] - {"hold", "learning_bound", "learners_to_keep_up"},
        ),
        ("plan", TIMES, set()),
        ("solve", ["--mdp", "ring(p=0.9)"], set()),
        ("stochasticity", ["--env", "beacon", "--symbols", "2", "--frames", "300", "--ignore-actions"], set()),
        ("figures", ["tolerable-time", "--quick"], set()),
        ("doctor", [], set()),
        ("sweep", [str(SWEEP)], set()),
        ("learn", ["--mdp", "riverswim(3)", "--frames", "500", "--replications", "2", "--threads", "1"], set()),
        ("run", [*PLAYED, "--frames", "100"], set()),
        ("profile", ["--policy", "nature", "--samples", "3"], set()),
    ],
)
def test_the_keys_are_those_of_the_output(command, words, inherited, answer, tmp_path):
    out = ["--out", str(tmp_path / "record")] if command in ("run", "figures") else []
    if command == "sweep":
        out = ["--out", str(tmp_path / "sweep.nc"), "--cores", "1"]
    said = answer(command, *words, *out, "--json")
    assert said.code == 0, said.err
    assert set(json.loads(said.out)) | inherited == DOCUMENTED[command] | inherited
