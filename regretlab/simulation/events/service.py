"""A run of any rule in continuous time, with inference times drawn from a law."""

import math

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...laws import Law
from ...rules.rule import StaggeringRule
from ...rules.service.frame_service import TAU_MAX_QUANTILE
from ..tallies._kernels import DISPATCHED, OVERWRITTEN
from .engine import EventEngine, Outputs

__all__ = ["EventRun"]

FEWEST_TIMES = 1 << 12
MOST_TIMES = 1 << 18


class EventRun:
    """A run of a rule, served a block of frames at a time.

    Where starts may lie anywhere ("uniform"), all of them are shifted by a uniform share of a frame, unless times that
    are fractions of a frame keep to the phases of a first start on a boundary, as in a run. Free-running workers begin
    at independent uniform points of an inference time, or at once where one server orders them. So the long run of a
    rule is meant.

    Parameters
    ----------
    law, frame_time, rule, workers, alignment, hold, first_estimate
        As for ``EventEngine``, with the law of the inference times.
    seed
        Of the inference times and the phases.
    block
        Frames of the longest block.
    outputs, cancel_after, threshold
        As for ``EventEngine``.
    keeps_phases
        Probability that starts keep to the phases of a first start on a boundary.
    longest
        Seconds after which the run is over: how much longer an inference takes has no part in it.
    """

    def __init__(
        self,
        law: Law,
        frame_time: float,
        rule: StaggeringRule,
        workers: int,
        alignment: str,
        hold: int,
        first_estimate: float | None,
        seed: np.random.SeedSequence,
        block: int,
        outputs: Outputs | None = None,
        cancel_after: float = math.inf,
        keeps_phases: float = 0.0,
        threshold: NDArray[np.float64] | None = None,
        longest: float = math.inf,
    ) -> None:
        time_seed, phase_seed = seed.spawn(2)
        self._law = law
        self._rng = np.random.default_rng(time_seed)
        self._times = FEWEST_TIMES
        self._longest = longest
        if law.server is None:  # how much longer than the threshold has no part in it
            self._longest = min(2.0 * cancel_after, longest)
        phases = np.random.default_rng(phase_seed)
        offsets: float | NDArray[np.float64] = 0.0
        if law.server is not None and rule.independent:  # all ask at once, and the server orders them
            offsets = phases.random() * frame_time
        elif rule.independent:
            mean = law.mean()
            usual = mean if math.isfinite(mean) else law.quantile(TAU_MAX_QUANTILE)
            offsets = phases.random(workers) * min(usual, cancel_after)
        elif alignment == "uniform":
            anywhere = phases.random() * frame_time
            offsets = 0.0 if phases.random() < keeps_phases else anywhere
        self._engine = EventEngine(
            rule,
            workers,
            frame_time,
            self._more_times,
            alignment=alignment,
            hold=hold,
            first_estimate=first_estimate,
            offsets=offsets,
            outputs=outputs,
            cancel_after=cancel_after,
            threshold=threshold,
            server=law.server,
        )
        self._served = np.zeros(block, np.int32)
        self._no_rows = np.empty(0, np.int64)
        self._frame = self._oldest = 0
        self._keeps = outputs is not None and outputs.most > 0

    @property
    def reach(self) -> int:
        """Upper bound, in frames, of every delay so far."""
        return max(self._engine.reach, self._oldest)

    def serve(self, count: int, row: NDArray[np.int64]) -> NDArray[np.int32]:
        """Serve the next ``count`` frames; return their delays, 0 for the default, valid until the next call."""
        engine = self._engine
        dispatched, overwritten = engine.dispatched, engine.overwritten
        engine.serve(self._frame, count, self._served, self._no_rows)
        row[DISPATCHED] += engine.dispatched - dispatched
        row[OVERWRITTEN] += engine.overwritten - overwritten
        self._frame += count
        if self._keeps:  # an output may act long after it was due
            self._oldest = max(self._oldest, int(self._served[:count].max(initial=0)))
        return self._served

    def _more_times(self) -> NDArray[np.float64]:
        times = self._law.sample(self._rng, self._times)
        if not times.min() > 0:
            raise InputError(f"inference times must be positive: {self._law.text} gave {times.min():g}")
        self._times = min(2 * self._times, MOST_TIMES)
        return times if self._longest == math.inf else np.minimum(times, self._longest)
