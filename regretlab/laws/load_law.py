"""Inference times that depend on the number of requests in flight: one empirical law for each number measured.

A scenario takes the law of as many requests as it has workers, because workers that never wait are all in flight. The
file is a CSV table with the columns ``in_flight`` and ``seconds``, as ``regretlab profile --concurrency`` writes it.

Where answers have to do with each other no law of a single one is enough. Then a comment before the table says how the
server treats requests (``# server: serial, growth=0, network=0.002``), and the law is that of a lone request with that
server (``laws.server``).
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .law import Law
from .sample_law import SampleLaw, law_from_samples
from .server import DISCIPLINES, Server, with_server

__all__ = ["HEADER", "LoadLaw", "law_under_load", "read_load", "server_line"]

HEADER = ("in_flight", "seconds")
_POINTS = 2000
_SERVER = re.compile(rf"#\s*server: ({'|'.join(DISCIPLINES)}), growth=([-+.\w]+), network=([-+.\w]+)\s*")


@dataclass(frozen=True, eq=False)
class LoadLaw(SampleLaw):
    """The times measured with one number of requests in flight, which knows those measured with the others.

    Attributes
    ----------
    in_flight
        The number whose times these are.
    measured
        Seconds by number in flight, each sorted.
    """

    in_flight: float = 1.0
    measured: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def most(self) -> int:
        """The largest number measured."""
        return max(self.measured)

    @property
    def caution(self) -> tuple[str, ...]:
        """Where the times come from, of a number of requests in flight that was not measured."""
        if self.in_flight in self.measured:
            return ()
        above = min(number for number in self.measured if number > self.in_flight)
        below = max((number for number in self.measured if number < self.in_flight), default=None)
        taken = f"those of {above}" if below is None else f"between those of {below} and {above}, quantile by quantile"
        return (f"times with {self.in_flight:g} requests in flight were not measured: they are taken as {taken}",)

    def under(self, requests: float) -> "LoadLaw":
        """Return the law with that many requests in flight; between two numbers measured, quantiles lie on lines.

        Raises
        ------
        InputError
            For more than were measured.

        Examples
        --------
        >>> law = law_under_load({1: [1.0], 3: [3.0, 5.0]})
        >>> law.mean(), law.under(2).mean(), law.under(3).mean()
        (1.0, 2.5, 4.0)
        """
        numbers = sorted(self.measured)
        if requests > numbers[-1]:
            raise InputError(
                f"{self.text}: inference times were measured with up to {numbers[-1]} requests in flight, not with "
                f"{requests:g} workers: give fewer, or profile with a larger --concurrency"
            )
        if requests == self.in_flight:
            return self
        above = next(number for number in numbers if number >= requests)
        below = max((number for number in numbers if number <= requests), default=above)
        seconds = self.measured[above]
        if above != below and requests != above:
            share = (requests - below) / (above - below)
            points = (np.arange(_POINTS) + 0.5) / _POINTS
            low, high = (np.quantile(self.measured[number], points, method="inverted_cdf") for number in (below, above))
            seconds = (1.0 - share) * low + share * high
        return LoadLaw(self.text, seconds, float(requests), self.measured)


def law_under_load(times: Mapping[int, "NDArray[np.float64] | list[float]"], *, text: str = "samples") -> LoadLaw:
    """Return the laws of times measured under load, with the least number of requests in flight.

    Parameters
    ----------
    times
        Seconds by number in flight.
    text
        Where they come from.

    Raises
    ------
    InputError
        If there are none, or one is not a positive, finite number.
    """
    if not times or min(times) < 1:
        raise InputError(f"{text}: times under load need numbers in flight of at least 1")
    measured = {number: law_from_samples(times[number], text=text).seconds for number in sorted(times)}
    least = min(measured)
    return LoadLaw(text, measured[least], float(least), measured)


def server_line(server: Server) -> str:
    """Return the comment that says before a table how its server treats requests."""
    return f"# server: {server.discipline}, growth={server.growth:.6g}, network={server.network:.9f}"


def read_load(path: Path, text: str) -> Law | None:
    """Return the laws of a CSV table with the columns of ``HEADER``; None where it is another table.

    Of a server whose answers have to do with each other it is the law of a lone request.

    Raises
    ------
    InputError
        If a row is not a number in flight and a time.
    """
    times: dict[int, list[float]] = {}
    server = None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            if (said := _SERVER.fullmatch(file.readline())) is None:
                file.seek(0)
            else:
                server = _server(said, path.name)
            if tuple(cell.strip() for cell in next(rows, [])) != HEADER:
                return None
            try:
                for number, seconds in filter(None, rows):
                    times.setdefault(int(number), []).append(float(seconds))
            except (csv.Error, ValueError) as error:
                reason = str(error).splitlines()[0]
                raise InputError(
                    f"samples file '{path.name}': a row is not a number in flight and seconds: {reason}"
                ) from None
    except (csv.Error, UnicodeDecodeError, OSError):
        return None  # not this table: the reader of samples names the fault
    if server is not None:
        if 1 not in times:
            raise InputError(f"samples file '{path.name}' has a server, but no times of a lone request (in_flight 1)")
        return with_server(law_from_samples(times[1], text=text), server)
    return law_under_load(times, text=text)


def _server(said: "re.Match[str]", name: str) -> Server:
    try:
        return Server(said[1], float(said[2]), float(said[3]))  # type: ignore[arg-type]  # one of them
    except ValueError:
        raise InputError(
            f"samples file '{name}': growth and network of the server must be numbers, not '{said[2]}' and '{said[3]}'"
        ) from None
