"""Contract: what people see: plain words without colour, the user's text unchanged, quiet when nobody reads on."""

import os
import signal
import subprocess
import sys

import pytest

from regretlab.cli import output
from regretlab.cli.output import print_facts, print_rows
from tests.oracles.two_nodes import left_behind, marked

BOUND = ["bound", "--inference-time", "0.05", "--mode-probability", "0.95"]


def test_bound_says_where_its_figures_come_from(answer):
    said = answer(*BOUND, "--symbols", "8", "--workers", "3")
    assert (said.code, said.err) == (0, "")
    for words in ("regret per frame", "closed-form", "ring W2", "assuming", "0.05 s"):
        assert words in said.out
    assert "\x1b" not in said.out


def test_text_in_brackets_is_no_markup(capsys):
    print_rows("[bold]", ("verdict", "claim"), [("holds", "delay-regret[p=0.95,d=5] :tada:")], foldable=1)
    print_facts("[red]", [("[x]", "[y]")])
    shown = capsys.readouterr().out
    for text in ("[bold]", "delay-regret[p=0.95,d=5] :tada:", "[red]", "[x]", "[y]"):
        assert text in shown


def test_figures_stay_whole_on_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    print_rows("title", ("claim", "measured"), [("a-claim-with-a-name-of-forty-characters", "0.123456")], foldable=0)
    assert "0.123456" in capsys.readouterr().out


def test_names_stay_whole_in_a_pipe(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    name = "a-claim-with-a-name-of-ninety-characters-" + "x" * 49
    print_rows("title", ("claim", "measured"), [(name, "0.123456")], foldable=0)
    assert name in capsys.readouterr().out


@pytest.mark.parametrize("words", [BOUND, [*BOUND, "--json"], ["--help"]], ids=str)
def test_a_reader_that_goes_away_is_no_error(words):
    """The pipe is closed before the command starts: every write to it fails."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "regretlab", *words],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=900,
            check=False,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_lines_of_progress_tell_rate_and_time_left(capsys, monkeypatch):
    """40 of 240 points were there; 100 more in 50 s leave another 50 s."""
    now = iter([0.0, 0.0, 50.0, 100.0])
    monkeypatch.setattr(output, "monotonic", lambda: next(now))
    with output.show_progress() as tell:
        tell(40, 240, "240 points", "0 a second")
        tell(41, 240, "240 points", "2 a second")  # the same tenth: nothing new
        tell(140, 240, "240 points", "2 a second")
        tell(240, 240, "240 points", "2 a second")
    assert capsys.readouterr().err.splitlines() == [
        "240 points (10 %)",
        "240 points (50 %, 2 a second, 0:00:50 left)",
        "240 points (100 %, 2 a second, 0:00:00 left)",
    ]


def test_python_dash_m_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "regretlab", "bund"], capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("regretlab: error: ")


def test_an_interrupt_exits_with_130(program):
    done = program(
        "import sys\nfrom regretlab.cli import main\nfrom regretlab.cli.scenario import FieldOptions\n"
        "def interrupted(self, **more):\n    raise KeyboardInterrupt\n"
        "FieldOptions.scenario = interrupted\n"
        f"sys.exit(main({BOUND!r}))"
    )
    assert (done.code, done.out, done.err) == (130, "", "regretlab: error: interrupted\n")


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_told_to_end_says_so_and_leaves_nothing(number, monkeypatch):
    """Also one whose processes share semaphores: nothing is left for Python to complain of."""
    mark = marked(monkeypatch)
    process = subprocess.Popen(
        [sys.executable, "-m", "regretlab", "profile", "--policy", "nature", "--workers", "1,2", "--samples", "40000"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    # Within its measurements: while PyTorch is imported, Python may lose an interrupt to a finaliser.
    assert process.stderr.readline().startswith("inferences (10 %")
    assert process.poll() is None
    process.send_signal(number)
    _, said = process.communicate(timeout=900)
    assert process.returncode == 130
    assert said.endswith("regretlab: error: interrupted\n")
    assert "leaked" not in said
    assert not left_behind(mark, within=5)
