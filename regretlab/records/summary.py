"""The summary of a record: what ``regretlab run`` prints.

Frames before the first agent action are warm-up and count for nothing but their number (a run in which no agent action
was ever applied has no warm-up: it is all default behaviour). Every other figure is over the counted frames:

* ``delay_law[j]`` the fraction of frames served by an agent action of delay j, ``inaction_fraction`` the rest;
* ``action_interval`` the seconds between successive frames with an agent action, at the times they took effect;
* ``mean_age``, ``peak_age``: the age of information (Kaul, Yates & Gruteser 2012) of the newest observation acted on
  so far, averaged over time, and its mean just before it drops;
* ``overwritten_fraction`` the fraction of the outputs that came in time which a fresher one displaced.

Standard errors are by batch means (``batch_means``), and left out where ``doubt`` finds frames too correlated.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..results import RegretParts, Result, delays_in_words, listed
from ..scenario import frames_of, with_unit
from .batch_means import batch_count, batch_means, doubt
from .cost import core_seconds
from .highlights import LEVEL, completed_inferences, episodes, warnings_of, worst_second
from .learning import learning_figures
from .reader import Record

__all__ = ["RunSummary", "summarise"]


@dataclass(frozen=True, eq=False, repr=False)
class RunSummary(Result, Mapping[str, Any]):
    """Figures of a run; also a mapping of JSON values with the same names.

    Attributes
    ----------
    frames, warmup_frames
        Frames in the record; those before the first agent action, which the other figures leave out.
    reward_per_frame, inaction_fraction
        Means over the counted frames (``None`` without a frame).
    delay_law
        ``delay_law[j]`` = fraction of frames served by an action of delay j frames; sums to 1 - inaction_fraction.
    action_interval
        ``mean``, ``std``, ``p99`` in seconds between successive frames with an agent action.
    deadline_lateness
        ``p50``, ``p99``, ``max`` in seconds.
    inference_time
        ``mean``, ``std``, ``p99``, ``max`` of the seconds from scheduled start to completion of the inferences that
        were not lost: the law ``@RECORD``.
    overwritten_fraction
        Outputs displaced by a fresher one, of those that came in time.
    cancelled
        Inferences that were cancelled: ``inferences``, their ``fraction`` of all that ended, the ``seconds`` that they
        took, and ``overhead``, the mean seconds past the threshold until a worker was free; ``None`` for a run
        that cancels none.
    mean_age, peak_age
        Age of information in seconds: time average, and mean just before it drops.
    restarts
        Workers restarted.
    missed_frames
        Frames left out after a long gap of the clock, not among ``frames``.
    core_seconds
        ``measured``: processor seconds of all processes since frame 0; ``emulated``: what inferences and learning steps
        took where their times were emulated, one core each. ``None`` for what the record does not hold.
    reward_per_core_second
        Reward of the counted frames divided by them.
    hold
        Frames that outputs were held for at the end (given or learned); ``None`` for rules that do not hold.
    tau_max, quantile_time, mean_time
        Seconds: the longest inference time, a high quantile of the latest or their mean, as the rule had learned it at
        the end; ``None`` for rules that learn another quantity or nothing.
    warnings
        Sentences about what a reader of the other figures must know: workers that hung, rewards that are not numbers.
    learning
        ``learners``, ``transitions``, ``updates``, ``updates_per_second``, ``share`` (of the draws that the replay
        ratio allows) and ``restarts`` (of learners); ``None`` for a run that did not learn.
    learned
        What the rule had learned, or was given, at the end: ``tau_max``, ``quantile``, ``hold`` and ``mean``, as above.
    episode_return, episode_length
        Mean over the episodes that ended, its 95 % ``interval``, and how many ``episodes`` these are; lengths in
        frames. ``None`` where none ended.
    worst_second
        The second with the most frames without an action: ``begins`` (seconds), ``frames``, ``frames_without_action``
        and ``longest_inference`` (seconds, of those under way then).
    server
        Of a run that asked a policy server: ``end_to_end``, ``server`` and ``network`` (``mean`` and ``p99`` in
        seconds: from request to answer, what the server says it took with its queue, and the rest), ``in_flight``
        (``mean`` and ``max`` of the inferences under way when one began), ``lost`` answers, ``cancelled`` ones and
        ``reconnections``; ``None`` for other runs.
    failure
        Why the run broke off; ``None`` where it did not, or was interrupted.
    standard_error
        Standard errors of ``reward_per_frame``, ``inaction_fraction``, ``delay_law`` (list), ``action_interval``
        and ``inference_time`` (of their means), ``overwritten_fraction``, ``mean_age``, ``peak_age``; ``None`` where
        too little was seen or the series is correlated too long for its batches (``doubts`` says so).
    record
        Folder of the record.
    regret
        Regret per frame by its causes, with standard errors; ``None`` where the best reward is not known.
    emulated
        The law that inference times were drawn from, as text; ``None`` where they were measured.
    doubts
        Why a mean has no standard error, by its name; not among the JSON values.
    predicted
        What theory predicts for the inference times of this run (``regretlab.prediction``); ``None`` unless the caller
        asked for it, as ``rl.run`` and the command line do.
    """

    frames: int
    warmup_frames: int
    reward_per_frame: float | None
    inaction_fraction: float | None
    delay_law: list[float]
    action_interval: dict[str, float | None]
    deadline_lateness: dict[str, float | None]
    inference_time: dict[str, float | None]
    overwritten_fraction: float | None
    cancelled: dict[str, float | None] | None
    mean_age: float | None
    peak_age: float | None
    restarts: int
    missed_frames: int
    core_seconds: dict[str, float | None]
    reward_per_core_second: dict[str, float | None]
    hold: int | None
    tau_max: float | None
    quantile_time: float | None
    mean_time: float | None
    warnings: list[str]
    learning: dict[str, Any] | None
    learned: dict[str, float | int | None]
    episode_return: dict[str, Any] | None
    episode_length: dict[str, Any] | None
    worst_second: dict[str, Any] | None
    server: dict[str, Any] | None
    failure: str | None
    standard_error: dict[str, Any]
    record: str
    regret: RegretParts | None = None
    emulated: str | None = None
    doubts: Mapping[str, str] = field(default_factory=dict)
    predicted: Mapping[str, Any] | None = None

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise KeyError(key)
        if key == "regret_per_frame":
            return None if self.regret is None else self.regret.to_json()
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        yield from (each.name for each in fields(self) if each.name not in ("regret", "emulated", "doubts"))
        yield "regret_per_frame"

    def __len__(self) -> int:
        return len(fields(self)) - 2

    @property
    def title(self) -> str:
        """Which run, in one line."""
        return f"run recorded in {self.record}"

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return dict(self)

    def _bars(self) -> list[tuple[str, RegretParts]]:
        if self.regret is None:
            raise InputError("the best reward of this environment is not known, so its regret cannot be drawn")
        return [("played", self.regret)]

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values, in the order to read them."""
        lateness, times = self.deadline_lateness, self.inference_time
        facts = [
            ("frames", f"{self.frames} ({self.warmup_frames} before the first action, not counted below)"),
            ("reward per frame", self._with_error("reward_per_frame")),
        ]
        for name, values in (("return", self.episode_return), ("length", self.episode_length)):
            if values is not None and values["mean"] is not None:
                facts.append((f"episode {name}", _of_episodes(values, " frames" if name == "length" else "")))
        predicted = self.predicted or {}
        regret = predicted.get("regret_per_frame")
        if self.regret is not None:
            facts.append(("regret per frame", self.regret.words()))
            if regret is not None:
                parts = f"{regret['inaction']:.6g} inaction + {regret['delay']:.6g} delay"
                facts.append(("  predicted", f"{regret['total']:.6g}  =  {parts}"))
        facts += [
            ("frames without an action", self._with_error("inaction_fraction", 100, " %")),
            *([("  predicted", f"{100 * predicted['inaction_fraction']:.4f} %")] if predicted else []),
            ("frames by delay in frames", delays_in_words(self.delay_law)),
            *([("  predicted", delays_in_words(predicted["delay_law"]))] if predicted else []),
            ("mean age of what was acted on", self._with_error("mean_age", 1e3, " ms")),
        ]
        if lateness["p99"] is not None and lateness["max"]:
            late = f"p50 {1e3 * (lateness['p50'] or 0):.3f} ms, p99 {1e3 * lateness['p99']:.3f} ms"
            facts.append(("lateness of frame deadlines", late))
        said = "measured: none was finished"
        if self.emulated is not None:
            said = f"emulated: {with_unit(self.emulated)}"
        elif times["mean"] is not None and times["p99"] is not None:
            said = f"measured: {1e3 * times['mean']:.3f} ms on average, p99 {1e3 * times['p99']:.3f} ms"
        facts.append(("inference time", said))
        if self.cancelled is not None:
            share, overhead = self.cancelled["fraction"], self.cancelled["overhead"]
            said = "none" if not share else f"{100 * share:.2f} % of all"
            late = "" if overhead is None else f", their workers free {1e3 * overhead:.3f} ms after the threshold"
            facts.append(("inferences cancelled", said + late))
        if self.hold is not None:
            facts.append(("outputs held for", frames_of(self.hold)))
        learned = ("longest time", self.tau_max), ("high quantile", self.quantile_time), ("mean time", self.mean_time)
        for name, seconds in learned:
            if seconds is not None:
                facts.append((f"{name} learned", f"{1e3 * seconds:.3f} ms"))
        if self.learning is not None:
            rate, share = self.learning["updates_per_second"], self.learning["share"]
            facts += [
                ("updates of the network", f"{self.learning['updates']}" + (f" ({rate:.2f} a second)" if rate else "")),
                ("interactions learned from", "none" if share is None else f"{100 * share:.2f} %"),
                ("learners restarted", str(self.learning["restarts"])),
            ]
        if self.worst_second is not None:
            worst = self.worst_second
            longest = worst["longest_inference"]
            took = "no inference that ended" if longest is None else f"longest inference {1e3 * longest:.1f} ms"
            missed = f"{worst['frames_without_action']} of {frames_of(worst['frames'])} without an action"
            facts.append(("worst second", f"from {worst['begins']:.2f} s on: {missed}, {took}"))
        facts += self._server_facts()
        facts.append(("workers restarted", str(self.restarts)))
        facts += [
            (f"reward per core-second, {kind}", f"{value:.4f} ({self.core_seconds[kind]:.2f} core-seconds)")
            for kind, value in self.reward_per_core_second.items()
            if value is not None
        ]
        facts += listed("warning", self.warnings)
        if self.failure is not None:
            facts.append(("broke off", self.failure))
        return [*facts, ("record", self.record)]

    def _server_facts(self) -> list[tuple[str, str]]:
        if self.server is None:
            return []
        parts = [
            f"{name} {1e3 * times['mean']:.3f} ms (p99 {1e3 * times['p99']:.3f})"
            for name in ("server", "network")
            if (times := self.server[name])["mean"] is not None
        ]
        under_way = self.server["in_flight"]
        counts = f"{self.server['lost']} lost, {self.server['cancelled']} cancelled"
        facts = [("of which", ", ".join(parts) or "not known: the server does not report its time")]
        if under_way["mean"] is not None:
            facts.append(("requests in flight", f"{under_way['mean']:.2f} on average, {under_way['max']} at most"))
        return [*facts, ("answers of the server", f"{counts}; {self.server['reconnections']} reconnections")]

    def _with_error(self, name: str, scale: float = 1.0, unit: str = "") -> str:
        value, error = self[name], self.standard_error.get(name)
        if value is None:
            return "none"
        if name in self.doubts:
            return f"{scale * value:.4f}{unit} (no standard error: {self.doubts[name]})"
        if error == 0:
            return f"{scale * value:.4f}{unit} (the same in every frame)"
        return f"{scale * value:.4f}{unit}" + ("" if error is None else f" ± {scale * error:.4f} (standard error)")

    def __contains__(self, key: object) -> bool:
        return key in tuple(self)


