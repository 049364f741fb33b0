"""Laws and frame times from text, without evaluating it.

``0.1`` | ``constant(0.1)`` | ``NAME(parameters)`` for any continuous distribution of ``scipy.stats``, positional or
by name | ``@file.csv`` (with columns ``in_flight`` and ``seconds`` a law for each number of requests in flight) |
``@file.txt`` | ``@file.npy`` | ``@RECORD``, the folder of a run: the inference times it recorded |
``@RECORD/learning.parquet``: the times of its learning steps | ``serial(LAW)`` or ``batch(LAW, growth=G)``: LAW is the
time that one server works on a lone request, and all workers ask that server (``laws.server``); ``network=T`` adds what
a request needs besides. A number may be a fraction (``1/30``) and have a unit of time (``500ms``, ``20us``, ``2s``).
The text is parsed to a syntax tree and only numbers are taken from it.
"""

import ast
import csv
import difflib
import math
import re
import warnings
from array import array
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..inputs import read_array
from .constant_law import constant
from .law import Law
from .load_law import read_load
from .sample_law import law_from_samples
from .server import DISCIPLINES, Server, with_server

__all__ = ["FRAME_TIMES", "as_law", "parse_frame_time", "parse_law", "parse_seconds"]

FRAME_TIMES = {"gameboy": 1 / 59.7275, "atari": 1 / 60}
"""Frame times by name, seconds."""

_LONGER = 1e-6  # seconds by which a cancelled inference passes its threshold at least
_FORMS = "a number of seconds, constant(T), a scipy.stats distribution such as gamma(4, scale=0.8), or @FILE"
_EXPONENTS = {"s": "", "ms": "e-3", "us": "e-6", "µs": "e-6"}
_SERVED = re.compile(rf"({'|'.join(DISCIPLINES)})\s*\((.*)\)", re.DOTALL)
_OF_A_SERVER = re.compile(r"(.*),\s*(growth|network)\s*=\s*([^,()=]+)", re.DOTALL)
_WITH_UNIT = re.compile(r"(?<![\w.])(\d+\.?\d*|\.\d+)\s*(ms|us|µs|s)\b")


def _without_units(text: str) -> str:
    """Return a text with times such as 500ms written in seconds; the digits stay as they are."""
    return _WITH_UNIT.sub(lambda found: found[1] + _EXPONENTS[found[2]], text)


def _fraction(text: str) -> float:
    """Return a number, or one number over another; raise ``ValueError`` for anything else."""
    above, slash, below = text.partition("/")
    if not slash:
        return float(text)
    divisor = float(below)
    return float(above) / divisor if divisor else math.nan


def parse_seconds(value: str | float, name: str = "time", *, unit: str = "seconds") -> float:
    """Return a positive, finite time in seconds.

    Parameters
    ----------
    value
        A number, or text: ``0.1``, ``500ms``, ``20us``, ``2s``, ``1/30``.
    name
        What it is, for the message.
    unit
        What it is counted in, for the message; only seconds may have a unit in the text.

    Raises
    ------
    InputError
        For anything else.

    Examples
    --------
    >>> parse_seconds("500ms"), parse_seconds("1/30") == 1 / 30
    (0.5, True)
    """
    try:
        if isinstance(value, bool):
            raise ValueError
        text = _without_units(value) if isinstance(value, str) and unit == "seconds" else value
        seconds = _fraction(text) if isinstance(text, str) else float(text)
    except (TypeError, ValueError):
        allowed = "a number of seconds, such as 0.1, 500ms or 1/30" if unit == "seconds" else f"a number of {unit}"
        raise InputError(f"{name} must be {allowed}, not {value!r}") from None
    if not (math.isfinite(seconds) and seconds > 0):
        raise InputError(f"{name} must be a positive, finite number of {unit}, not {value!r}")
    return seconds


def parse_frame_time(text: str | float) -> float:
    """Return a frame time in seconds.

    Parameters
    ----------
    text
        ``gameboy``, ``atari`` or a time as for ``parse_seconds``.

    Raises
    ------
    InputError
        For anything else.

    Examples
    --------
    >>> round(parse_frame_time("gameboy"), 6), parse_frame_time("20ms")
    (0.016743, 0.02)
    """
    if isinstance(text, str) and text.strip().lower() in FRAME_TIMES:
        return FRAME_TIMES[text.strip().lower()]
    try:
        if isinstance(text, bool):
            raise ValueError
        seconds = _fraction(_without_units(text)) if isinstance(text, str) else float(text)
    except (TypeError, ValueError):
        raise InputError(
            f"frame time '{text}' is neither a number of seconds nor one of {', '.join(FRAME_TIMES)}"
        ) from None
    if not (math.isfinite(seconds) and seconds > 0):
        raise InputError(f"frame time '{text}' must be a positive, finite number of seconds")
    return seconds


