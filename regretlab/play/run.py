"""Run staggered inference and get its record: the front door of the harness."""

import errno
import hashlib
import os
import platform
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cluster import check_cluster
from ..errors import InputError
from ..policies import PolicySpec
from ..progress import Progress, silent
from ..records import Record, RecordWriter, RunSummary, summarise
from .configuration import RunConfiguration
from .preparation import Prepared, prepare, with_chunk

__all__ = ["run"]

_LONGEST_FOLDER = 70  # a Unix socket's name holds 107 bytes, of which multiprocessing takes 33
_OPEN_FILES = 40  # of a supervisor without children
_ADDRESS_SPACE = 1.5e9  # bytes: a run of impala-k4 aborts in a library with 1.43e9 and plays with 1.64e9
_OTHER_PROCESSES = 20  # of a user, threads included


def run(
    configuration: RunConfiguration,
    out: str | Path,
    *,
    overwrite: bool = False,
    prepared: Prepared | None = None,
    progress: Progress = silent,
    watch: Callable[[NDArray[np.void]], None] | None = None,
) -> RunSummary:
    """Play the configured run and record it.

    Parameters
    ----------
    configuration
        What to run.
    out
        Folder of the record.
    overwrite
        Replace a record that is already there.
    prepared
        What ``prepare(configuration)`` returned, if it was called before.
    progress
        Called with (frames played, frames in all, what is going on).
    watch
        Called with the rows of the frames as they are recorded, in the process that writes the record.

    Returns
    -------
    RunSummary
        The measured figures with their standard errors.

    Raises
    ------
    InputError
        For anything that cannot be run; nothing has been written then.
    RunError
        For a run that broke off; its record holds everything up to then.

    Examples
    --------
    >>> import tempfile
    >>> configuration = RunConfiguration(
    ...     environment_options={"symbols": 4, "mode_probability": 0.9},
    ...     policy="oracle", rule="max-time", workers=3, clock="virtual", emulate_latency="constant(0.04)", frames=400,
    ... )
    >>> summary = run(configuration, tempfile.mkdtemp())
    >>> summary.inaction_fraction
    0.0
    """
    from .local import run_local
    from .virtual import run_virtual

    if configuration.resume is not None and Path(configuration.resume).resolve() == Path(out).resolve():
        raise InputError(f"a run cannot resume from '{out}' and be recorded there: give another folder")
    if configuration.backend == "ray":
        check_cluster(configuration.ray_address, "backend 'ray'")
    _check_address_space()
    if configuration.clock == "real":
        _check_limits(configuration.workers + configuration.learners + 1)
    folder = tempfile.gettempdir()
    if configuration.clock == "real" and len(os.fsencode(folder)) > _LONGEST_FOLDER:
        raise InputError(
            f"the temporary folder '{folder[:40]}...' has a name of {len(folder)} characters, and the sockets in it "
            f"allow {_LONGEST_FOLDER}: set TMPDIR to another"
        )
    prepared = prepared or prepare(configuration, lambda text: progress(0, configuration.frames, text))
    configuration = with_chunk(configuration, prepared.policy)
    writer = RecordWriter(out, _meta(configuration, prepared), overwrite=overwrite, observe=watch)
    play = run_virtual if configuration.clock == "virtual" else run_local
    if configuration.backend == "ray":
        from .cluster import run_cluster

        play = run_cluster
    try:
        play(configuration, prepared, writer, progress)
    except BaseException as error:
        writer.discard()
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            raise InputError("the run needs more memory than there is: a smaller replay store or network") from error
        raise
    return summarise(Record.open(out))


def _check_address_space() -> None:
    """Raise ``InputError`` if a process may not map as much as the libraries of a run do: they would abort it."""
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY and allowed < _ADDRESS_SPACE:
        raise InputError(
            f"each process of a run maps {_ADDRESS_SPACE / 1e9:.1f} GB or more, and at most {allowed / 1e9:.2f} GB are "
            "allowed here: raise the limit with ulimit -v"
        )


def _check_limits(processes: int) -> None:
    """Raise ``InputError`` if the user's limits do not allow so many processes, each held by two open files here."""
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * processes + _OPEN_FILES
    if allowed != resource.RLIM_INFINITY and allowed < needed:
        raise InputError(
            f"{processes} processes need about {needed} open files, and at most {allowed} are allowed here: use fewer "
            "workers, or raise the limit with ulimit -n"
        )
    allowed, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if allowed != resource.RLIM_INFINITY and os.geteuid() != 0 and allowed < processes + _OTHER_PROCESSES:
        raise InputError(
            f"{processes} processes are needed next to some {_OTHER_PROCESSES} others, and at most {allowed} are "
            "allowed here: use fewer workers, or raise the limit with ulimit -u"
        )


def _meta(configuration: RunConfiguration, prepared: Prepared) -> dict[str, Any]:
    """Return what the record says about the run; on the virtual clock nothing that differs between two runs."""
    emulated = configuration.emulate_latency is not None
    return {
        "config": configuration.model_dump(),
        "clock": configuration.clock,
        "backend": configuration.backend,
        "latency": "emulated" if emulated else "measured",
        "workers": configuration.workers,
        "frame_time": prepared.environment.frame_time,
        "environment": prepared.environment.details,
        "actions": prepared.environment.actions,
        **({} if (row := prepared.environment.action_row) is None else {"action_row": row.to_json()}),
        **_policy_file(prepared.policy),
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "versions": {
            "python": platform.python_version(),
            **{name: _version(name) for name in ("regretlab", "numpy", "numba", "torch", "pyboy", "gymnasium")},
        },
    }


def _policy_file(policy: PolicySpec) -> dict[str, Any]:
    """Return which file the policy is, to the byte: of a person's own, or its weights."""
    path = policy.file or (None if policy.weights is None else Path(policy.weights))
    if path is None:
        return {}
    with path.open("rb") as file:
        return {"policy": {"file": str(path.resolve()), "sha256": hashlib.file_digest(file, "sha256").hexdigest()}}


def _version(package: str) -> str:
    if package == "regretlab":
        from .. import __version__

        return __version__
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
