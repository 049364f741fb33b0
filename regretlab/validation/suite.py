"""Validate: play the planned runs, judge the claims, write the report.

Virtual runs and what is simulated go first, on all cores; realtime runs come after them, one at a time, on an otherwise
idle machine. One that was played while something else used the machine, and about which a claim does not hold, is
played once more. A run whose record is already there and complete, from the same configuration, is not played again, so
an interrupted validation goes on where it stopped.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import repeat
from multiprocessing.context import BaseContext
from os import cpu_count
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import make_folder
from ..play.mirror import mirror, mirrored_configuration
from ..play.run import run as play
from ..play.system.processes import process_pool
from ..progress import Progress, silent
from ..records import Record, RunSummary, summarise
from .checks import LOWER_BOUND_OF_RUNS, claims_of, claims_of_many, claims_of_twin, is_held_against_the_bound
from .claim import Claim
from .load import BUSY, BusyRun, LoadWatch
from .path_blind import lower_bound_claim, watching_claim
from .runs import PlannedRun, planned_runs

__all__ = ["CLAIMS_FILE", "REPORT_FILE", "Validation", "validate"]

CLAIMS_FILE = "claims.json"
REPORT_FILE = "report.html"
RUNS_FOLDER = "runs"
SIMULATED: dict[str, Callable[[bool], Claim]] = {
    "lower-bound-random": lambda quick: lower_bound_claim(30, 100_000 if quick else 400_000, 1),
    "rule-that-watches": lambda quick: watching_claim(30_000 if quick else 200_000, 1),
}
"""Claims for which nothing is played on the cartridge; called with whether the validation is a quick one."""
_OWN = (CLAIMS_FILE, REPORT_FILE, RUNS_FOLDER, "regret.svg", "bound.svg", "timeline.svg")


@dataclass(frozen=True)
class Validation:
    """What a validation found.

    Attributes
    ----------
    claims
        All claims, in the order of the runs.
    report
        Path of the report, one self-contained HTML file.
    directory
        Folder with the report, ``claims.json`` and the records of all runs.
    busy
        The realtime runs of this call during which something else used the machine.
    """

    claims: tuple[Claim, ...]
    report: Path
    directory: Path
    busy: tuple[BusyRun, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every claim holds."""
        return all(claim.passed for claim in self.claims)

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain values, as the command line prints it."""
        return {
            "passed": self.passed,
            "claims": [claim.to_json() for claim in self.claims],
            "report": str(self.report),
            "directory": str(self.directory),
            "busy": [run.to_json() for run in self.busy],
        }


def validate(
    out: str | Path,
    *,
    quick: bool = False,
    clock: str | None = None,
    claims: tuple[str, ...] = (),
    progress: Progress = silent,
) -> Validation:
    """Play the runs of a validation and compare them with the theory.

    Parameters
    ----------
    out
        Folder for the records and the report. A folder of an earlier validation is continued; any other content is
        refused.
    quick
        Shorter runs (a few minutes on two cores) with the same tolerances.
    clock
        "real" or "virtual": only the runs of that clock; None for both.
    claims
        Names of claims (or of runs, or the beginnings of such names) to check; empty for all.
    progress
        Called with the frames played in all runs so far, those to play in all, and the run that plays.

    Raises
    ------
    InputError
        For an unusable folder, an unknown clock or a claim that does not exist; nothing is played then.
    """
    if clock not in (None, "real", "virtual"):
        raise InputError(f"clock must be 'real' or 'virtual', not '{clock}'")
    simulated = tuple(name for name in SIMULATED if clock is None and (not claims or name.startswith(claims)))
    runs = _chosen(planned_runs(quick=quick, clocks=(clock,) if clock else ("virtual", "real")), claims, simulated)
    directory = _prepared(Path(out))
    total = sum(run.configuration.frames for run in runs)
    done = 0

    def tell(what: str, frames: int) -> None:
        progress(done + frames, total, what)

    virtual = [run for run in runs if run.configuration.clock == "virtual"]
    real = [run for run in runs if run.configuration.clock == "real"]
    with process_pool() as context:
        found_by_simulation: dict[str, Claim] = {}
        for finished in _play_virtual(virtual, simulated, quick, directory, context, tell):
            if isinstance(finished, Claim):
                found_by_simulation[finished.name] = finished
                continue
            done += finished.configuration.frames
            tell(finished.name, 0)
        busy = []
        for run in real:
            busy += _play_real(run, directory, _telling(run.name, tell))
            done += run.configuration.frames
        if real:
            tell("virtual twins", 0)
            with ProcessPoolExecutor(min(len(real), cpu_count() or 1), mp_context=context) as pool:
                list(pool.map(_play_twin, real, repeat(directory)))
    found = [(run, Record.open(_folder(directory, run))) for run in runs]
    judged = tuple(
        replace(claim, group=run.group) for run, record in found for claim in _claims(run, record, directory)
    )
    of_the_bound = [*claims_of_many(found), *(found_by_simulation[name] for name in simulated)]
    judged += tuple(replace(claim, group="bound") for claim in of_the_bound)
    if claims:
        judged = tuple(c for c in judged if c.name.startswith(claims)) or judged
    from .report import write_report

    report = directory / REPORT_FILE
    write_report(report, judged, found, quick=quick, busy=busy)
    result = Validation(judged, report, directory, tuple(busy))
    (directory / CLAIMS_FILE).write_text(json.dumps(result.to_json(), indent=2) + "\n")
    return result


def _telling(name: str, tell: Callable[[str, int], None]) -> Progress:
    return lambda played, total, what: tell(f"{name}: {what}", played)


def _chosen(runs: list[PlannedRun], claims: tuple[str, ...], simulated: tuple[str, ...]) -> list[PlannedRun]:
    """Return the runs that the named claims need."""
    if not claims:
        return runs
    chosen = [run for run in runs if any(_concerns(name, run) for name in claims)]
    for name in claims:
        if not any(_concerns(name, run) for run in runs) and not any(known.startswith(name) for known in simulated):
            known = ", ".join([*(run.name for run in runs), *SIMULATED])
            raise InputError(f"no claim is named '{name}': names begin with delay-regret or one of {known}")
    return chosen


def _concerns(name: str, run: PlannedRun) -> bool:
    if LOWER_BOUND_OF_RUNS.startswith(name):
        return is_held_against_the_bound(run)
    if run.group == "delay":
        p, delay = run.configuration.environment_options["mode_probability"], run.configuration.workers
        full = f"delay-regret[p={p},d={delay}]"
        return full.startswith(name)
    return run.name.startswith(name) or name.startswith(run.name + "-")


def _prepared(directory: Path) -> Path:
    """Return the folder, made if missing; refuse one that is not a validation's."""
    foreign = [entry.name for entry in (directory.iterdir() if directory.is_dir() else ()) if entry.name not in _OWN]
    if foreign:
        raise InputError(f"'{directory}' holds '{foreign[0]}', which is not part of a validation: use another folder")
    make_folder(directory / RUNS_FOLDER)
    return directory


