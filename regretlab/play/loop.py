"""The loop of one environment, the same on every clock: which output serves a frame, and what comes of it.

A clock brings the boundaries (the wall clock waits for them, the virtual clock computes what workers do up to them),
shows the frame to the workers, hands over the outputs that are ready and takes the rows of the record. Everything else
is here: at boundary k frame k is shown, the freshest output released by then acts (else the default behaviour), and the
game plays the frame; what that shows is shown at boundary k + 1, when a real screen would show it.
"""

import math
import operator
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ..actions import ActionRow
from ..errors import AnswerLost, InferenceStopped, RunError
from ..games import action_row, make_game, registration, without_pictures
from ..policies.learning.settings import LearningSettings
from ..policies.spec import PolicySpec
from ..records.schema import FrameRow, InferenceRow, Output, PlayedRow
from ..rules import store
from ..rules.state import boundary_at_or_after
from ..rules.store import MOST_KEPT
from .configuration import RunConfiguration

if TYPE_CHECKING:
    from ..policies.policy import Policy
    from .preparation import EnvironmentDescription

__all__ = [
    "DEFAULT_BEHAVIOURS",
    "Action",
    "Answer",
    "DefaultBehaviour",
    "EnvironmentPlan",
    "FrameClock",
    "FrameLoop",
    "FrameService",
    "PolicyLost",
    "action_of_age",
    "awaited_chunk",
    "checked_action",
    "checked_answer",
    "chosen_action",
    "chosen_chunk",
    "chosen_for_all",
    "entry_of_age",
    "first_number",
    "kept_outputs",
    "reported_tokens",
    "sentence",
    "with_answer",
]

Action = int | NDArray[np.float64]
"""A single number, or a row of numbers."""
Answer = int | NDArray[Any]
"""What a policy answers: an action, or a chunk of them, shape (horizon,) or (horizon, numbers)."""
DEFAULT_BEHAVIOURS = ("noop", "repeat", "random")
"""No-op, repeat the last agent action, or a random action."""


@dataclass(frozen=True)
class EnvironmentPlan:
    """What plays the environment, here or in a process of its own: the game, its length and the default behaviour.

    ``kept`` is how many unused outputs wait for a later frame, ``age_limit`` the age in frames from which none acts,
    ``lasts`` whether an output acts until a fresher one comes. Where the mode of Beacon moves on among ``turns``
    symbols, the chunks of the oracle and of fitted readouts have the symbol of each age; 0 elsewhere.
    """

    environment: str
    options: dict[str, Any]
    frames: int
    frame_time: float
    default_behaviour: str
    default_action: int | Sequence[float] | None
    seed: int
    learning: LearningSettings
    frame_shape: tuple[int, ...]
    frame_dtype: np.dtype[Any]
    registration: Any = None
    kept: int = 0
    age_limit: float = math.inf
    lasts: bool = False
    turns: int = 0
    oldest_first: bool = False
    order_of_use: tuple[int, ...] = ()
    action_row: ActionRow | None = None

    @classmethod
    def of(
        cls, configuration: RunConfiguration, environment: "EnvironmentDescription", *, looked_at: bool = True
    ) -> "EnvironmentPlan":
        """Return the plan of a run in an environment; pictures that are not ``looked_at`` are not drawn."""
        options = configuration.environment_options
        return cls(
            environment=configuration.environment,
            options=options if looked_at else without_pictures(configuration.environment, options),
            frames=configuration.frames,
            frame_time=environment.frame_time,
            frame_shape=environment.frame_shape,
            frame_dtype=environment.frame_dtype,
            default_behaviour=configuration.default_behaviour,
            default_action=configuration.default_action,
            seed=configuration.seed,
            learning=configuration.learning,
            registration=registration(configuration.environment) if configuration.clock == "real" else None,
            kept=kept_outputs(configuration.unused),
            age_limit=_age_limit(configuration),
            lasts=configuration.chunk is not None,
            turns=_turns(configuration, environment),
            oldest_first=configuration.oldest_first,
            order_of_use=configuration.order_of_use,
            action_row=environment.action_row,
        )

    def open(self) -> gymnasium.Env[Any, Any]:
        """Open the game."""
        if self.registration is not None:
            gymnasium.registry.setdefault(self.registration.id, self.registration)
        return make_game(self.environment, **self.options)


