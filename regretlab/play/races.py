"""Races of real workers: several infer on one observation, the first to complete counts, the others are cancelled.

The workers of a group share a row of numbers, which they change under the rule's lock only. The first that finds the
slot open begins the race; the others join it. Emulated times are known when a race begins, so the fastest is known too,
and each of the others is cancelled at that time; measured inferences race until one of them completes.
"""

import numpy as np

from ..laws import Law
from .latencies import LatencyStream
from .system.arena import Arena

__all__ = ["RACE", "Race"]

_NUMBER, _START, _FRAME, _OPEN, _END, _LIMIT = range(6)
RACE = 6
"""Numbers that a group shares."""


class Race:
    """What one worker knows of the races of its group.

    Parameters
    ----------
    arena
        Of the run.
    law
        Of emulated times; None where they are measured.
    seed
        Of the emulated times.
    worker, replicas
        The worker, and how many race.
    """

    def __init__(self, arena: Arena, law: Law | None, seed: int, worker: int, replicas: int) -> None:
        self.group, self._place = divmod(worker, replicas)
        first = self.group * replicas
        self._row, self._times = arena["races"][self.group], arena["race_times"][first : first + replicas]
        self._streams = [] if law is None else [LatencyStream(law, seed, first + each) for each in range(replicas)]
        self._number = self._drawn = 0

    def joined(self, now: float) -> float | None:
        """Return the start of a race that is on and that this worker was not in, and be in it; None for none."""
        row = self._row
        if row[_NUMBER] > self._number and (row[_OPEN] or now < row[_END]):
            self._number = int(row[_NUMBER])
            return float(row[_START])
        return None

    @property
    def is_on(self) -> bool:
        """Whether a race has not ended yet."""
        return bool(self._row[_OPEN])

    def is_over(self) -> bool:
        """Whether the race of this worker has ended, or another one has begun."""
        return not self._row[_OPEN] or self._row[_NUMBER] != self._number

    def free_from(self, now: float) -> float:
        """Return from when on the next race may begin."""
        return max(now, float(self._row[_END]))

    def begin(self, start: float, frame: int, limit: float) -> None:
        """Begin a race on a frame, all of whose inferences are cancelled after ``limit`` seconds."""
        row = self._row
        self._number = int(row[_NUMBER]) + 1
        row[_START], row[_FRAME], row[_LIMIT] = start, frame, limit
        while self._streams and self._drawn < self._number:
            self._times[:] = [stream.next() for stream in self._streams]
            self._drawn += 1
        row[_NUMBER], row[_OPEN] = self._number, 1.0
        if self._streams:
            row[_END] = start + min(limit, float(self._times.min()))

    @property
    def frame(self) -> int:
        """Number of the frame that they infer on."""
        return int(self._row[_FRAME])

    def time(self) -> float | None:
        """Return this worker's emulated time, None where it is measured."""
        return float(self._times[self._place]) if self._streams else None

    @property
    def _is_fastest(self) -> bool:
        return not self._streams or int(np.argmin(self._times)) == self._place

    def limit(self) -> float:
        """Return after how many seconds this worker's inference is cancelled."""
        limit = float(self._row[_LIMIT])
        return limit if self._is_fastest else min(limit, float(self._times.min()))

    def ends(self, completion: float) -> bool:
        """Return whether this worker's inference ends its race, and end it then."""
        if self.is_over() or not self._is_fastest:
            return False
        self._row[_OPEN], self._row[_END] = 0.0, completion
        return True
