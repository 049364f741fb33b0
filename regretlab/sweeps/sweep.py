"""Run a sweep to its end, from wherever the last attempt stopped."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..files import PartStore
from ..progress import Progress, silent
from .chunks import Plan, open_store, pack, unpack
from .configuration import SweepConfiguration
from .dataset import check_target, held_digest, make_dataset, read_dataset, write_dataset
from .engines import Engine, check_engine, compute_chunks

if TYPE_CHECKING:
    import xarray

__all__ = ["Sweep", "run_sweep"]


@dataclass(frozen=True, eq=False)
class Sweep:
    """A finished sweep.

    Attributes
    ----------
    dataset
        The results.
    path
        Where they lie.
    points, chunks
        Size of the grid, and of its division.
    computed
        Chunks computed by this call; the others were there.
    """

    dataset: "xarray.Dataset"
    path: Path
    points: int
    chunks: int
    computed: int

    @property
    def unanswered(self) -> int:
        """Points without an answer: no closed form, or refused."""
        return int((self.dataset["status"] != 0).sum())


def run_sweep(
    configuration: SweepConfiguration,
    out: str | Path,
    *,
    engine: Engine = "local",
    cores: int | None = None,
    address: str | None = None,
    progress: Progress = silent,
) -> Sweep:
    """Compute a sweep, or what is missing of it, and write its dataset.

    Parameters
    ----------
    configuration
        The sweep.
    out
        File to write, .nc or .zarr. Finished chunks lie in ``OUT.parts`` until all are there.
    engine, cores, address
        Who computes; see ``compute_chunks``. They change no value.
    progress
        Called after each chunk with the number of points finished and the total.

    Returns
    -------
    Sweep
        The dataset and what it took.

    Raises
    ------
    InputError
        If the file or its parts belong to another sweep, or no point of the grid has an answer.
    RunError
        If workers die; what is done is kept.

    Examples
    --------
    >>> import tempfile
    >>> from regretlab.sweeps import read_configuration
    >>> sweep = read_configuration({
    ...     "sweep": {"command": "bound"},
    ...     "fixed": {"inference_time": 3, "frame_time": 1, "rule": "frame-pool", "workers": 3},
    ...     "grid": {"mode_probability": [0.8, 0.9]},
    ... })
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run_sweep(sweep, folder + "/two.nc", cores=1).dataset["regret"].values.round(3)
    array([0.488, 0.271])
    """
    path = check_target(Path(out))
    check_engine(engine, cores, address)
    plan = Plan(configuration)
    held = held_digest(path)
    if held is not None:
        if held != configuration.digest():
            raise InputError(f"'{path}' holds another sweep: choose another --out or delete it")
        return Sweep(read_dataset(path), path, configuration.points, plan.chunks, 0)
    with closing(open_store(path.with_name(path.name + ".parts"), configuration)) as store:
        computed = _compute_missing(store, configuration, engine, cores, address, progress)
        dataset = make_dataset(configuration, store)
        if int((dataset["status"] == 0).sum()) == 0:
            reasons = next(reasons for _, reasons in map(unpack, store.all()) if reasons)
            store.remove()
            raise InputError(f"no point of the grid has an answer: {reasons[0]}")
        write_dataset(dataset, path)
        store.remove()
    return Sweep(dataset, path, configuration.points, plan.chunks, computed)


def _compute_missing(
    store: PartStore,
    configuration: SweepConfiguration,
    engine: Engine,
    cores: int | None,
    address: str | None,
    progress: Progress,
) -> int:
    """Compute and keep what is missing; return how many chunks that were."""
    plan = Plan(configuration)
    missing = store.missing()
    done = configuration.points - sum(len(plan.groups_of(chunk)) for chunk in missing) * plan.group_points
    progress(done, configuration.points, f"{configuration.points:,} points")
    with closing(compute_chunks(configuration, missing, engine=engine, cores=cores, address=address)) as finished:
        for chunk, columns, reasons in finished:
            store.put(chunk, pack(columns, reasons))
            done += len(columns["point"])
            progress(done, configuration.points, f"{configuration.points:,} points")
    return len(missing)
