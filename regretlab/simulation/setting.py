"""What a simulation plays, checked and resolved from what its caller gave."""

import functools
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..laws import Law
from ..laws.law import LONGEST_PMF
from ..laws.racing import fastest_of
from ..records.batch_means import batch_count
from ..rules import SEQUENTIAL, get_rule, known_rules
from ..rules.cancelling import new_threshold
from ..rules.rule import StaggeringRule
from ..rules.service.even_spacing import spacing_in_phases
from ..rules.service.frame_service import TAU_MAX_QUANTILE, ServiceRequest, whole_frames
from ..rules.state import BINS
from ..rules.store import MOST_KEPT, NO_LIMIT
from ..scenario import Scenario, whole_number
from ..theory.batching import Batches, batches_of
from ..theory.cancelling import best_threshold
from ..theory.loss import AgeLoss, limit_of, workers_in_groups, worth_of
from .events.engine import LONGEST_RUN, Outputs

if TYPE_CHECKING:
    from ..mdp import AsynchronousMDP

__all__ = ["Setting", "resolve", "resolve_on"]

MOST_WORKERS = 10**7
"""Of a simulation in events, each of which has a state in memory."""
MOST_INFERENCES = 10**10
"""Of a replication in events, which cost a tenth of a microsecond each: a quarter of an hour."""

_TAIL = 1e-13
"""Of the inference times, which a table of delays leaves out."""

_OF_A_RULE = ("inference_time", "frame_time", "workers", "rule", "hold", "alignment", "maximum_time")


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
    outputs
        What becomes of outputs.
    order
        Their order of use, as the assumptions state it; empty: the freshest acts first, which is best.
    cancel_after
        Seconds after which an inference is given up.
    worth
        Worth of an output by age, for a threshold that is learned; empty: none is.
    lasts
        Whether an output acts until a fresher one comes or its age is ``outputs.limit`` (action chunks), not once.
    repeats
        Whether the default behaviour repeats the last action.
    keeps_phases
        Probability that starts keep to the phases of a first start on a boundary.
    accelerator
        What serves its inferences together, if there is one: then one worker, sequential.
    tabulated
        Whether the tail of the law is light enough for a table of its delays.
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
    outputs: Outputs = field(default_factory=Outputs)
    order: str = ""
    cancel_after: float = math.inf
    worth: tuple[float, ...] = ()
    lasts: bool = False
    repeats: bool = False
    keeps_phases: float = 0.0
    accelerator: Batches | None = None
    tabulated: bool = True

    @property
    def in_whole_frames(self) -> bool:
        """Whether the fast path in whole frames plays it."""
        plain = self.outputs.most == 0 and math.isinf(self.cancel_after) and not self.worth and self.accelerator is None
        plain = plain and self.law.server is None
        return plain and self.tabulated and self.rule.in_whole_frames

    @property
    def frames(self) -> int:
        """Frames of a replication, warm-up included."""
        return self.warmup + self.batches * self.batch_frames

    def in_frames(self) -> "Setting":
        """Return the same with all times in frames: whole frames are exact then, however many are added up."""
        each = 1.0 / self.frame_time
        first = None if self.first_estimate is None else self.first_estimate * each
        law = self.law if each == 1.0 else self.law.scaled(each)
        return replace(self, law=law, frame_time=1.0, first_estimate=first, cancel_after=self.cancel_after * each)

    def threshold(self) -> NDArray[np.float64] | None:
        """Return the state of a threshold that is learned, before the first inference."""
        if not self.worth:
            return None
        return new_threshold(int(self.workers), self.frame_time, self.worth, lasts=self.lasts or self.repeats)

    def assumptions(self) -> tuple[str, ...]:
        """Return what must hold for the figures to mean what they say."""
        said = ["inference times are independent of each other and of the state"]
        if self.accelerator is not None:
            said = list(self.accelerator.assumptions())
        elif self.law.server is not None:
            said = [f"{self.law.server}: requests wait for each other, and what it takes for each is independent"]
        if self.alignment == "uniform":
            said.append("the phase of the starts in a frame is uniform")
        if self.keeps_phases == 1.0:
            said[-1] = "the first start is on a boundary, and the starts keep to the phases that follow"
        elif self.keeps_phases > 0.0:
            said[-1] += f", or with probability {self.keeps_phases:.3g} that of a first start on a boundary"
        if self.outputs.most == MOST_KEPT:
            said.append("all unused outputs are kept for later frames")
        elif self.outputs.most:
            said.append(f"at most {self.outputs.most} unused outputs are kept for later frames")
        if self.order:
            said.append(self.order)
        if math.isfinite(self.cancel_after):
            said.append(f"inferences are cancelled after {self.cancel_after:g} s")
            if self.law.server is not None:
                said[-1] += ", and the server works on them all the same"
        if self.worth:
            said.append("when to cancel is learned from the inference times of the run")
        if self.lasts or self.repeats:
            said.append("an output older than the one in force is discarded")
        if self.outputs.limit < NO_LIMIT:
            said.append(f"no output acts from the age of {self.outputs.limit} frames on")
        if self.rule.takes_maximum_time:
            if self.first_estimate is None or self.first_estimate < min(self.cancel_after, self.law.maximum()):
                said.append("tau_max is learned from the run: an unbounded law has none, and longer runs wait longer")
            else:
                said.append("tau_max is known from the start")
        return tuple(said)


