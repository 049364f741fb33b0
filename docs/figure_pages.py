"""The page reference/figures: the paper's claims with what came out, and every figure.

A process of its own makes the figures while Sphinx reads the other pages: the build takes as long as the longer of the
two. ``python docs/figure_pages.py FOLDER`` is that process.
"""

import atexit
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from paper_figures import FIGURES, figure_module, make_figures
from paper_figures.claims import claim_rows
from paper_figures.gallery import read_data

__all__ = ["FigurePage", "figure_text"]

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


class FigurePage:
    """The page while it is being made.

    Parameters
    ----------
    path
        Of the page; the figures are made in the folder of the same name, those that are missing or out of date.
    """

    def __init__(self, path: Path) -> None:
        self._folder = path.with_suffix("")
        if not path.exists():  # Sphinx looks for pages before it reads them
            path.parent.mkdir(exist_ok=True)
            path.write_text("# The paper's claims, and the figures\n")
        root = str(Path(__file__).parents[1])
        there = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
        self._process = subprocess.Popen([sys.executable, __file__, str(self._folder)], env=there)
        atexit.register(self._process.kill)  # a build that ends early leaves nothing behind

    def text(self) -> str:
        """Wait for the figures, and return the page."""
        if self._process.wait() != 0:
            raise RuntimeError("the figures could not be made: see above")
        figures = []
        for name in FIGURES:
            data = read_data(self._folder / f"{name}.json")
            assert data is not None
            figures.append((name, figure_module(name), data))
        return figure_text(figures)


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


if __name__ == "__main__":
    make_figures(
        (), Path(sys.argv[1]), quick=True, progress=lambda *at: print("figures: {} of {}, {}".format(*at), flush=True)
    )
