"""Contract: the completion scripts do their work in the shells they are for."""

import json
import shutil
import subprocess

import pytest

from .commands import commands, options_of

COMMANDS = sorted({words[0] for words in commands()})


def _completed(script, words, tmp_path):
    """Let bash load the script and complete the last of the words, as it does when the tab key is pressed."""
    (tmp_path / "script").write_text(script)
    quoted = " ".join(f"'{word}'" for word in ["regretlab", *words])
    program = f"""
source '{tmp_path}/script'
COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; COMP_LINE="${{COMP_WORDS[*]}}"; COMP_POINT=${{#COMP_LINE}}
function_name=$(complete -p regretlab | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
"$function_name"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        ["bash", "--norc", "-c", program], capture_output=True, text=True, timeout=900, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(done.stdout.split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([""], COMMANDS),
        (["bo"], ["bound"]),
        (["s"], ["serve", "simulate", "solve", "stochasticity", "sweep"]),
        (["bound", "--inf"], ["--inference-time"]),
        (["bound", "--alignment", ""], ["frame", "uniform"]),
        (["run", "--clock", "v"], ["virtual"]),
        (["record", ""], ["export", "info", "replay"]),
        (["record", "replay", "--g"], ["--gif"]),
        (["experiment", ""], ["asynchronous", "simulated-delay"]),
        (["experiment", "asynchronous", "--b"], ["--budget"]),
        (["completion", ""], ["bash", "fish", "zsh"]),
        (["validate", "--out", "my"], ["my-records"]),
    ],
    ids=str,
)
def test_bash_completes(words, found, answer, tmp_path):
    (tmp_path / "my-records").mkdir()
    said = answer("completion", "bash")
    assert (said.code, said.err) == (0, "")
    assert _completed(said.out, words, tmp_path) == found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_and_option_is_in_the_script(shell, answer):
    script = answer("completion", shell).out
    for words in commands():
        for name in (*words, *options_of(words)):
            assert name.lstrip("-") in script
    assert json.loads(answer("completion", shell, "--json").out) == {"shell": shell, "script": script}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_reads_the_script(shell, answer, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(answer("completion", shell).out)
    done = subprocess.run([shell, "-n", tmp_path / "script"], capture_output=True, text=True, timeout=900, check=False)
    assert (done.returncode, done.stderr) == (0, "")