class DefaultBehaviour:
    """beta: what acts in a frame that no output serves.

    Parameters
    ----------
    kind
        One of ``DEFAULT_BEHAVIOURS``.
    noop
        The environment's no-op action.
    actions
        Number of actions, or what the numbers of one may be.
    seed
        Seed of the random behaviour.
    """

    def __init__(self, kind: str, noop: Action, actions: int | ActionRow, seed: int) -> None:
        self._kind, self._actions, self._last = kind, actions, noop
        self._random = np.random.default_rng([seed, 0xBE7A])

    @classmethod
    def of(cls, plan: EnvironmentPlan | RunConfiguration, game: gymnasium.Env[Any, Any]) -> "DefaultBehaviour":
        """Return the default behaviour of a plan; its no-op is the plan's, else the one the environment states."""
        noop: Any = plan.default_action
        if (row := action_row(game.action_space, plan.environment)) is not None:
            stated = getattr(game.unwrapped, "default_action", None) if noop is None else noop
            zero = row.nothing if row.nothing is not None else np.array(row.low)  # where it does not act at all
            return cls(plan.default_behaviour, zero if stated is None else row.checked(stated), row, plan.seed)
        if noop is None:
            noop = int(getattr(game.unwrapped, "default_action", 0))
        return cls(plan.default_behaviour, noop, int(game.action_space.n), plan.seed)

    def action(self, agent_action: Action | None) -> Action:
        """Return the action of this frame: the agent's if there is one, else beta's."""
        if agent_action is not None:
            if self._kind == "repeat":
                self._last = agent_action
            return agent_action
        if self._kind == "random":
            if isinstance(self._actions, ActionRow):
                return self._actions.draw(self._random)
            return int(self._random.integers(self._actions))
        return self._last


def kept_outputs(unused: str) -> int:
    """Return how many unused outputs are kept, from the text of ``Scenario.unused``.

    Examples
    --------
    >>> kept_outputs("drop"), kept_outputs("keep:3"), kept_outputs("keep") == MOST_KEPT
    (0, 3, True)
    """
    if unused == "drop":
        return 0
    number = unused.partition(":")[2]
    return min(MOST_KEPT, int(number)) if number else MOST_KEPT


def _age_limit(configuration: RunConfiguration) -> float:
    limits = [math.inf]
    if configuration.chunk is not None:
        limits.append(float(configuration.chunk) + 1.0)
    if configuration.age_limit is not None:
        limits.append(configuration.age_limit)
    return min(limits)


def _turns(configuration: RunConfiguration, environment: "EnvironmentDescription") -> int:
    """Return the symbols among which the chunks of a policy that names the symbol move on, 0 where none does."""
    if configuration.chunk is None or not configuration.environment_options.get("rotating"):
        return 0
    policy = PolicySpec(configuration.policy, actions=environment.actions)
    fitted = policy.has_network and configuration.weights is None and configuration.resume is None
    return environment.actions - 1 if policy.observes_symbol or fitted else 0


