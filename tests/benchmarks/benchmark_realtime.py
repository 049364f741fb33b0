"""The realtime goals, measured on this machine: ``python -m tests.benchmarks.benchmark_realtime [NAME ...] [--full]``.

Prints what each run measured next to its goal; nothing is asserted. Run it on an otherwise idle machine. ``--full``
plays ten minutes where the goal is about ten minutes (two otherwise).
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable

import numpy as np

from regretlab.play.configuration import RunConfiguration
from regretlab.play.mirror import mirror
from regretlab.play.run import run
from regretlab.records import Record, batch_means, summarise
from tests.benchmarks.soak import memory_of, processes_of_this_run
from tests.oracles.busy_processes import busy_processes

FRAME_RATE = 59.7275
BEACON = {"symbols": 8, "mode_probability": 0.95}
LONG = 120.0
"""Seconds of the run that shows drift; 600 with ``--full``."""


def _frames(seconds: float) -> int:
    return round(seconds * FRAME_RATE)


def _play(*, progress: Callable[[int, int, str], None] = lambda played, total, what: None, **settings) -> Record:
    folder = tempfile.mkdtemp(prefix="regretlab-benchmark-")
    run(RunConfiguration(environment_options=BEACON, **settings), folder, progress=progress)
    return Record.open(folder)


def _quantiles(seconds: np.ndarray) -> str:
    p50, p99 = np.quantile(1e3 * seconds, [0.5, 0.99])
    return f"p50 {p50:.4f} ms, p99 {p99:.4f} ms, max {1e3 * seconds.max():.3f} ms"


def _lateness(record: Record) -> str:
    frames = record.frames
    late = frames["lateness"].to_numpy()
    drift = np.polyfit(frames["deadline"], late, 1)[0]
    share = record.meta["processor_seconds"]["environment"] / (len(frames) / FRAME_RATE)
    return (
        f"lateness {_quantiles(late)}; drift {1e6 * drift:+.4f} us a second; environment process {100 * share:.1f} % "
        f"of a core ({record.meta['environment_priority']})"
    )


def _served(record: Record) -> str:
    served = record.frames["served_by"].to_numpy() >= 0
    first = int(np.argmax(served))
    return (
        f"{100 * served[first:].mean():.3f} % of {len(served) - first} frames served ({first} warm-up frames left out)"
    )


def deadlines() -> str:
    """Goal: lateness p99 <= 0.2 ms idle, no drift over ten minutes, environment process <= 6 % of a core."""
    return _lateness(_play(policy="impala-k1", workers=1, rule="max-time", frames=_frames(LONG)))


def deadlines_with_every_core_busy() -> str:
    """Goal: lateness p99 <= 0.4 ms where a realtime priority is permitted."""
    with busy_processes(os.cpu_count() or 2):
        return _lateness(_play(policy="impala-k1", workers=1, rule="max-time", frames=_frames(60)))


def _begun(record: Record) -> str:
    frames, rows = record.frames, record.inferences
    published = (frames["deadline"] + frames["lateness"]).to_numpy()
    rows = rows[rows["observation_frame"] < len(published)]
    waited = rows["dispatch"].to_numpy() - published[rows["observation_frame"]]
    return f"{_quantiles(waited)} over {len(waited)} inferences ({record.meta['worker_priority']})"


def published_to_begun() -> str:
    """Goal: frame published to inference begun p99 <= 0.4 ms with an idle worker."""
    return _begun(_play(policy="impala-k1", workers=3, rule="frame-pool", frames=_frames(60)))


def published_to_begun_with_every_core_busy() -> str:
    """The same where every core has something else to do (no goal)."""
    with busy_processes(os.cpu_count() or 2):
        return _begun(_play(policy="impala-k1", workers=3, rule="frame-pool", frames=_frames(30)))


def three_workers_of_40_ms() -> str:
    """Goal: inference of 40 ms (k=1, padded), 3 workers, max-time: at least 99 % of frames get an agent action."""
    record = _play(policy="impala-k1", workers=3, rule="max-time", emulate_latency="constant(0.04)", frames=_frames(60))
    return f"{_served(record)}; {_lateness(record)}"


def sixty_four_workers_of_1_05_s() -> str:
    """Goal: 64 = N_I* + 1 workers, constant 1.05 s, max-time: >= 99.9 % served, std of action interval <= 0.5 ms."""
    record = _play(
        policy="impala-k1", workers=64, rule="max-time", emulate_latency="constant(1.05)", frames=_frames(60)
    )
    interval = summarise(record).action_interval
    return (
        f"{_served(record)}; action interval mean {1e3 * interval['mean']:.4f} ms, std {1e3 * interval['std']:.4f} ms; "
        f"ready after {record.meta['startup_seconds']:.1f} s; {_lateness(record)}"
    )


def memory_of_a_further_worker() -> str:
    """Goal: <= 60 MB for k=1."""
    proportional, text = {}, []
    for workers in (8, 24):
        sizes: dict[str, tuple[float, float, float]] = {}

        def watch(played: int, total: int, what: str, sizes: dict[str, tuple[float, float, float]] = sizes) -> None:
            if played > _frames(3) and not sizes:
                sizes |= {name: memory_of(pid) for name, pid in processes_of_this_run().items() if name[:3] == "rl-"}

        _play(
            policy="impala-k1",
            workers=workers,
            rule="max-time",
            emulate_latency="constant(0.4)",
            frames=_frames(5),
            progress=watch,
        )
        proportional[workers] = sum(size[1] for size in sizes.values())
        private = np.mean([size[0] for name, size in sizes.items() if "worker" in name])
        text.append(f"{workers} workers: {private:.1f} MB private each, {proportional[workers]:.0f} MB PSS in all")
    return f"{(proportional[24] - proportional[8]) / 16:.1f} MB PSS a further worker ({'; '.join(text)})"


def start_of_128_workers() -> str:
    """Goal: 128 workers start in under 10 s."""
    began = time.perf_counter()
    record = _play(
        policy="impala-k1", workers=128, rule="max-time", emulate_latency="constant(2.1)", frames=_frames(20)
    )
    whole = time.perf_counter() - began - 20.0
    ready = record.meta["startup_seconds"]
    return f"ready after {ready:.2f} s, {whole:.1f} s with preparing and ending; {_served(record)}"


def virtual_clock_speed() -> str:
    """Goal: the virtual clock with k=1 under frame-hold is at least 5 times as fast as real time."""
    configuration = {"clock": "virtual", "rule": "frame-hold", "hold": 3, "workers": 4, "emulate_latency": "0.04"}
    _play(policy="impala-k1", frames=60, **configuration)
    began = time.perf_counter()
    _play(policy="impala-k1", frames=_frames(60), **configuration)
    return f"{60 / (time.perf_counter() - began):.1f} times real time"


def virtual_prediction_of_a_run() -> str:
    """Goal: reward per frame within 2 standard errors of the realtime run whose inference times it takes."""
    texts = []
    for settings in (
        {"policy": "impala-k1", "rule": "max-time", "workers": 3},
        {"policy": "impala-k7", "rule": "frame-pool", "workers": 2},
        {"policy": "impala-k1", "rule": "frame-pool", "workers": 6, "emulate_latency": "gamma(4, scale=0.012)"},
    ):
        record = _play(frames=_frames(40), **settings)
        real = summarise(record)
        virtual = mirror(record.directory, tempfile.mkdtemp(prefix="regretlab-benchmark-"))
        error = batch_means(record.frames["reward"]).standard_error
        texts.append(
            f"{settings['policy']} {settings['rule']} {record.meta['latency']}: real {real.reward_per_frame:.4f} +- "
            f"{error:.4f}, virtual {virtual.reward_per_frame:.4f}, "
            f"{abs(virtual.reward_per_frame - real.reward_per_frame) / error:.2f} standard errors"
        )
    return "; ".join(texts)


MEASUREMENTS = {
    function.__name__.replace("_", "-"): function
    for function in (
        deadlines,
        deadlines_with_every_core_busy,
        published_to_begun,
        published_to_begun_with_every_core_busy,
        three_workers_of_40_ms,
        sixty_four_workers_of_1_05_s,
        memory_of_a_further_worker,
        start_of_128_workers,
        virtual_clock_speed,
        virtual_prediction_of_a_run,
    )
}


def main() -> None:
    """Run the named measurements, or all."""
    global LONG
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*MEASUREMENTS, []], default=[])
    parser.add_argument("--full", action="store_true", help="ten minutes where the goal is about ten minutes")
    asked = parser.parse_args()
    if asked.full:
        LONG = 600.0
    for name in asked.names or list(MEASUREMENTS):
        print(f"{name}\n  {MEASUREMENTS[name].__doc__}\n  measured: {MEASUREMENTS[name]()}", flush=True)


if __name__ == "__main__":
    main()
