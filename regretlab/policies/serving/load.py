"""How long a policy server's answers take with several requests in flight: one law for each number.

Every number is measured once in each of several rounds, in an order of its own, by as many connections that ask
without a pause; so what disturbs the server for a while meets all numbers alike. A request counts only while all of its
connections are asking.
"""

import csv
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import AnswerLost, InputError, RunError
from ...files import replacing
from ...laws.load_law import HEADER, server_line
from ...laws.server import Server
from ...progress import Progress, silent
from ...records.batch_means import student_quantile
from ..contention import CONFIDENCE, check_numbers
from ..spec import PolicySpec
from .client import Connection, connected
from .http import HttpConnection

__all__ = ["ROUNDS", "LoadProfile", "measure_load"]

ROUNDS = 5
_FEWEST = 4
_SEPARATE = 0.05
"""Share of a lone request's time between two answers from which on they do not come together."""
_HELPS, _TOGETHER = 0.25, 0.25


@dataclass(frozen=True)
class LoadProfile:
    """Answer times of a server by the number of requests in flight.

    Attributes
    ----------
    policy
        Its address.
    concurrency
        Numbers of requests in flight.
    rounds
        How often each was measured.
    seconds
        Samples of each, in the order measured.
    means, errors
        Mean seconds of each and its standard error (from the rounds).
    server_means
        Mean seconds that the server says it took; NaN where it does not say.
    together
        Share of the answers that came together with the one before.
    """

    policy: str
    concurrency: tuple[int, ...]
    rounds: int
    seconds: tuple[NDArray[np.float64], ...]
    means: tuple[float, ...]
    errors: tuple[float, ...]
    server_means: tuple[float, ...]
    together: tuple[float, ...]

    @property
    def throughputs(self) -> tuple[float, ...]:
        """Answers per second at each number."""
        return tuple(number / mean for number, mean in zip(self.concurrency, self.means, strict=True))

    @property
    def verdict(self) -> str:
        """What the times say of the server.

        "one worker": the answers per second hardly grow with the requests, which only wait longer; "batch": they grow,
        but answers come together, and of those that come together a frame uses the freshest; "N workers": they grow.
        """
        rates = self.throughputs
        if rates[-1] / rates[0] - 1.0 < _HELPS * (self.concurrency[-1] / self.concurrency[0] - 1.0):
            return "one worker"
        by_chance = -math.expm1(-_SEPARATE * rates[-1] * self.means[0])  # of answers at independent times
        return "batch" if self.together[-1] - by_chance > _TOGETHER else "N workers"

    @property
    def server(self) -> Server | None:
        """How the server treats requests together; None where answers are independent, or no lone one was measured.

        With N requests that are always in flight a serial server takes N times its own time b for each. One of batches
        alternates between two, since those of a batch ask again while the next one is worked on: each answer takes
        b(k) + b(N - k) = 2 b + growth b (N - 2), for any k. What a lone answer takes longer than b is the network's,
        where it exceeds two standard errors.
        """
        verdict, alone = self.verdict, self.means[0]
        if self.concurrency[0] != 1 or verdict == "N workers":
            return None
        numbers, means = np.array(self.concurrency[1:], np.float64), np.array(self.means[1:])
        errors = np.array(self.errors[1:])
        if verdict == "one worker":
            weights = (numbers / np.maximum(errors, 1e-9)) ** 2
            own, error = float(np.average(means / numbers, weights=weights)), float(weights.sum() ** -0.5)
            return Server("serial", network=self._network(alone - own, math.hypot(error, self.errors[0])))
        slope = float(np.polyfit(numbers, means, 1)[0]) if len(numbers) > 1 else 0.0
        two = float(np.mean(means - max(0.0, slope) * (numbers - 2.0)))  # what two requests in flight take
        if two < 1.5 * alone:  # it waits for a batch to fill, which is another server
            return None
        network = 0.0
        if len(numbers) > 1:
            error = float(np.sqrt((errors**2).sum())) / len(numbers)
            network = self._network(2.0 * alone - two, math.hypot(error, 2.0 * self.errors[0]))
        else:
            slope = float((means[0] - 2.0 * alone) / max(1.0, numbers[0] - 2.0))
        return Server("batch", growth=max(0.0, slope) / (alone - network), network=network)

    def _network(self, seconds: float, error: float) -> float:
        """Return the network's time of a lone answer: 0 unless it is known to be more."""
        return min(seconds, 0.99 * float(self.seconds[0].min())) if seconds > 2.0 * error else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain values, without the samples."""
        half = student_quantile(CONFIDENCE, self.rounds)
        return {
            "policy": self.policy,
            "concurrency": list(self.concurrency),
            "rounds": self.rounds,
            "samples": [len(times) for times in self.seconds],
            "means": list(self.means),
            "mean_intervals": [
                [mean - half * error, mean + half * error] for mean, error in zip(self.means, self.errors, strict=True)
            ],
            "server_means": list(self.server_means),
            "p99": [float(np.quantile(times, 0.99)) for times in self.seconds],
            "answers_per_second": list(self.throughputs),
            "together": list(self.together),
            "confidence": CONFIDENCE,
            "verdict": self.verdict,
            "server": None if self.server is None else asdict(self.server),
        }

    def save(self, path: Path) -> Path:
        """Write the samples as a table that ``--inference-time @FILE`` reads.

        Raises
        ------
        InputError
            If the name does not end in .csv or the folder does not exist.
        """
        check_load_target(path)
        with replacing(path) as part, part.open("w", newline="") as file:
            if self.server is not None:
                file.write(f"{server_line(self.server)}\n")
            table = csv.writer(file)
            table.writerow(HEADER)
            for number, times in zip(self.concurrency, self.seconds, strict=True):
                table.writerows((number, f"{seconds:.9f}") for seconds in times)
        return path


def check_load_target(path: Path) -> None:
    """Raise ``InputError`` unless times under load can be written there."""
    if path.suffix != ".csv":
        raise InputError(f"times under load go to a .csv file, not to '{path}'")
    if not path.parent.is_dir():
        raise InputError(f"folder '{path.parent}' does not exist")


def measure_load(
    spec: PolicySpec,
    concurrency: Sequence[int],
    *,
    samples: int = 100,
    rounds: int = ROUNDS,
    progress: Progress = silent,
) -> LoadProfile:
    """Measure answer times with several numbers of requests in flight.

    Parameters
    ----------
    spec
        A policy on a server, as ``inspect_server`` returned it.
    concurrency
        Numbers of requests in flight, at least two different ones.
    samples
        Answers of each number that count, about, over all rounds.
    rounds
        At least 3.
    progress
        Called with the measurements done and the total.

    Raises
    ------
    InputError
        For fewer than two numbers, numbers below 1 or beyond 256, or more than the server takes connections.
    RunError
        If the server goes away or reports an error.
    """
    numbers = check_numbers(concurrency)
    if rounds < 3 or samples < 1:
        raise InputError(f"a profile under load needs at least 3 rounds and 1 sample, not {rounds} and {samples}")
    connections: list[Connection | HttpConnection] = []
    try:
        while len(connections) < numbers[-1]:
            connections.append(connected(spec))
        times: dict[int, list[list[float]]] = {number: [] for number in numbers}
        server: dict[int, list[float]] = {number: [] for number in numbers}
        arrivals: dict[int, list[NDArray[np.float64]]] = {number: [] for number in numbers}
        random = np.random.default_rng(0)
        for done in range(rounds):
            for place, index in enumerate(random.permutation(len(numbers))):
                progress(done * len(numbers) + place, rounds * len(numbers), "requests in flight")
                number = numbers[index]
                each = max(_FEWEST, math.ceil(samples / (rounds * number)))
                found, said, came = _round(connections[:number], spec, each)
                times[number].append(found)
                server[number] += said
                arrivals[number].append(np.diff(np.sort(came)))
    except AnswerLost as lost:
        raise InputError(f"policy server '{spec.name}' takes {len(connections)} connections: {lost}") from None
    finally:
        for connection in connections:
            connection.abandon()
    by_round = {number: np.array([np.mean(found) for found in rows]) for number, rows in times.items()}
    close = _SEPARATE * float(by_round[numbers[0]].mean())
    return LoadProfile(
        together=tuple(float((np.concatenate(arrivals[number]) < close).mean()) for number in numbers),
        policy=spec.name,
        concurrency=tuple(numbers),
        rounds=rounds,
        seconds=tuple(np.concatenate(times[number]) for number in numbers),
        means=tuple(float(by_round[number].mean()) for number in numbers),
        errors=tuple(float(by_round[number].std(ddof=1) / math.sqrt(rounds)) for number in numbers),
        server_means=tuple(float(np.mean(server[number])) for number in numbers),
    )


def _round(
    connections: Sequence[Connection | HttpConnection], spec: PolicySpec, each: int
) -> tuple[list[float], list[float], list[float]]:
    """Return the seconds of answers while all connections ask, those that the server reports, and when each came."""
    served = spec.served
    assert served is not None
    shape = () if served.observes_symbol else spec.frame_shape
    observation = np.zeros(shape, np.int64 if served.observes_symbol else spec.frame_dtype)
    together, unfinished = threading.Barrier(len(connections)), [len(connections)]
    lock = threading.Lock()
    failures: list[BaseException] = []
    found: list[float] = []
    said: list[float] = []
    came: list[float] = []

    def ask(connection: Connection | HttpConnection) -> None:
        try:
            together.wait()
            connection.ask(served.observation_key, observation)  # does not count: all have begun when the count begins
            for count in range(1_000_000):
                began = time.perf_counter()
                reply = connection.ask(served.observation_key, observation)
                seconds = time.perf_counter() - began
                with lock:
                    unfinished[0] -= count + 1 == each
                    if count + 1 <= each:
                        found.append(seconds)
                        said.append(reply.server_time)
                        came.append(began + seconds)
                    elif not unfinished[0] or failures:
                        return
                    if count + 1 == each and not unfinished[0]:
                        return
        except (AnswerLost, RunError, threading.BrokenBarrierError) as error:
            together.abort()
            with lock:
                failures.append(error)

    threads = [threading.Thread(target=ask, args=(connection,), daemon=True) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RunError(f"policy server '{spec.name}' failed with {len(connections)} requests in flight: {failures[0]}")
    return found, said, came
