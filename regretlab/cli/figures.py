"""The command that makes the paper's figures: ``figures``."""

from pathlib import Path
from typing import Literal

from .options import Flag, Json, Whole, app
from .output import print_json, printable, show_progress, write

__all__ = ["figures"]


@app.command
def figures(
    *names: str,
    out: Path = Path("figures"),
    quick: Flag = False,
    width: Literal["column", "text", "page"] | None = None,
    seed: Whole = 0,
    json: Json = False,
) -> int:
    """Make the figures of the paper, each with its data and a caption.

    Example: regretlab figures regret --out figures

    Parameters
    ----------
    names
        Which figures (an unknown name lists them); all if none is given.
    out
        Folder for the pictures, their data and captions, and a gallery, index.html. Data already there are kept.
    quick
        Shorter runs, wider intervals.
    width
        Width of every picture, as journals print them: 3.25, 5.5 or 6.75 inches. Each has its own if none is given.
    seed
        Seed of every run.
    """
    from paper_figures import make_figures

    with show_progress() as progress:
        made = make_figures(names, out, quick=quick, seed=seed, width=width, progress=progress)
    if json:
        print_json({"figures": [{"name": name, "files": list(map(str, files))} for name, files in made.items()]})
        return 0
    write("".join(f"{printable(str(path))}\n" for files in made.values() for path in files))
    write(f"gallery: {printable(str(out / 'index.html'))}\n")
    return 0
