"""The claims: what theory says of each run, what the run's record shows, compared by ``claim.judge``.

Tolerances are stated here, before any run, and are the same for quick and full validations: 0.02 per frame for a regret
(0.06 in realtime runs about outputs, which are shorter), 0.01 for a fraction of frames (0.02 in realtime runs; 0.01
where all frames should be served), 0.03 for the share that learners process (a run begins and ends in between).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..laws import constant, parse_law
from ..play.configuration import RunConfiguration
from ..records import Record, batch_means
from ..records.learning import learning_figures, share_error
from ..results import ServiceLaw
from ..rules import SEQUENTIAL_STRICT
from ..rules.service.service import service_law
from ..scenario import Scenario
from ..theory.any_rule import lower_bound
from ..theory.learning import learners_to_keep_up, processed_share
from ..theory.loss import FrameLoss
from ..theory.realtime import bound
from .claim import Claim, judge
from .outputs import served_fields, theories_of_outputs
from .path_blind import nearest_claim
from .runs import FRAME_TIME, LEARNING_STEP, PlannedRun

__all__ = [
    "LOWER_BOUND_OF_RUNS",
    "claims_of",
    "claims_of_many",
    "claims_of_twin",
    "held_against_the_bound",
    "is_held_against_the_bound",
    "predicted_regret",
    "regret_of_delay",
]

LOWER_BOUND_OF_RUNS = "lower-bound-runs"

REGRET_TOLERANCE = 0.02
REALTIME_REGRET_TOLERANCE = 0.06
FRACTION_TOLERANCE = 0.01
REALTIME_FRACTION_TOLERANCE = 0.02
FRAME_TIME_TOLERANCE = 1e-5  # seconds
SHARE_TOLERANCE = 0.03
DISTINCT = 0.02
"""A wrong theory that predicts another value by more than this must be excluded by a realtime claim."""


def regret_of_delay(delay: NDArray[np.int64], probability: float, symbols: int) -> NDArray[np.float64]:
    """Return the ring's expected regret of a frame for each delay (negative: the default behaviour, which earns 0).

    (1 - 1/K)(1 - lambda^d) with lambda = (Kp - 1)/(K - 1); derived in docs/theory.

    Examples
    --------
    >>> regret_of_delay(np.array([-1, 0, 2]), 0.7, 3).round(3).tolist()
    [1.0, 0.0, 0.465]
    """
    eigenvalue = (symbols * probability - 1) / (symbols - 1)
    loss = (1 - 1 / symbols) * (1 - np.power(eigenvalue, np.maximum(delay, 0)))
    return np.where(delay < 0, 1.0, loss)


def predicted_regret(run: PlannedRun, probability: float, symbols: int) -> float:
    """Return the regret per frame that theory predicts for a run with a known law."""
    configuration = run.configuration
    assert configuration.emulate_latency is not None
    report = bound(
        Scenario(
            configuration.emulate_latency,
            frame_time=FRAME_TIME,
            mode_probability=probability,
            workers=configuration.workers,
            rule=configuration.rule,
            alignment=configuration.alignment,
            symbols=symbols,
            maximum_time=_support_end(configuration),
        )
    )
    return report.regret.total


def claims_of(run: PlannedRun, record: Record) -> list[Claim]:
    """Return the claims that a run's record bears on."""
    checks = {
        "delay": _delay,
        "cycle": _sequential,
        "staggered": _staggered,
        "pool": _pool,
        "outputs": _outputs,
        "realtime": _realtime,
        "learners": _learners,
    }
    return list(checks[run.group](run, _Measured(record)))


def claims_of_twin(run: PlannedRun, record: Record, twin: Record) -> list[Claim]:
    """Return what a realtime run's virtual twin says of it (``regretlab.play.mirror``).

    Both play the same screens, so frames are compared one by one; the tolerance is about two standard errors of the
    reward of a quick realtime run.
    """
    ours, theirs = (_Measured(played) for played in (record, twin))
    length = min(len(ours.reward), len(theirs.reward))
    real, virtual = ours.reward[-length:], theirs.reward[-length:]
    return [
        judge(
            f"{run.name}-mirror",
            "the virtual clock, given the inference times this run recorded, predicts its reward per frame",
            predicted=float(virtual.mean()),
            measured=float(real.mean()),
            standard_error=batch_means(real - virtual).standard_error,
            tolerance=REGRET_TOLERANCE,
            source="realtime",
            identity=True,
        )
    ]


