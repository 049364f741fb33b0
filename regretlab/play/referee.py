r"""Referee an agent: what real time costs it, split by cause, next to the scores of random play and of doing nothing.

One replication is six plays with the same seeds. The run in real time decides for each frame t whether an action of
the agent acted, and how old it was: d_t frames, or none. The other plays wait for the agent and each replay a part of
this:

* ``paused``: every action acts at once;
* ``without delay``: frames without an action get the default behaviour as in the run, all others the action of the
  present observation. **Inaction** is what it earns less than ``paused``;
* ``without inaction``: frames with an action get one of the same age d_t, the others that of the present observation.
  **Age** is what it earns less than ``paused``;
* ``random`` and ``noop``: uniformly random actions, and the action that does nothing, in every frame.

The **remainder** is what the run lost in addition to both. It is zero where a frame's loss depends on its own action
alone. It is not where the two causes act on each other through the environment's state, where an agent remembers what
it was asked, or where the run changes something else.

A score is reward per frame, or the mean return of the episodes that ended. Standard errors are those of the delete-one
jackknife over independent replications.
"""

import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..defaults import REFEREED_FRAMES, REFEREED_REPLICATIONS
from ..errors import InputError
from ..progress import Progress, silent
from ..records import Record
from ..results import Estimate, Result
from .configuration import RunConfiguration
from .delay_wrapper import recorded_delays
from .preparation import Prepared, prepare
from .run import run
from .undelayed import play_undelayed

__all__ = ["PARTS", "REFEREED_FRAMES", "REFEREED_REPLICATIONS", "RefereeReport", "referee"]

PARTS = ("lost", "inaction", "age", "remainder")
_PLAYS = ("paused", "realtime", "without_delay", "without_inaction", "random", "noop")
_REWARD, _FRAMES, _FINISHED, _ENDS = 0, 1, 2, 3
_FEWEST, _MOST = 4, 10_000
_LEVEL = 0.99


