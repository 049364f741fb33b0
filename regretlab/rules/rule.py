"""What a staggering rule is: transitions, traits and the closed form of its service law.

A rule is pure state (one float64 array) and compiled transition functions. It has no clock and does no I/O; the caller
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

To add a rule: one file in ``rules/`` that ends in ``RULE = StaggeringRule(...)``, one line in ``rules/registry.py``,
and ``python -m regretlab.rules.generate``. Other code asks a rule for its traits, never for its name.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

if TYPE_CHECKING:
    from .service.frame_service import ServiceInFrames, ServiceRequest

__all__ = ["Alignment", "HoldObjective", "Learned", "StaggeringRule"]

Alignment = Literal["frame", "uniform"]
Learned = Literal["tau_max", "quantile_time", "mean_time", "hold"]
"""What a rule can learn from the inference times of a run: in seconds their maximum, a high quantile of the latest, or
their mean; in frames the best hold. Records report it under this name."""


@dataclass(frozen=True)
class HoldObjective:
    """Losses that a rule with a hold weighs while it learns that hold from the inference times it sees.

    A frame without an action loses ``gap_default``; one whose action is j frames old loses
    ``min(gap_default, gap_delay * (1 - retention**j))``, since the agent may choose the default action too.

    Attributes
    ----------
    retention
        p of the fresh-state witness, or lambda = (K p - 1)/(K - 1) of a ring of K symbols, in [0, 1].
    gap_default, gap_delay
        g and Delta, at least 0 (of a ring, Delta (1 - 1/K)).

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> HoldObjective.of_ring(0.9, 4)
    HoldObjective(retention=0.8666666666666667, gap_default=1.0, gap_delay=0.75)
    """

    retention: float
    gap_default: float = 1.0
    gap_delay: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.retention <= 1:
            raise InputError(f"hold 'auto' needs a mode probability in [0, 1], not {self.retention!r}")
        for name, gap in (
            ("gap of the default behaviour", self.gap_default),
            ("gap of a wrong action", self.gap_delay),
        ):
            if not (math.isfinite(gap) and gap >= 0):
                raise InputError(f"{name} must be a finite number of at least 0, not {gap!r}")

    @classmethod
    def of_ring(
        cls, mode_probability: float, symbols: int, *, gap_default: float = 1.0, gap_delay: float = 1.0
    ) -> "HoldObjective":
        """Return the objective of a ring of symbols that stays with a given probability and else jumps to another."""
        retention = max(0.0, (symbols * mode_probability - 1) / (symbols - 1))
        return cls(retention, gap_default, gap_delay * (1 - 1 / symbols))


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class StaggeringRule:
    """A rule: its transitions and what the rest of the code asks about it.

    Plain Python functions are compiled (without a cache) when the rule is made.

    Attributes
    ----------
    name
        Its name in the API and on the command line.
    summary
        One line: who starts when, and when the output is released.
    next_start, on_dispatch, on_completion
        The compiled transitions, see the module's docstring: ``next_start(state, worker, now)``,
        ``on_dispatch(state, worker, start)`` and ``on_completion(state, worker, start, completion)``.
    prime
        ``prime(state, seconds)``: begin with an estimate of the inference time from a warm-up; None: none is used.
    closed_form
        The service law of the rule as a function of a ``ServiceRequest``, or why there is none, as the end of a
        sentence.
    alignments
        How starts may lie: "frame" (on frame boundaries) or "uniform" (anywhere); the first is the default.
    single_worker
        Whether the rule is for exactly one worker.
    cycle_rest
        For one worker that observes again a fixed number of frames after its action took effect: that number. None for
        every other rule.
    pool
        Whether exactly one idle worker is dispatched at every frame boundary at which there is one, and its output
        released on completion or when the hold has passed. Such a rule has a limit for an unlimited number of workers.
    independent
        Whether the workers run independently of each other, in the long run at independent phases.
    holds
        Whether outputs are held to a number of frames that the caller chooses or the rule learns.
    learns
        What the rule learns from the inference times of a run; None: nothing.
    takes_learning_time
        Whether the closed form covers a learner that blocks the worker after each action.
    baseline
        Whether the rule is there for comparison only: the plan does not consider it.
    spacing
        Frames between two starts, of a rule that is made for such a number; 0 for every other rule.
    """

    name: str
    summary: str
    next_start: Callable[..., Any]
    on_dispatch: Callable[..., Any]
    on_completion: Callable[..., Any]
    prime: Callable[..., Any] | None = None
    closed_form: "Callable[[ServiceRequest], ServiceInFrames] | str" = "none has been derived"
    alignments: tuple[Alignment, ...] = ("frame",)
    single_worker: bool = False
    cycle_rest: int | None = None
    pool: bool = False
    independent: bool = False
    holds: bool = False
    learns: Learned | None = None
    takes_learning_time: bool = False
    baseline: bool = False
    spacing: int = 0

    def __post_init__(self) -> None:
        from types import FunctionType

        for field in ("next_start", "on_dispatch", "on_completion", "prime"):
            transition = getattr(self, field)
            if isinstance(transition, FunctionType):
                from ..compilation import kernel

                object.__setattr__(self, field, kernel(transition, allocates=False, cached=False))

    def __repr__(self) -> str:
        return f"<staggering rule {self.name}: {self.summary}>"

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the name: another process has the rule's own functions there."""
        from .registry import get_rule

        return get_rule, (self.name,)

    @property
    def is_built_in(self) -> bool:
        """Whether the rule belongs to the package, so that every process knows it."""
        from .registry import RULE_NAMES

        return self.name in RULE_NAMES

    @property
    def is_known_by_name(self) -> bool:
        """Whether every process can make the rule from its name."""
        return self.is_built_in or self.spacing > 0

    @property
    def identifier(self) -> int:
        """The rule's number in ``rules/dispatch.py`` (built-in rules)."""
        from .registry import RULE_NAMES

        return RULE_NAMES.index(self.name)

    @property
    def in_whole_frames(self) -> bool:
        """Whether the rule depends on an inference time only through the delay in whole frames."""
        return self.pool or self.cycle_rest is not None

    @property
    def has_closed_form(self) -> bool:
        """Whether the rule's service law has a closed form for some inference times."""
        return callable(self.closed_form)

    @property
    def is_planned(self) -> bool:
        """Whether the plan considers the rule."""
        return not self.baseline

    @property
    def takes_maximum_time(self) -> bool:
        """Whether the rule spaces its starts by tau_max, so that a caller may give it."""
        return self.learns == "tau_max"

    def compile(self) -> None:
        """Call every transition once, so that it is compiled before it is needed; cheap where that has been done.

        Raises
        ------
        InputError
            If a transition of a rule from outside the package does not compile.
        """
        try:
            state = self.new_state(1, 1.0, first_estimate=0.5)
            start = float(self.next_start(state, 0, 0.0))
            self.on_dispatch(state, 0, start)
            float(self.on_completion(state, 0, start, start + 0.5))
        except Exception as error:
            if self.is_built_in:
                raise
            text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # Numba colours its messages
            lines = [line.strip() for line in text.splitlines() if line.strip() and "Failed in" not in line]
            reason = lines[0] if lines else type(error).__name__
            raise InputError(f"rule '{self.name}' cannot be compiled and called: {reason}") from error

    def learned(self, state: NDArray[np.float64]) -> dict[str, float | int]:
        """Return what the rule has learned in a run (or was given), under the name a record reports it by.

        Parameters
        ----------
        state
            Of the run.

        Returns
        -------
        dict
            ``{}``, or one entry: ``tau_max``, ``quantile_time`` or ``mean_time`` in seconds, or ``hold`` in frames.

        Examples
        --------
        >>> from regretlab.rules import MAX_TIME
        >>> MAX_TIME.learned(MAX_TIME.new_state(2, 0.1, first_estimate=0.25))
        {'tau_max': 0.25}
        """
        from . import state as field

        if self.learns is None:
            return {}
        if self.learns == "hold":
            return {"hold": int(state[field.HOLD])}
        return {self.learns: float(state[field.LEARNED_TIME])}

    def check_workers(self, workers: float) -> None:
        """Raise ``InputError`` if this rule cannot run that many workers."""
        if workers < 1:
            raise InputError(f"workers must be at least 1, not {workers:g}")
        if self.single_worker and workers != 1:
            raise InputError(f"rule '{self.name}' runs exactly 1 worker, not {workers:g}")

    def check_maximum_time(self, maximum_time: float | None) -> None:
        """Raise ``InputError`` if a tau_max is given and this rule has none."""
        if maximum_time is not None and not self.takes_maximum_time:
            raise InputError(f"rule '{self.name}' has no maximum time, and {maximum_time:g} s is given")

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
        >>> from regretlab.rules import FRAME_POOL
        >>> FRAME_POOL.new_state(3, 0.1).shape
        (280,)
        """
        from . import state as field

        self.check_workers(workers)
        aligned = self.choose_alignment(alignment) == "frame"
        state = np.zeros(field.state_size(workers)) if out is None else out
        field.reset(state, workers, frame_time, aligned, 1.0 if isinstance(hold, HoldObjective) else float(hold))
        state[field.SPACING] = self.spacing
        if isinstance(hold, HoldObjective):
            if not self.holds:
                raise InputError(f"rule '{self.name}' has no hold to learn")
            state[field.LEARNS_HOLD] = 1.0
            state[field.RETENTION] = hold.retention
            state[field.GAP_DEFAULT], state[field.GAP_DELAY] = hold.gap_default, hold.gap_delay
        if first_estimate is not None and self.prime is not None:
            self.prime(state, first_estimate)
        return state
