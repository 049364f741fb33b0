"""Measure what a policy earns by the age of its actions: the environment waits, so no clock is needed.

At a fixed delay the action of frame t is the one chosen from the observation of frame t - d. Where actions are held
(default behaviour "repeat") or come in chunks, inferences of d frames follow one another, each output acts from d to
2d - 1 frames of age, and frames are sorted by that age: actions of independent delays would miss that a held action
stays the same. Policies that know their delay are one for each, named with ``{delay}``: what acts at an age is asked of
the policy for that age (of the latency, where actions are held). Observations of an earlier episode still act at the
start of the next, as they do in a run; before there is any action, that of the first observation acts.

A replication plays every age with the same seeds of environment and policy. Replications are independent, so intervals
stay valid however much the rewards of one depend on each other (`regretlab.curves`).
"""

import functools
import json
import math
from collections.abc import Generator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..curves import CHECKS, DELAY, DOSE, HELD_CHECKS, DelayCurve, stacked
from ..defaults import CURVE_DELAYS, CURVE_EPISODES, CURVE_REPLICATIONS
from ..errors import InputError, RunError
from ..files import PartStore
from ..games import make_game, registration
from ..progress import Progress, silent
from .configuration import RunConfiguration
from .loop import Answer, DefaultBehaviour, EnvironmentPlan, awaited_chunk, entry_of_age, sentence
from .preparation import Prepared, prepare

if TYPE_CHECKING:
    from ..policies.policy import Policy

__all__ = ["MOST_REPLICATIONS", "measure_delay_curve"]

MOST_REPLICATIONS = 10_000
_LONGEST = 100_000
Per = Literal["auto", "frame", "episode"]
_Sums = tuple[NDArray[np.float64], NDArray[np.float64], int]


def measure_delay_curve(
    configuration: RunConfiguration,
    delays: Sequence[int] = CURVE_DELAYS,
    *,
    per: Per = "auto",
    episodes: int = CURVE_EPISODES,
    replications: int = CURVE_REPLICATIONS,
    precision: float | None = None,
    most_replications: int = MOST_REPLICATIONS,
    processes: int = 1,
    parts: str | Path | None = None,
    progress: Progress = silent,
) -> DelayCurve:
    """Measure what a policy loses by the age of its actions.

    Parameters
    ----------
    configuration
        Environment, policy (with ``{delay}`` in its name one for each delay, in frames), weights, default behaviour,
        chunk, the first seed, and the frames of a play at most; what else concerns time is not looked at.
    delays
        Action delays in frames; 0 is added.
    per
        What counts: "frame" (reward per frame), "episode" (return per episode), or "auto": the episode where each play
        without delay ends at least one.
    episodes
        Episodes of a play.
    replications
        Independent replications, at least 8; with a ``precision`` the fewest.
    precision
        Go on until every loss is known to within this (half a 99 % interval), in reward per frame.
    most_replications
        Where a precision that is not reached stops.
    processes
        Processes that play replications.
    parts
        Folder for the finished replications until all are there: a measurement that was killed goes on.
    progress
        Called after each replication with the number finished, the number wanted so far and what is being done.

    Returns
    -------
    DelayCurve
        The same on any number of processes.

    Raises
    ------
    InputError
        For delays that are not whole numbers from 0, numbers out of range, or an environment and a policy that do not
        go together.
    RunError
        If the environment or the policy fails.

    Examples
    --------
    >>> setting = RunConfiguration(environment_options={"symbols": 4}, policy="oracle", frames=200, frame_time=1.0)
    >>> curve = measure_delay_curve(setting, [0, 2], replications=8)
    >>> curve.per, curve.loss(0).value, curve.loss(1).value > 0
    ('frame', 0.0, True)
    """
    schedule = _checked(configuration, delays, per, episodes, replications, precision, most_replications, processes)
    for each in _configurations(configuration, schedule).values():
        prepare(each)  # what does not go together is found here, before any process starts
    label: dict[str, Any] = {"configuration": configuration.model_dump(mode="json"), "delays": list(schedule.delays)}
    label |= {"episodes": episodes, "version": 1}
    found: dict[int, _Sums] = {}
    with closing(PartStore(Path(parts), label, most_replications)) if parts is not None else nullcontext() as store:
        wanted = replications
        while True:
            missing = _kept(store, range(len(found), wanted), found)
            progress(len(found), wanted, "replications")
            with closing(_played(configuration, schedule, missing, processes)) as fresh:
                for number, sums in fresh:
                    if store is not None:
                        store.put(number, json.dumps([sums[0].tolist(), sums[1].tolist(), sums[2]]).encode())
                    found[number] = sums
                    progress(len(found), wanted, "replications")
            curve = _curve(configuration, schedule, per, [found[number] for number in sorted(found)])
            if precision is None or curve.widest <= precision or wanted == most_replications:
                break
            grown = math.ceil(1.1 * wanted * min(4.0, (curve.widest / precision) ** 2))
            wanted = min(most_replications, max(wanted + processes, grown))
        if store is not None:
            store.remove()
    return curve