@functools.lru_cache(maxsize=256)
def mean_occupied(law: Law, cancel_after: float) -> float:
    """Return E T in seconds; where it is infinite, the mean up to the threshold, or the 99.9 % quantile without one."""
    mean = law.mean()
    if math.isfinite(mean):
        return mean
    return float(law.mean_up_to(cancel_after)) if math.isfinite(cancel_after) else law.quantile(TAU_MAX_QUANTILE)


def resolve(
    scenario: Scenario,
    law: Law,
    *,
    frames: int,
    warmup: int | None,
    loss: AgeLoss | None = None,
    batches: int | None = None,
) -> Setting:
    """Return what a scenario plays; raise ``InputError`` where its rule cannot.

    Parameters
    ----------
    scenario
        Rule, workers, alignment, hold (a number of frames where the rule holds) and maximum time.
    law
        Of the inference time, on the cores there are.
    frames, warmup
        Frames to count and before; None for enough.
    loss
        What a frame loses, for an age limit or a threshold that is "auto".
    batches
        Batches of a replication; None for as many as the frames allow.
    """
    accelerator = None
    if scenario.batch_law is not None:
        accelerator = batches_of(scenario.replace(inference_time=None), "simulate")
        scenario = scenario.replace(rule=SEQUENTIAL, workers=1, batch_law=None)
    chosen = get_rule(scenario.rule)
    hold, frame_time = scenario.hold, scenario.frame_time
    maximum_time = scenario.maximum_time
    chosen.check_workers(scenario.workers / scenario.replicas)
    if math.isinf(scenario.workers) and not chosen.pool:
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
    cancel_after = _threshold(scenario, law, loss)
    if law.server is not None:
        law = _with_queue(law, scenario, learned=scenario.cancel_after == "learned" or math.isfinite(cancel_after))
    law, workers = fastest_of(law, scenario.replicas), workers_in_groups(scenario.workers, scenario.replicas)
    outputs = _outputs(scenario, loss)
    first_estimate = None
    if chosen.takes_maximum_time:
        longest = min(cancel_after, law.maximum() if maximum_time is None else maximum_time)
        known = math.isfinite(longest) and (law.server is None or maximum_time is not None)
        first_estimate = longest if known else None
    elif chosen.learns == "mean_time":
        first_estimate = float(law.mean_up_to(cancel_after)) if cancel_after < math.inf else law.mean()
        if math.isinf(first_estimate) and loss is not None:  # a learned threshold keeps the mean finite
            learned = best_threshold(
                law, frame_time, loss, workers=workers, service_model=scenario.service_model, chunk=scenario.chunk
            )
            first_estimate = float(law.mean_up_to(learned))
    if warmup is None:
        mean = mean_occupied(law, cancel_after) * (1.0 if law.server is None else workers)
        warmup = 10_000 + math.ceil(20 * mean / frame_time)
        if chosen.takes_maximum_time and first_estimate is None:
            warmup += frames // 10
        elif chosen.learns == "quantile_time":  # its window fills with what a run of many frames sees
            warmup += math.ceil(2 * BINS * mean / (frame_time * workers))
    if warmup < 0:
        raise InputError(f"warmup must be at least 0 frames, not {warmup}")
    batches = batch_count(frames) if batches is None else min(batches, frames)
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
        outputs=outputs,
        cancel_after=cancel_after,
        worth=tuple(worth_of(loss, outputs.limit)) if scenario.cancel_after == "learned" and loss is not None else (),
        lasts=scenario.service_model == "chunk",
        repeats=scenario.service_model == "repeat",
        accelerator=accelerator,
        tabulated=float(law.survival((LONGEST_PMF - 1) * frame_time)) <= _TAIL,
    )
    setting = replace(setting, keeps_phases=_keeps_phases(setting, maximum_time))
    if not setting.in_whole_frames:
        if math.isinf(workers):  # as many as never wait for each other
            setting = replace(setting, workers=_never_waiting(setting))
        _check_length(setting)
    if outputs.most and loss is not None:
        from .orders import ordered

        setting = ordered(setting, loss)
    return setting