def summarise(record: Record) -> RunSummary:
    """Return the figures of a record.

    Parameters
    ----------
    record
        The record, complete or not.

    Returns
    -------
    RunSummary
        ``None`` (in JSON: null) for figures of which the record holds nothing.

    References
    ----------
    Age of information: Kaul, Yates & Gruteser 2012, "Real-time status: how often should one update?".
    """
    table = record.frames
    served_all = table["served_by"].to_numpy() >= 0
    warmup = int(np.argmax(served_all)) if served_all.any() else 0
    counted = table.iloc[warmup:]
    served = served_all[warmup:]
    deadline = counted["deadline"].to_numpy()

    rewards = counted["reward"].to_numpy()
    reward, reward_error = _frame_mean(rewards)
    inaction, inaction_error = _frame_mean(~served)
    delays = np.where(served, counted["delay_frames"].to_numpy(), 0)
    law, law_error = _frequencies(delays)

    effect = (deadline + counted["lateness"].to_numpy())[served]
    interval = np.diff(effect)
    interval_mean, interval_error = _mean(interval)
    lateness = counted["lateness"].to_numpy()
    age, peaks = _ages(counted["observation_frame"].to_numpy(), counted["frame"].to_numpy(), deadline, served)
    mean_age, mean_age_error = _frame_mean(age)
    peak_age, peak_age_error = _mean(peaks)
    finished = completed_inferences(record)
    times = (finished["completion"] - finished["scheduled"]).to_numpy()
    times_mean, times_error = _mean(times)
    done = record.inferences[(record.inferences["effect_frame"] >= 0) & ~record.inferences["lost"]]
    overwritten, overwritten_error = _mean(done["overwritten"].to_numpy())

    doubts = {
        name: why
        for name, series in (("reward_per_frame", rewards), ("inaction_fraction", ~served), ("mean_age", age))
        if (why := doubt(series)) is not None
    }
    learned = {
        "tau_max": record.meta.get("tau_max"),
        "quantile": record.meta.get("quantile_time"),
        "hold": record.meta.get("hold"),
        "mean": record.meta.get("mean_time"),
    }
    episode_return, episode_length = episodes(table)
    seconds = core_seconds(record)
    total = float(counted["reward"].sum())

    return RunSummary(
        frames=len(table),
        warmup_frames=warmup,
        reward_per_frame=reward,
        inaction_fraction=inaction,
        delay_law=law,
        action_interval={
            "mean": interval_mean,
            "std": float(interval.std()) if interval.size else None,
            "p99": _quantile(interval, 0.99),
        },
        deadline_lateness={
            "p50": _quantile(lateness, 0.5),
            "p99": _quantile(lateness, 0.99),
            "max": float(lateness.max()) if lateness.size else None,
        },
        inference_time={
            "mean": times_mean,
            "std": float(times.std()) if times.size else None,
            "p99": _quantile(times, 0.99),
            "max": float(times.max()) if times.size else None,
        },
        overwritten_fraction=overwritten,
        cancelled=_cancelled(record),
        mean_age=mean_age,
        peak_age=peak_age,
        restarts=sum(event.get("kind") == "restart" for event in record.meta.get("events", [])),
        missed_frames=int(record.meta.get("missed_frames", 0)),
        core_seconds=seconds,
        reward_per_core_second={kind: total / value if value else None for kind, value in seconds.items()},
        hold=learned["hold"],
        tau_max=learned["tau_max"],
        quantile_time=learned["quantile"],
        mean_time=learned["mean"],
        learning=learning_figures(record),
        learned=learned,
        episode_return=episode_return,
        episode_length=episode_length,
        worst_second=worst_second(counted, served, finished, _frame_time(record, deadline)),
        warnings=[*_warnings(record, rewards, served, len(finished)), *warnings_of(record.meta, finished, doubts)],
        server=_server(record),
        failure=record.meta.get("failure"),
        standard_error={
            "reward_per_frame": reward_error,
            "inaction_fraction": inaction_error,
            "delay_law": law_error,
            "action_interval": interval_error,
            "inference_time": times_error,
            "overwritten_fraction": overwritten_error,
            "mean_age": mean_age_error,
            "peak_age": peak_age_error,
        },
        record=str(record.directory),
        regret=_regret(record, counted["reward"].to_numpy(), served),
        emulated=_emulated(record.meta),
        doubts=doubts,
    )