class FrameService:
    """The outputs waiting for their frame: the store of the simulator (``rules.store``) with the rows of a record.

    Parameters
    ----------
    frame_time
        Seconds of a frame.
    kept
        Unused outputs that wait for a later frame at most; 0: they are dropped.
    age_limit
        Frames of age from which no output acts.
    lasts
        Whether an output acts until a fresher one comes, or its age is the limit.
    repeats
        Whether the default behaviour repeats the last action: an output older than the one in force is discarded.
    oldest_first
        Whether the oldest output acts first, not the freshest.
    order_of_use
        Ranks by age from 1 on: the output of the highest acts first; empty: the freshest, or the oldest.
    """

    def __init__(
        self,
        frame_time: float,
        *,
        kept: int = 0,
        age_limit: float = math.inf,
        lasts: bool = False,
        repeats: bool = False,
        oldest_first: bool = False,
        order_of_use: tuple[int, ...] = (),
    ) -> None:
        self._frame_time = frame_time
        self._age_limit, self._lasts, self._repeats = age_limit, lasts, repeats
        self._counts = np.zeros(store.COUNTS, np.int64)
        self._counts[store.MOST], self._counts[store.OLDEST] = kept, oldest_first
        self._counts[store.LIMIT] = math.ceil(age_limit) if age_limit < store.NO_LIMIT else store.NO_LIMIT
        self._waiting, self._unused = np.zeros((32, store.COLUMNS)), np.zeros((64, store.COLUMNS))
        self._ranks = np.array(order_of_use, np.int64)
        self._rows: dict[int, InferenceRow] = {}  # in the order in which they came
        self._number = 0
        self._in_force: InferenceRow | None = None
        self._finished: list[InferenceRow] = []
        self._compile()

    def _compile(self) -> None:
        """Have the store's kernels at hand before the first frame."""
        counts = self._counts.copy()
        store.has_room(counts, self._waiting, self._unused)
        store.add(counts, self._waiting, 0, 0, 0.0, 0, 0)
        store.move_store(counts, self._waiting, self._unused, self._waiting.copy(), self._unused.copy())
        store.take(counts, self._waiting, self._unused, self._ranks, 0)

    @classmethod
    def of(cls, plan: EnvironmentPlan) -> "FrameService":
        """Return the service of a plan."""
        repeats = plan.default_behaviour == "repeat"
        return cls(
            plan.frame_time,
            kept=plan.kept,
            age_limit=plan.age_limit,
            lasts=plan.lasts,
            repeats=repeats,
            oldest_first=plan.oldest_first,
            order_of_use=plan.order_of_use,
        )

    def add(self, output: InferenceRow) -> None:
        """Take in an output; it may serve a frame from the first boundary at or after its release.

        One that was lost serves none, and goes to the record as it is.
        """
        if output.lost:
            self._finished.append(output)
            return
        released = int(boundary_at_or_after(output.release, self._frame_time))
        effect = max(output.observation_frame + 1, released)
        if not store.has_room(self._counts, self._waiting, self._unused):
            longer = np.zeros((2 * len(self._waiting), store.COLUMNS)), np.zeros((2 * len(self._unused), store.COLUMNS))
            store.move_store(self._counts, self._waiting, self._unused, *longer)
            self._waiting, self._unused = longer
        observed, start = output.observation_frame, output.scheduled
        store.add(self._counts, self._waiting, effect, observed, start, output.worker, self._number)
        self._rows[self._number] = output
        self._number += 1

    def choose(self, index: int) -> InferenceRow | None:
        """Return the output that serves frame ``index``, or None.

        Of those released by then, and those kept from earlier frames, the freshest observation wins, among equal ones
        the later start (or the order that was asked for); the others are overwritten, or kept.
        """
        if not self._rows:
            return self._still_in_force(index)
        counts = self._counts
        first, discarded = int(counts[store.FIRST]), int(counts[store.DISCARDED])
        taken = store.take(counts, self._waiting, self._unused, self._ranks, index)
        best = self._rows.get(taken)
        if best is not None and self._is_older_than_in_force(best):
            best = None
        gone = int(counts[store.DISCARDED]) - discarded + int(taken >= 0 and counts[store.OLDEST])
        mask = len(self._unused) - 1  # what has left the ring from its old end lies where it lay
        decided = {int(self._unused[(first + place) & mask, store.ROW]) for place in range(gone)}
        if taken >= 0:
            decided.add(taken)
        for number in sorted(decided):  # in the order in which they came
            row = self._rows.pop(number)
            self._finished.append(row._replace(effect_frame=index, overwritten=row is not best))
        if best is not None:
            self._in_force = best
        return best or self._still_in_force(index)

    def _is_older_than_in_force(self, output: InferenceRow) -> bool:
        if not (self._lasts or self._repeats) or self._in_force is None:
            return False
        return output.observation_frame <= self._in_force.observation_frame

    def _still_in_force(self, index: int) -> InferenceRow | None:
        """Return the output of a chunk that acts on, None where there is none or it is too old."""
        if not self._lasts or self._in_force is None:
            return None
        return self._in_force if index - self._in_force.observation_frame < self._age_limit else None

    def finished(self) -> list[InferenceRow]:
        """Return the outputs whose fate was decided since the last call."""
        finished, self._finished = self._finished, []
        return finished

    def unfinished(self) -> list[InferenceRow]:
        """Return the outputs that never reached a frame (``effect_frame`` -1)."""
        rows, self._rows = list(self._rows.values()), {}
        self._counts[[store.WAITING, store.KEPT]] = 0
        return rows