def _with_queue(law: Law, scenario: Scenario, *, learned: bool) -> Law:
    """Return a law with a server, without it where its only worker never waits; refuse what no queue plays."""
    assert law.server is not None
    if scenario.workers == 1:
        return replace(law, server=None)
    if math.isinf(scenario.workers):
        raise InputError(f"{law.server}: give a finite number of workers, not inf")
    if scenario.replicas > 1:
        raise InputError(f"{law.server}: inferences cannot race there, so replicas must be 1, not {scenario.replicas}")
    if learned and law.server.discipline == "batch":
        raise InputError(f"{law.server}: give up no request there (cancel after), it is not simulated")
    return law


def _never_waiting(setting: Setting) -> float:
    """Return a number of workers of which one is idle at every boundary of a run, though one starts at each."""
    if setting.tabulated:
        return float(len(setting.law.frame_pmf(setting.frame_time)) - 1)
    # as many as are busy at the end are independent events; more than this many has a probability below 1e-20
    busy = float(np.sum(setting.law.survival(np.arange(setting.frames) * setting.frame_time)))
    return math.ceil(busy + 10.0 * math.sqrt(busy)) + 50.0


def _keeps_phases(setting: Setting, maximum_time: float | None) -> float:
    """Return the probability that starts that may lie anywhere keep to the phases of a first start on a boundary.

    A run knows from the start that no inference takes longer than the threshold only if one of the workers' warm-ups
    does, or the first inference; otherwise the first one that does sets the phases, wherever it started.
    """
    rule, law, frame = setting.rule, setting.law, setting.frame_time
    if law.server is not None:
        return 0.0
    if setting.alignment != "uniform" or rule.independent:
        return 0.0
    request = ServiceRequest(law, frame, setting.workers, rule, "uniform", maximum_time=maximum_time)
    if rule.takes_maximum_time:
        cut = setting.first_estimate == setting.cancel_after  # no inference takes longer than the threshold
        known = float(setting.first_estimate is not None and request.keeps_phases())
        if cut and maximum_time is None:
            shorter = float(law.cdf(setting.cancel_after * (1.0 - 1e-9)))
            known = max(known, 1.0 - shorter ** (setting.workers + 1.0))
        elif cut:
            known = 1.0
        return known * (spacing_in_phases((setting.first_estimate or 0.0) / frame, setting.workers) is not None)
    seconds = request.constant_time()
    return float(
        whole_frames(law, frame) or (seconds is not None and spacing_in_phases(seconds / frame, 1) is not None)
    )


def _outputs(scenario: Scenario, loss: AgeLoss | None) -> Outputs:
    """Return what becomes of outputs: how many stay unused, and to what age they act."""
    most = 0
    if scenario.unused != "drop":
        _, _, number = scenario.unused.partition(":")
        most = min(MOST_KEPT, int(number)) if number else MOST_KEPT
    model = scenario.service_model
    if most and model != "once":
        raise InputError(f"unused outputs are kept where an output serves one frame, and unused is '{scenario.unused}'")
    limit = limit_of(scenario, loss) if loss is not None else math.inf
    return Outputs(most, int(min(NO_LIMIT, limit)))


def _threshold(scenario: Scenario, law: Law, loss: AgeLoss | None) -> float:
    """Return the seconds after which inferences are cancelled; for "auto" those with which the rule loses least."""
    asked = scenario.cancel_after
    if asked not in ("auto", "learned"):
        return math.inf if asked is None else float(asked)
    if loss is None:
        raise InputError(f"cancel after '{asked}' needs a mode probability or a loss, and none is given")
    if asked == "learned":
        return math.inf
    from .thresholds import threshold_for_rule

    return threshold_for_rule(scenario, law, loss)


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
    cycle = mean if math.isinf(setting.cancel_after) else float(setting.law.mean_up_to(setting.cancel_after))
    if setting.rule.takes_maximum_time and setting.first_estimate is not None:
        cycle = max(mean, setting.first_estimate)
    a_frame = setting.workers * setting.frame_time / cycle
    if a_frame * setting.frames > MOST_INFERENCES:
        raise InputError(
            f"{setting.workers:g} workers of mean inference time {mean:.6g} s start {a_frame:.6g} inferences in each "
            f"of {setting.frames} frames of {setting.frame_time:.6g} s: at most {MOST_INFERENCES:g} in a replication"
        )


def resolve_on(process: "AsynchronousMDP", scenario: Scenario, *, frames: int, warmup: int | None) -> Setting:
    """Return what a scenario plays on an MDP, at whose frame time it runs; other arguments as for ``resolve``."""
    if not scenario.is_default("frame_time") and scenario.frame_time != process.frame_time:
        raise InputError(
            f"the frame time is the MDP's, {process.frame_time:g} s, not {scenario.frame_time:g}: leave it out"
        )
    own = scenario.replace(frame_time=process.frame_time)
    own.check("a simulation of an MDP", needs=("inference_time",), uses=_OF_A_RULE)
    assert own.inference_time is not None
    return resolve(own, own.inference_time, frames=frames, warmup=warmup)