def _frame_time(record: Record, deadline: NDArray[np.float64]) -> float:
    """Return the seconds of a frame, by the frames themselves where the record does not say."""
    stated = record.meta.get("frame_time")
    return float(stated if stated is not None else np.median(np.diff(deadline)) if len(deadline) > 1 else 1.0)


def _of_episodes(values: Mapping[str, Any], unit: str) -> str:
    interval, count = values["interval"], values["episodes"]
    within = "" if interval is None else f" in [{interval[0]:.6g}, {interval[1]:.6g}] ({100 * LEVEL:g} %)"
    return f"{values['mean']:.6g}{unit}{within}, {count} episode{'' if count == 1 else 's'}"


def _server(record: Record) -> dict[str, Any] | None:
    """Return the figures of a run that asked a policy server."""
    meta = record.meta
    if "reconnections" not in meta:
        return None
    rows = record.inferences
    finished = rows[rows["completion"].notna()]
    whole = (finished["completion"] - finished["dispatch"]).to_numpy()
    taken = finished["server_time"].to_numpy()
    told = np.isfinite(taken)
    parts = {"end_to_end": whole, "server": taken[told], "network": (whole - taken)[told]}
    under_way = finished["in_flight"].to_numpy()
    return {
        **{name: {"mean": _mean(times)[0], "p99": _quantile(times, 0.99)} for name, times in parts.items()},
        "in_flight": {"mean": _mean(under_way)[0], "max": int(under_way.max()) if under_way.size else None},
        "lost": int(rows["lost"].sum()),
        "cancelled": int(rows["cancelled"].sum()),
        "reconnections": int(meta["reconnections"]),
    }


