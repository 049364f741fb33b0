"""What this machine offers to realtime runs, and what to do about what is missing: ``regretlab doctor``."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .. import __version__
from ..errors import InputError
from ..needs import EXTRAS, MissingPackageError, absent

if TYPE_CHECKING:
    from ..play.system.synchronisation import SemaphoreRow

__all__ = ["Finding", "examine"]

State = Literal["good", "limited", "missing"]

_BASE = ("numpy", "scipy", "numba", "sympy", "matplotlib", "pandas")
_SPACE = 2 * 2**30
_SLEEP_ERROR = 0.002
_WAITS = 15


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What.
    state
        "good"; "limited": works, with the limits found; "missing": something will not work.
    found
        What was found.
    advice
        What to do about it; empty where nothing is to be done.
    """

    name: str
    state: State
    found: str
    advice: str = ""


def examine(folder: str | Path = ".") -> list[Finding]:
    """Look at the machine.

    Parameters
    ----------
    folder
        Where records would be written.

    Returns
    -------
    list of Finding
        In the order in which one would fix them. Nothing is changed.

    Examples
    --------
    >>> findings = examine()
    >>> findings[0].name, findings[0].state
    ('regretlab', 'good')
    """
    return [
        Finding("regretlab", "good", f"{__version__}, {Path(__file__).parents[1]}"),
        Finding("Python", "good", f"{platform.python_version()}, {sys.executable}"),
        _system(),
        _packages(),
        _cores(),
        _clock(),
        _priority(),
        _shared_memory(),
        _semaphores(),
        _cache(),
        _space(Path(folder)),
        _tool("gcc", "benchmarks against C need it: install gcc"),
        _tool("sdcc", "only needed to build the cartridges again (they are bundled): install sdcc"),
        _gpu(),
    ]


def _system() -> Finding:
    library = " ".join(platform.libc_ver()).strip() or "unknown C library"
    found = f"{platform.system()} {platform.release()}, {library}"
    if platform.system() == "Linux" and library.startswith("glibc"):
        return Finding("system", "good", found)
    return Finding("system", "missing", found, "real runs need Linux with glibc; theory and simulation work anywhere")


def _packages() -> Finding:
    lacking = {extra: absent(extra) for extra in EXTRAS}
    versions = []
    for package in (*_BASE, *(package for packages in EXTRAS.values() for package in packages)):
        name = package.replace("_", "-")
        with suppress(importlib.metadata.PackageNotFoundError):
            versions.append(f"{name} {importlib.metadata.version(name)}")
    found = ", ".join(versions)
    extras = [extra for extra, packages in lacking.items() if packages]
    if not extras:
        return Finding("packages", "good", found)
    advice = f"only needed for its own feature: pip install 'regretlab[{','.join(extras)}]'"
    if lacking["play"]:
        advice = f"bounds, plans and simulation work; runs do not: pip install 'regretlab[{','.join(extras)}]'"
    return Finding("packages", "limited", found, advice)


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0]
    found = f"{cores} usable, load {load:.1f}"
    if cores < 2:
        return Finding(
            "cores", "limited", found, "one core cannot both pace the environment and infer: use two or more"
        )
    if load > 0.5 * cores:
        return Finding("cores", "limited", found, "other work is on: realtime figures will show it; wait or stop it")
    return Finding("cores", "good", found)


def _clock() -> Finding:
    resolution = time.get_clock_info("monotonic").resolution
    late = []
    for _ in range(40):
        began = time.perf_counter()
        time.sleep(0.001)
        late.append(time.perf_counter() - began - 0.001)
    late.sort()
    worst = late[-2]
    found = (
        f"resolution {1e9 * resolution:.0f} ns, sleeps of 1 ms end {1e3 * late[20]:.2f} ms late, "
        f"{1e3 * worst:.2f} at most"
    )
    if worst > _SLEEP_ERROR:
        return Finding("clock", "limited", found, "sleeps are coarse: expect late frames, or use --clock virtual")
    return Finding("clock", "good", found)