def as_law(value: Any, *, any_mean: bool = False) -> Law:
    """Return the law that a number, a text, a frozen ``scipy.stats`` distribution or an array of samples describes.

    Raises
    ------
    InputError
        For anything else.

    Examples
    --------
    >>> as_law([0.1, 0.3]).mean()
    0.2
    """
    if isinstance(value, Law):
        return value
    if isinstance(value, str):
        return parse_law(value, any_mean=any_mean)
    if isinstance(value, bool) or value is None:
        raise InputError(f"inference time must be {_FORMS}, not {value!r}")
    if isinstance(value, int | float | np.number):
        return constant(float(value), text=repr(float(value)))
    if hasattr(value, "dist"):
        from .scipy_law import law_from_distribution

        return law_from_distribution(value, any_mean=any_mean)
    return law_from_samples(value)


def parse_law(text: str | float, *, base_directory: str | Path | None = None, any_mean: bool = False) -> Law:
    """Return the law that a text describes.

    Parameters
    ----------
    text
        See the module's description. All times are seconds.
    base_directory
        Where relative sample files lie; the working directory by default.
    any_mean
        Whether the mean may be infinite.

    Raises
    ------
    InputError
        One sentence saying what is wrong and what is allowed.

    Examples
    --------
    >>> parse_law("gamma(4, scale=0.8)").mean()
    3.2
    >>> parse_law("gamma(4, scael=1)")
    Traceback (most recent call last):
    regretlab.errors.InputError: law 'gamma(4, scael=1)': gamma has no parameter 'scael' (allowed: a, loc, scale)
    """
    stripped = str(text).strip()
    if stripped.startswith("@"):
        return _law_from_file(stripped[1:], stripped, Path(base_directory or "."))
    if (served := _SERVED.fullmatch(stripped)) is not None:
        return _law_of_server(stripped, served[1], served[2], base_directory)
    plain = _without_units(stripped)
    try:
        return constant(_fraction(plain), text=stripped)
    except InputError:
        raise
    except ValueError:
        pass
    name, positional, named = _call(plain, stripped)
    if name == "constant":
        if named or len(positional) != 1:
            raise InputError(f"law '{stripped}': constant takes one number of seconds, as in constant(0.1)")
        return constant(positional[0], text=stripped)
    return _law_from_scipy(stripped, name, positional, named, any_mean)


def _law_of_server(text: str, discipline: str, inner: str, base_directory: str | Path | None) -> Law:
    """Return the law of a lone request to a server that treats several so."""
    given: dict[str, float] = {}
    while (last := _OF_A_SERVER.fullmatch(inner)) is not None:
        inner, name, value = last.groups()
        if name in given:
            raise InputError(f"law '{text}': parameter '{name}' is given twice")
        if name == "growth" and discipline == "serial":
            raise InputError(f"law '{text}': serial has no parameter 'growth' (allowed: network)")
        try:
            given[name] = _fraction(_without_units(value.strip()))
        except ValueError:
            raise InputError(f"law '{text}': {name} must be a finite number of at least 0, not '{value}'") from None
    law = parse_law(inner, base_directory=base_directory)
    if law.server is not None or hasattr(law, "under"):
        raise InputError(f"law '{text}': {discipline} takes the law of a lone request, which '{inner}' is not")
    server = Server(discipline, **given)  # type: ignore[arg-type]  # one of them
    longer = law.shifted(server.network) if 0 <= server.network < math.inf else law
    return with_server(longer, server, text=text)


