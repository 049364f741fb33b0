"""Contract: every block of code in README and documentation is run, or at least read by the program it is for.

Cells run while the pages are built (``make docs``), examples at the prompt in test_documented_theory.py. Here: every
``$ regretlab ...`` of a console block is run, shortened where it takes long, or parsed by the real parser where it
cannot run (``PARSED`` says why); TOML is read by the command that it is for; commands in the text itself are those
there are.
"""

import importlib
import importlib.util
import re
import shlex
import tomllib

import numpy as np
import pytest

import regretlab
from regretlab.cli import main
from regretlab.experiments import read_experiment
from regretlab.policies.serving.http import RequestForm
from regretlab.sweeps import read_configuration
from regretlab.validation.checks import predicted_regret
from regretlab.validation.runs import planned_runs
from regretlab.validation.suite import SIMULATED

from .commands import JOBS, PAGES, ROOT, blocks, commands, console_commands, options_of, parse

TESTED = {"{code-cell}", "console", "python", "toml", "json"}
"""What a block may be: a cell that the build runs, a command line, an example at the prompt, a file of either kind."""
LAYOUT = re.compile(r"^\{(image|figure|glossary|grid|grid-item-card|toctree|include|math|admonition|note|only)\}")

PARSED = (
    # they serve a page until Ctrl-C: tests/explore
    "regretlab explore",
    "regretlab explore my-run",
    # they need a server that runs meanwhile: tests/policies/test_server_load.py and tests/play/test_policy_servers.py
    (
        'regretlab serve --policy oracle --symbols 6 --mode moves --chunk 9 --emulate-latency "uniform(0.03, 0.06)" '
        "--requests independent --port 8000"
    ),
    "regretlab profile --policy ws://127.0.0.1:8000 --actions 7 --concurrency 1,2,4,8 --out load.csv",
    "regretlab plan --inference-time @load.csv --mode-probability 0.95 --symbols 6 --worker-cost 0.002",
    (
        "regretlab run --policy ws://127.0.0.1:8000 --symbols 6 --mode moves --mode-probability 0.95 --workers 4 "
        "--frames 1200 --out served"
    ),
    # it needs a chat endpoint: tests/play/test_http_servers.py
    (
        "regretlab referee --env stacker --policy http://127.0.0.1:8001/v1/chat/completions --request-form chat.json "
        "--tokens-per-second 60 --emulate-latency 0.2 --frames 600 --replications 4"
    ),
    # they need a Ray cluster of one's own
    "regretlab sweep grid.toml --engine ray --address auto --out grid.nc",
    "regretlab run --backend ray --ray-address auto --policy impala-k7 --workers 6 --rule frame-pool --out far",
    "regretlab run --backend ray --ray-address auto --policy impala-k1 --workers 4 --learners 8 --out learned",
    # minutes of realtime play; the table below it is compared on its own
    "regretlab validate --quick --out validation",
    # minutes on the wall clock: tests/play/test_referee.py
    "regretlab referee --policy impala-k1 --frames 300 --replications 4",
    # minutes of training: tests/policies/test_distilled.py
    (
        "regretlab distil --env stacker --labels landings --ages 128 --rounds 20 --frames 16384 --updates 160 "
        "--learning-rate 2e-3 --out stacker.safetensors"
    ),
    # minutes of play; tests/experiments reads these files and plays both protocols
    "regretlab experiment simulated-delay paper_figures/experiments/stacker.toml --budget cpu --out stacker.parquet",
    "regretlab experiment simulated-delay late.toml --cores 2 --out late.parquet --figure late.svg",
    "regretlab experiment asynchronous paper_figures/experiments/beacon.toml --budget cpu --out beacon.parquet",
)
"""Command lines that are parsed and not run."""
CHANGED = {
    "impala-k7": "nature",
    "impala-k1": "nature",
    "RULE": "frame-pool",
    "N": "2",
    "1200": "60",
    "3600": "60",
    "4000": "30",
    "6000": "60",
    "24000": "60",
    "12000": "30",
}
"""Words that stand for something, or would take long, and what is run in their place."""
ADDED = {
    "profile": ["--samples", "5"],
    "referee": ["--frames", "60", "--replications", "4"],
    "run": ["--clock", "virtual"],  # real processes have tests of their own
}
ELSEWHERE = {"ray", "make", "pip"}
"""Programs other than regretlab that a console block may call."""


