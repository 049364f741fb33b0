"""Writes reference/api.rst, which lists the names of the front door, and a page for each module.

No module can be forgotten: they are found, not listed.
"""

import ast
import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.pycode import ModuleAnalyzer

import regretlab

__all__ = ["check_api_pages", "public_modules", "write_api_pages"]

ROOMS = {
    "laws": "Laws of the inference time",
    "scenario": "Scenario",
    "front": "Functions of the front door",
    "rules": "Staggering rules and their service laws",
    "mdp": "Finite MDPs",
    "records": "Records of runs",
    "results": "Results",
    "theory": "Regret bounds",
    "planning": "Design answers",
    "simulation": "Simulation",
    "sweeps": "Sweeps",
    "games": "Games",
    "policies": "Policies",
    "play": "Runs",
    "experiments": "Experiments",
    "validation": "Validation",
    "plots": "Plots",
    "errors": "Errors",
    "compilation": "Compiled kernels",
}
_LONGEST = 90  # characters of a constant's value that are shown
_PRIVATE = ("games.cartridges", ".cli")

TEN = {
    "bound": "What does this rule lose in this world?",
    "lower_bound": "What does every rule lose, at least?",
    "compare": "Which rule is best with these workers?",
    "plan": "How many workers do I need, and under which rule?",
    "simulate": "Is it true in a simulation, and how sure is that?",
    "run": "Is it true in a game that real processes play?",
    "profile": "How long does an inference of my network take?",
    "stochasticity": "How predictable is my environment?",
    "delay_curve": "What does my policy lose when its actions come late?",
    "validate": "Does the theory hold on this machine?",
}
"""The ten functions that a new reader needs, and the question that each answers."""

HEAD = """Python API
==========

The ten functions you need
--------------------------

Describe the problem once, then ask::

   import regretlab as rl

   scenario = rl.Scenario("gamma(4, scale=0.02)", mode_probability=0.95, workers=6, rule="max-time")
   rl.bound(scenario)

.. list-table::
   :widths: 60 40

{ten}

Everything you import
---------------------

``import regretlab as rl`` offers these names. They are the public interface:

.. list-table::
   :widths: 30 70

{names}

Every module
------------

All other modules are internal: they are documented below, by package, and may change without notice. :doc:`/decisions`
states what may import what.
"""


def public_modules() -> Iterator[str]:
    """Yield the names of the modules with public names; those of the command line have pages of their own."""
    for module in pkgutil.walk_packages(regretlab.__path__, "regretlab."):
        name = module.name
        if name.rsplit(".", 1)[-1].startswith("_") or any(part in name for part in _PRIVATE):
            continue
        if getattr(importlib.import_module(name), "__all__", None):
            yield name


def write_api_pages(folder: Path) -> None:
    """Write all pages, each only if it changed, so that Sphinx builds no more than it must."""
    modules = sorted(public_modules())
    rooms: dict[str, list[str]] = {}
    for name in modules:
        rooms.setdefault(name.split(".")[1], []).append(name)
    parts = [HEAD.format(ten="\n".join(_ten()), names="\n".join(_front_door()))]
    for room in sorted(rooms, key=lambda room: (list(ROOMS).index(room) if room in ROOMS else len(ROOMS), room)):
        title = ROOMS.get(room, room)
        rows = "\n".join(f"   * - :doc:`{name} <generated/{name}>`\n     - {_summary(name)}" for name in rooms[room])
        pages = "\n".join(f"   generated/{name}" for name in rooms[room])
        table = f".. list-table::\n   :widths: 40 60\n\n{rows}\n"
        parts.append(f"{title}\n{'~' * len(title)}\n\n{table}\n.. toctree::\n   :hidden:\n\n{pages}\n")
    _write(folder / "api.rst", "\n".join(parts))
    for name in modules:
        _write(folder / "generated" / f"{name}.rst", _page(name))
    for old in (folder / "generated").glob("*.rst"):
        if old.stem not in modules:
            old.unlink()


def _ten() -> Iterator[str]:
    """Yield a row for each of the ten functions: its question, and where it is documented."""
    for name, question in TEN.items():
        value = getattr(regretlab, name)
        yield f"   * - {question}\n     - :py:obj:`rl.{name} <{value.__module__}.{name}>`"


def _front_door() -> Iterator[str]:
    """Yield a row for each name of the front door: where it is documented, and what it is."""
    for name in regretlab.__all__:
        value = getattr(regretlab, name)
        if isinstance(value, str):
            continue
        said = (inspect.getdoc(value) or "").partition("\n")[0]
        yield f"   * - :py:obj:`rl.{name} <{value.__module__}.{name}>`\n     - {said}"


def _page(name: str) -> str:
    """Return the page of a module: its docstring, what it defines, and links to what it hands on from elsewhere."""
    module = importlib.import_module(name)
    parts = [f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n   :no-members:\n"]
    homes, described = _homes(module), ModuleAnalyzer.for_module(name).find_attr_docs()
    handed_on = []
    for public in module.__all__:
        home = homes.get(public)
        if home is not None and public in getattr(importlib.import_module(home), "__all__", ()):
            handed_on.append(f"* :py:obj:`{home}.{public}`")
        else:
            parts.append(_entry(name, public, getattr(module, public), described=("", public) in described))
    if handed_on:
        parts.append("Also to be had from here:\n\n" + "\n".join(handed_on) + "\n")
    return "\n".join(parts)


def _homes(module: ModuleType) -> dict[str, str]:
    """Return the modules that a module's names are imported from."""
    package = module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]
    return {
        alias.asname or alias.name: importlib.util.resolve_name("." * node.level + (node.module or ""), package)
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.ImportFrom) and (node.level or str(node.module).startswith("regretlab"))
        for alias in node.names
    }


def _entry(module: str, public: str, value: Any, *, described: bool) -> str:
    if inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
        return f".. auto{kind}:: {module}.{public}\n   :members:\n"
    if inspect.isroutine(value) or hasattr(value, "py_func"):  # compiled by Numba
        return f".. autofunction:: {module}.{public}\n"
    if described:
        return f".. autodata:: {module}.{public}\n   :no-value:\n"
    # autodata would show the docstring of the value's type
    shown = " ".join(repr(value).split())
    shown = f"\n   ``{shown}``\n" if len(shown) <= _LONGEST and " at 0x" not in shown else ""
    return f".. py:data:: {public}\n   :module: {module}\n{shown}"


def _summary(name: str) -> str:
    """Return the first sentence of a module's docstring."""
    text = " ".join((importlib.import_module(name).__doc__ or "").split("\n\n")[0].split())
    return text.rstrip(".:") or name


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
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part, None)
        return found
    return None


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)  # a fresh clone has none
        path.write_text(text)
