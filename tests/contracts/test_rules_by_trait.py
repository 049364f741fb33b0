"""Contract: rules are known by name in ``regretlab/rules`` only; what is generated from the registry is up to date."""

import ast
from pathlib import Path

import pytest

from regretlab.rules import RULE_NAMES, get_rule
from regretlab.rules.generate import dispatch_source, theory_page

ROOT = Path(__file__).parents[2]
JUSTIFIED = {
    "regretlab/experiments/configuration.py": "the interaction of an experiment is 'sequential' or 'asynchronous'",
    "regretlab/experiments/simulated_delay.py": "the same",
    "regretlab/planning/regime.py": "a regime of the plan is called 'sequential', whatever the rule",
}


def rule_names_in(path):
    """Return the strings of a Python file that are the name of a rule; docstrings do not count."""
    tree = ast.parse(path.read_text())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in RULE_NAMES and id(node) not in prose
    ]


def test_rules_are_named_among_the_rules_only():
    found = []
    for path in sorted((ROOT / "regretlab").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith("regretlab/rules/") and name not in JUSTIFIED:
            found += rule_names_in(path)
    assert found == []


@pytest.mark.parametrize("name", JUSTIFIED)
def test_every_exception_is_needed(name):
    assert rule_names_in(ROOT / name)


def test_the_search_finds_names(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "code.py").write_text('"""max-time"""\nif rule == "max-time":\n    pass\n')
    assert rule_names_in(tmp_path / "code.py") == ["code.py:2: 'max-time'"]


def test_what_is_generated_is_up_to_date():
    """If not: python -m regretlab.rules.generate."""
    assert (ROOT / "regretlab" / "rules" / "dispatch.py").read_text() == dispatch_source()
    page = (ROOT / "docs" / "theory.md").read_text()
    assert page == theory_page(page)
    assert all(f"| `{name}` |" in page for name in RULE_NAMES)


def test_every_rule_of_the_folder_is_registered():
    files = {path.stem for path in (ROOT / "regretlab" / "rules").glob("*.py") if "\nRULE = " in path.read_text()}
    assert files == {name.replace("-", "_") for name in RULE_NAMES}
    assert [get_rule(name).name for name in RULE_NAMES] == list(RULE_NAMES)


def test_a_bound_needs_no_compiler(program):
    """Kernels are compiled when they are first called, so a bound does not wait for Numba to be imported."""
    done = program(
        "import sys\n"
        "from regretlab.rules import known_rules\n"
        "from regretlab.cli import main\n"
        "known_rules()\n"
        "main('bound --inference-time 0.1 --mode-probability 0.9'.split())\n"
        "print('LOADED', 'numba' in sys.modules)"
    )
    assert done.out.strip().endswith("LOADED False"), done.err
