"""The house's language check: words and patterns that prose of this repository avoids.

``python -m tests.contracts.language`` (part of ``make lint``) reads the documentation and, in Python files, docstrings,
comments and messages. Names (backticks, code blocks, identifiers, options, labels of committed results) are not prose.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

AVOIDED = {
    r"\btold\b": "reported, passed, recorded, specified",
    r"\btells?\b": "reports, states, distinguishes",
    r"\bsaid\b": "stated, reported, printed",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bbeside\b": "next to, alongside, with",
    r"\b(no|some)body\b": "name the process, function or user",
    r"\bwho(m|se)?ever\b": "name the process, function or user",
    r"\bstrangers?\b": "untrusted",
    r"\blikeliest\b": "most likely",
    r"\bis none of\b": "is not one of",
    r"(?<!there )\b(is|was|are|were) no (?!longer|more\b|less\b|other\b|need\b|way\b)": "is not a, does not exist",
    r"\bbelongs? into\b": "belongs in",
    r"\bwithout end\b": "unlimited, endless",
    r"\ba screen each\b": "each fits on one screen",
    r"\b(un)?heed(s|ed|ing)?\b": "observe, ignore",
    r"\bwhat (it|they) might\b": "name the quantity",
    r"\b(is|are) (not )?(ours|theirs|its own) to\b": "name the owner",
    r"\blets? (it|them) be\b": "leaves it unchanged",
    r"\bis at work\b": "runs",
    r"\b(go|goes|went) by (the|its|their)\b": "depends on, uses",
    r"\bfor good\b": "permanently",
    r"\bkeeps? (its|the) likel": "moves to its most likely successor",
    r"\bin the mean\b(?! of)": "on average",
    r"\bcomes? along\b": "is included",
    r"\bhiccups?\b": "slow inference, pause of the machine",
    r"\bmishaps?\b": "outlier",
    r"\bmodal\b": "mode probability, most likely successor",
    r"(?<=[.!?] )(Where|Who|What|Whose)\b[^.:;!?]{3,80}: (the|a|an|its|one|each|all|no)\b": "a verb, not a colon",
}
"""Pattern (matched without regard to case) and what to write instead."""

PLACES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "regretlab", "paper_figures")


def prose_of_markdown(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a page that are prose, with their numbers: no code, mathematics or link targets."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        opened = re.match(r"\s*(`{3,}|~{3,})(\{(?:note|warning|tip|admonition|seealso|important)\})?", line)
        if opened and (not fence or line.strip() == fence):
            fence = "" if fence else ("" if opened[2] else opened[1])
            continue
        if not fence:
            yield number, re.sub(r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)|<[^>]*>", "_", line)


def prose_of_python(source: str) -> Iterator[tuple[int, str]]:
    """Yield comments, docstrings and messages of a module, line by line with their numbers."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith(("# noqa", "# type:", "# fmt")):
            yield token.start[0], re.sub(r"`[^`]*`", "_", token.string)
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)) or node.value in _labels():
            continue
        if " " in node.value.strip():
            example = False
            for offset, line in enumerate(node.value.splitlines() if "\n" in node.value else [node.value]):
                example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
                if not example and not line.strip().isidentifier():
                    yield node.lineno + offset, re.sub(r"`[^`]*`", "_", line)


@cache
def _labels() -> frozenset[str]:
    """Return the labels by which results are found in their files."""
    files = (ROOT / "paper_figures" / "experiments").glob("*.toml")
    cases = (tomllib.loads(file.read_text(encoding="utf-8")).get("case", []) for file in files)
    return frozenset(case["label"] for each in cases for case in each)


def occurrences(path: Path) -> list[tuple[int, str, str]]:
    """Return where a file has what the house avoids: line number, the words, what to write instead."""
    text = path.read_text(encoding="utf-8")
    lines = prose_of_python(text) if path.suffix == ".py" else prose_of_markdown(text)
    return sorted(
        (number, found[0].strip(), advice)
        for number, line in lines
        for pattern, advice in AVOIDED.items()
        for found in re.finditer(pattern, line, re.IGNORECASE)
    )


def checked_files() -> list[str]:
    """Return the files of the repository that hold prose, relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", *PLACES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [name for name in listed if name.endswith((".md", ".py")) and (ROOT / name).exists()]


def main() -> int:
    """Print where prose has what the house avoids, and return 1 if there is such a place."""
    found = {name: occurrences(ROOT / name) for name in checked_files()}
    for name, places in found.items():
        for number, words, advice in places:
            print(f"{name}:{number}: '{words}': rather {advice}")
    total = sum(len(places) for places in found.values())
    print(f"language: {total} places to rewrite in {sum(map(bool, found.values()))} of {len(found)} files")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
