"""Making figures: compute once, keep the data, draw from the data, so that a long session can stop and go on.

A figure's data file says what made it: a fingerprint of the sources of the package and of the figure, of the committed
results the figure reads, and of the settings. Data with the same fingerprint are drawn again, not computed again.
"""

import hashlib
import importlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from regretlab.errors import InputError
from regretlab.progress import Progress, silent

from .gallery import read_data, write_gallery

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "FORMS", "RESULTS", "figure_module", "make_figures"]

FIGURES: dict[str, str] = {
    "best-rule": "best_rule",
    "regret": "regret",
    "schedules": "schedules",
    "decomposition": "decomposition",
    "phase-diagram": "phase_diagram",
    "service-laws": "service_laws",
    "inference-workers": "inference_workers",
    "learning-workers": "learning_workers",
    "action-intervals": "action_intervals",
    "learning": "learning",
    "learning-progress": "learning_progress",
    "agents-late": "agents_late",
    "duel": "duel",
    "stacker": "stacker",
    "stacker-learned": "stacker_learned",
    "stacker-distilled": "stacker_distilled",
    "boxing": "boxing",
    "staleness": "staleness",
    "hold": "hold",
    "hold-routes": "hold_routes",
    "model-size": "model_size",
    "tolerable-time": "tolerable_time",
    "rules-and-bound": "rules_and_bound",
    "algorithms-and-bound": "algorithms_and_bound",
    "large-scale": "large_scale",
    "outputs": "outputs",
    "cancel-threshold": "cancel_threshold",
    "buffer-ages": "buffer_ages",
    "chunk-length": "chunk_length",
    "optimal-rule": "optimal_rule",
}
"""Figures by name, and the module that makes each."""

FORMS = ("pdf", "png", "svg")
"""A vector picture for print, one in pixels for slides, one for the web."""

RESULTS = Path(__file__).parent / "results"
"""Committed results of long runs, each with the command that made it."""

_ROOT = Path(__file__).parent
_PAD = 0.0415  # inches, what the layout leaves on each side, so that a picture is as wide as its page


def figure_module(name: str) -> ModuleType:
    """Return the module that makes a figure.

    Parameters
    ----------
    name
        A name in ``FIGURES``.

    Raises
    ------
    InputError
        For any other.
    """
    if name not in FIGURES:
        raise InputError(f"unknown figure '{name}': choose one of {', '.join(FIGURES)}")
    return importlib.import_module(f"paper_figures.{FIGURES[name]}")


def make_figures(
    names: Sequence[str],
    out: Path,
    *,
    quick: bool = False,
    seed: int = 0,
    width: str | None = None,
    progress: Progress = silent,
) -> dict[str, list[Path]]:
    """Make figures.

    Parameters
    ----------
    names
        Which; all if empty.
    out
        Folder for ``NAME.json`` (data), ``NAME.txt`` (caption), ``NAME.pdf``, ``NAME.png``, ``NAME.svg`` and
        ``index.html``; made if missing. Data already there and made by the same sources and settings are not computed
        again.
    quick
        Shorter runs, wider intervals.
    seed
        Seed of every run.
    width
        ``column``, ``text`` or ``page`` for all pictures (3.25, 5.5, 6.75 inches); each in its own width if None. Data
        already there are drawn again, not computed again.
    progress
        Called with how many figures are done, how many there are, and what is being made.

    Returns
    -------
    dict
        The files of each figure.

    Raises
    ------
    InputError
        For a name that is not in ``FIGURES``, another width, or a folder that cannot be made.
    """
    from regretlab.files import new_folder, write_atomically
    from regretlab.plots.style import WIDTHS, house_style

    if width is not None and width not in WIDTHS:
        raise InputError(f"unknown width '{width}': choose one of {', '.join(WIDTHS)}")

    chosen = list(dict.fromkeys(names or FIGURES))
    modules = {name: figure_module(name) for name in chosen}
    made = {}
    with new_folder(out):
        for done, (name, module) in enumerate(modules.items()):
            progress(done, len(modules), name)
            data_file, caption_file = out / f"{name}.json", out / f"{name}.txt"
            settings = {"figure": name, "seed": seed, "quick": quick, "fingerprint": _fingerprint(module)}
            data = _kept(data_file, settings)
            if data is None:
                data = module.compute(seed=seed, quick=quick)
                write_atomically(data_file, (json.dumps(settings | {"data": data}, allow_nan=False) + "\n"))
            write_atomically(caption_file, f"{module.TITLE}\n\n{_caption(module, data)}\n")
            pictures = [out / f"{name}.{form}" for form in FORMS]
            with house_style(width):
                _save(module.draw(data), pictures)
            made[name] = [data_file, caption_file, *pictures]
    there = [(name, figure_module(name), read_data(out / f"{name}.json")) for name in FIGURES]
    write_gallery(out, [(name, module, data) for name, module, data in there if data and _drawn(out, name)])
    progress(len(modules), len(modules), "done")
    return made


def _caption(module: ModuleType, data: dict[str, Any]) -> str:
    from .claims import said

    judged = f"\n\n{said(data['judged'])}" if data.get("judged") else ""
    return f"Claim: {module.CLAIM}\n\n{data['caption']}\n\nVerdict: {data['verdict']}{judged}"


def _drawn(out: Path, name: str) -> bool:
    return all((out / f"{name}.{form}").exists() for form in FORMS)


def _kept(path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Return the data of an earlier call with the same settings; None if there are none, or the file is damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        data = kept.pop("data")
    except (OSError, ValueError, AttributeError, KeyError):
        return None
    return data if kept == settings and isinstance(data, dict) else None


def _fingerprint(module: ModuleType) -> str:
    """Return a hash of all sources a figure may depend on."""
    digest = hashlib.sha256(_package_digest().encode())
    for name in [
        "plays.py",
        "claims.py",
        "paper_models.py",
        Path(str(module.__file__)).name,
        *getattr(module, "RESULTS_READ", ()),
    ]:
        path = _ROOT / name
        digest.update(path.read_bytes() if path.exists() else b"missing")
    return digest.hexdigest()[:16]


@cache
def _package_digest() -> str:
    import regretlab

    package = Path(regretlab.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] not in ("cli", "explore", "plots"):  # nothing computed lies there
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _save(figure: "Figure", paths: Sequence[Path]) -> None:
    """Write pictures whose bytes depend on the data alone, each in one step."""
    from io import BytesIO

    from regretlab.files import write_atomically
    from regretlab.plots.style import house_style

    for path in paths:
        form = path.suffix[1:]
        stamp = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {"Software": None}}[form]
        buffer = BytesIO()
        with house_style():
            figure.savefig(buffer, format=form, bbox_inches="tight", pad_inches=_PAD, metadata=stamp)
        write_atomically(path, buffer.getvalue())
