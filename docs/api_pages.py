"""Writes reference/api.rst: one table of the public modules for each room, so that none can be forgotten."""

import importlib
import pkgutil
from pathlib import Path

import regretlab

__all__ = ["write_api_page"]

ROOMS = {
    "laws": "Laws of the inference time",
    "staggering": "Staggering rules and their service laws",
    "mdp": "Finite MDPs",
    "records": "Records of runs",
    "results": "Results",
    "bounds": "Regret bounds",
    "planning": "Design answers",
    "simulation": "Simulation",
    "sweeps": "Sweeps",
    "games": "Games",
    "policies": "Policies",
    "harness": "Harness",
    "experiments": "Experiments",
    "validation": "Validation",
    "plots": "Plots",
    "errors": "Errors",
    "compilation": "Compiled kernels",
}
_PRIVATE = ("staggering.rules", "games.cartridges", ".cli")

HEAD = """Python API
==========

Every public name, by room. What may import what is in :doc:`/decisions`. A name is public if its module lists it in
``__all__``.
"""


def write_api_page(path: Path) -> None:
    """Write the page, and only if it changed, so that Sphinx builds no more than it must."""
    rooms: dict[str, list[str]] = {}
    for module in pkgutil.walk_packages(regretlab.__path__, "regretlab."):
        name = module.name
        if name.rsplit(".", 1)[-1].startswith("_") or any(part in name for part in _PRIVATE):
            continue
        if getattr(importlib.import_module(name), "__all__", None):
            rooms.setdefault(name.split(".")[1], []).append(name)
    parts = [HEAD]
    for room in sorted(rooms, key=lambda room: (list(ROOMS).index(room) if room in ROOMS else len(ROOMS), room)):
        # A package that only hands on the names of its modules would list them twice.
        modules = [name for name in sorted(rooms[room]) if not _hands_on(name)]
        title = ROOMS.get(room, room)
        listed = "\n".join(f"   {name}" for name in modules)
        parts.append(f"{title}\n{'-' * len(title)}\n\n.. autosummary::\n   :toctree: generated\n\n{listed}\n")
    text = "\n".join(parts)
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(exist_ok=True)  # a fresh clone has none
        path.write_text(text)


def _hands_on(name: str) -> bool:
    """Whether a package defines nothing itself but lists what its modules define."""
    module = importlib.import_module(name)
    own = [getattr(module, public) for public in module.__all__]
    return hasattr(module, "__path__") and not any(getattr(value, "__module__", None) == name for value in own)