@dataclass(frozen=True)
class _Schedule:
    """Which ages are played: at fixed delays, or held from a delay to twice that, for ``chunk`` frames of age at most.

    ``columns`` are the ages that are counted, then the default behaviour alone, then the checks.
    """

    delays: tuple[int, ...]
    held: bool
    chunk: float
    episodes: int

    @property
    def ages(self) -> tuple[int, ...]:
        if not self.held:
            return self.delays
        latencies = [delay for delay in self.delays if delay]
        return (0, *sorted({age for d in latencies for age in range(d, 2 * d) if age <= self.chunk}))

    @property
    def checks(self) -> int:
        return len(HELD_CHECKS if self.held else CHECKS)


def _checked(
    configuration: RunConfiguration,
    delays: Sequence[int],
    per: str,
    episodes: int,
    replications: int,
    precision: float | None,
    most_replications: int,
    processes: int,
) -> _Schedule:
    for delay in delays:
        if isinstance(delay, bool) or not isinstance(delay, int | np.integer) or not 0 <= delay <= _LONGEST:
            raise InputError(f"delays must be whole numbers of frames from 0 to {_LONGEST:,}, not {delay!r}")
    chosen = tuple(sorted({0, *map(int, delays)}))
    if len(chosen) < 2:
        raise InputError("a delay curve needs at least one delay above 0")
    if per not in ("auto", "frame", "episode"):
        raise InputError(f"per must be auto, frame or episode, not {per!r}")
    for name, value, least in (
        ("episodes", episodes, 1),
        ("replications", replications, 8),
        ("processes", processes, 1),
    ):
        if value < least:
            raise InputError(f"{name} must be at least {least}, not {value}")
    if not replications <= most_replications <= MOST_REPLICATIONS:
        raise InputError(
            f"most_replications must lie between replications ({replications}) and {MOST_REPLICATIONS:,}, "
            f"not {most_replications}"
        )
    if precision is not None and not 0 < precision < math.inf:
        raise InputError(f"precision must be a positive loss per frame, not {precision}")
    if configuration.frames < 4 * chosen[-1]:
        raise InputError(
            f"frames of a play must be at least {4 * chosen[-1]}, four times the longest delay, "
            f"not {configuration.frames}"
        )
    chunk = math.inf if configuration.chunk in (None, "inf") else float(configuration.chunk or 0)
    held = configuration.chunk is not None or configuration.default_behaviour == "repeat"
    least = next(delay for delay in chosen if delay)
    if held and chunk < least:
        raise InputError(f"a chunk of {chunk:g} actions is used up within {least} frames: give a shorter delay")
    return _Schedule(chosen, held, chunk, episodes)


def _kept(store: PartStore | None, numbers: range, found: dict[int, _Sums]) -> list[int]:
    """Take the replications that are there into ``found``; return the numbers of the others."""
    missing = []
    for number in numbers:
        content = None if store is None else store.find(number)
        if content is None:
            missing.append(number)
        else:
            tallies, served, cut = json.loads(content)
            found[number] = np.array(tallies), np.array(served), int(cut)
    return missing


def _played(
    configuration: RunConfiguration, schedule: _Schedule, numbers: list[int], processes: int
) -> Generator[tuple[int, _Sums]]:
    if processes == 1 or len(numbers) < 2:
        for number in numbers:
            yield number, _replication(configuration, schedule, number, None)
        return
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    registered = registration(configuration.environment)
    pool = Parallel(n_jobs=min(processes, len(numbers)), return_as="generator_unordered", inner_max_num_threads=1)
    try:
        yield from pool(delayed(_numbered)(configuration, schedule, number, registered) for number in numbers)
    except TerminatedWorkerError:
        raise RunError("a process of the measurement was killed: call again to go on with the finished parts") from None


def _numbered(configuration: RunConfiguration, schedule: _Schedule, number: int, registered: Any) -> tuple[int, _Sums]:
    return number, _replication(configuration, schedule, number, registered)


def _configurations(configuration: RunConfiguration, schedule: _Schedule) -> dict[int, RunConfiguration]:
    """Return a configuration for the policy of each delay: the same for all where its name has no ``{delay}``."""
    name = configuration.policy
    if DELAY not in name:
        return {0: configuration}
    return {
        delay: configuration.model_copy(update={"policy": name.replace(DELAY, str(delay))}) for delay in schedule.delays
    }


