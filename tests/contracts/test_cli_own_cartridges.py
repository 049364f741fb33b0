"""Contract: what cannot be played, or must not be opened, is refused in one sentence, and nothing is written.

A ROM that is none, maps and digests that do not fit, action spaces, and files of weights.
"""

import hashlib
import json
import pickle

import pytest

from regretlab.games.stacker import ROM
from regretlab.policies.networks import build_network
from regretlab.policies.parameters import random_parameters
from regretlab.policies.spec import PolicySpec
from regretlab.policies.weights import save_parameters

PLAY = ["run", "--clock", "virtual", "--emulate-latency", "0.04", "--frames", "60", "--out", "r"]
DIGEST = hashlib.sha256(ROM.read_bytes()).hexdigest()
TETRIS = "0d6535aef23969c7e5af2b077acaddb4a445b3d0df7bf34c8acef07b51b015c3"


class _Bomb:
    def __reduce__(self):
        return open, ("regretlab-was-here", "w")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with files that do not do, as the working directory."""
    spec = PolicySpec("nature", actions=7)
    save_parameters(tmp_path / "nature.safetensors", build_network(spec), random_parameters(spec))
    (tmp_path / "photo.gb").write_bytes(b"\x89PNG" + bytes(70_000))
    (tmp_path / "range.toml").write_text("[values]\nscore = { address = 0x12345 }\n")
    (tmp_path / "other.toml").write_text(f'game = "Mine"\nsha256 = "{"0" * 64}"\n')
    (tmp_path / "weights.pkl").write_bytes(pickle.dumps(_Bomb()))
    (tmp_path / "disguised.safetensors").write_bytes(pickle.dumps(_Bomb()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--rom", "photo.gb"],
            "ROM 'photo.gb' has header checksum 0x00 where its header gives 0xE7: it is damaged or no Game Boy image",
        ),
        (
            ["--rom", str(ROM), "--memory-map", "range.toml"],
            "memory map 'range.toml': values.score: address 0x12345 with 1 byte(s) is out of range: memory",
        ),
        (
            ["--rom", str(ROM), "--memory-map", "other.toml"],
            f"ROM '{ROM}' has SHA-256 {DIGEST}, and the memory map of Mine is for {'0' * 64}",
        ),
        (
            ["--env", "tetris", "--rom", str(ROM)],
            f"ROM '{ROM}' has SHA-256 {DIGEST}, and Tetris (World, Rev 1) is {TETRIS}",
        ),
        (["--env", "tetris"], "tetris needs the file of its ROM: give --rom FILE"),
        (["--memory-map", "range.toml"], "a cartridge needs the file of its ROM: give --rom FILE"),
        (
            ["--rom", str(ROM), "--setting", "catch"],
            f"setting 'catch' is one of Pokemon's, and ROM '{ROM}' is not played as Pokemon",
        ),
        (
            ["--env", "beacon", "--rom", str(ROM), "--memory-map", "other.toml"],
            "environment 'regretlab/Beacon-v0' does not take these options: it has no 'memory_map'\n",
        ),
        (
            ["--env", "Pendulum-v1", "--policy", "nature"],
            "policy 'nature' chooses one of several actions, and here an action is 1 number from [-2] to [2]: give sb3",
        ),
        (["--env", "boxing", "--sticky", "2"], "sticky must lie in [0, 1], not 2.0"),
        (
            ["--env", "stacker", "--policy", "impala-k1", "--weights", "nature.safetensors"],
            "weights 'nature.safetensors' are not those of 'impala-k1'",
        ),
        (
            ["--env", "boxing", "--policy", "nature", "--weights", "nature.safetensors"],
            "weights 'nature.safetensors' are for 7 actions but the environment has 18",
        ),
        (
            ["--env", "stacker", "--policy", "nature", "--weights", "weights.pkl"],
            "weights 'weights.pkl' are refused: only .safetensors files are read, since others can run code",
        ),
        (
            ["--env", "stacker", "--policy", "nature", "--weights", "disguised.safetensors"],
            "weights 'disguised.safetensors' cannot be read as a safetensors file",
        ),
        (
            ["--env", "stacker", "--policy", "sb3:weights.pkl"],
            "policy 'sb3:weights.pkl' is not a file that",
        ),
    ],
    ids=lambda value: " ".join(value[:4])[-60:] if isinstance(value, list) else "",
)
def test_the_sentence(words, sentence, answer, place):
    before = sorted(path.name for path in place.iterdir())
    policy = [] if "--policy" in words else ["--policy", "noop"]
    said = answer(*PLAY, *policy, *words)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith(f"regretlab: error: {sentence}")
    assert sorted(path.name for path in place.iterdir()) == before


def test_a_rom_without_an_environment_is_played_as_a_cartridge(answer, tmp_path):
    words = [*PLAY[:-1], str(tmp_path / "r"), "--policy", "noop", "--rom", str(ROM), "--json"]
    said = answer(*words)
    assert said.code == 0, said.err
    assert json.loads(said.out)["frames"] == 60
    assert "reward: none" in said.err
    meta = json.loads((tmp_path / "r" / "meta.json").read_text())
    assert meta["config"]["environment"] == "regretlab/Cartridge-v0"


def test_another_build_of_our_own_cartridge(answer, tmp_path):
    words = [*PLAY[:-1], str(tmp_path / "r"), "--policy", "noop", "--env", "stacker", "--rom", str(ROM), "--json"]
    assert answer(*words).code == 0
    meta = json.loads((tmp_path / "r" / "meta.json").read_text())
    assert meta["config"]["environment"] == "regretlab/Stacker-v0"