def _cancelled(record: Record) -> dict[str, float | None] | None:
    """Return how many inferences were cancelled, and what that cost; None for a run that cancels none."""
    config = record.meta.get("config", {})
    threshold = config.get("cancel_after")
    races = config.get("replicas", 1) != 1
    if threshold is None and not races:
        return None
    rows = record.inferences[record.inferences["cancelled"]]
    ended = len(rows) + int(record.inferences["completion"].notna().sum())
    given = isinstance(threshold, (int, float)) and not races  # else each inference has a limit of its own
    limit = threshold if given else math.nan
    took = (rows["freed"] - rows["scheduled"]).to_numpy()
    return {
        "inferences": len(rows),
        "fraction": len(rows) / ended if ended else None,
        "seconds": float(took.sum()),
        "overhead": max(0.0, float((took - limit).mean())) if len(rows) and math.isfinite(limit) else None,
    }


def _warnings(record: Record, rewards: NDArray[np.float64], served: NDArray[np.bool_], completed: int) -> list[str]:
    """Return what a reader of the figures must know."""
    said = []
    if completed and served.size and not served.any():
        said.append(
            f"no action of the policy took effect, although {completed} inferences completed: too late each time"
        )
    hung = [event for event in record.meta.get("events", []) if event.get("cause") == "hung"]
    if hung:
        times = f"{len(hung)} times, first" if len(hung) > 1 else "once,"
        first = f"worker {hung[0].get('worker')} after {hung[0].get('silent')} s"
        said.append(f"a worker hung {times} {first} without a sign of life; each was killed and replaced")
    strange = np.flatnonzero(~np.isfinite(rewards))
    if strange.size:
        first = record.frames["frame"].iloc[strange[0] - rewards.size]
        frames = f"{strange.size} of {rewards.size} frames, first in frame {first}"
        said.append(f"the environment's reward was not a finite number in {frames}: figures of the reward are empty")
    return said


