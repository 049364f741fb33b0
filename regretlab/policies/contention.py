"""How inference slows down when several processes infer at once on the same machine: T(N) = T1 (1 + chi (N - 1)).

Memory bandwidth, caches and, beyond the number of cores, the processor itself are shared. Every number of processes is
measured once in each of several rounds, in an order of its own, by processes that stay; so the rounds are repetitions
of the whole measurement, and what disturbs all processes of a moment alike counts once. chi is fitted to the mean times
by weighted least squares, its error by leaving out one round at a time (the jackknife). Whether the times lie on a line
at all is judged by Hotelling's T^2 of the rounds' deviations from one. Theory turns chi into a number of workers
(docs/theory, "Design answers").
"""

import math
import multiprocessing
import queue
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, RunError
from ..progress import Progress, silent
from ..records.batch_means import student_quantile
from ..scripts import main_left_alone
from .spec import PolicySpec

__all__ = ["CONFIDENCE", "ROUNDS", "Contention", "check_numbers", "fit_contention", "measure_contention"]

ROUNDS = 10
"""Rounds in which every number of workers is measured once."""
CONFIDENCE = 0.95
"""Confidence of the interval of chi."""
_PATIENCE = 600.0
_LEAST_SECONDS = 0.25  # of a measurement: long against the slices that the scheduler gives to processes in turn


@dataclass(frozen=True)
class Contention:
    """Mean inference times under concurrent workers, and the model fitted to them.

    Attributes
    ----------
    workers
        Numbers of concurrent processes.
    rounds
        How often each was measured.
    means, errors
        Mean seconds of an inference at each, and its standard error (from the rounds).
    lone_time
        T1, fitted, seconds.
    contention
        chi, fitted: share of T1 that each further worker adds; never less than 0.
    contention_error
        Its standard error, by the jackknife over rounds.
    contention_lower, contention_upper
        Limits of chi at ``CONFIDENCE``.
    line_p_value
        Chance of deviations from a line as large as those seen, were the times on one; None with two numbers of
        workers, which a line always meets, or with too few rounds.
    """

    workers: tuple[int, ...]
    rounds: int
    means: tuple[float, ...]
    errors: tuple[float, ...]
    lone_time: float
    contention: float
    contention_error: float
    contention_lower: float
    contention_upper: float
    line_p_value: float | None