def is_held_against_the_bound(run: PlannedRun) -> bool:
    """Whether the lower bound over all rules applies to a run: the best policy, times of a known law."""
    configuration = run.configuration
    virtual = configuration.clock == "virtual" and configuration.emulate_latency is not None
    return virtual and configuration.policy == "oracle"


def held_against_the_bound(
    played: Sequence[tuple[PlannedRun, Record]],
) -> list[tuple[PlannedRun, float, tuple[float, float]]]:
    """Return the runs to which the lower bound over all rules applies, with it, and their regret and its error."""
    found = [(run, _Measured(record)) for run, record in played if is_held_against_the_bound(run)]
    return [
        (
            run,
            lower_bound(
                Scenario(
                    run.configuration.emulate_latency,
                    frame_time=FRAME_TIME,
                    mode_probability=measured.probability,
                    symbols=measured.symbols,
                    workers=run.configuration.workers,
                    **served_fields(run.configuration),
                ),
                sharper=False,
            ).regret_per_frame,
            measured.regret,
        )
        for run, measured in found
    ]


def claims_of_many(played: Sequence[tuple[PlannedRun, Record]]) -> Iterator[Claim]:
    """(h) No run on the virtual clock loses less than the lower bound over all rules, judged for all runs at once."""
    found = held_against_the_bound(played)
    if not found:
        return
    yield nearest_claim(
        LOWER_BOUND_OF_RUNS,
        f"none of {len(found)} runs loses less than the lower bound over all rules with its workers (the nearest is "
        "shown; limits of all at once)",
        [limit for _, limit, _ in found],
        [regret for _, _, regret in found],
        tolerance=REGRET_TOLERANCE,
        source="virtual",
    )


class _Measured:
    """A record's counted frames, as arrays."""

    def __init__(self, record: Record) -> None:
        served = record.frames["served_by"].to_numpy() >= 0
        first = int(np.argmax(served)) if served.any() else 0
        frames = record.frames.iloc[first:]
        self.record = record
        self.reward = frames["reward"].to_numpy(np.float64)
        self.delay = frames["delay_frames"].to_numpy(np.int64)
        # frames are counted from 0 without gaps unless the clock jumped; labels are looked up by frame number
        number = record.frames["frame"].to_numpy(np.int64)
        observed = frames["observation_frame"].to_numpy(np.int64)
        place = np.minimum(np.searchsorted(number, observed), len(number) - 1)
        self.label = frames["label"].to_numpy(np.int64)
        labels = record.frames["label"].to_numpy(np.int64)
        self.observed_label = np.where(number[place] == observed, labels[place], -1)
        self.deadline = frames["deadline"].to_numpy()
        self.lateness = frames["lateness"].to_numpy()
        self.probability = float(record.meta["environment"]["mode_probability"])
        self.symbols = int(record.meta["environment"]["symbols"])
        self.turns = bool(record.meta["config"]["chunk"]) and bool(record.meta["environment"].get("rotating"))

    @property
    def inaction(self) -> tuple[float, float]:
        """Fraction of frames without an agent action and its standard error."""
        return batch_means(self.delay < 0)

    @property
    def regret(self) -> tuple[float, float]:
        """Regret per frame (a zero-delay agent earns exactly 1) and its standard error."""
        return batch_means(1.0 - self.reward)


def _regret_claim(name: str, statement: str, run: PlannedRun, measured: _Measured) -> Claim:
    value, error = measured.regret
    return judge(
        name,
        statement,
        predicted=predicted_regret(run, measured.probability, measured.symbols),
        measured=value,
        standard_error=error,
        tolerance=REGRET_TOLERANCE,
        source="virtual",
    )


def _fraction_claim(
    name: str,
    statement: str,
    run: PlannedRun,
    measured: _Measured,
    predicted: float,
    rivals: Mapping[str, float] | None = None,
) -> Claim:
    value, error = measured.inaction
    return judge(
        name,
        statement,
        predicted=predicted,
        measured=value,
        standard_error=error,
        tolerance=REALTIME_FRACTION_TOLERANCE if run.group == "realtime" and predicted > 0 else FRACTION_TOLERANCE,
        source="realtime" if run.group == "realtime" else "virtual",
        rivals=_distinct(predicted, rivals or {}),
    )


