"""Contract: new prose avoids the words in ``tests/contracts/language.py``."""

import pytest

from tests.contracts import language

BAD = {
    "told.md": "The learner is told the reward.",
    "verb.md": "It waits. Where no priority is permitted: the semaphore.",
    "docstring.py": '"""Return what the run said."""\n',
    "comment.py": "# nobody reads this\n",
    "nearly_a_label.py": 'CONCURRENT = "sequential, learning beside them"\n',
    "message.py": 'raise ValueError(f"{value} is none of the actions")\n',
}
GOOD = {
    "code.md": "Use `told`.\n\n```python\ntold = 1  # nobody\n```\n",
    "doctest.py": '"""One.\n\n>>> told = 1  # nobody\n"""\n',
    "name.py": "told = nobody = 1\nkey = 'told'\n",
    "label.py": 'CONCURRENT = "sequential, learning beside it"\n',
    "plain.md": "This is no longer so, and there is no other way.",
}


@pytest.mark.parametrize(("name", "text"), [*BAD.items(), *GOOD.items()], ids=[*BAD, *GOOD])
def test_prose_is_read_and_code_is_not(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    assert len(language.occurrences(tmp_path / name)) == (name in BAD)


def test_one_place_fails_the_check(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(language, "ROOT", tmp_path)
    monkeypatch.setattr(language, "checked_files", lambda: ["worse.md", "plain.md"])
    (tmp_path / "plain.md").write_text("reported")
    (tmp_path / "worse.md").write_text("reported")
    assert language.main() == 0
    (tmp_path / "worse.md").write_text("told")
    assert language.main() == 1
    assert "worse.md:1: 'told'" in capsys.readouterr().out