def measure_contention(
    spec: PolicySpec,
    workers: Sequence[int],
    *,
    samples: int = 100,
    threads: int = 1,
    bf16: bool = False,
    compiled: bool = False,
    rounds: int = ROUNDS,
    progress: Progress = silent,
) -> Contention:
    """Measure inference times under concurrent processes and fit the model.

    Parameters
    ----------
    spec
        The policy.
    workers
        Numbers of processes, at least two different ones.
    samples
        Inferences of each process and number that count, over all rounds; more where a round would be shorter than
        0.25 s, in which the scheduler's slices would decide what is seen.
    threads
        Threads of each process.
    bf16, compiled
        How the network is executed (`regretlab.policies.execution`).
    rounds
        At least 3.
    progress
        Called with the number of measurements done and the total.

    Raises
    ------
    InputError
        For fewer than two numbers, or numbers below 1 or beyond 256.
    RunError
        If a process fails.
    """
    numbers = check_numbers(workers)
    if rounds < 3 or samples < 1:
        raise InputError(f"contention needs at least 3 rounds and 1 sample, not {rounds} and {samples}")
    execution = {"threads": threads, "bf16": bf16, "compiled": compiled}
    times = _measured(spec, numbers, rounds, -(-samples // rounds), execution, progress)
    return fit_contention(numbers, times)


def check_numbers(workers: Sequence[int]) -> list[int]:
    """Return the different numbers of workers in order; raise ``InputError`` unless they can be measured."""
    numbers = sorted(set(workers))
    given = ",".join(map(str, workers))
    if len(numbers) < 2:
        raise InputError(f"workers must be at least two different numbers, such as 1,2,4, not {given}")
    if numbers[0] < 1 or numbers[-1] > 256:
        raise InputError(f"workers must be numbers from 1 to 256, such as 1,2,4, not {given}")
    return numbers


def fit_contention(workers: Sequence[int], times: ArrayLike) -> Contention:
    """Fit a line through mean times measured in rounds; its slope over its value at one worker is chi.

    Parameters
    ----------
    workers
        Numbers of concurrent processes, all different, at least two.
    times
        Mean seconds of an inference, shape (rounds, numbers), at least 3 rounds.

    Returns
    -------
    Contention
        The model.

    References
    ----------
    Jackknife: Efron & Stein 1981, "The jackknife estimate of variance"; T^2: Hotelling 1931.

    Examples
    --------
    >>> exact = [[0.5, 0.55, 0.65]] * 3
    >>> found = fit_contention([1, 2, 4], exact)
    >>> round(found.lone_time, 9), round(found.contention, 9)
    (0.5, 0.1)
    """
    rows = np.asarray(times, dtype=float)
    rounds = len(rows)
    extra = np.asarray(workers, dtype=float) - 1.0
    means = rows.mean(axis=0)
    errors = rows.std(axis=0, ddof=1) / math.sqrt(rounds)
    weight = 1.0 / np.maximum(errors, 1e-6 * means) ** 2
    lone, chi = _line(extra, means, weight)
    total = rows.sum(axis=0)
    without = np.array([_line(extra, (total - row) / (rounds - 1), weight)[1] for row in rows])
    error = math.sqrt((rounds - 1) / rounds * float(((without - without.mean()) ** 2).sum()))
    half = student_quantile(CONFIDENCE, rounds) * error
    return Contention(
        workers=tuple(int(number) for number in workers),
        rounds=rounds,
        means=tuple(map(float, means)),
        errors=tuple(map(float, errors)),
        lone_time=lone,
        contention=max(0.0, chi),
        contention_error=error,
        contention_lower=max(0.0, chi - half),
        contention_upper=max(0.0, chi + half),
        line_p_value=_line_p_value(extra, rows),
    )


def _line(extra: NDArray[np.float64], times: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Return T1 and chi of the weighted least-squares line."""
    design = np.stack([np.ones_like(extra), extra], axis=1)
    lone, slope = np.linalg.solve(design.T @ (weight[:, None] * design), design.T @ (weight * times))
    return float(lone), float(slope / lone)


def _line_p_value(extra: NDArray[np.float64], rows: NDArray[np.float64]) -> float | None:
    """Return the p-value of Hotelling's T^2 for the contrasts that are zero on every line."""
    from scipy import linalg, stats

    design = np.stack([np.ones_like(extra), extra], axis=1)
    contrasts = rows @ linalg.null_space(design.T)
    rounds, free = contrasts.shape
    if free == 0 or rounds <= free:
        return None
    middle = contrasts.mean(axis=0)
    scatter = np.atleast_2d(np.cov(contrasts, rowvar=False))
    try:
        statistic = rounds * float(middle @ np.linalg.solve(scatter, middle))
    except np.linalg.LinAlgError:  # no scatter at all
        return None
    return float(stats.f.sf(statistic * (rounds - free) / (free * (rounds - 1)), free, rounds - free))


def _measured(
    spec: PolicySpec,
    numbers: Sequence[int],
    rounds: int,
    samples: int,
    execution: dict[str, Any],
    progress: Progress,
) -> NDArray[np.float64]:
    """Return the mean times, shape (rounds, numbers): all processes that infer at a moment count together."""
    context = multiprocessing.get_context("spawn")
    most = max(numbers)
    together = {number: context.Barrier(number) for number in numbers}
    busy = context.Value("i", 0)
    answers = context.Queue()
    orders = [context.SimpleQueue() for _ in range(most)]
    processes = [
        context.Process(target=_infer, args=(spec, execution, order, together, busy, answers), daemon=True)
        for order in orders
    ]
    times = np.empty((rounds, len(numbers)))
    try:
        with main_left_alone():
            for process in processes:
                process.start()
        _collect(answers, processes, most)  # everybody is warm
        random = np.random.default_rng(0)
        for done in range(rounds):
            for place, index in enumerate(random.permutation(len(numbers))):
                progress(done * len(numbers) + place, rounds * len(numbers), "concurrent workers")
                number = numbers[index]
                busy.value = number
                for order in orders[:number]:
                    order.put((number, samples))
                times[done, index] = np.mean(_collect(answers, processes, number))
        for order in orders:
            order.put(None)
        for process in processes:
            process.join(10)
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()
            if process.pid is not None:
                process.join(5)
    return times


def _collect(answers: Any, processes: Sequence[Any], number: int) -> list[float]:
    """Return that many answers; fail if a process has ended or none answers for long."""
    found: list[float] = []
    until = time.monotonic() + _PATIENCE
    while len(found) < number:
        with suppress(queue.Empty):
            answer = answers.get(timeout=0.5)
            if isinstance(answer, str):
                raise RunError(f"a process that measured inference times failed: {answer}")
            found.append(answer)
            continue
        if any(process.exitcode is not None for process in processes):
            raise RunError("a process that measured inference times failed")
        if time.monotonic() > until:
            raise RunError(f"a process that measured inference times did not answer for {_PATIENCE:g} s")
    return found


def _infer(spec: PolicySpec, execution: dict[str, Any], orders: Any, together: Any, busy: Any, answers: Any) -> None:
    """Measure on order, in a process of its own; go on until all others have measured too, so that none ends alone."""
    from .execution import build_timed

    try:
        policy = build_timed(spec, **execution)
        frames = np.random.default_rng(0).integers(0, 256, (8, *spec.frame_shape)).astype(spec.frame_dtype)
        for index in range(10):
            policy.act(frames[index % 8])
        answers.put(0.0)
        while (order := orders.get()) is not None:
            number, samples = order
            together[number].wait(_PATIENCE)
            policy.act(frames[0])  # does not count: everybody has begun when the count begins
            began, count = time.perf_counter(), 0
            while count < samples or time.perf_counter() - began < _LEAST_SECONDS:
                policy.act(frames[count % 8])
                count += 1
            seconds = (time.perf_counter() - began) / count
            with busy.get_lock():
                busy.value -= 1
            while busy.value > 0:
                policy.act(frames[0])
            answers.put(seconds)
    except Exception as error:  # reported to the parent, which stops all processes
        answers.put(f"{type(error).__name__}: {error}")