@functools.lru_cache(maxsize=64)
def _prepared(text: str) -> "tuple[Prepared, Policy]":
    """Return a configuration's environment and policy, loaded once in a process."""
    prepared = prepare(RunConfiguration(**json.loads(text)))
    (policy,) = prepared.build_policies(1)
    return prepared, policy


def _replication(configuration: RunConfiguration, schedule: _Schedule, number: int, registered: Any) -> _Sums:
    """Play every age, the default behaviour alone and the checks with the seeds of one replication."""
    import gymnasium

    if registered is not None:
        gymnasium.registry.setdefault(registered.id, registered)
    each = _configurations(configuration, schedule)
    prepared = {delay: _prepared(one.model_dump_json()) for delay, one in each.items()}
    game = make_game(configuration.environment, **configuration.environment_options)
    try:
        return _Replication(configuration, prepared, schedule, game, number).all()
    finally:
        game.close()


class _Replication:
    """The plays of one replication, each with the same seeds."""

    def __init__(
        self,
        configuration: RunConfiguration,
        prepared: "dict[int, tuple[Prepared, Policy]]",
        schedule: _Schedule,
        game: Any,
        number: int,
    ) -> None:
        self._seeds = [int(each) for each in np.random.SeedSequence([configuration.seed, number]).generate_state(2)]
        self._number, self._seed = number, configuration.seed
        self._plan = replace(EnvironmentPlan.of(configuration, prepared[0][0].environment), seed=self._seeds[0])
        self._prepared, self._aware = prepared, len(prepared) > 1
        self._configuration, self._schedule, self._game = configuration, schedule, game
        ages = schedule.ages
        self._place = {age: place for place, age in enumerate(ages)}
        self._tallies = np.zeros((len(ages) + 1 + schedule.checks, 3))
        self._served = np.zeros((schedule.checks, len(ages) + 1))
        self._ages = np.array(ages, dtype=np.float64)
        self._cut = 0

    def all(self) -> _Sums:
        """Return tallies, frames served in the checks, and plays that were cut."""
        delays, frames, count = self._schedule.delays, self._configuration.frames, len(self._ages)
        drawn = np.random.default_rng([self._seed, self._number, 0xDE1A])
        rare = drawn.random(frames) < DOSE
        if self._schedule.held:
            for delay in delays:
                self._play(_Held(np.array([delay]), self._aware), None)
            latencies = np.array(delays[1:])
            self._play(None, count)
            self._play(_Held(drawn.choice(latencies, frames), self._aware), count + 1)
            self._play(_Held(np.where(rare, delays[-1], 0), self._aware), count + 2)
        else:
            for place, delay in enumerate(delays):
                self._play(_Fixed(np.full(frames, delay), self._aware), place)
            self._play(None, count)
            self._play(_Fixed(drawn.choice(np.array([*delays, -1]), frames), self._aware), count + 1)
            self._play(_Fixed(np.where(rare, delays[-1], 0), self._aware), count + 2)
            self._play(_Fixed(np.where(rare, -1, 0), self._aware), count + 3)
        return self._tallies, self._served, self._cut

    def _policy(self, delay: int) -> "Policy":
        """Return the policy for a delay; one that may remember or draws is made anew for each play."""
        prepared, loaded = self._prepared[delay]
        spec = prepared.policy
        if not (spec.is_own or spec.name == "random") or spec.name.startswith("sb3:"):
            return loaded
        from ..policies.policy import build_policy

        return build_policy(replace(spec, seed=self._seeds[1]))

    def _play(self, actions: "_Fixed | _Held | None", column: int | None) -> None:
        """Play and count in a column; None: in those of the ages."""
        game, plan, schedule = self._game, self._plan, self._schedule
        policies = {delay: self._policy(delay) for delay in (() if actions is None else actions.asked)}
        default, turns, longest = DefaultBehaviour.of(plan, game), plan.turns, schedule.chunk
        check = -1 if column is None else column - len(self._ages) - 1
        ended = 0
        observation, info = game.reset(seed=self._seeds[0])
        for frame in range(self._configuration.frames):
            age, chosen = -1, None
            if actions is not None:
                chosen, age = actions.choose(frame, _Seen(policies, observation, info))
                if age > longest:
                    chosen, age = None, -1
                elif isinstance(chosen, int) and turns and chosen > 0:
                    chosen = 1 + (chosen - 1 + age) % turns
            try:
                observation, reward, terminated, truncated, info = game.step(
                    default.action(None if chosen is None else entry_of_age(chosen, age))
                )
            except (Exception, SystemExit) as error:
                name = self._configuration.environment
                raise RunError(f"environment '{name}' failed at frame {frame}: {sentence(error)}") from error
            if not math.isfinite(reward):
                raise RunError(f"environment '{self._configuration.environment}' gave the reward {reward}")
            over = bool(terminated or truncated)
            place = column if column is not None else self._place.get(age)
            if place is not None:
                self._tallies[place] += float(reward), 1.0, float(over)
            if check >= 0:
                self._count(check, age)
            if over:
                ended += 1
                if ended == schedule.episodes:
                    return
                observation, info = game.reset(seed=self._seeds[0] + ended)
        self._cut += int(ended > 0)

    def _count(self, check: int, age: int) -> None:
        """Count a frame of a check at its age, or at the measured ages around it."""
        if age < 0:
            self._served[check, -1] += 1.0
            return
        above = min(int(np.searchsorted(self._ages, age)), len(self._ages) - 1)
        below = above if self._ages[above] <= age else above - 1
        width = self._ages[above] - self._ages[below]
        weight = 1.0 if width == 0 else (age - self._ages[below]) / width
        self._served[check, above] += weight
        self._served[check, below] += 1.0 - weight


