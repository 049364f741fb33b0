"""Contract: the sentence that each kind of bad input is answered with, word for word.

``sentences.txt`` holds them side by side, to be read as a set: a command line, and below it what is said. Each names
the value and what is allowed; a sentence that ends in ... goes on with a list that grows. Capital words stand for
options that are right: INFERENCE for an inference time, MODE for a mode probability, PLAY for a virtual run.

Write the file anew with ``python -m tests.contracts.test_cli_sentences`` and read the difference.
"""

import contextlib
import io
import os
import shlex
import tempfile
from pathlib import Path

import pytest

from regretlab.cli import main

FILE = Path(__file__).with_name("sentences.txt")
INFERENCE = {"--inference-time": "0.05"}
MODE = {"--mode-probability": "0.95"}
PLAY = {"--clock": "virtual", "--emulate-latency": "0.04", "--policy": "oracle", "--out": "out"}
STANDS_FOR = {"INFERENCE": INFERENCE, "MODE": MODE, "PLAY": PLAY}
FILES = {
    "notes.txt": "mine",
    "broken.toml": "[sweep\n",
    "command.toml": '[sweep]\ncommand = "fly"\n[grid]\nworkers = [1]\n',
    "name.toml": '[sweep]\ncommand = "solve"\n[grid]\nwerkers = [1]\n',
    "empty.toml": '[sweep]\ncommand = "solve"\n[grid]\nmdp = []\n',
    "play.toml": '[experiment]\nprotocol = "simulated-delay"\nenvironment = "regretlab/Beacon-v0"\nframes = 9\n'
    '[[case]]\nlabel = "a"\nplayer = "noop"\n',
    "player.toml": '[experiment]\nprotocol = "simulated-delay"\nenvironment = "x"\nframes = 9\n[[case]]\nlabel = "a"\n',
    "good.toml": '[sweep]\ncommand = "solve"\n[grid]\nmdp = ["ring(p=0.9)"]\n',
}


def read_table() -> list[tuple[str, str]]:
    """Return the command lines and what is said to each."""
    rows = []
    for entry in FILE.read_text().split("\n\n"):
        command, *said = entry.strip().splitlines()
        rows.append((command, " ".join(line.strip() for line in said)))
    return rows


def words_of(command: str) -> list[str]:
    """Return the words of a command line; what it gives itself goes before what a capital word stands for."""
    words = shlex.split(command)
    stands = {name: value for word in words for name, value in STANDS_FOR.get(word, {}).items()}
    words = [word for word in words if word not in STANDS_FOR]
    return words + [part for name, value in stands.items() if name not in words for part in (name, value)]


def _shown(err: str, sentence: str) -> str:
    """Return what was said, cut where the sentence leaves a list open."""
    kept = "regretlab: error: " + sentence.removesuffix("...")
    return f"{kept}...\n" if sentence.endswith("...") and err.startswith(kept) else err


def said_to(command: str) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error in a folder of its own, which must stay as it was."""
    before = Path.cwd()
    out, err = io.StringIO(), io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        os.chdir(folder)
        try:
            for name, text in FILES.items():
                Path(name).write_text(text)
            code = main(words_of(command))
            assert {path.name: path.read_text() for path in Path().iterdir()} == FILES
        finally:
            os.chdir(before)
    return code, out.getvalue(), err.getvalue()


@pytest.mark.docs
@pytest.mark.parametrize(("command", "sentence"), read_table(), ids=[command for command, _ in read_table()])
def test_the_sentence(command, sentence):
    code, out, err = said_to(command)
    assert (code, out) == (2, "")
    assert _shown(err, sentence) == f"regretlab: error: {sentence}\n"


def test_the_sentences_have_one_form():
    sentences = [sentence for _, sentence in read_table()]
    assert len(sentences) > 120
    for sentence in sentences:
        assert sentence.endswith(" ...") or not sentence.endswith("."), sentence
        assert "Traceback" not in sentence
        assert "Errno" not in sentence
        assert sentence[0] in "'-" or sentence[0].islower() or sentence.split()[0].isupper(), sentence


if __name__ == "__main__":
    import textwrap

    entries = []
    for line, sentence in read_table():
        said = _shown(said_to(line)[2], sentence).removeprefix("regretlab: error: ").strip()
        wrapped = textwrap.wrap(said, 116, break_long_words=False, break_on_hyphens=False)
        entries.append("\n".join([line, *(f"    {part}" for part in wrapped)]))
    FILE.write_text("\n\n".join(entries) + "\n")
