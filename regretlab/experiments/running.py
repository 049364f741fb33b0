"""Playing an experiment: what is missing of it, cell by cell, so that a kill at any moment costs the cells under way.

Finished cells lie in ``OUT.parts`` until all are there; then one file holds them and the folder is gone.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..files import PartStore, write_atomically
from ..progress import Progress, silent
from .asynchronous import check_asynchronous, play_asynchronous, run_configuration
from .configuration import Cell, Experiment
from .results import CaseSummary, case_summaries, pack, read_metadata, read_results, unpack
from .simulated_delay import check_simulated_delay, play_simulated_delay

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Outcome", "run_experiment"]


@dataclass(frozen=True)
class Outcome:
    """A finished experiment.

    Attributes
    ----------
    path
        The results file.
    cells, played
        Cells in all, and those played by this call; the others were there.
    summaries
        Each case over its seeds.
    """

    path: Path
    cells: int
    played: int
    summaries: tuple[CaseSummary, ...]


def run_experiment(
    experiment: Experiment,
    out: str | Path,
    *,
    cores: int = 1,
    command: str = "",
    progress: Progress = silent,
) -> Outcome:
    """Play an experiment, or what is missing of it, and write its results file.

    Parameters
    ----------
    experiment
        What to play.
    out
        The file to write, .parquet.
    cores
        Processes that play cells; runs on the real clock are played one after the other.
    command
        Kept in the file: how it was made.
    progress
        Called with the frames that have been played, and those of the whole experiment: after each cell, and within a
        cell of the protocol simulated-delay that is played in this process.

    Raises
    ------
    InputError
        For what cannot be played, and for a file or parts of another experiment; nothing has been written then.
    """
    path = Path(out)
    if path.suffix != ".parquet":
        raise InputError(f"results go to a .parquet file, not '{path}'")
    if cores < 1:
        raise InputError(f"cores must be at least 1, not {cores}")
    digest, cells = experiment.digest(), experiment.cells
    if path.exists():
        if read_metadata(path).get("digest") != digest:
            raise InputError(f"'{path}' holds another experiment: choose another --out or delete it")
        return _outcome(experiment, path, len(cells), 0)
    simulated = experiment.settings.protocol == "simulated-delay"
    (check_simulated_delay if simulated else check_asynchronous)(experiment)
    if cores > 1 and not simulated:
        for cell in cells[:: experiment.settings.seeds]:
            if run_configuration(experiment, cell).clock == "real":
                raise InputError(f"runs on the real clock are played one at a time, not on {cores} cores")
    import pandas as pd

    with closing(PartStore(path.with_name(path.name + ".parts"), {"digest": digest}, len(cells))) as store:
        missing = [cells[number] for number in store.missing()]
        each = experiment.settings.frames
        done = len(cells) - len(missing)

        def report(frames: int) -> None:
            progress(done * each + frames, len(cells) * each, "frames played")

        report(0)
        for cell, rows in _play(experiment, missing, cores, report):
            store.put(cell.number, pack(rows, {"digest": digest}))
            done += 1
            report(0)
        together = pd.concat([unpack(content) for content in store.all()], ignore_index=True)
        write_atomically(path, pack(together, _metadata(experiment, digest, command)))
        store.remove()
    return _outcome(experiment, path, len(cells), len(missing))


def _outcome(experiment: Experiment, path: Path, cells: int, played: int) -> Outcome:
    summaries = case_summaries(read_results(path), experiment.settings.counted)
    return Outcome(path, cells, played, tuple(summaries))


def _play(
    experiment: Experiment, cells: list[Cell], cores: int, report: Callable[[int], None]
) -> Iterator[tuple[Cell, "pd.DataFrame"]]:
    if cores == 1 or len(cells) < 2:
        simulated = experiment.settings.protocol == "simulated-delay"
        for cell in cells:
            yield (cell, play_simulated_delay(experiment, cell, report)) if simulated else _played(experiment, cell)
        return
    from joblib import Parallel, delayed

    workers = Parallel(n_jobs=min(cores, len(cells)), return_as="generator_unordered", inner_max_num_threads=1)
    yield from workers(delayed(_played)(experiment, cell) for cell in cells)


def _played(experiment: Experiment, cell: Cell) -> tuple[Cell, "pd.DataFrame"]:
    play = play_simulated_delay if experiment.settings.protocol == "simulated-delay" else play_asynchronous
    return cell, play(experiment, cell)


def _metadata(experiment: Experiment, digest: str, command: str) -> dict[str, Any]:
    import platform
    from importlib.metadata import version

    from .. import __version__

    return {
        "digest": digest,
        "command": command,
        "configuration": experiment.to_json(),
        "machine": platform.platform(),
        "versions": {"regretlab": __version__, **{name: version(name) for name in ("numpy", "torch", "gymnasium")}},
    }
