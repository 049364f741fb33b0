"""Writes reference/figures.md: the paper's claims with what came out, and every figure.

The figures are made while the documentation is built.
"""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

from paper_figures import FIGURES, figure_module, make_figures
from paper_figures.claims import claim_rows
from paper_figures.gallery import read_data

__all__ = ["figure_text", "write_figure_page"]

HEAD = """# The paper's claims, and the figures

Made when this page was built, by `regretlab figures --quick`: short runs, wide intervals. Without `--quick`
the runs are longer; what comes from a committed results file ([experiments](../experiments.md),
[benchmarks](../benchmarks.md)) is the same either way, and its caption names the command that measured it. Each outcome
is worked out from the data of its figure, none was typed in. *On a stand-in* means: on a game, or with a player, of
ours in place of the paper's.

```console
$ regretlab figures --out figures
```

writes each figure as PDF, PNG and SVG with its data and caption, and this gallery as `figures/index.html`.

## The claims

| | claim | what came out |
|---|---|---|
"""
_MARKUP = re.compile(r"([\\*_<>$|\[\]{}~#^])")


def write_figure_page(path: Path) -> None:
    """Make the figures that are missing or out of date next to the page, and write it."""
    folder = path.with_suffix("")
    make_figures((), folder, quick=True)
    figures = []
    for name in FIGURES:
        data = read_data(folder / f"{name}.json")
        assert data is not None
        figures.append((name, figure_module(name), data))
    text = figure_text(figures)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def figure_text(figures: list[tuple[str, ModuleType, dict[str, Any]]]) -> str:
    """Return the page of these figures (name, module, data)."""
    rows = [
        f"| {row['number']} | {_plain(row['claim'])} | {'<br>'.join(_outcome(figure) for figure in row['figures'])} |"
        for row in claim_rows(figures)
    ]
    sections = [_section(name, module, data) for name, module, data in figures]
    return HEAD + "\n".join(rows) + "\n\n## The figures\n\n" + "\n".join(sections)


def _outcome(figure: dict[str, Any]) -> str:
    return f"[{figure['name']}](#figure-{figure['name']}): **{figure['outcome']}**, {_plain(figure['because'])}"


def _section(name: str, module: ModuleType, data: dict[str, Any]) -> str:
    return f"""(figure-{name})=
### {_plain(module.TITLE)}

{_plain(module.CLAIM)}

```{{image}} figures/{name}.svg
:alt: {module.TITLE}
:width: 100%
```

**What came out.** {_plain(data["verdict"])}

:::{{dropdown}} How it was made ({name})
{_plain(data["caption"])}
:::
"""


def _plain(text: str) -> str:
    """Return text without markup but for its code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else _MARKUP.sub(r"\\\1", part) for part in parts)