def _folder(directory: Path, run: PlannedRun) -> Path:
    return directory / RUNS_FOLDER / run.name


def _is_played(run: PlannedRun, folder: Path) -> bool:
    """Whether a complete record of exactly this configuration is there."""
    from .. import __version__

    try:
        meta = Record.open(folder).meta
    except InputError:
        return False
    same = meta.get("config") == json.loads(run.configuration.model_dump_json())
    return bool(meta.get("complete")) and same and meta["versions"]["regretlab"] == __version__


def _play_one(run: PlannedRun, directory: Path, tell: Progress, *, again: bool = False) -> RunSummary:
    folder = _folder(directory, run)
    if not again and _is_played(run, folder):
        return summarise(Record.open(folder))
    return play(run.configuration, folder, overwrite=True, progress=tell)


def _play_real(run: PlannedRun, directory: Path, tell: Progress) -> list[BusyRun]:
    """Play a realtime run, and once more if the machine was busy and a claim does not hold; return the busy ones."""
    found: list[BusyRun] = []
    for again in (False, True):
        watch: LoadWatch | None = None

        def telling(played: int, total: int, what: str) -> None:
            nonlocal watch
            watch = watch or (LoadWatch() if played else None)
            tell(played, total, what)

        _play_one(run, directory, telling, again=again)
        if watch is None:  # its record was there
            break
        record = Record.open(_folder(directory, run))
        others, stolen = watch.cores(sum(record.meta.get("processor_seconds", {}).values()))
        if others + stolen < BUSY:
            break
        repeated = not again and not all(claim.passed for claim in _claims(run, record, directory))
        found.append(BusyRun(run.name, round(others, 3), round(stolen, 3), repeated))
        if not repeated:
            break
    return found


def _claims(run: PlannedRun, record: Record, directory: Path) -> list[Claim]:
    """Return the claims of a run; a realtime run is also held against its virtual twin, played now if need be.

    Not runs that learn (what is learned is another run's weights), nor those about outputs: which of two outputs comes
    first in a frame hangs on microseconds, so that the two runs soon apply different ones.
    """
    twin = _play_twin(run, directory)
    return [*claims_of(run, record), *(claims_of_twin(run, record, Record.open(twin)) if twin else ())]


def _play_twin(run: PlannedRun, directory: Path) -> Path | None:
    """Play the virtual twin of a run unless it is there; return its folder, None if it needs none."""
    if run.configuration.clock == "virtual" or run.configuration.learns or run.group == "outputs":
        return None
    original = _folder(directory, run)
    folder = directory / RUNS_FOLDER / f"{run.name}-mirror"
    twin = PlannedRun(folder.name, run.group, mirrored_configuration(Record.open(original)))
    if not _is_played(twin, folder) or folder.stat().st_mtime < original.stat().st_mtime:
        mirror(original, folder, overwrite=True)
    return folder


def _play_quietly(run: PlannedRun, directory: Path) -> str:
    _play_one(run, directory, lambda played, total, what: None)
    return run.name


def _simulate(name: str, quick: bool) -> Claim:
    return SIMULATED[name](quick)


def _play_virtual(
    runs: list[PlannedRun],
    simulated: tuple[str, ...],
    quick: bool,
    directory: Path,
    context: BaseContext,
    tell: Callable[[str, int], None],
) -> Iterator[PlannedRun | Claim]:
    """Play virtual runs, and what is simulated, on all cores; yield each run, and each claim, when it is done."""
    if not runs and not simulated:
        return
    tell("virtual runs", 0)
    by_name = {run.name: run for run in runs}
    most = min(len(runs) + len(simulated), cpu_count() or 1)
    with ProcessPoolExecutor(most, mp_context=context) as pool:
        waiting: list[Future[Any]] = [pool.submit(_play_quietly, run, directory) for run in runs]
        waiting += [pool.submit(_simulate, name, quick) for name in simulated]
        try:
            for future in as_completed(waiting):
                result = future.result()
                yield result if isinstance(result, Claim) else by_name[result]
        except BaseException:
            for future in waiting:
                future.cancel()
            raise
