"""The loop of one environment, the same on every clock: which output serves a frame, and what comes of it.

A clock brings the boundaries (the wall clock waits for them, the virtual clock computes what workers do up to them),
shows the frame to the workers, hands over the outputs that are ready and takes the rows of the record. Everything else
is here: at boundary k frame k is shown, the freshest output released by then acts (else the default behaviour), and the
game plays the frame; what that shows is shown at boundary k + 1, when a real screen would show it.
"""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ..errors import RunError
from ..games import make_game, registration
from ..records.schema import FrameRow, InferenceRow
from ..rules.state import boundary_at_or_after
from .configuration import RunConfiguration

if TYPE_CHECKING:
    from ..policies.policy import Policy
    from .preparation import EnvironmentDescription

__all__ = [
    "DEFAULT_BEHAVIOURS",
    "DefaultBehaviour",
    "EnvironmentPlan",
    "FrameClock",
    "FrameLoop",
    "FrameService",
    "PolicyLost",
    "checked_action",
    "chosen_action",
    "sentence",
]

DEFAULT_BEHAVIOURS = ("noop", "repeat", "random")
"""No-op, repeat the last agent action, or a random action."""


@dataclass(frozen=True)
class EnvironmentPlan:
    """What plays the environment, here or in a process of its own: the game, its length and the default behaviour."""

    environment: str
    options: dict[str, Any]
    frames: int
    frame_time: float
    default_behaviour: str
    default_action: int | None
    seed: int
    discount: float
    frame_shape: tuple[int, ...]
    frame_dtype: np.dtype[Any]
    registration: Any = None

    @classmethod
    def of(cls, configuration: RunConfiguration, environment: "EnvironmentDescription") -> "EnvironmentPlan":
        """Return the plan of a run in an environment."""
        return cls(
            environment=configuration.environment,
            options=configuration.environment_options,
            frames=configuration.frames,
            frame_time=environment.frame_time,
            frame_shape=environment.frame_shape,
            frame_dtype=environment.frame_dtype,
            default_behaviour=configuration.default_behaviour,
            default_action=configuration.default_action,
            seed=configuration.seed,
            discount=configuration.learning.discount,
            registration=registration(configuration.environment) if configuration.clock == "real" else None,
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
        Number of actions.
    seed
        Seed of the random behaviour.
    """

    def __init__(self, kind: str, noop: int, actions: int, seed: int) -> None:
        self._kind, self._actions, self._last = kind, actions, noop
        self._random = np.random.default_rng([seed, 0xBE7A])

    @classmethod
    def of(cls, plan: EnvironmentPlan, game: gymnasium.Env[Any, Any]) -> "DefaultBehaviour":
        """Return the default behaviour of a plan; its no-op is the plan's, else the one the environment states."""
        noop = plan.default_action
        if noop is None:
            noop = int(getattr(game.unwrapped, "default_action", 0))
        return cls(plan.default_behaviour, noop, int(game.action_space.n), plan.seed)

    def action(self, agent_action: int | None) -> int:
        """Return the action of this frame: the agent's if there is one, else beta's."""
        if agent_action is not None:
            if self._kind == "repeat":
                self._last = agent_action
            return agent_action
        if self._kind == "random":
            return int(self._random.integers(self._actions))
        return self._last


class FrameService:
    """The outputs waiting for their frame.

    Parameters
    ----------
    frame_time
        Seconds of a frame.
    """

    def __init__(self, frame_time: float) -> None:
        self._frame_time = frame_time
        self._waiting: list[tuple[int, InferenceRow]] = []
        self._finished: list[InferenceRow] = []

    def add(self, output: InferenceRow) -> None:
        """Take in an output; it may serve a frame from the first boundary at or after its release."""
        released = int(boundary_at_or_after(output.release, self._frame_time))
        self._waiting.append((max(output.observation_frame + 1, released), output))

    def choose(self, index: int) -> InferenceRow | None:
        """Return the output that serves frame ``index``, or None.

        Of those released by then the freshest observation wins, among equal ones the later start; the others are
        overwritten.
        """
        due = [output for earliest, output in self._waiting if earliest <= index]
        if not due:
            return None
        self._waiting = [entry for entry in self._waiting if entry[0] > index]
        best = max(due, key=lambda output: (output.observation_frame, output.scheduled, output.worker))
        for output in due:
            self._finished.append(output._replace(effect_frame=index, overwritten=output is not best))
        return best

    def finished(self) -> list[InferenceRow]:
        """Return the outputs whose fate was decided since the last call."""
        finished, self._finished = self._finished, []
        return finished

    def unfinished(self) -> list[InferenceRow]:
        """Return the outputs that never reached a frame (``effect_frame`` -1)."""
        waiting, self._waiting = self._waiting, []
        return [output for _, output in waiting]


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
        self._default = DefaultBehaviour.of(plan, self.game)
        self._observation, self._info = self.game.reset(seed=plan.seed)

    def run(self, clock: FrameClock) -> None:
        """Play all frames, or until the clock ends."""
        plan, game, default, service = self._plan, self.game, self._default, FrameService(self._plan.frame_time)
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
            action = default.action(None if served is None else served.action)
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
                action=action,
                served_by=-1 if served is None else served.worker,
                observation_frame=-1 if served is None else served.observation_frame,
                delay_frames=-1 if served is None else index - served.observation_frame,
                reward=float(reward),
                terminated=bool(terminated),
                truncated=bool(truncated),
                label=label,
            )
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


def sentence(value: object) -> str:
    """Return an error, or any value, in at most 200 characters of one line."""
    if isinstance(value, SystemExit):
        return f"it ended the program (sys.exit({value.code}))"
    text = " ".join((str(value) if isinstance(value, BaseException) else repr(value)).split())[:200]
    return text or type(value).__name__


class PolicyLost(Exception):  # noqa: N818 - an event, not a fault of the policy
    """The process that runs a policy elsewhere is gone."""


def chosen_action(policy: "Policy", observation: Any, actions: int) -> int:
    """Return what a policy chooses for an observation.

    Raises
    ------
    RunError
        If the policy raises, ends the program, or answers what is not an action.
    PolicyLost
        If it runs in another process that is gone: the caller may start it again.
    """
    try:
        return checked_action(policy.act(observation), actions)
    except (RunError, PolicyLost):
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
