"""The gallery: one page with a table of the paper's claims, and every figure of a folder with what came out."""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["read_data", "write_gallery"]


def read_data(path: Path) -> dict[str, Any] | None:
    """Return the data a figure was drawn from; None if there are none, or the file is damaged or of an older form."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))["data"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return data if isinstance(data, dict) and {"caption", "verdict"} <= set(data) else None


def write_gallery(folder: Path, figures: Sequence[tuple[str, ModuleType, dict[str, Any]]]) -> Path:
    """Write ``index.html``.

    Parameters
    ----------
    folder
        Where the figures lie; the page refers to the files next to it.
    figures
        Name, module and data of each figure that is there.

    Returns
    -------
    Path
        The page.
    """
    import jinja2

    from regretlab.files import write_atomically

    from .claims import claim_rows

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(
        files("paper_figures").joinpath("gallery.html.jinja").read_text(encoding="utf-8")
    )
    shown = [
        {
            "name": name,
            "title": module.TITLE,
            "claim": module.CLAIM,
            "caption": data["caption"],
            "verdict": data["verdict"],
            "judged": data.get("judged", {}),
        }
        for name, module, data in figures
    ]
    page = folder / "index.html"
    write_atomically(page, template.render(figures=shown, claims=claim_rows(figures)))
    return page