def _console(page):
    """Return the console blocks of a page; those of a page that is followed from its beginning are one."""
    texts = [text for _, kind, text in blocks(page) if kind == "console"]
    return ["".join(texts)] if page in JOBS else texts


CONSOLE = [(page, text) for page in PAGES for text in _console(page)]
FIRST_PAGE = ROOT / "README.md"
"""The page whose blocks `make test` runs; `make test-all` runs those of all."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_there_is_no_block_that_nothing_runs(page):
    text = page.read_text()
    for _, kind, block in blocks(page):
        assert kind in TESTED or LAYOUT.match(kind), (kind, block[:60])
    cells = "{code-cell}" in text
    assert cells == text.startswith("---\nfile_format: mystnb"), "only pages that say so are executed"


@pytest.mark.parametrize(
    ("page", "text"),
    [pytest.param(*block, marks=() if block[0] == FIRST_PAGE else pytest.mark.docs) for block in CONSOLE],
    ids=lambda value: getattr(value, "name", ""),
)
def test_console_blocks_run(page, text, tmp_path, monkeypatch, capsys):
    """The commands of a block are run one after the other in one folder, as a reader would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)  # as in a file: no line is broken
    for line, shown in console_commands(text):
        words = [word for word in shlex.split(line) if not re.match(r"^\w+=", word)]
        if words[0] != "regretlab":
            assert words[0] in ELSEWHERE, line
            if words[0] == "make":
                assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE), line
            continue
        replaced = [CHANGED.get(word, word) for word in words[1:]]
        parse(replaced)
        if line in PARSED:
            continue
        if words[1] == "profile":  # workers in processes of their own have tests of their own
            replaced = shlex.split(re.sub(r" --workers \S+", "", shlex.join(replaced)))
        added = ADDED.get(words[1], [])
        shortened = replaced + ([] if added and added[0] in replaced else added)
        capsys.readouterr()
        assert main(_learning(shortened)) == 0, capsys.readouterr().err
        _compare(line, shown, capsys.readouterr().out, exact=shortened == words[1:])


def _learning(words):
    """Return the words with what learning on simulated time needs besides."""
    if words[0] != "run" or "--emulate-latency" in words:
        return words
    return [*words, "--emulate-latency", "0.02", *(["--emulate-learning", "0.05"] if "--learners" in words else [])]


def _compare(line, shown, out, *, exact):
    """Hold what a page shows below a command against what was printed: all of it, or the names of the figures."""
    shown_lines = [row.rstrip() for row in shown.strip().splitlines()]
    printed = [row.rstrip() for row in out.splitlines()]
    if exact:
        assert printed[: len(shown_lines)] == shown_lines, line
        return
    of_real_time = {"lateness of frame deadlines", "reward per core-second, measured"}
    names = {re.split(r"  +", row)[0] for row in shown_lines[1:]} - of_real_time
    assert names <= {re.split(r"  +", row)[0] for row in printed}, line


def test_what_is_only_parsed_is_in_the_documentation():
    lines = {line for _, text in CONSOLE for line, _ in console_commands(text)}
    assert set(PARSED) <= lines


def test_the_readme_is_read_in_one_go():
    assert len(FIRST_PAGE.read_text(encoding="utf-8").splitlines()) <= 120