class FrameClock(Protocol):
    """What a clock does for the loop of frames."""

    def boundary(self, played: int) -> tuple[int, float] | None:
        """Return the number of the next boundary and its lateness in seconds, when it has come; None to end."""

    def show(self, index: int, observation: NDArray[Any], label: int) -> None:
        """Let workers and learners see the frame that is on the screen from boundary ``index`` on."""

    def released(self, index: int) -> Iterable[InferenceRow]:
        """Return the outputs that have completed up to boundary ``index``."""

    def within(self, index: int) -> Iterable[InferenceRow]:
        """Return those that complete between boundary ``index`` and the next, if that is known already."""

    def played(self, frame: FrameRow, finished: list[InferenceRow]) -> None:
        """Take a frame that was played, and the inferences whose fate it decided."""

    def ended(self, unfinished: list[InferenceRow]) -> None:
        """Take the inferences that never reached a frame."""


class FrameLoop:
    """A game, opened and reset, that is ready to be played.

    Parameters
    ----------
    plan
        What is played.
    game
        The game; opened here if it is not given.
    """

    def __init__(self, plan: EnvironmentPlan, game: gymnasium.Env[Any, Any] | None = None) -> None:
        self._plan, self.game = plan, plan.open() if game is None else game
        self._default, self._service = DefaultBehaviour.of(plan, self.game), FrameService.of(plan)
        self._observation, self._info = self.game.reset(seed=plan.seed)

    def run(self, clock: FrameClock) -> None:
        """Play all frames, or until the clock ends."""
        plan, game, default, service = self._plan, self.game, self._default, self._service
        observation, info = self._observation, self._info
        for count in range(plan.frames):
            if (boundary := clock.boundary(count)) is None:
                break
            index, lateness = boundary
            label = int(info.get("symbol", -1))
            clock.show(index, observation, label)
            for output in clock.released(index):
                service.add(output)
            served = service.choose(index)
            action = default.action(None if served is None else _action_in(served, index, plan.turns))
            for output in clock.within(index):
                service.add(output)
            try:
                observation, reward, terminated, truncated, info = game.step(action)
                if observation.shape != plan.frame_shape or observation.dtype != plan.frame_dtype:
                    raise ValueError(f"its observation is {observation.dtype} of shape {observation.shape}")
            except (Exception, SystemExit) as error:
                raise self._failure(index, observation, error) from error
            frame = FrameRow(
                frame=index,
                deadline=index * plan.frame_time,
                lateness=lateness,
                action=action,  # type: ignore[arg-type] # a row of numbers is put aside below
                served_by=-1 if served is None else served.worker,
                observation_frame=-1 if served is None else served.observation_frame,
                delay_frames=-1 if served is None else index - served.observation_frame,
                reward=float(reward),
                terminated=bool(terminated),
                truncated=bool(truncated),
                label=label,
                entry=-1 if served is None else _entry_in(served, index, plan.turns),
            )
            if not isinstance(action, int):
                frame = PlayedRow.of(frame._replace(action=-1), action)
            clock.played(frame, service.finished())
            if terminated or truncated:
                observation, info = game.reset()
        clock.ended(service.unfinished())

    def _failure(self, index: int, observation: Any, error: BaseException) -> RunError:
        """Return in a sentence what the environment did wrong in a frame."""
        plan = self._plan
        if isinstance(error, RunError):
            return error
        if isinstance(error, AttributeError) and not isinstance(observation, np.ndarray):
            error = ValueError(f"its observation is {sentence(observation)}")
        due = f" (observations are {plan.frame_dtype} of shape {plan.frame_shape})" if type(error) is ValueError else ""
        return RunError(
            f"environment '{plan.environment}' failed at frame {index} of {plan.frames}: {sentence(error)}{due}"
        )


