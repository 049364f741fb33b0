"""Contract: docs/command-line.md lists every command and exactly the keys that its JSON has."""

import json
import re
from pathlib import Path

import pytest

from regretlab.cli import application
from regretlab.validation import suite
from regretlab.validation.claim import judge

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
EXPERIMENTS = Path(__file__).parent
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


def test_the_keys_of_a_record_s_commands_are_those_of_their_output(answer, tmp_path):
    """``info`` has all keys of ``run`` and its own; ``export`` and ``replay`` have tables of their own."""
    folder = str(tmp_path / "record")
    assert answer("run", *PLAYED, "--frames", "100", "--out", folder).code == 0
    info, export, replay = (
        set(json.loads(answer("record", *words, "--json").out))
        for words in (["info", folder], ["export", folder, "--out", str(tmp_path / "csv")], ["replay", folder])
    )
    assert info > DOCUMENTED["run"]
    assert (info - DOCUMENTED["run"]) | export | replay == DOCUMENTED["record"]


def test_the_keys_of_validate_and_of_its_claims_are_those_of_the_output(answer, monkeypatch, tmp_path):
    """The output is made from a validation that is handed in, since a real one plays for a while."""
    claim = judge("x", "x is 1", predicted=1, measured=1, standard_error=0.001, tolerance=0.01, source="virtual")
    found = suite.Validation((claim,), tmp_path / "report.html", tmp_path)
    monkeypatch.setattr(suite, "validate", lambda *args, **settings: found)
    values = json.loads(answer("validate", "--out", str(tmp_path), "--json").out)
    assert set(values) == DOCUMENTED["validate"]
    (line,) = re.findall(r"^\| `claims` \| list of objects with (.*) \|$", PAGE.read_text(), flags=re.MULTILINE)
    assert set(values["claims"][0]) == set(re.findall(r"`(\w+)`", line))


@pytest.mark.parametrize("protocol", ["simulated-delay", "asynchronous"])
def test_the_keys_of_experiments_and_of_their_cases_are_those_of_the_output(protocol, answer, tmp_path):
    said = answer(
        "experiment", protocol, str(EXPERIMENTS / f"{protocol}.toml"), "--out", str(tmp_path / "e.parquet"), "--json"
    )
    assert said.code == 0, said.err
    values = json.loads(said.out)
    (line,) = re.findall(r"^\| `cases` \| list of objects with (.*) \|$", PAGE.read_text(), flags=re.MULTILINE)
    assert set(values) == DOCUMENTED["experiment"]
    assert set(values["cases"][0]) == set(re.findall(r"`(\w+)`", line)) - {"null"}


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
        ("compare", [*TIMES, "--workers", "2", "--frames", "1000"], set()),
        ("solve", ["--mdp", "ring(p=0.9)"], set()),
        ("stochasticity", ["--env", "beacon", "--symbols", "2", "--frames", "300", "--ignore-actions"], set()),
        pytest.param("figures", ["tolerable-time", "--quick"], set(), marks=pytest.mark.figures),
        ("doctor", [], set()),
        ("sweep", [str(SWEEP)], set()),
        ("learn", ["--mdp", "riverswim(3)", "--frames", "500", "--replications", "2", "--threads", "1"], set()),
        ("delay-curve", ["--env", "beacon", "--policy", "oracle", "--frames", "40", "--replications", "8"], set()),
        ("referee", [*PLAYED[2:], "--frames", "60", "--replications", "4"], set()),
        ("run", [*PLAYED, "--frames", "100"], set()),
        ("distil", ["--env", "beacon", "--rounds", "1", "--frames", "8", "--updates", "1"], set()),
        ("profile", ["--policy", "nature", "--samples", "3"], set()),
    ],
)
def test_the_keys_are_those_of_the_output(command, words, inherited, answer, tmp_path):
    out = ["--out", str(tmp_path / "record")] if command in ("run", "figures") else []
    if command == "distil":
        out = ["--out", str(tmp_path / "d.safetensors")]
    if command == "sweep":
        out = ["--out", str(tmp_path / "sweep.nc"), "--cores", "1"]
    said = answer(command, *words, *out, "--json")
    assert said.code == 0, said.err
    assert set(json.loads(said.out)) | inherited == DOCUMENTED[command] | inherited