def _distinct(predicted: float, rivals: Mapping[str, float]) -> dict[str, float]:
    """Return the theories whose prediction is another one: those that a claim must exclude."""
    return {name: value for name, value in rivals.items() if abs(value - predicted) > DISTINCT}


def _support_end(configuration: RunConfiguration) -> float | None:
    """The largest inference time where it is finite: what a rule with a tau_max has learned in a long run."""
    if configuration.emulate_latency is None or not configuration.staggering_rule.takes_maximum_time:
        return None
    end = parse_law(configuration.emulate_latency).maximum()
    return end if np.isfinite(end) else None


def _service(run: PlannedRun) -> tuple[float, NDArray[np.float64]]:
    configuration = run.configuration
    assert configuration.emulate_latency is not None
    law = parse_law(configuration.emulate_latency)
    service = service_law(
        law,
        FRAME_TIME,
        workers=configuration.workers,
        rule=configuration.rule,
        alignment=configuration.alignment,
        maximum_time=_support_end(configuration),
    )
    return service.inaction_fraction, service.delay_law


def _delay(run: PlannedRun, measured: _Measured) -> Iterator[Claim]:
    """(a) Delay regret against p and delay."""
    p, delay = run.configuration.environment_options["mode_probability"], run.configuration.workers
    yield _regret_claim(
        f"delay-regret[p={p},d={delay}]",
        f"acting on every frame with delay {delay} at mode probability {p} costs what the ring formula says",
        run,
        measured,
    )


def _sequential(run: PlannedRun, measured: _Measured) -> Iterator[Claim]:
    """(b) Sequential interaction: inaction and regret do not vanish."""
    label = run.name
    yield _fraction_claim(
        f"{label}-inaction",
        "sequential inference leaves the default behaviour this fraction of frames",
        run,
        measured,
        _service(run)[0],
    )
    half = len(measured.reward) // 2
    value, error = batch_means(1.0 - measured.reward[half:])
    yield judge(
        f"{label}-regret",
        "its regret per frame is this, and in the second half of the run still is: it does not vanish",
        predicted=predicted_regret(run, measured.probability, measured.symbols),
        measured=value,
        standard_error=error,
        tolerance=REGRET_TOLERANCE,
        source="virtual",
    )


def _staggered(run: PlannedRun, measured: _Measured) -> Iterator[Claim]:
    """(c) N_I* workers bring inaction to zero under max-time; one fewer leaves what the formula says."""
    workers = run.configuration.workers
    predicted = _service(run)[0]
    what = "no frame" if predicted == 0 else "this fraction of frames"
    yield _fraction_claim(
        f"{run.name}-inaction",
        f"{workers} workers under maximum-time staggering leave {what} to the default behaviour",
        run,
        measured,
        predicted,
    )
    yield _regret_claim(f"{run.name}-regret", f"and {workers} workers pay this regret per frame", run, measured)


def _pool(run: PlannedRun, measured: _Measured) -> Iterator[Claim]:
    """(d) The frame pool's service law and (e) the total regret it implies."""
    phi, law = _service(run)
    workers = run.configuration.workers
    more = ": four times as many change nothing" if workers == 44 else ""
    yield _fraction_claim(
        f"{run.name}-inaction",
        f"a frame pool of {workers} workers leaves this fraction of frames to the default behaviour{more}",
        run,
        measured,
        phi,
    )
    mean = float(law @ np.arange(len(law)))
    value, error = batch_means(np.maximum(measured.delay, 0))
    yield judge(
        f"{run.name}-delay",
        "sum over j of j a_j: the delays of the actions that are applied, not of all inferences",
        predicted=mean,
        measured=value,
        standard_error=error,
        tolerance=0.05,
        source="virtual",
    )
    yield _regret_claim(
        f"{run.name}-regret",
        "total regret per frame is phi g + Delta (1 - phi - S) with the ring's S",
        run,
        measured,
    )


def _explained_claim(run: PlannedRun, measured: _Measured) -> Claim:
    own_path = _regret_of_own_path(measured)
    value, error = batch_means(1.0 - measured.reward - own_path)
    return judge(
        f"{run.name}-explained",
        "given the symbols this run happened to show, its delays explain its regret to within 0.01",
        predicted=float(own_path.mean()),
        measured=float(own_path.mean()) + value,
        standard_error=error,
        tolerance=FRACTION_TOLERANCE,
        source="realtime",
        identity=True,
    )


