"""A long run that must not grow: ``python -m tests.benchmarks.soak [--minutes 30] [--workers 16]`` (``make soak``).

Sixteen workers and a learner play next to a load of other processes that changes every twenty seconds. Now and then the
soak reads, for the supervisor, the environment, the learner and each worker, the private memory, the resident memory
and the open descriptors, and it counts what they map of /dev/shm. It prints the change from the first fifth of the run
to its end, and ends with exit code 1 if anything grew by more than ``ALLOWED_MEGABYTES`` or by a single descriptor or
segment.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from regretlab.play.configuration import RunConfiguration
from regretlab.play.run import run
from regretlab.policies.learning import LearningSettings
from regretlab.records import RunSummary
from tests.oracles.busy_processes import changing_load

__all__ = ["ALLOWED_MEGABYTES", "Growth", "Sample", "processes_of_this_run", "soak"]

FRAME_RATE = 59.7275
ALLOWED_MEGABYTES = 4.0
"""A process may grow by this much: a page cache of a library, but not a leak that a longer run would die of."""
_SAMPLES = 60


@dataclass(frozen=True)
class Sample:
    """One reading: megabytes and descriptors by process name."""

    seconds: float
    private: dict[str, float]
    resident: dict[str, float]
    descriptors: dict[str, int]
    segments: int


@dataclass
class Growth:
    """What changed between the first fifth of a run and its end, in the process that changed most."""

    samples: list[Sample] = field(default_factory=list)
    summary: RunSummary | None = None

    def _change(self, readings: str) -> tuple[float, str]:
        first, last = (getattr(self.samples[i], readings) for i in (len(self.samples) // 5, -1))
        return max((last[name] - first[name], name) for name in first.keys() & last.keys())

    @property
    def private(self) -> tuple[float, str]:
        """Megabytes of private memory, and whose."""
        return self._change("private")

    @property
    def resident(self) -> tuple[float, str]:
        """Megabytes of resident memory, and whose."""
        return self._change("resident")

    @property
    def descriptors(self) -> tuple[float, str]:
        """Open descriptors, and whose."""
        return self._change("descriptors")

    @property
    def segments(self) -> int:
        """Files of /dev/shm that these processes map."""
        return self.samples[-1].segments - self.samples[0].segments

    @property
    def nothing_grew(self) -> bool:
        """Whether all of it stayed within what is allowed."""
        memory = max(self.private[0], self.resident[0])
        return memory <= ALLOWED_MEGABYTES and self.descriptors[0] <= 0 and self.segments <= 0


def processes_of_this_run() -> dict[str, int]:
    """Return the processes of the run that this process supervises, by name ("supervisor": this one)."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name, rest = (entry / "stat").read_text().partition("(")[2].rsplit(")", 1)
            except OSError:
                continue
            parents[int(entry.name)] = int(rest.split()[1]), name

    def is_ours(pid: int) -> bool:
        while pid in parents and pid != os.getpid():
            pid = parents[pid][0]
        return pid == os.getpid()

    found = {name: pid for pid, (_, name) in parents.items() if name.startswith("rl-") and is_ours(pid)}
    return {"supervisor": os.getpid(), **found}


def memory_of(pid: int) -> tuple[float, float, float]:
    """Return the private, the proportional and the resident megabytes of a process."""
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, size = line.split()[:2]
        sizes[name.rstrip(":")] = int(size) / 1024
    return sizes["Private_Clean"] + sizes["Private_Dirty"], sizes["Pss"], sizes["Rss"]


def _mapped_segments(pid: int) -> set[str]:
    """Return the files of /dev/shm that a process maps: other programs of this machine have theirs."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.split(maxsplit=5)[5] for line in lines if "/dev/shm/" in line}


def _sample(seconds: float) -> Sample:
    sample = Sample(seconds, private={}, resident={}, descriptors={}, segments=0)
    segments: set[str] = set()
    for name, pid in processes_of_this_run().items():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended, and another one takes its place
            private, _, resident = memory_of(pid)
            segments |= _mapped_segments(pid)
            sample.descriptors[name] = len(os.listdir(f"/proc/{pid}/fd"))
            sample.private[name], sample.resident[name] = private, resident
    return replace(sample, segments=len(segments))


def soak(
    directory: str | Path, *, seconds: float, workers: int, policy: str = "impala-k1", learners: int = 0
) -> Growth:
    """Run that many staggered workers for that long and watch them.

    The learners' store is full before the first fifth of a run of three minutes.
    """
    growth = Growth()
    frames = round(seconds * FRAME_RATE)
    began = time.monotonic()

    def watch(played: int, total: int, what: str) -> None:
        if frames * (len(growth.samples) + 0.5) / _SAMPLES <= played < frames - FRAME_RATE:
            growth.samples.append(_sample(time.monotonic() - began))

    configuration = RunConfiguration(
        environment_options={"symbols": 8, "mode_probability": 0.95},
        policy=policy,
        workers=workers,
        rule="frame-pool",
        emulate_latency=f"gamma(9, scale={(workers - 4) / FRAME_RATE / 9})",
        frames=frames,
        learners=learners,
        **({"emulate_learning": "0.5", "learning": LearningSettings(replay=1000)} if learners else {}),
    )
    growth.summary = run(configuration, directory, progress=watch)
    return growth


def main() -> int:
    """Soak for the minutes asked for and print what grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--learners", type=int, default=1)
    parser.add_argument("--steady", action="store_true", help="without the changing load")
    asked = parser.parse_args()
    with nullcontext() if asked.steady else changing_load():
        growth = soak(
            tempfile.mkdtemp(prefix="regretlab-soak-"),
            seconds=60 * asked.minutes,
            workers=asked.workers,
            learners=asked.learners,
        )
    assert growth.summary is not None
    last, summary = growth.samples[-1], growth.summary
    print(
        f"{summary.frames} frames, {asked.workers} workers, {asked.learners} learners, {len(last.private)} processes, "
        f"{len(growth.samples)} readings"
    )
    for name, unit in (("private", "MB"), ("resident", "MB"), ("descriptors", "")):
        change, who = getattr(growth, name)
        readings = getattr(last, name)
        fifths = [getattr(growth.samples[len(growth.samples) * i // 5], name)[who] for i in range(5)]
        course = ", ".join(f"{value:.1f}" for value in (*fifths, readings[who]))
        print(f"{name}: largest change {change:+.2f} {unit} ({who}: {course}); {max(readings.values()):.1f} at most")
    print(f"segments in /dev/shm: {growth.segments:+d}")
    print(f"frames without an action {summary.inaction_fraction:.4f}, restarts {summary.restarts}")
    lateness = {name: 1e3 * (value or 0.0) for name, value in summary.deadline_lateness.items()}
    print(f"lateness p50 {lateness['p50']:.4f} ms, p99 {lateness['p99']:.4f} ms, max {lateness['max']:.3f} ms")
    print("nothing grew" if growth.nothing_grew else "something grew")
    return 0 if growth.nothing_grew else 1


if __name__ == "__main__":
    sys.exit(main())
