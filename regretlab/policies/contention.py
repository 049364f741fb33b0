"""How inference slows down when several processes infer at once on the same machine: T(N) = T1 (1 + chi (N - 1)).

Memory bandwidth, caches and, beyond the number of cores, the processor itself are shared. chi is fitted to the mean
times under 1, 2, ... concurrent processes by weighted least squares; theory turns it into a number of workers
(docs/theory, "Design answers").
"""

import math
import multiprocessing
import queue
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, RunError
from .spec import PolicySpec

__all__ = ["Contention", "measure_contention"]


@dataclass(frozen=True)
class Contention:
    """Mean inference times under concurrent workers, and the model fitted to them.

    Attributes
    ----------
    workers
        Numbers of concurrent processes.
    means, errors
        Mean seconds of an inference at each, and its standard error (over the processes and batches of each).
    lone_time
        T1, fitted, seconds.
    contention
        chi, fitted: share of T1 that each further worker adds.
    contention_error
        Its standard error; None with two numbers of workers, which the line meets exactly.
    """

    workers: tuple[int, ...]
    means: tuple[float, ...]
    errors: tuple[float, ...]
    lone_time: float
    contention: float
    contention_error: float | None


def measure_contention(
    spec: PolicySpec,
    workers: Sequence[int],
    *,
    samples: int = 100,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Contention:
    """Measure inference times under concurrent processes and fit the model.

    Parameters
    ----------
    spec
        The policy.
    workers
        Numbers of processes, at least two different ones.
    samples
        Inferences of each process that count.
    threads
        Threads of each process.
    progress
        Told how many numbers are measured, and of how many.

    Raises
    ------
    InputError
        For fewer than two numbers, or numbers below 1 or beyond 256.
    RunError
        If a process fails.
    """
    numbers = sorted(set(workers))
    if len(numbers) < 2:
        raise InputError(f"contention needs at least two different numbers of workers, not {list(workers)}")
    if numbers[0] < 1 or numbers[-1] > 256:
        raise InputError(f"numbers of workers must lie between 1 and 256, not {list(workers)}")
    means, errors = [], []
    for done, number in enumerate(numbers):
        if progress is not None:
            progress(done, len(numbers))
        batches = _together(spec, number, samples, threads)
        means.append(float(batches.mean()))
        errors.append(float(batches.std(ddof=1) / math.sqrt(batches.size)))
    return _fitted(tuple(numbers), tuple(means), tuple(errors))


def _fitted(workers: tuple[int, ...], means: tuple[float, ...], errors: tuple[float, ...]) -> Contention:
    """Fit a line through the mean times; its slope over its value at one worker is chi."""
    extra, time_, weight = np.asarray(workers) - 1.0, np.asarray(means), 1.0 / np.maximum(errors, 1e-9) ** 2
    design = np.stack([np.ones_like(extra), extra], axis=1)
    inverse = np.linalg.inv(design.T @ (weight[:, None] * design))
    lone, slope = inverse @ (design.T @ (weight * time_))
    error = None
    if len(workers) > 2:
        residual = float((weight * (time_ - design @ [lone, slope]) ** 2).sum()) / (len(workers) - 2)
        covariance = inverse * max(1.0, residual)  # the scatter about the line, if it is more than the errors explain
        gradient = np.array([-slope / lone**2, 1.0 / lone])
        error = float(math.sqrt(gradient @ covariance @ gradient))
    return Contention(workers, means, errors, float(lone), max(0.0, float(slope / lone)), error)


def _together(spec: PolicySpec, number: int, samples: int, threads: int) -> Any:
    """Return means of four batches of each process, all inferring at the same time, shape (number, 4)."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(number)
    answers = context.Queue()
    processes = [
        context.Process(target=_infer, args=(spec, samples, threads, ready, answers), daemon=True)
        for _ in range(number)
    ]
    for process in processes:
        process.start()
    found: list[list[float]] = []
    try:
        while len(found) < number:
            if answers.empty() and any(process.exitcode not in (None, 0) for process in processes):
                raise RunError("a process that measured inference times failed")
            with suppress(queue.Empty):
                found.append(answers.get(timeout=0.5))
    finally:
        for process in processes:
            process.terminate() if len(found) < number else process.join(30)
            process.join(5)
    return np.asarray(found)


def _infer(spec: PolicySpec, samples: int, threads: int, ready: Any, answers: Any) -> None:
    """Measure in a process of its own; go on until all others have measured too, so that none ends up alone."""
    from .policy import build_policy

    policy = build_policy(spec, threads=threads)
    frames = np.random.default_rng(0).integers(0, 256, (8, *spec.frame_shape)).astype(np.uint8)
    for index in range(10):
        policy.act(frames[index % 8], 0)
    ready.wait(120)
    seconds = np.empty(samples)
    for index in range(samples):
        began = time.perf_counter()
        policy.act(frames[index % 8], 0)
        seconds[index] = time.perf_counter() - began
    answers.put([float(part.mean()) for part in np.array_split(seconds, 4)])
    until = time.perf_counter() + seconds.sum()
    while time.perf_counter() < until:
        policy.act(frames[0], 0)