@dataclass(frozen=True, eq=False, repr=False)
class RefereeReport(Result):
    """What real time costs an agent.

    Attributes
    ----------
    environment, policy
        What was played, and by which agent.
    clock
        "wall", "law" or "tokens": what decided how long the agent took.
    per
        "frame" or "episode": what scores are per.
    tallies
        Reward, frames, reward of the episodes that ended and their number, shape (replications, 6, 4); plays in the
        order paused, realtime, without delay, without inaction, random, noop (NaN where no action does nothing).
    ages
        Frames of the runs by the age of their action, shape (longest + 2,); the first entry: without an action.
    settings
        Frames of a play, workers, rule, default behaviour, frame time and seed.
    """

    environment: str
    policy: str
    clock: Literal["wall", "law", "tokens"]
    per: Literal["frame", "episode"]
    tallies: NDArray[np.float64]
    ages: NDArray[np.int64]
    settings: Mapping[str, Any]

    @property
    def replications(self) -> int:
        """Number of independent replications."""
        return len(self.tallies)

    @property
    def inaction_fraction(self) -> float:
        """Fraction of the frames of the runs in which the default behaviour acted."""
        return float(self.ages[0] / self.ages.sum())

    @property
    def mean_age(self) -> float:
        """Mean age in frames of the actions that acted; NaN if none did."""
        served = self.ages[1:]
        return float(served @ np.arange(len(served)) / served.sum()) if served.sum() else float("nan")

    def score(self, play: str) -> Estimate:
        """Return the score of a play: "paused", "realtime", "random" or "noop"; NaN for a "noop" that is not known."""
        if play not in _PLAYS:
            raise InputError(f"a referee plays {', '.join(_PLAYS)}, not {play!r}")
        return self._estimate({play: 1.0})

    def part(self, part: str) -> Estimate:
        """Return what was lost: "lost" altogether, by "inaction", by "age", or the "remainder"."""
        weights: dict[str, dict[str, float]] = {
            "lost": {"paused": 1.0, "realtime": -1.0},
            "inaction": {"paused": 1.0, "without_delay": -1.0},
            "age": {"paused": 1.0, "without_inaction": -1.0},
            "remainder": {"paused": -1.0, "realtime": -1.0, "without_delay": 1.0, "without_inaction": 1.0},
        }
        if part not in weights:
            raise InputError(f"the parts are {', '.join(PARTS)}, not {part!r}")
        return self._estimate(weights[part])

    def _estimate(self, weights: Mapping[str, float]) -> Estimate:
        chosen = [_PLAYS.index(play) for play in weights]
        factors, tallies = np.array(list(weights.values())), self.tallies[:, chosen]
        total, count = tallies.sum(axis=0), self.replications
        value = float(factors @ _scores(total, self.per))
        left_out = _scores(total - tallies, self.per) @ factors
        error = float(np.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum()))
        return Estimate(value, error, "simulation" if self.clock != "wall" else "measurement", degrees=count - 1)

    @property
    def title(self) -> str:
        """What was refereed, in one line."""
        clocks = {"wall": "wall clock", "law": "a law of the inference time", "tokens": "a clock of tokens"}
        return f"{self.environment}, {self.policy}, {clocks[self.clock]}"

    def facts(self) -> list[tuple[str, str]]:
        """Return names and values, in the order to read them."""
        unit = "a frame" if self.per == "frame" else "an episode"
        frames = self.settings["frames"]
        said = {
            "inaction": f"{100 * self.inaction_fraction:.3g} % of the frames had no action",
            "age": f"actions acted {self.mean_age:.3g} frames after their observation, on average",
            "remainder": "the two together, and what else the run changed",
        }
        found = [
            ("world paused", f"{_words(self.score('paused'))} {unit}"),
            ("real time", f"{_words(self.score('realtime'))} {unit}"),
            ("lost", f"{_words(self.part('lost'))} = inaction + age + remainder"),
        ]
        found += [(f"  {part}", f"{_words(self.part(part))}   {said[part]}") for part in PARTS[1:]]
        found.append(("random", _words(self.score("random"))))
        idle = np.isnan(self.tallies[0, _PLAYS.index("noop"), _REWARD])
        found.append(("no-op", "no action is known to do nothing" if idle else _words(self.score("noop"))))
        found.append(
            ("replications", f"{self.replications} of {frames} frames; {100 * _LEVEL:g} % intervals, same seeds")
        )
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values; every score and part with its standard error and 99 % interval."""
        scores = {play: self.score(play) for play in ("paused", "realtime", "random", "noop")}
        return {
            "environment": self.environment,
            "policy": self.policy,
            "clock": self.clock,
            "per": self.per,
            **{name: _plain(found) for name, found in scores.items()},
            **{name: _plain(self.part(name)) for name in PARTS},
            "inaction_fraction": self.inaction_fraction,
            "mean_age": self.mean_age,
            "delay_law": (self.ages[1:] / self.ages.sum()).tolist(),
            "replications": self.replications,
            **self.settings,
        }


def referee(
    configuration: RunConfiguration,
    *,
    replications: int = REFEREED_REPLICATIONS,
    per: Literal["auto", "frame", "episode"] = "auto",
    out: str | Path | None = None,
    progress: Progress = silent,
) -> RefereeReport:
    """Play an agent in real time and with the world paused, and return what real time cost it.

    Parameters
    ----------
    configuration
        What to run; its clock, law and tokens per second are the agent's clock.
    replications
        Independent replications, at least 4; on the real clock each lasts as long as its frames.
    per
        "frame", "episode", or "auto": the episode where all plays end some.
    out
        Folder for the records of the runs, OUT/0, OUT/1, ...; None: they are not kept.
    progress
        Called with the plays finished, the plays in all and what is going on.

    Returns
    -------
    RefereeReport
        With ``score`` and ``part``; on the virtual clock the same for the same seed.

    Raises
    ------
    InputError
        For anything that cannot be run, or episodes where too few end.
    RunError
        If the environment or the agent fails.

    Examples
    --------
    >>> asked = RunConfiguration(
    ...     environment_options={"symbols": 4, "mode_probability": 0.9}, policy="oracle", rule="sequential",
    ...     clock="virtual", emulate_latency="0.04", frames=400,
    ... )
    >>> report = referee(asked, replications=4)
    >>> report.score("paused").value, report.score("noop").value, round(report.part("inaction").value, 2)
    (1.0, 0.0, 0.67)
    """
    if not _FEWEST <= replications <= _MOST:
        raise InputError(f"replications must lie between {_FEWEST} and {_MOST:,}, not {replications}")
    if per not in ("auto", "frame", "episode"):
        raise InputError(f"per must be auto, frame or episode, not {per!r}")
    if configuration.learns:
        raise InputError("a referee plays an agent that does not learn meanwhile: leave learners out")
    prepared = prepare(configuration, lambda text: progress(0, replications * len(_PLAYS), text))
    tallies, counts = np.full((replications, len(_PLAYS), 4), np.nan), np.zeros(1, np.int64)
    # Records that exist are refused by the first of them, before anything is played.
    with tempfile.TemporaryDirectory() if out is None else nullcontext(str(out)) as folder:
        for number in range(replications):
            seed = int(np.random.SeedSequence([configuration.seed, number]).generate_state(1)[0])
            replication = _Replication(configuration.model_copy(update={"seed": seed}), _seeded(prepared, seed))

            def tell(done: int, total: int, what: str, number: int = number) -> None:
                progress(number * len(_PLAYS) + done, replications * len(_PLAYS), what)

            tallies[number], seen = replication.play(Path(folder) / str(number), tell)
            longest = max(len(counts), len(seen))
            counts = np.pad(counts, (0, longest - len(counts))) + np.pad(seen, (0, longest - len(seen)))
    clock: Literal["wall", "law", "tokens"] = "wall" if configuration.clock == "real" else "law"
    return RefereeReport(
        configuration.environment,
        configuration.policy,
        "tokens" if configuration.tokens_per_second is not None else clock,
        _scored(per, tallies, configuration),
        tallies,
        counts,
        {
            "frames": configuration.frames,
            "workers": configuration.workers,
            "rule": configuration.rule,
            "default_behaviour": configuration.default_behaviour,
            "frame_time": prepared.environment.frame_time,
            "seed": configuration.seed,
        },
    )


def _seeded(prepared: Prepared, seed: int) -> Prepared:
    """Return what is played with the seed of a replication; a network keeps its weights."""
    if prepared.policy.has_network:
        return prepared
    return replace(prepared, policy=replace(prepared.policy, seed=seed))


class _Replication:
    """The six plays of one replication, with the same seeds."""

    def __init__(self, configuration: RunConfiguration, prepared: Prepared) -> None:
        self._configuration, self._prepared = configuration, prepared

    def play(self, folder: Path, tell: Progress) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the tallies by play, and the frames of the run by age."""
        tallies = np.full((len(_PLAYS), 4), np.nan)

        run(self._configuration, folder, prepared=self._prepared)
        record = Record(folder)
        rows, delays = record.frames, recorded_delays(record)
        ended = rows["terminated"].to_numpy(bool) | rows["truncated"].to_numpy(bool)
        rewards, ends = rows["reward"].to_numpy(np.float64), np.flatnonzero(ended)
        tallies[1] = rewards.sum(), len(rows), rewards[: ends[-1] + 1 if len(ends) else 0].sum(), len(ends)
        tell(1, len(_PLAYS), "plays")
        unserved = delays < 0
        replayed = {0: np.zeros_like(delays), 2: np.where(unserved, -1, 0), 3: np.where(unserved, 0, delays)}
        for index, ages in replayed.items():
            tallies[index] = self._waiting(self._configuration, self._prepared, ages)
        tell(4, len(_PLAYS), "plays")
        tallies[4] = self._other("random", np.zeros(1, np.int64))
        if self._knows_a_noop:
            tallies[5] = self._other("noop", np.full(1, -1))
        tell(6, len(_PLAYS), "plays")
        return tallies, np.bincount(delays + 1)

    def _other(self, policy: str, ages: NDArray[np.int64]) -> tuple[float, ...]:
        """Play an agent to compare with."""
        changed = {"policy": policy, "weights": None, "resume": None, "observation_key": None, "request_form": None}
        changed["chunk"] = None
        default = "noop" if self._knows_a_noop else "repeat"  # which never acts
        other = self._configuration.model_copy(update={**changed, "default_behaviour": default, "device": "cpu"})
        return self._waiting(other, prepare(other), ages)

    @property
    def _knows_a_noop(self) -> bool:
        environment, row = self._prepared.environment, self._prepared.environment.action_row
        known = self._configuration.default_action, environment.default_action, None if row is None else row.nothing
        return any(action is not None for action in known)

    @staticmethod
    def _waiting(configuration: RunConfiguration, prepared: Prepared, ages: NDArray[np.int64]) -> tuple[float, ...]:
        play = play_undelayed(configuration, delays=ages, prepared=prepared)
        return play.reward, len(play.actions), play.finished, play.ended.sum()


def _scores(totals: NDArray[np.float64], per: str) -> NDArray[np.float64]:
    if per == "frame":
        return totals[..., _REWARD] / totals[..., _FRAMES]
    return totals[..., _FINISHED] / totals[..., _ENDS]


def _scored(per: str, tallies: NDArray[np.float64], configuration: RunConfiguration) -> Literal["frame", "episode"]:
    """Return what scores are per, so that each is known with any replication left out."""
    ends = tallies[..., _ENDS]
    fewest = np.nanmin(ends.sum(axis=0) - ends.max(axis=0))
    if per == "episode" and fewest < 1:
        raise InputError(
            f"too few episodes of '{configuration.environment}' ended within {configuration.frames} frames: give more"
        )
    return "episode" if per == "episode" or (per == "auto" and fewest >= 1) else "frame"


def _words(found: Estimate) -> str:
    value, low, high = (round(number, 12) + 0.0 for number in (found.value, *found.interval(_LEVEL)))
    return f"{value:.4g} [{low:.4g}, {high:.4g}]"


def _plain(found: Estimate) -> dict[str, Any]:
    return {"value": found.value, "standard_error": found.standard_error, "interval": list(found.interval(_LEVEL))}
