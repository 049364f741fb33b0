"""Writes reference/api.rst: one table of the public modules for each room, so that none can be forgotten."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import regretlab

__all__ = ["check_api_pages", "public_modules", "write_api_page"]

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
    for name in public_modules():
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


def public_modules() -> Iterator[str]:
    """Yield the names of the modules with public names; those of the command line have pages of their own."""
    for module in pkgutil.walk_packages(regretlab.__path__, "regretlab."):
        name = module.name
        if name.rsplit(".", 1)[-1].startswith("_") or any(part in name for part in _PRIVATE):
            continue
        if getattr(importlib.import_module(name), "__all__", None):
            yield name


def check_api_pages(app: Any, env: Any) -> None:
    """Warn (an error in our builds) of each public name that no page describes."""
    from sphinx.util import logging

    described = {(name.rsplit(".", 1)[-1], id(_found(name))) for name in env.get_domain("py").objects}
    for module in public_modules():
        for name in importlib.import_module(module).__all__:
            if (name, id(_found(f"{module}.{name}"))) not in described:
                logging.getLogger(__name__).warning("%s.%s is public and on no page", module, name)


def _found(path: str) -> Any:
    """Return the object of a dotted name, which may go through classes."""
    parts = path.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part, None)
        return found
    return None


def _hands_on(name: str) -> bool:
    """Whether a package defines nothing itself but lists what its modules define."""
    module = importlib.import_module(name)
    own = [getattr(module, public) for public in module.__all__]
    return hasattr(module, "__path__") and not any(getattr(value, "__module__", None) == name for value in own)
