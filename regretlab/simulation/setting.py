"""What a simulation plays, checked and resolved from what its caller gave."""

import math
from dataclasses import dataclass

from ..errors import InputError
from ..laws import Law
from ..records.batch_means import batch_count
from ..rules import get_rule, known_rules
from ..rules.rule import StaggeringRule
from ..scenario import Scenario, whole_number
from .events.engine import LONGEST_RUN

__all__ = ["Setting", "resolve"]

MOST_WORKERS = 10**7
"""Of a simulation in events, each of which has a state in memory."""
MOST_INFERENCES = 10**10
"""Of a replication in events, which cost a tenth of a microsecond each: a quarter of an hour."""


@dataclass(frozen=True)
class Setting:
    """A rule on a law of inference times, and how long to play it.

    Attributes
    ----------
    law, frame_time, rule, workers, alignment, hold
        As given, resolved; ``hold`` in frames.
    first_estimate
        Seconds that the rule receives before the run; ``None``: it learns them.
    warmup, batches, batch_frames
        Frames before counting; batches of a replication; frames of each.
    """

    law: Law
    frame_time: float
    rule: StaggeringRule
    workers: float
    alignment: str
    hold: int
    first_estimate: float | None
    warmup: int
    batches: int
    batch_frames: int

    @property
    def frames(self) -> int:
        """Frames of a replication, warm-up included."""
        return self.warmup + self.batches * self.batch_frames

    def assumptions(self) -> tuple[str, ...]:
        """Return what must hold for the figures to mean what they say."""
        said = ["inference times are independent of each other and of the state"]
        if self.alignment == "uniform":
            said.append("the phase of the starts in a frame is uniform")
        if self.rule.takes_maximum_time:
            if self.first_estimate is None:
                said.append("tau_max is learned from the run: an unbounded law has none, and longer runs wait longer")
            else:
                said.append("tau_max is known from the start")
        return tuple(said)


def resolve(scenario: Scenario, law: Law, *, frames: int, warmup: int | None) -> Setting:
    """Return what a scenario plays; raise ``InputError`` where its rule cannot.

    Parameters
    ----------
    scenario
        Rule, workers, alignment, hold (a number of frames where the rule holds) and maximum time.
    law
        Of the inference time, on the cores there are.
    frames, warmup
        Frames to count and before; None for enough.
    """
    chosen = get_rule(scenario.rule)
    workers, hold, frame_time = scenario.workers, scenario.hold, scenario.frame_time
    maximum_time = scenario.maximum_time
    chosen.check_workers(workers)
    if math.isinf(workers) and not chosen.pool:
        pools = " and ".join(str(other) for other in known_rules() if other.pool)
        raise InputError(f"rule '{chosen}' needs a finite number of workers: only {pools} have a limit")
    if chosen.holds and hold in (None, "auto"):
        raise InputError(f"rule '{chosen}' needs a hold in frames, got {hold!r}")
    if not chosen.holds and hold is not None:
        raise InputError(f"rule '{chosen}' has no hold, got {hold!r}")
    chosen.check_maximum_time(maximum_time)
    frames = whole_number(frames, "frames")
    if frames < 1:
        raise InputError(f"frames must be at least 1, not {frames}")
    first_estimate = None
    if chosen.takes_maximum_time:
        longest = law.maximum() if maximum_time is None else maximum_time
        first_estimate = longest if math.isfinite(longest) else None
    elif chosen.learns == "mean_time":
        first_estimate = law.mean()
    if warmup is None:
        warmup = 10_000 + math.ceil(20 * law.mean() / frame_time)
        if chosen.takes_maximum_time and first_estimate is None:
            warmup += frames // 10
    if warmup < 0:
        raise InputError(f"warmup must be at least 0 frames, not {warmup}")
    batches = batch_count(frames)
    setting = Setting(
        law=law,
        frame_time=frame_time,
        rule=chosen,
        workers=workers,
        alignment=chosen.choose_alignment(scenario.alignment),
        hold=int(hold or 0),
        first_estimate=first_estimate,
        warmup=warmup + frames % batches,  # what does not fill a batch
        batches=batches,
        batch_frames=frames // batches,
    )
    if not chosen.in_whole_frames:
        _check_length(setting)
    return setting


def _check_length(setting: Setting) -> None:
    """Refuse a replication that event simulation would not get through."""
    mean = setting.law.mean()
    if setting.workers > MOST_WORKERS:
        raise InputError(
            f"rule '{setting.rule.name}' is simulated with at most {MOST_WORKERS} workers, not {setting.workers:g}"
        )
    if setting.frames > LONGEST_RUN:
        raise InputError(
            f"rule '{setting.rule.name}' plays at most {LONGEST_RUN} frames in a replication, not {setting.frames:.6g} "
            f"({setting.warmup:.6g} of them warm-up; the mean inference time is {mean / setting.frame_time:.6g} frames)"
        )
    cycle = mean
    if setting.rule.takes_maximum_time and setting.first_estimate is not None:
        cycle = max(mean, setting.first_estimate)
    a_frame = setting.workers * setting.frame_time / cycle
    if a_frame * setting.frames > MOST_INFERENCES:
        raise InputError(
            f"{setting.workers:g} workers of mean inference time {mean:.6g} s start {a_frame:.6g} inferences in each "
            f"of {setting.frames} frames of {setting.frame_time:.6g} s: at most {MOST_INFERENCES:g} in a replication"
        )