def _outputs(run: PlannedRun, measured: _Measured) -> Iterator[Claim]:
    """(i) Kept outputs, chunks and repeated actions where the mode moves, and cancelling, against other theories."""
    configuration, real = run.configuration, run.configuration.clock == "real"
    law = configuration.emulated_law() or parse_law(f"@{measured.record.directory}")
    loss = FrameLoss(measured.probability, measured.symbols)
    statement, predicted, error, rivals = theories_of_outputs(configuration, law, loss)
    value, deviation = measured.regret
    if real:
        value, deviation = _without_chance_of_path(measured)
    yield judge(
        f"{run.name}-regret",
        statement,
        predicted=predicted,
        measured=value,
        standard_error=math.hypot(deviation, error),
        tolerance=REALTIME_REGRET_TOLERANCE if real else REGRET_TOLERANCE,
        source="realtime" if real else "virtual",
        rivals=rivals,
    )
    if real:
        yield _explained_claim(run, measured)


def _drift(measured: _Measured) -> tuple[float, float]:
    """Return by how much a frame lasts longer than its deadlines say (the slope of the lateness), and its error."""
    number = measured.deadline / FRAME_TIME
    coefficients, covariance = np.polyfit(number - number.mean(), measured.lateness, 1, cov=True)
    return float(coefficients[0]), float(np.sqrt(covariance[0, 0]))


def _learned_times(run: PlannedRun, measured: _Measured) -> NDArray[np.float64]:
    """Return tau_max in frames at each counted frame: the longest occupation until then."""
    inferences = measured.record.inferences
    done = inferences[~inferences["lost"]].sort_values("completion")
    occupied = (done["completion"] - done["scheduled"]).to_numpy() / FRAME_TIME
    first = measured.record.meta["first_estimate"] / FRAME_TIME
    learned = np.maximum.accumulate(np.concatenate(([first], occupied)))
    if run.configuration.alignment == "frame":
        learned = np.ceil(learned - 1e-7)
    return learned[np.searchsorted(done["completion"].to_numpy(), measured.deadline)]


def _learned_inaction(run: PlannedRun, measured: _Measured, fewer: int = 0) -> float:
    """Return the mean over the run of max(0, 1 - N tau_M / tau_max), tau_max the longest occupation until then."""
    workers = run.configuration.workers - fewer
    return float(np.maximum(0.0, 1.0 - workers / _learned_times(run, measured)).mean())


def _services(run: PlannedRun, measured: _Measured, workers: int) -> list[tuple[float, ServiceLaw]]:
    """Return the service laws of a realtime run and their shares of it: under max-time one for each tau_max learned."""
    configuration = run.configuration
    asked: dict[str, Any] = {"rule": configuration.rule, "workers": workers, "alignment": configuration.alignment}
    if not configuration.staggering_rule.takes_maximum_time:
        assert configuration.emulate_latency is not None
        return [(1.0, service_law(parse_law(configuration.emulate_latency), FRAME_TIME, **asked))]
    times, counts = np.unique(_learned_times(run, measured), return_counts=True)
    return [
        (count / counts.sum(), service_law(constant(time * FRAME_TIME), FRAME_TIME, **asked))
        for time, count in zip(times, counts, strict=True)
    ]


def _regret_of_services(services: Sequence[tuple[float, ServiceLaw]], measured: _Measured, later: int = 0) -> float:
    """Return the regret per frame of service laws whose delays are ``later`` frames longer."""
    total = 0.0
    for share, service in services:
        delays = np.arange(len(service.delay_law)) + later
        losses = regret_of_delay(delays, measured.probability, measured.symbols)
        total += share * (service.inaction_fraction + float(service.delay_law @ losses))
    return total


def _regret_at_mean_delay(services: Sequence[tuple[float, ServiceLaw]], measured: _Measured) -> float:
    """Return the regret if p^(E D) stood in place of E p^D."""
    served = sum(share * service.delay_law.sum() for share, service in services)
    mean = sum(share * float(service.delay_law @ np.arange(len(service.delay_law))) for share, service in services)
    loss = regret_of_delay(np.array([mean / served]), measured.probability, measured.symbols)
    return float(1.0 - served + served * loss[0])


def _regret_of_own_path(measured: _Measured) -> NDArray[np.float64]:
    """What each frame loses according to the record alone: was the symbol observed then the one shown now?"""
    observed = measured.observed_label
    if measured.turns:  # the entry of a chunk is made for its age
        observed = (observed + measured.delay) % measured.symbols
    changed = measured.label != observed
    return np.where(measured.delay < 0, 1.0, changed.astype(np.float64))


