"""Contract: the public names of every module.

Regenerate the list with ``python -m tests.contracts.test_public_names``.
"""

import ast
import importlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("public_names.json")


def public_names() -> dict[str, list[str]]:
    """Return the sorted ``__all__`` of every public module, read from its source."""
    names = {}
    for path in sorted((ROOT / "regretlab").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if any(part.startswith("_") and part != "__init__" for part in parts):
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                names[".".join(parts).removesuffix(".__init__")] = sorted(ast.literal_eval(node.value))
    return names


def test_public_names_change_only_on_purpose():
    assert public_names() == json.loads(LIST.read_text())


@pytest.mark.parametrize("module", sorted(json.loads(LIST.read_text())))
def test_every_public_name_is_there(module):
    loaded = importlib.import_module(module)
    assert [name for name in loaded.__all__ if not hasattr(loaded, name)] == []


if __name__ == "__main__":
    lines = [f" {json.dumps(module)}: {json.dumps(names)}" for module, names in sorted(public_names().items())]
    LIST.write_text("{\n" + ",\n".join(lines) + "\n}\n")