def _emulated(meta: Mapping[str, Any]) -> str | None:
    """Return the law of emulated inference times, or None where they were measured."""
    source = meta.get("latency")
    law = source.get("law") if isinstance(source, Mapping) else meta.get("config", {}).get("emulate_latency")
    return None if law is None else str(law)


def _regret(record: Record, reward: NDArray[np.float64], served: NDArray[np.bool_]) -> RegretParts | None:
    """Return the regret per frame where an optimal action earns 1 in every frame (Beacon), else None."""
    environment = record.meta.get("environment")
    if not (isinstance(environment, Mapping) and {"symbols", "mode_probability"} <= set(environment)) or not len(
        reward
    ):
        return None
    lost = 1.0 - reward
    parts = {"inaction": np.where(served, 0.0, lost), "delay": np.where(served, lost, 0.0), "total": lost}
    found = {name: _frame_mean(values) for name, values in parts.items()}
    errors = {name: error for name, (_, error) in found.items()}
    degrees = max(1, batch_count(len(reward)) - 1)
    return RegretParts(found["inaction"][0] or 0.0, found["delay"][0] or 0.0, None, errors, degrees, "measurement")


def _mean(values: NDArray[Any]) -> tuple[float | None, float | None]:
    """Return mean and standard error, ``None`` for what the series is too short to estimate."""
    mean, error = batch_means(values)
    return (None if math.isnan(mean) else mean), (None if math.isnan(error) else error)


