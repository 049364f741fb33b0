"""The registry of staggering rules and the protocol by which anybody runs one.

A rule is pure state (one float64 array) and compiled transition functions. It has no clock and does no I/O; who runs it
brings the time, in seconds since frame boundary 0:

1. A worker idle at ``now`` asks ``next_start``. Until that instant it waits; then it asks again, because another
   worker's completion may have moved the start to later. Asking twice changes nothing.
2. When the instant has come the inference is dispatched: ``on_dispatch(start)``. It observes the last frame boundary
   at or before the start.
3. At completion ``on_completion(start, completion)`` returns the release time, and the worker is idle: step 1. The
   output takes effect at the first boundary at or after its release, and at least one frame after the observation.
   Among outputs of one frame the freshest observation wins, among those the later start.

At equal times completions come before starts, and both in the order of the worker numbers. ``start`` always means the
scheduled start, also where a real worker woke up a little later.

To add a rule: one file in ``rules/``, its rows in ``rules/dispatch.py`` and below, its closed form in ``service.py``
(or a note there that it has none), one row in the docs.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .hold_objective import HoldObjective

__all__ = ["RULES", "RULE_NAMES", "Alignment", "StaggeringRule", "get_rule"]

Alignment = Literal["frame", "uniform"]


@dataclass(frozen=True)
class StaggeringRule:
    """What is fixed about a rule.

    Attributes
    ----------
    name
        Its name in the API and on the command line.
    identifier
        Its number in ``rules/dispatch.py``.
    alignments
        How starts may lie: "frame" (on frame boundaries) or "uniform" (anywhere); the first is the default.
    single_worker
        Whether the rule is for exactly one worker.
    summary
        One line: who starts when, and when the output is released.
    """

    name: str
    identifier: int
    alignments: tuple[Alignment, ...]
    single_worker: bool
    summary: str

    def check_workers(self, workers: float) -> None:
        """Raise ``InputError`` if this rule cannot run that many workers."""
        if workers < 1:
            raise InputError(f"workers must be at least 1, not {workers:g}")
        if self.single_worker and workers != 1:
            raise InputError(f"rule '{self.name}' runs exactly 1 worker, not {workers:g}")

    def choose_alignment(self, alignment: str | None) -> Alignment:
        """Return ``alignment`` if the rule allows it, its default for ``None``; raise ``InputError`` otherwise."""
        if alignment is None:
            return self.alignments[0]
        for allowed in self.alignments:
            if alignment == allowed:
                return allowed
        raise InputError(f"rule '{self.name}' takes alignment {' or '.join(self.alignments)}, not '{alignment}'")

    def new_state(
        self,
        workers: int,
        frame_time: float,
        *,
        alignment: str | None = None,
        hold: int | HoldObjective = 0,
        first_estimate: float | None = None,
        out: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Return the state of a run about to start at time 0.

        Parameters
        ----------
        workers
            Number of workers, at least 1.
        frame_time
            Seconds of a frame.
        alignment
            "frame" or "uniform"; ``None`` for the rule's default.
        hold
            Frames an output is held for at least (only rules that hold use it), or what a hold that is learned while
            playing is to be best for.
        first_estimate
            Seconds an inference is known to take before the run (from a warm-up): rules that learn it begin with it
            instead of learning it from their first round. ``None``: nothing is known.
        out
            Array of shape (state_size(workers),) to use, for example in shared memory.

        Returns
        -------
        NDArray[np.float64]
            The state, shape (state_size(workers),).

        Raises
        ------
        InputError
            For a number of workers, an alignment or a hold the rule does not allow.

        Examples
        --------
        >>> get_rule("frame-pool").new_state(3, 0.1).shape
        (280,)
        """
        from . import state as field
        from .dispatch import prime

        self.check_workers(workers)
        aligned = self.choose_alignment(alignment) == "frame"
        state = np.zeros(field.state_size(workers)) if out is None else out
        field.reset(state, workers, frame_time, aligned, 1.0 if isinstance(hold, HoldObjective) else float(hold))
        if isinstance(hold, HoldObjective):
            if self.name != "frame-hold":
                raise InputError(f"rule '{self.name}' has no hold to learn")
            state[field.LEARNS_HOLD] = 1.0
            state[field.RETENTION] = hold.retention
            state[field.GAP_DEFAULT], state[field.GAP_DELAY] = hold.gap_default, hold.gap_delay
        if first_estimate is not None:
            prime(self.identifier, state, first_estimate)
        return state


RULES: tuple[StaggeringRule, ...] = (
    StaggeringRule("sequential", 0, ("frame",), True, "observe again where the last action takes effect"),
    StaggeringRule("sequential-strict", 1, ("frame",), True, "observe again only after the action's frame"),
    StaggeringRule("unstaggered", 2, ("uniform",), False, "all workers start together and run back to back"),
    StaggeringRule("max-time", 3, ("uniform", "frame"), False, "starts tau_max/N apart, outputs held to tau_max"),
    StaggeringRule("frame-pool", 4, ("frame",), False, "one idle worker starts at each frame, released on completion"),
    StaggeringRule("expected-time", 5, ("uniform", "frame"), False, "starts mean/N apart, released on completion"),
    StaggeringRule("free-running", 6, ("uniform",), False, "workers run back to back, out of step"),
    StaggeringRule("frame-hold", 7, ("frame",), False, "frame pool whose outputs are held to h frames"),
)
RULE_NAMES: tuple[str, ...] = tuple(rule.name for rule in RULES)


def get_rule(name: str) -> StaggeringRule:
    """Return the rule of that name.

    Raises
    ------
    InputError
        If there is no such rule.

    Examples
    --------
    >>> get_rule("max-time").summary
    'starts tau_max/N apart, outputs held to tau_max'
    """
    for rule in RULES:
        if rule.name == name:
            return rule
    raise InputError(f"unknown staggering rule '{name}': choose one of {', '.join(RULE_NAMES)}")