def _call(plain: str, text: str) -> tuple[str, list[float], dict[str, float]]:
    """Split ``NAME(1, a=2)`` into its name and numbers; ``text`` is how the law was written."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of text that is not a law anyway
            node = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        node = None
    if isinstance(node, ast.Name):
        node = ast.Call(func=node, args=[], keywords=[])
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise InputError(f"law '{text}' is not understood: give {_FORMS}")
    positional = [_number(argument, text) for argument in node.args]
    named: dict[str, float] = {}
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg in named:
            raise InputError(f"law '{text}' is not understood: give {_FORMS}")
        named[keyword.arg] = _number(keyword.value, text)
    return node.func.id, positional, named


def _number(node: ast.AST, text: str) -> float:
    sign = 1.0
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        below = _number(node.right, text)
        if below:
            return _number(node.left, text) / below
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign = -1.0 if isinstance(node.op, ast.USub) else 1.0
        node = node.operand
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return sign * float(value)
    raise InputError(f"law '{text}': every parameter must be a finite number, not '{ast.unparse(node)}'")


def _law_from_scipy(text: str, name: str, positional: list[float], named: dict[str, float], any_mean: bool) -> Law:
    from scipy import stats

    from .scipy_law import law_from_distribution

    family = getattr(stats, name, None)
    if not isinstance(family, stats.rv_continuous):
        families = [known for known in dir(stats) if isinstance(getattr(stats, known), stats.rv_continuous)]
        near = difflib.get_close_matches(name.lower(), ["constant", *families], n=3)
        hint = f" (did you mean {' or '.join(near)}?)" if near else f": give {_FORMS}"
        raise InputError(f"law '{text}': '{name}' is not a continuous distribution of scipy.stats{hint}")
    shapes = [shape.strip() for shape in family.shapes.split(",")] if family.shapes else []
    allowed = [*shapes, "loc", "scale"]
    for parameter in named:
        if parameter not in allowed:
            raise InputError(f"law '{text}': {name} has no parameter '{parameter}' (allowed: {', '.join(allowed)})")
    if len(positional) > len(allowed):
        raise InputError(f"law '{text}': {name} takes at most {len(allowed)} numbers ({', '.join(allowed)})")
    given = dict(zip(allowed, positional, strict=False))
    for parameter in named:
        if parameter in given:
            raise InputError(f"law '{text}': parameter '{parameter}' is given twice")
    given |= named
    missing = [shape for shape in shapes if shape not in given]
    if missing:
        raise InputError(f"law '{text}': {name} also needs {', '.join(missing)} (allowed: {', '.join(allowed)})")
    values = [given[shape] for shape in shapes]
    location, scale = given.get("loc", 0.0), given.get("scale", 1.0)
    return law_from_distribution(family(*values, loc=location, scale=scale), text=text, any_mean=any_mean)


def _law_from_file(name: str, text: str, directory: Path) -> Law:
    path = directory / name
    if (path / "meta.json").is_file():
        return law_from_samples(_times_of_record(path), text=text)
    if path.name == "learning.parquet" and (path.parent / "meta.json").is_file():
        return law_from_samples(_step_times_of_record(path.parent), text=text)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".txt", ".npy"):
        raise InputError(f"samples file '{name}' must end in .csv, .txt or .npy, or be the folder of a record")
    if not path.is_file():
        raise InputError(f"samples file '{name}' does not exist")
    if suffix == ".csv" and (load := read_load(path, text)) is not None:
        return load
    samples = read_array(path, "samples file") if suffix == ".npy" else _read_column(path, name)
    return law_from_samples(samples, text=text)


def _times_of_record(folder: Path) -> NDArray[np.float64]:
    """Return how long the inferences of a recorded run took, counted from their scheduled starts as the rules count."""
    from ..records import Record

    record = Record.open(folder)
    rows, replicas = record.inferences, record.meta.get("config", {}).get("replicas", 1)
    # a cancelled inference would have taken longer than it was let; those in flight when the run ended say nothing
    ended = np.where(rows["cancelled"], rows["freed"] + _LONGER, rows["completion"])
    times = (ended - rows["scheduled"]).to_numpy(np.float64)
    taken = rows.assign(group=rows["worker"] // replicas, took=times)[~rows["lost"]]
    if replicas > 1:  # of a race the fastest counts
        taken = taken.groupby(["group", "scheduled"], sort=False, as_index=False).min()
    times = taken["took"][np.isfinite(taken["took"])].to_numpy()
    if not len(times):
        raise InputError(f"record '{folder}' holds no completed inference")
    return times


def _step_times_of_record(folder: Path) -> NDArray[np.float64]:
    """Return how long the learning steps of a recorded run took."""
    from ..records import Record
    from ..records.learning import step_seconds

    times = step_seconds(Record.open(folder))
    if not len(times):
        raise InputError(f"record '{folder}' holds no learning step")
    return times


def _read_column(path: Path, name: str) -> NDArray[np.float64]:
    """Return the column of seconds, the one headed so, or else the first and only one; rows are read one by one.

    Cells are separated by commas in a .csv file, by white space in a .txt file; lines that begin with # are comments.
    """
    values = array("d")
    column, width = None, 0
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = map(str.split, file) if path.suffix.lower() == ".txt" else csv.reader(file)
            for row in rows:
                cells = [cell.strip() for cell in row]
                if not any(cells) or cells[0].startswith("#"):
                    continue
                if column is None:
                    column, width = _column(cells, name), len(cells)
                    if not _is_number(cells[column]):
                        continue
                if len(cells) != width:
                    comma = ": decimals take a point, not a comma" if len(cells) > width else ""
                    raise InputError(
                        f"samples file '{name}': row '{','.join(row)[:40]}' has {len(cells)} cells and the first has "
                        f"{width}{comma}"
                    )
                cell = cells[column]
                if not _is_number(cell):
                    raise InputError(
                        f"samples file '{name}': sample {len(values) + 1} is '{cell[:40]}', not a number of seconds"
                    )
                values.append(float(cell))
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"samples file '{name}' cannot be read as numbers: {str(error).splitlines()[0]}") from None
    if column is None:
        raise InputError(f"samples file '{name}' is empty")
    return np.array(values)


def _column(first: list[str], name: str) -> int:
    """Return which column holds the samples, by the first row: a header or numbers."""
    header = [cell.lower() for cell in first]
    if "seconds" in header:
        return header.index("seconds")
    if len(header) == 1:
        return 0
    if _is_number(header[0]):
        raise InputError(
            f"samples file '{name}' has {len(header)} columns: give one, or head one 'seconds'; decimals take a point, "
            "not a comma"
        )
    raise InputError(f"samples file '{name}' has {len(header)} columns and none is headed 'seconds'")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