def _action_in(output: InferenceRow, index: int, turns: int) -> Action:
    """Return the action of an output in a frame."""
    answer = output.chunk if isinstance(output, Output) else output.action
    return action_of_age(answer, index - output.observation_frame, turns)


def _entry_in(output: InferenceRow, index: int, turns: int) -> int:
    """Return which entry of an output's chunk acts in a frame; where the shown symbol moves on, there is one an age."""
    age = index - output.observation_frame
    if isinstance(output, Output):
        return min(age, len(output.chunk) - 1)
    return age if turns and output.action > 0 else 0


def action_of_age(answer: Answer, age: int, turns: int = 0) -> Action:
    """Return what acts at an age: the entry of a chunk, and where the shown symbol moves on, the action of that age.

    Examples
    --------
    >>> action_of_age(np.array([3, 4, 5]), 1), action_of_age(np.array([3, 4, 5]), 9), action_of_age(4, 2, turns=5)
    (4, 5, 1)
    """
    if isinstance(answer, np.ndarray):
        return entry_of_age(answer, age)
    return 1 + (answer - 1 + age) % turns if turns and answer > 0 else answer


def entry_of_age(answer: "Answer", age: int) -> Action:
    """Return the action of an answer that is that many frames old: its only one, or the chunk's entry."""
    if isinstance(answer, int):
        return answer
    entry = answer[min(age, len(answer) - 1)]
    return int(entry) if answer.ndim == 1 else entry


def sentence(value: object) -> str:
    """Return an error, or any value, in at most 200 characters of one line."""
    if isinstance(value, SystemExit):
        return f"it ended the program (sys.exit({value.code}))"
    text = " ".join((str(value) if isinstance(value, BaseException) else repr(value)).split())[:200]
    return text or type(value).__name__


class PolicyLost(Exception):  # noqa: N818 - an event, not a fault of the policy
    """The process that runs a policy elsewhere is gone."""


def chosen_action(policy: "Policy", observation: Any, actions: int) -> Action:
    """Return what a policy chooses for an observation: of a chunk, the first action (``chosen_chunk``)."""
    return entry_of_age(awaited_chunk(policy, observation, actions), 0)


def with_answer(row: InferenceRow, answer: "Answer") -> InferenceRow:
    """Return the row of a completed inference with what the policy answered."""
    if isinstance(answer, int):
        return row._replace(action=answer)
    return Output.of(row._replace(action=first_number(answer)), answer)


def first_number(answer: "Answer") -> int:
    """Return the first action of an answer if it is a single number, else -1."""
    first = entry_of_age(answer, 0)
    return first if isinstance(first, int) else -1


def chosen_chunk(policy: "Policy", observation: Any, actions: int) -> "Answer":
    """Return what a policy chooses for an observation: an action, or a chunk of them.

    Where actions are rows of numbers it is always a chunk, shape (horizon, numbers).

    Raises
    ------
    RunError
        If the policy raises, ends the program, or answers what is not an action.
    PolicyLost
        If it runs in another process that is gone: the caller may start it again.
    AnswerLost
        If a policy server gave no answer: the caller may connect again.
    """
    with _failures_named(policy):
        answer = policy.act(observation)
        spec = policy.spec
        if spec.action_row is None and spec.horizon == 1:
            return checked_action(answer, actions)
        checked = checked_answer(answer, actions, spec.action_row)
        given = 1 if isinstance(checked, int) else len(checked)
        if given != spec.horizon:
            raise ValueError(f"the policy chose {given} actions, and {spec.horizon} before the run")
        return checked