def _frame_mean(values: NDArray[Any]) -> tuple[float | None, float | None]:
    """Return mean and standard error of a series with a value a frame; no error where ``doubt`` has a reason."""
    mean, error = _mean(values)
    return mean, None if doubt(values) else error


def _frequencies(delays: NDArray[np.int64]) -> tuple[list[float], list[float | None]]:
    """Return the fraction of frames of each delay from 1 on (entry 0: 0) and the standard errors by batch means."""
    count = batch_count(delays.size)
    width = int(delays.max(initial=0)) + 1
    law = np.bincount(delays, minlength=width) / max(1, delays.size)
    law[0] = 0.0
    if count < 2:
        return law.tolist(), [0.0, *[None] * (width - 1)]
    length = delays.size // count
    batch = np.repeat(np.arange(count), length)
    table = np.bincount(batch * width + delays[delays.size - count * length :], minlength=count * width)
    errors = (table.reshape(count, width) / length).std(axis=0, ddof=1) / math.sqrt(count)
    return law.tolist(), [0.0, *errors[1:].tolist()]


def _quantile(values: NDArray[np.float64], probability: float) -> float | None:
    return float(np.quantile(values, probability)) if values.size else None


def _ages(
    observation: NDArray[np.int64], frame: NDArray[np.int64], deadline: NDArray[np.float64], served: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean age in each frame and the age at each boundary where a newer observation came into effect."""
    if not served.any() or frame.size < 2:
        return np.empty(0), np.empty(0)
    frame_time = (deadline[-1] - deadline[0]) / (frame[-1] - frame[0])
    newest = np.maximum.accumulate(np.where(served, observation, observation[0]))
    age = (frame - newest + 0.5) * frame_time
    newer = np.flatnonzero(np.diff(newest) > 0)
    peaks = (frame[newer + 1] - newest[newer]) * frame_time
    return age, peaks