class _Seen(NamedTuple):
    """What there is to see in a frame, and who may be asked about it, by delay."""

    policies: "dict[int, Policy]"
    observation: Any
    info: dict[str, Any]

    def ask(self, delay: int) -> Answer:
        """Return what the policy for a delay answers."""
        policy = self.policies[delay]
        seen = int(self.info["symbol"]) if policy.spec.observes_symbol else self.observation
        return awaited_chunk(policy, seen, policy.spec.actions)


class _Fixed:
    """An action of its own in each frame, ``ages[t]`` frames old in frame t; -1: none. ``aware``: of its own policy."""

    def __init__(self, ages: NDArray[np.int64], aware: bool) -> None:
        self._ages, self._aware = ages.tolist(), aware
        self._actions: list[dict[int, Answer]] = []
        self.asked = sorted({*self._ages} - {-1}) if aware else [0]

    def choose(self, frame: int, seen: _Seen) -> tuple[Answer | None, int]:
        """Return the action of a frame and its age."""
        self._actions.append({delay: seen.ask(delay) for delay in self.asked})
        age = self._ages[frame]
        return (None, -1) if age < 0 else (self._actions[max(0, frame - age)][age if self._aware else 0], age)


class _Held:
    """One inference after the other; each output acts until the next. A latency of 0 gives an action at once."""

    def __init__(self, latencies: NDArray[np.int64], aware: bool) -> None:
        self._latencies, self._aware, self._started, self._next = latencies.tolist(), aware, 0, 0
        self._acts: tuple[Answer, int] | None = None
        self._coming: tuple[Answer, int] | None = None
        self.asked = sorted({*self._latencies}) if aware else [0]

    def choose(self, frame: int, seen: _Seen) -> tuple[Answer | None, int]:
        """Return the action of a frame and its age."""
        if frame == self._next:
            if self._coming is not None:
                self._acts = self._coming
            latency = self._latencies[self._started % len(self._latencies)]
            self._started += 1
            made = seen.ask(latency if self._aware else 0), frame
            if latency == 0 or self._acts is None:
                self._acts = made
            self._coming, self._next = made, frame + max(1, latency)
        assert self._acts is not None
        action, observed = self._acts
        return action, frame - observed


def _curve(configuration: RunConfiguration, schedule: _Schedule, per: Per, parts: list[_Sums]) -> DelayCurve:
    tallies, served, cut = stacked(parts)
    if per == "auto":
        per = "episode" if (tallies[:, 0, 2] > 0).all() else "frame"
    ends = tallies[:, 0, 2].sum()
    if per == "episode" and not ends:
        raise InputError(f"no episode of '{configuration.environment}' ended within {configuration.frames} frames")
    curve: Literal["fixed", "held", "chunk"] = "fixed"
    if schedule.held:
        curve = "held" if configuration.chunk is None else "chunk"
    settings = {
        "episodes": schedule.episodes,
        "frames": configuration.frames,
        "environment_options": configuration.environment_options,
    }
    settings |= {"chunk": configuration.chunk} if configuration.chunk is not None else {}
    return DelayCurve(
        configuration.environment,
        configuration.policy,
        configuration.default_behaviour,
        curve,
        per,
        schedule.ages,
        schedule.delays,
        tallies,
        served,
        cut,
        configuration.seed,
        settings,
    )
