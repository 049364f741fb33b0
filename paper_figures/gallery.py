"""The gallery: one page with every figure of a folder, its claim, its verdict and its caption."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from types import ModuleType

__all__ = ["write_gallery"]


def write_gallery(folder: Path, figures: Sequence[tuple[str, ModuleType]]) -> Path:
    """Write ``index.html``.

    Parameters
    ----------
    folder
        Where the figures lie; the page refers to the files beside it.
    figures
        Name and module of each figure that is there.

    Returns
    -------
    Path
        The page.
    """
    import jinja2

    from regretlab.records.storage import write_atomically

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(
        files("paper_figures").joinpath("gallery.html.jinja").read_text(encoding="utf-8")
    )
    shown = []
    for name, module in figures:
        _, claim, *caption, verdict = (folder / f"{name}.txt").read_text(encoding="utf-8").strip().split("\n\n")
        shown.append(
            {
                "name": name,
                "title": module.TITLE,
                "claim": claim.removeprefix("Claim: "),
                "caption": caption,
                "verdict": verdict.removeprefix("Verdict: "),
            }
        )
    page = folder / "index.html"
    write_atomically(page, template.render(figures=shown))
    return page