def test_the_claims_in_the_readme_are_those_of_the_suite():
    """Rows of the table name runs there are, and predict what theory predicts today for the runs on simulated time."""
    (text,) = [text for page, text in CONSOLE if page.name == "README.md" and "regretlab validate" in text]
    rows = [row.split() for row in text.splitlines() if re.match(r"^(holds|violated|inconclusive) ", row)]
    assert len(rows) > 7
    runs = {run.name: run for run in planned_runs(quick=True)}
    compared = 0
    for verdict, claim, predicted, measured, interval, within, *rival, clock in rows:
        name = claim.rsplit("-", 1)[0]
        if claim.startswith("delay-regret["):
            name = re.sub(r"delay-regret\[p=(.*),d=(.*)\]", r"delay-\1-\2", claim)
        if clock == "simulation":  # of no run
            assert claim in SIMULATED, claim
        else:
            run = runs.get(name) or runs.get(f"realtime-{name.split('-')[1]}")
            assert run is not None, claim
            assert (clock == "virtual") == (run.configuration.clock == "virtual"), claim
        far = abs(float(measured) - float(predicted)) + float(interval)
        assert (verdict == "holds") == (far <= float(within) * 1.001), claim
        assert not rival or abs(float(measured) - float(rival[0])) > float(interval), claim
        if clock == "virtual" and claim.endswith("regret") and not rival:  # those have simulated values
            options = run.configuration.environment_options
            played = 1 - round((1 - options["mode_probability"]) * 65536) / 65536  # what the cartridge can set
            assert f"{predicted_regret(run, played, options['symbols']):.5g}" == predicted, claim
            compared += 1
    assert compared >= 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_in_toml_are_read(page):
    for _, kind, text in blocks(page):
        if kind == "toml":
            values = tomllib.loads(text)
            assert "sweep" in values or "experiment" in values, "a file of another kind needs its reader here"
            (read_configuration if "sweep" in values else read_experiment)(values)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_in_json_are_request_forms(page):
    for _, kind, text in blocks(page):
        if kind == "json":
            body = RequestForm.of(text).request(np.zeros((84, 84), np.uint8), 5)
            assert "{" not in body["messages"][0]["content"]


COMMANDS = list(commands())
GROUPS = {words[:1] for words in COMMANDS if len(words) > 1}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_in_the_text_are_those_there_are(page):
    """``regretlab record info|export DIR --out X`` names commands and options of the program."""
    for code in re.findall(r"(?<!`)`(regretlab [^`]+)`(?!`)", page.read_text()):
        words = re.sub(r" \| .*", "", " ".join(code.split())).split()[1:]
        if words[0] == "COMMAND" or words[0].startswith("-"):
            continue
        for first in words[0].split("|"):
            seconds = words[1].split("|") if (first,) in GROUPS and len(words) > 1 else [""]
            for second in seconds:
                command = tuple(filter(None, (first, second)))
                assert command in COMMANDS or command in GROUPS, code
                if command in COMMANDS:
                    known = {*options_of(command), "--help"}
                    given = {word.split("=")[0] for word in words if word.startswith("--")}
                    assert given <= known, (code, given - known)


def test_modules_in_the_text_are_those_there_are():
    """``python -m tests.benchmarks.benchmark_laws`` names a module of this checkout."""
    named = {name for page in PAGES for name in re.findall(r"python -m ([a-z_][\w.]*\w)", page.read_text())}
    assert len(named) > 5
    assert [name for name in sorted(named) if importlib.util.find_spec(name) is None] == []


def test_the_page_of_commands_is_what_the_program_says(monkeypatch):
    """It is written by the build, from the program: nothing is missing from it, and nothing of Sphinx is in it."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    text = importlib.import_module("command_pages").command_text()
    sections = dict(re.findall(r"^##+ `regretlab ([^`]+)`\n(.*?)(?=^##|\Z)", text, flags=re.MULTILINE | re.DOTALL))
    for words in COMMANDS:
        section = sections[" ".join(words)]
        assert f"$ regretlab {' '.join(words)}" in section, words
        assert re.search(rf"^regretlab {' '.join(words)}( \[OPTIONS\]| --| [A-Z]+|$)", section, flags=re.MULTILINE), (
            words
        )
        for option in options_of(words):
            assert option in section, (words, option)


def test_every_public_name_is_on_a_page(monkeypatch):
    """Which names a module's page describes is checked by the build, with a warning for each that is on none."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    pytest.importorskip("sphinx")
    modules = set(importlib.import_module("api_pages").public_modules())
    homes = {name: getattr(regretlab, name).__module__ for name in regretlab.__all__ if name != "__version__"}
    assert set(homes.values()) <= modules
    front = "\n".join(importlib.import_module("api_pages")._front_door())
    assert all(f"`rl.{name} <{home}.{name}>`" in front for name, home in homes.items())