def _without_chance_of_path(measured: _Measured) -> tuple[float, float]:
    """Return the regret with the chance of the path removed, and its error, which is then that of the delays.

    What a run lost, less what its symbols made it lose at its delays, plus what they cost on average. A policy that
    plays something else than the theory says loses more than its symbols explain, and so does not pass.
    """
    losses = regret_of_delay(measured.delay, measured.probability, measured.symbols)
    return batch_means(1.0 - measured.reward - _regret_of_own_path(measured) + losses)


def _realtime(run: PlannedRun, measured: _Measured) -> Iterator[Claim]:
    """(f) Real processes on the wall clock, predicted from their law (or tau_max as learned), and wrong theories."""
    configuration = run.configuration
    workers, rule = configuration.workers, configuration.staggering_rule
    value, error = _without_chance_of_path(measured)
    services = _services(run, measured, workers)
    predicted = _regret_of_services(services, measured)
    rivals = {
        "delays are one frame longer": _regret_of_services(services, measured, later=1),
        "p^(E D) in place of E p^D": _regret_at_mean_delay(services, measured),
    }
    if workers > 1:
        rivals["one worker fewer"] = _regret_of_services(_services(run, measured, workers - 1), measured)
    emulated = configuration.emulate_latency is not None
    yield judge(
        f"{run.name}-regret",
        f"the rule's service law predicts the regret of a realtime run ({'emulated' if emulated else 'measured'} "
        "latency), the chance of its symbols removed",
        predicted=predicted,
        measured=value,
        standard_error=error,
        tolerance=REGRET_TOLERANCE,
        source="realtime",
        rivals=_distinct(predicted, rivals),
    )
    yield _explained_claim(run, measured)
    if rule.takes_maximum_time:
        yield _fraction_claim(
            f"{run.name}-inaction",
            f"{workers} staggered workers leave what the longest inference of the run says: nothing "
            "while it is no longer than that many frames",
            run,
            measured,
            _learned_inaction(run, measured),
            {"one worker fewer": _learned_inaction(run, measured, fewer=1)},
        )
    else:
        assert configuration.emulate_latency is not None
        strict = service_law(parse_law(configuration.emulate_latency), FRAME_TIME, rule=SEQUENTIAL_STRICT)
        yield _fraction_claim(
            f"{run.name}-inaction",
            "one sequential worker leaves this fraction of realtime frames to the default behaviour",
            run,
            measured,
            _service(run)[0],
            {"it observes again a frame after its action": strict.inaction_fraction},
        )
    drift, error = _drift(measured)
    yield judge(
        f"{run.name}-frame-time",
        "the mean frame lasts 1/59.7275 s: the clock does not drift (seconds)",
        predicted=FRAME_TIME,
        measured=FRAME_TIME + drift,
        standard_error=error,
        tolerance=FRAME_TIME_TOLERANCE,
        source="realtime",
        rivals={"a frame lasts 1/60 s": 1 / 60},
    )


def _learners(run: PlannedRun, measured: _Measured) -> Iterator[Claim]:
    """(g) How many learners keep up with acting; steps are emulated, so that many learners fit on few cores."""
    configuration = run.configuration
    told = learning_figures(measured.record)
    assert told is not None
    interaction_time = FRAME_TIME / (1.0 - measured.inaction[0])  # as it was in this run
    times = {"batch_time": LEARNING_STEP * FRAME_TIME, "interaction_time": interaction_time}
    batch = configuration.learning.batch
    ratio = configuration.learning.draws_per_transition
    fewest = learners_to_keep_up(**times, batch_size=batch, replay_ratio=ratio)
    shares = [
        processed_share(learners, **times, batch_size=batch, replay_ratio=ratio)
        for learners in (configuration.learners, configuration.learners - 1)
    ]
    yield judge(
        f"{run.name}-share",
        f"{configuration.learners} learners process this share of what is to be learned; N_L* = {fewest} "
        "(emulated steps)",
        predicted=shares[0],
        measured=told["share"],
        standard_error=share_error(measured.record),
        tolerance=SHARE_TOLERANCE,
        source="realtime" if configuration.clock == "real" else "virtual",
        rivals=_distinct(shares[0], {"one learner fewer": shares[1]}),
    )
