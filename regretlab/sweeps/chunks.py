"""Chunks of a sweep: which points belong to each, how one is computed, and how it is kept (``regretlab.files``).

The points of a group differ only in parameters that the command takes many values of at a time; a chunk is a run of
whole groups.
"""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import PartStore
from .configuration import SweepConfiguration

__all__ = ["STATUS", "Plan", "compute_chunk", "open_store", "pack", "unpack"]

STATUS = ("computed", "no closed form", "refused")
"""What the variable ``status`` counts."""

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Plan:
    """How a grid is cut into chunks.

    Attributes
    ----------
    configuration
        The sweep.
    """

    configuration: SweepConfiguration

    @property
    def slow(self) -> tuple[int, ...]:
        """Numbers of the axes that separate the groups."""
        fast = self.configuration.command.fast
        return tuple(n for n, axis in enumerate(self.configuration.axes) if axis.name not in fast)

    @property
    def fast(self) -> tuple[int, ...]:
        """Numbers of the axes inside a group."""
        return tuple(n for n in range(len(self.configuration.axes)) if n not in self.slow)

    @property
    def groups(self) -> int:
        """Number of groups."""
        return math.prod(self.configuration.shape[n] for n in self.slow)

    @property
    def group_points(self) -> int:
        """Points of a group."""
        return math.prod(self.configuration.shape[n] for n in self.fast)

    @property
    def chunk_groups(self) -> int:
        """Groups of a chunk."""
        wanted = self.configuration.settings.chunk or self.configuration.command.chunk
        return max(1, min(self.groups, wanted // self.group_points))

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return -(-self.groups // self.chunk_groups)

    def groups_of(self, chunk: int) -> range:
        """Return the groups of a chunk."""
        return range(chunk * self.chunk_groups, min(self.groups, (chunk + 1) * self.chunk_groups))

    def points_of(self, group: int) -> NDArray[np.int64]:
        """Return the flat numbers (C order of the grid) of a group's points, fast axes in their order."""
        shape = self.configuration.shape
        slow_shape = tuple(shape[n] for n in self.slow)
        place: list[Any] = [0] * len(shape)
        for n, index in zip(self.slow, np.unravel_index(group, slow_shape) if slow_shape else (), strict=True):
            place[n] = int(index)
        if self.fast:
            inner = np.indices(tuple(shape[n] for n in self.fast)).reshape(len(self.fast), -1)
            for row, n in enumerate(self.fast):
                place[n] = inner[row]
        return np.atleast_1d(np.ravel_multi_index(tuple(np.broadcast_arrays(*place)), shape)).astype(np.int64)


def compute_chunk(configuration: SweepConfiguration, chunk: int) -> tuple[Columns, list[str]]:
    """Compute the points of a chunk.

    Parameters
    ----------
    configuration
        The sweep.
    chunk
        Which.

    Returns
    -------
    tuple
        One array for each output, a number for each point of the chunk in the order of its groups, with ``point``
        (flat numbers) and ``status``; and the reasons why points have no answer, each once.
    """
    plan = Plan(configuration)
    names = list(configuration.command.outputs)
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in [*names, "point", "status"]}
    reasons: dict[str, None] = {}
    for group in plan.groups_of(chunk):
        points = plan.points_of(group)
        values, status = _group(configuration, plan, points, reasons)
        for name in names:
            columns[name].append(np.broadcast_to(np.asarray(values[name], dtype=np.float64), points.shape))
        columns["point"].append(points)
        columns["status"].append(status)
    return {name: np.concatenate(parts) for name, parts in columns.items()}, list(reasons)


def _group(
    configuration: SweepConfiguration, plan: Plan, points: NDArray[np.int64], reasons: dict[str, None]
) -> tuple[Mapping[str, Any], NDArray[np.int8]]:
    from ..rules.service.service import NoClosedForm

    try:
        return _evaluate(configuration, plan, points), np.zeros(points.shape, np.int8)
    except InputError as error:
        code = 1 if isinstance(error, NoClosedForm) else 2
        if len(points) == 1 or code == 1:
            reasons[str(error)] = None
            return dict.fromkeys(configuration.command.outputs, np.nan), np.full(points.shape, code, np.int8)
    # One of the points is refused: find out which.
    each = [_group(configuration, plan, points[n : n + 1], reasons) for n in range(len(points))]
    joined = {
        name: np.concatenate([np.atleast_1d(np.asarray(values[name], dtype=np.float64)) for values, _ in each])
        for name in configuration.command.outputs
    }
    return joined, np.concatenate([status for _, status in each])


def _evaluate(configuration: SweepConfiguration, plan: Plan, points: NDArray[np.int64]) -> Mapping[str, Any]:
    command = configuration.command
    defaults = {name: field.default for name, field in command.parameters.model_fields.items()}
    same = defaults | configuration.fixed
    indices = np.unravel_index(points, configuration.shape)
    many: dict[str, list[Any]] = {}
    for n, axis in enumerate(configuration.axes):
        if n in plan.fast:
            many[axis.name] = [axis.values[index] for index in indices[n]]
            same.pop(axis.name, None)
        else:
            same[axis.name] = axis.values[int(indices[n][0])]
    seeds = (
        [_seed(configuration.settings.seed, int(point)) for point in points] if command.seeded else [0] * len(points)
    )
    return command.evaluate(same, many, seeds)


def _seed(seed: int, point: int) -> int:
    """Return the seed of a point: the same whatever the chunks, the engine and the number of cores."""
    return int(np.random.SeedSequence(seed, spawn_key=(point,)).generate_state(1, np.uint32)[0])


def open_store(folder: Path, configuration: SweepConfiguration) -> PartStore:
    """Open the finished chunks of a sweep in a folder next to its dataset; errors as those of ``PartStore``."""
    plan = Plan(configuration)
    return PartStore(folder, {"digest": configuration.digest(), "chunk_groups": plan.chunk_groups}, plan.chunks)


def pack(columns: Columns, reasons: list[str]) -> bytes:
    """Return a computed chunk as bytes."""
    buffer = io.BytesIO()
    named: dict[str, Any] = columns | {"reasons": np.asarray(reasons, dtype=np.str_)}
    np.savez(buffer, **named)
    return buffer.getvalue()


def unpack(content: bytes) -> tuple[Columns, list[str]]:
    """Return the chunk that ``pack`` made bytes of."""
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        columns = {name: held[name] for name in held.files}
    return columns, [str(reason) for reason in columns.pop("reasons")]