def awaited_chunk(policy: "Policy", observation: Any, actions: int) -> "Answer":
    """Return what a policy chooses where the world waits for it: a policy server that went away is asked again.

    Raises
    ------
    RunError
        As ``chosen_chunk``, and if the server gives no answer for ``PATIENCE`` seconds.
    """
    from ..policies.serving.client import PATIENCE

    first = math.inf
    while True:
        try:
            return chosen_chunk(policy, observation, actions)
        except AnswerLost as lost:
            first = min(first, time.monotonic())
            if time.monotonic() - first > PATIENCE:
                raise RunError(
                    f"policy server '{policy.spec.name}' gave no answer for {PATIENCE:g} s: {lost}"
                ) from None
            time.sleep(0.05)
            policy.recover()  # type: ignore[attr-defined]


def checked_answer(answer: Any, actions: int, row: ActionRow | None) -> "Answer":
    """Return a policy's answer as an action, or a chunk of them, shape (horizon,) or (horizon, numbers).

    Raises
    ------
    ValueError
        If it is anything else, or holds what is not an action.

    Examples
    --------
    >>> checked_answer([2, 0], 3, None)
    array([2, 0], dtype=int16)
    """
    if row is not None:
        return row.checked_chunk(answer)
    chunk = np.asarray(answer)
    if chunk.ndim == 0 or chunk.shape == (1,):
        return checked_action(answer, actions)
    if chunk.ndim != 1 or not len(chunk) or chunk.dtype.kind not in "iu":
        raise ValueError(f"the policy chose {chunk.dtype} of shape {chunk.shape}; a chunk is a row of whole numbers")
    for action in (chunk.min(), chunk.max()):
        checked_action(action, actions)
    return chunk.astype(np.int16)


def reported_tokens(policy: "Policy") -> float:
    """Return how many tokens a policy reports for its last answer (its attribute ``tokens``).

    Raises
    ------
    RunError
        If it reports none, or what is not a number of at least 0.
    """
    tokens = getattr(policy, "tokens", None)
    name = policy.spec.name
    if tokens is None:
        raise RunError(
            f"policy '{name}' reports no tokens: return (action, tokens) or set the attribute tokens, or give a law of "
            "the inference time"
        )
    number = isinstance(tokens, int | float | np.integer | np.floating) and not isinstance(tokens, bool)
    if not (number and 0 <= tokens < math.inf):
        raise RunError(f"policy '{name}' reports {sentence(tokens)} tokens; a number of at least 0 is due")
    return float(tokens)


def chosen_for_all(policy: "Policy", observations: Sequence[Any], actions: int) -> "list[Answer]":
    """Return what a policy chooses for each observation: a network in one forward pass of all of them.

    Raises
    ------
    RunError, PolicyLost, AnswerLost
        As ``chosen_chunk``.
    """
    many = getattr(policy, "act_many", None)
    if many is None or len(observations) == 1:
        return [chosen_chunk(policy, observation, actions) for observation in observations]
    with _failures_named(policy):
        return [checked_action(answer, actions) for answer in many(observations)]


@contextmanager
def _failures_named(policy: "Policy") -> Iterator[None]:
    """Raise what a policy raises as a ``RunError`` with its name, but for what the caller can recover from."""
    try:
        yield
    except (RunError, PolicyLost, InferenceStopped, AnswerLost):
        raise
    except (Exception, SystemExit) as error:
        raise RunError(f"policy '{policy.spec.name}' failed: {sentence(error)}") from error


def checked_action(answer: Any, actions: int) -> int:
    """Return a policy's answer as an action.

    Parameters
    ----------
    answer
        What the policy returned: a whole number (also NumPy's or torch's).
    actions
        Number of actions of the environment.

    Raises
    ------
    ValueError
        If it is anything else, or not below ``actions``.

    Examples
    --------
    >>> checked_action(2, 5)
    2
    >>> checked_action(5, 5)
    Traceback (most recent call last):
    ValueError: the policy chose action 5; the environment has actions 0 to 4
    """
    try:
        action = operator.index(answer)
    except TypeError:
        text = " ".join(repr(answer).split())[:80]
        raise ValueError(f"the policy chose {text}; an action is a whole number, 0 to {actions - 1}") from None
    if not 0 <= action < actions:
        raise ValueError(f"the policy chose action {action}; the environment has actions 0 to {actions - 1}")
    return action
