"""Contract: words alone go into a pipe, and to a terminal under NO_COLOR; JSON is never coloured."""

import os
import pty
import subprocess
import sys

import pytest

BOUND = ["bound", "--inference-time", "0.05", "--mode-probability", "0.95"]
LEARN = ["learn", "--mdp", "riverswim(3)", "--frames", "200", "--replications", "2", "--threads", "1"]
ESCAPE = "\x1b"


def _environment(**changed):
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
    return kept | {"TERM": "xterm-256color"} | changed


def _on_a_terminal(words, **changed):
    """Return what the program writes on a terminal of its own (standard output and standard error)."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "regretlab", *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=_environment(**changed),
    )
    os.close(slave)
    text = b""
    try:
        while part := os.read(master, 65536):
            text += part
    except OSError:  # Linux says so when the other end is closed
        pass
    finally:
        os.close(master)
        assert process.wait(timeout=900) == 0
    return text.decode()


@pytest.mark.parametrize("words", [BOUND, ["--help"], ["bound", "--help"], ["doctor"], LEARN], ids=lambda w: w[0])
def test_no_escape_codes_in_a_pipe(words):
    done = subprocess.run(
        [sys.executable, "-m", "regretlab", *words],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env=_environment(),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert ESCAPE not in done.stdout + done.stderr


@pytest.mark.parametrize("words", [BOUND, ["--help"]], ids=lambda words: words[0])
def test_a_terminal_is_coloured_unless_no_color_is_set(words):
    assert ESCAPE in _on_a_terminal(words)
    assert ESCAPE in _on_a_terminal(words, NO_COLOR="")  # empty is not set
    plain = _on_a_terminal(words, NO_COLOR="1")
    assert ESCAPE not in plain
    assert "regretlab" in plain or "regret per frame" in plain


def test_json_on_a_terminal_is_json_alone():
    shown = _on_a_terminal([*BOUND, "--json"])
    assert ESCAPE not in shown
    assert shown.startswith("{")
    assert shown.rstrip().endswith("}")
