"""The dataset of a sweep: variables over named, unit-carrying coordinates, with the sweep itself inside."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..files import PartStore, replacing
from .chunks import STATUS, unpack
from .configuration import SweepConfiguration

if TYPE_CHECKING:
    import xarray

__all__ = ["SUFFIXES", "check_target", "held_digest", "make_dataset", "read_dataset", "write_dataset"]

SUFFIXES = (".nc", ".zarr")


def make_dataset(configuration: SweepConfiguration, store: PartStore) -> "xarray.Dataset":
    """Return the dataset of a sweep whose chunks are all there."""
    import xarray

    command, shape = configuration.command, configuration.shape
    names = [*command.outputs, "status"]
    filled: dict[str, Any] = {name: np.full(configuration.points, np.nan) for name in command.outputs}
    filled["status"] = np.full(configuration.points, -1, np.int8)
    reasons: set[str] = set()
    for columns, said in map(unpack, store.all()):
        for name in names:
            filled[name][columns["point"]] = columns[name]
        reasons.update(said)
    dimensions = [axis.name for axis in configuration.axes]
    coordinates = {}
    for axis in configuration.axes:
        described = {"units": axis.unit} if axis.unit else {}
        if axis.template is not None:
            described["template"] = axis.template
        coordinates[axis.name] = (axis.name, _column(axis.labels), described)
    variables = {
        name: (dimensions, filled[name].reshape(shape), {"units": output.unit, "long_name": output.meaning})
        for name, output in command.outputs.items()
    }
    status = {"flag_values": np.arange(len(STATUS), dtype=np.int8), "flag_meanings": " ".join(_flags())}
    from .. import __version__

    return xarray.Dataset(
        variables | {"status": (dimensions, filled["status"].reshape(shape), status)},
        coordinates,
        {
            "command": command.name,
            "seed": configuration.settings.seed,
            "configuration": json.dumps(configuration.to_json(), sort_keys=True),
            "digest": configuration.digest(),
            "reasons": json.dumps(sorted(reasons)),
            "regretlab": __version__,
        },
    )


def _flags() -> list[str]:
    return [name.replace(" ", "_") for name in STATUS]


def _column(labels: tuple[Any, ...]) -> Any:
    if any(isinstance(label, str) for label in labels):
        return np.asarray([str(label) for label in labels], dtype=object)
    if any(label is None for label in labels):
        raise InputError("a coordinate cannot be empty")
    return np.asarray(labels)


def check_target(path: Path) -> Path:
    """Return the path if a dataset can be written there; raise ``InputError`` otherwise."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"a sweep goes to a .nc (NetCDF) or .zarr file, not to '{path}'")
    if not path.parent.is_dir():
        raise InputError(f"folder '{path.parent}' does not exist")
    return path


def write_dataset(dataset: "xarray.Dataset", path: Path) -> None:
    """Write a dataset in one step."""
    packed = {"zlib": True, "complevel": 1, "shuffle": True}
    with replacing(path) as part:
        if path.suffix == ".zarr":
            dataset.to_zarr(part, mode="w", consolidated=False)
        else:
            dataset.to_netcdf(part, engine="h5netcdf", encoding=dict.fromkeys(map(str, dataset.data_vars), packed))


def read_dataset(path: str | Path) -> "xarray.Dataset":
    """Read the dataset of a sweep into memory.

    Raises
    ------
    InputError
        If there is none.
    """
    import xarray

    place = check_target(Path(path))
    try:
        if place.suffix == ".zarr":
            with xarray.open_zarr(place, consolidated=False) as dataset:
                return dataset.load()
        with xarray.open_dataset(place, engine="h5netcdf") as dataset:
            return dataset.load()
    except (OSError, ValueError, KeyError):
        raise InputError(f"'{place}' is not the dataset of a sweep") from None


def held_digest(path: Path) -> str | None:
    """Return the digest of the sweep that a file holds; None if there is no file.

    Raises
    ------
    InputError
        If there is something else there.
    """
    if not path.exists():
        return None
    return str(read_dataset(path).attrs.get("digest", ""))
