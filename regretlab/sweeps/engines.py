"""Who computes the chunks: this machine's cores through joblib, or a cluster through Ray. The results are the same.

A worker process computes one chunk at a time and hands it back; what is kept is written by one process. Workers end
with the process that asked for them.
"""

import contextlib
import os
import warnings
from collections.abc import Generator, Sequence
from typing import Any, Literal, cast

from ..cluster import check_cluster, open_cluster
from ..errors import InputError, RunError
from .chunks import Columns, compute_chunk
from .configuration import SweepConfiguration

__all__ = ["Engine", "check_engine", "compute_chunks"]

Engine = Literal["local", "ray"]
Finished = tuple[int, Columns, list[str]]

_AHEAD = 4
"""Chunks waiting on a cluster for each of its cores: enough that no core waits for the next."""


def compute_chunks(
    configuration: SweepConfiguration,
    chunks: Sequence[int],
    *,
    engine: Engine = "local",
    cores: int | None = None,
    address: str | None = None,
) -> Generator[Finished]:
    """Yield chunks as they are finished, in any order.

    Parameters
    ----------
    configuration
        The sweep.
    chunks
        Which chunks to compute.
    engine
        "local" or "ray".
    cores
        Processes of the local engine; all cores by default. One computes in this process.
    address
        Of the Ray cluster ("auto": the one this machine belongs to); None starts one on this machine.

    Raises
    ------
    InputError
        For an unknown engine, an address without Ray, or no cluster at the address.
    RunError
        If a worker process dies, or the cluster is lost.
    """
    check_engine(engine, cores, address)
    if engine == "ray":
        yield from _ray(configuration, chunks, address)
        return
    number = os.cpu_count() or 1 if cores is None else cores
    if min(number, len(chunks)) <= 1:
        for chunk in chunks:
            yield (chunk, *compute_chunk(configuration, chunk))
        return
    yield from _local(configuration, chunks, number)


def check_engine(engine: str, cores: int | None, address: str | None) -> None:
    """Raise ``InputError`` for an engine, a number of cores or an address that will not do."""
    if engine not in ("local", "ray"):
        raise InputError(f"unknown engine '{engine}': choose local or ray")
    if cores is not None and cores < 1:
        raise InputError(f"cores must be at least 1, not {cores}")
    if engine == "local":
        if address is not None:
            raise InputError(f"address '{address}' has no effect without the engine ray")
        return
    check_cluster(address, "engine 'ray'")


def _local(configuration: SweepConfiguration, chunks: Sequence[int], cores: int) -> Generator[Finished]:
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    tasks = (delayed(_task)(configuration, chunk, os.getpid()) for chunk in chunks)
    try:
        with warnings.catch_warnings():
            # joblib stops and starts workers as it sees fit, and says so
            warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given")
            finished = Parallel(n_jobs=cores, return_as="generator_unordered", max_nbytes=None, inner_max_num_threads=1)
            yield from finished(tasks)
    except TerminatedWorkerError:
        raise RunError(
            "a process of the sweep was killed: what is done is kept, run the sweep again to go on"
        ) from None
    finally:
        get_reusable_executor().shutdown(wait=True, kill_workers=True)


def _task(configuration: SweepConfiguration, chunk: int, parent: int) -> Finished:
    _end_with(parent)
    return (chunk, *compute_chunk(configuration, chunk))


def _end_with(parent: int) -> None:
    """Ask the kernel to end this process with the one that started it (once asked, asking again changes nothing)."""
    import ctypes
    import signal

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


def _ray(configuration: SweepConfiguration, chunks: Sequence[int], address: str | None) -> Generator[Finished]:
    with open_cluster(address) as ray:
        yield from _on_cluster(ray, configuration, chunks)


def _on_cluster(ray: Any, configuration: SweepConfiguration, chunks: Sequence[int]) -> Generator[Finished]:
    # A chunk on a node that dies is computed again elsewhere, as often as it takes.
    remote = ray.remote(num_cpus=1, max_retries=-1)(_remote_task)
    shared = ray.put(configuration)
    waiting: dict[Any, int] = {}
    left = iter(chunks)
    most = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
    try:
        while True:
            while len(waiting) < most and (chunk := next(left, None)) is not None:
                waiting[remote.remote(shared, chunk)] = chunk
            if not waiting:
                return
            ready, _ = ray.wait(list(waiting), num_returns=1)
            for reference in ready:
                waiting.pop(reference)
                yield cast(Finished, ray.get(reference))
    except ray.exceptions.RayError as error:
        raise RunError(
            f"the cluster failed ({type(error).__name__}): what is done is kept, run the sweep again to go on"
        ) from None
    finally:
        for reference in waiting:
            ray.cancel(reference, force=True)


def _remote_task(configuration: SweepConfiguration, chunk: int) -> Finished:
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    return (chunk, *compute_chunk(configuration, chunk))
