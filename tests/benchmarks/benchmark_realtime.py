"""The realtime goals, measured on this machine: ``python tests/benchmarks/benchmark_realtime.py [NAME ...]``.

Prints what each run measured next to its goal; nothing is asserted. Run it on an otherwise idle machine.
"""

import argparse
import contextlib
import multiprocessing
import tempfile

import numpy as np

from regretlab.harness.configuration import RunConfiguration
from regretlab.harness.run import run
from regretlab.records import Record

FRAME_RATE = 59.7275
BEACON = {"symbols": 8, "mode_probability": 0.95}


def _frames(seconds: float) -> int:
    return round(seconds * FRAME_RATE)


def _busy() -> None:
    while True:
        sum(range(10_000))


@contextlib.contextmanager
def _two_busy_processes():
    processes = [multiprocessing.get_context("spawn").Process(target=_busy, daemon=True) for _ in range(2)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def _play(**settings) -> Record:
    folder = tempfile.mkdtemp(prefix="regretlab-benchmark-")
    run(RunConfiguration(environment_options=BEACON, **settings), folder)
    return Record.open(folder)


def _lateness(record: Record) -> str:
    frames = record.frames
    late = frames["lateness"].to_numpy() * 1e3
    began = (frames["deadline"] + frames["lateness"]).to_numpy()
    mean = (began[-1] - began[0]) / (len(began) - 1) * 1e3
    share = record.meta["processor_seconds"]["environment"] / (len(frames) / FRAME_RATE)
    return (
        f"lateness p50 {np.quantile(late, 0.5):.4f} ms, p99 {np.quantile(late, 0.99):.4f} ms, max {late.max():.3f} ms; "
        f"mean frame {mean:.5f} ms; environment process {100 * share:.1f} % of a core "
        f"({record.meta['environment_priority']})"
    )


def _served(record: Record) -> str:
    served = record.frames["served_by"].to_numpy() >= 0
    first = int(np.argmax(served))
    return (
        f"{100 * served[first:].mean():.3f} % of {len(served) - first} frames served ({first} warm-up frames left out)"
    )


def deadlines() -> str:
    """Goal: lateness p99 <= 0.2 ms idle and no drift over 2 minutes (mean frame 16.743 ms to 0.01 ms)."""
    return _lateness(_play(policy="impala-k1", workers=1, rule="max-time", frames=_frames(120)))


def deadlines_beside_two_busy_processes() -> str:
    """Goal: lateness p99 <= 0.4 ms where a realtime priority is permitted."""
    with _two_busy_processes():
        return _lateness(_play(policy="impala-k1", workers=1, rule="max-time", frames=_frames(60)))


def three_workers_of_40_ms() -> str:
    """Goal: inference of 40 ms (k=1, padded), 3 workers, max-time: at least 99 % of frames get an agent action."""
    record = _play(policy="impala-k1", workers=3, rule="max-time", emulate_latency="constant(0.04)", frames=_frames(60))
    return f"{_served(record)}; {_lateness(record)}"


def sixty_four_workers_of_1_05_s() -> str:
    """Goal: emulated constant(1.05), 64 workers, max-time: at least 99 % of frames get an agent action."""
    record = _play(
        policy="impala-k1", workers=64, rule="max-time", emulate_latency="constant(1.05)", frames=_frames(60)
    )
    return f"{_served(record)}; ready after {record.meta['startup_seconds']:.1f} s; {_lateness(record)}"


def dispatch_latency() -> str:
    """From a frame's deadline to the start of the inference that claimed it, with an idle worker."""
    record = _play(policy="impala-k1", workers=3, rule="frame-pool", frames=_frames(30))
    late = (record.inferences["dispatch"] - record.inferences["scheduled"]).to_numpy() * 1e3
    return f"p50 {np.quantile(late, 0.5):.3f} ms, p99 {np.quantile(late, 0.99):.3f} ms over {len(late)} inferences"


def virtual_clock_speed() -> str:
    """Goal: the virtual clock with k=1 is faster than real time."""
    import time

    configuration = {"clock": "virtual", "rule": "frame-pool", "workers": 3, "emulate_latency": "0.02"}
    _play(policy="impala-k1", frames=60, **configuration)
    began = time.perf_counter()
    _play(policy="impala-k1", frames=_frames(30), **configuration)
    return f"{30 / (time.perf_counter() - began):.1f} times real time"


MEASUREMENTS = {
    function.__name__.replace("_", "-"): function
    for function in (
        deadlines,
        deadlines_beside_two_busy_processes,
        three_workers_of_40_ms,
        sixty_four_workers_of_1_05_s,
        dispatch_latency,
        virtual_clock_speed,
    )
}


def main() -> None:
    """Run the named measurements, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*MEASUREMENTS, []], default=[])
    chosen = parser.parse_args().names or list(MEASUREMENTS)
    for name in chosen:
        print(f"{name}\n  {MEASUREMENTS[name].__doc__}\n  measured: {MEASUREMENTS[name]()}", flush=True)


if __name__ == "__main__":
    main()