def _priority() -> Finding:
    """Ask in a child, so that this process keeps its own priority."""
    program = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, timeout=30, check=False)
    if done.returncode == 0:
        return Finding("realtime priority", "good", "SCHED_FIFO is permitted")
    advice = (
        "run as root, or set rtprio in /etc/security/limits.conf: frames are on time next to other work only with it"
    )
    return Finding("realtime priority", "limited", "SCHED_FIFO is not permitted", advice)


def _shared_memory() -> Finding:
    try:
        descriptor = os.memfd_create("regretlab-doctor")
        os.ftruncate(descriptor, 1 << 20)
        os.close(descriptor)
    except (OSError, AttributeError) as error:
        return Finding(
            "shared memory", "missing", f"memfd_create failed: {error}", "real runs need it: use --clock virtual"
        )
    return Finding("shared memory", "good", "anonymous (memfd): nothing is left in /dev/shm")


def _semaphores() -> Finding:
    """Wake a thread through the same semaphore in the same kind of memory that wakes a worker."""
    import mmap
    from threading import Thread

    import numpy as np

    try:
        from ..play.system.synchronisation import SEMAPHORE_BYTES, SemaphoreRow

        memory = np.frombuffer(mmap.mmap(-1, mmap.PAGESIZE), np.uint8)[: 2 * SEMAPHORE_BYTES]
        row = SemaphoreRow(memory.reshape(2, SEMAPHORE_BYTES), create=True)
        there = Thread(target=_answer, args=(row,), daemon=True)
        there.start()
        row.post(0)
        woken = row.wait(1, 5.0)
        there.join(5.0)
        late = []
        for _ in range(_WAITS):
            began = time.perf_counter()
            row.wait(1, 0.001)
            late.append(time.perf_counter() - began - 0.001)
    except MissingPackageError as error:
        return Finding("semaphores", "limited", "not tried", str(error))
    except (OSError, AttributeError) as error:
        return Finding(
            "semaphores", "missing", f"the C library's fail: {error}", "real runs need them: use --clock virtual"
        )
    if not woken:
        return Finding("semaphores", "missing", "a post wakes no waiter", "real runs need them: use --clock virtual")
    typical = sorted(late)[_WAITS // 2]
    found = f"a post wakes its waiter, waits of 1 ms end {1e3 * typical:.2f} ms late"
    if typical > _SLEEP_ERROR:
        advice = "waits are coarse: workers start late; stop other work, or use --clock virtual"
        return Finding("semaphores", "limited", found, advice)
    return Finding("semaphores", "good", found)


def _answer(row: "SemaphoreRow") -> None:
    if row.wait(0, 5.0):
        row.post(1)


def _cache() -> Finding:
    from ..compilation import cache_directory, check_cache

    place = cache_directory()
    try:
        check_cache(place)
    except InputError as error:
        return Finding("kernel cache", "missing", str(place), str(error))
    return Finding("kernel cache", "good", str(place))


def _space(folder: Path) -> Finding:
    place = next(above for above in (folder.resolve(), *folder.resolve().parents) if above.exists())
    free = shutil.disk_usage(place).free
    found = f"{free / 2**30:.1f} GiB free in {place}"
    if free < _SPACE:
        return Finding("disk", "limited", found, "a record takes some 100 bytes a frame and inference: make room")
    return Finding("disk", "good", found)


def _tool(name: str, advice: str) -> Finding:
    place = shutil.which(name)
    return Finding(name, "good", place) if place else Finding(name, "limited", "not found", advice)


def _gpu() -> Finding:
    place = shutil.which("nvidia-smi")
    if place is None:
        return Finding("GPU", "limited", "none", "not needed: networks run on the CPU")
    query = [place, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    done = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    said = "; ".join(done.stdout.split("\n")).strip("; ")
    if done.returncode or not said:
        advice = "not needed: networks run on the CPU; fix the driver (nvidia-smi says why) to use the GPU elsewhere"
        return Finding("GPU", "limited", "nvidia-smi failed", advice)
    return Finding("GPU", "good", said)
