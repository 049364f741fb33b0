"""Which output serves a frame: the rule at the boundary, the same for the real and the virtual clock.

Pure bookkeeping: rows of inferences go in as they are released, and for each frame the freshest one that has been
released by its deadline comes out.
"""

import operator
from typing import Any, NamedTuple

import numpy as np

from ..rules.state import boundary_at_or_after

__all__ = ["DEFAULT_BEHAVIOURS", "DefaultBehaviour", "FrameService", "Output", "PlayedFrame", "checked_action"]

DEFAULT_BEHAVIOURS = ("noop", "repeat", "random")
"""No-op, repeat the last agent action, or a random action."""


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
    def of(cls, game: Any, kind: str, seed: int, noop: int | None = None) -> "DefaultBehaviour":
        """Return the default behaviour of that kind in that environment; its no-op is ``noop`` or what it says."""
        if noop is None:
            noop = int(getattr(game.unwrapped, "default_action", 0))
        return cls(kind, noop, int(game.action_space.n), seed)

    def action(self, agent_action: int | None) -> int:
        """Return the action of this frame: the agent's if there is one, else beta's."""
        if agent_action is not None:
            if self._kind == "repeat":
                self._last = agent_action
            return agent_action
        if self._kind == "random":
            return int(self._random.integers(self._actions))
        return self._last


class Output(NamedTuple):
    """One inference as a row of the record (``INFERENCE_DTYPE``, same order); times in seconds since boundary 0."""

    worker: int
    dispatch: float
    scheduled: float
    observation_frame: int
    completion: float
    release: float
    effect_frame: int
    overwritten: bool
    action: int
    label: int
    lost: bool


class FrameService:
    """The outputs waiting for their frame.

    Parameters
    ----------
    frame_time
        Seconds of a frame.
    """

    def __init__(self, frame_time: float) -> None:
        self._frame_time = frame_time
        self._waiting: list[tuple[int, Output]] = []
        self._finished: list[Output] = []

    def add(self, output: Output) -> None:
        """Take in an output; it may serve a frame from the first boundary at or after its release."""
        released = int(boundary_at_or_after(output.release, self._frame_time))
        self._waiting.append((max(output.observation_frame + 1, released), output))

    def choose(self, index: int) -> Output | None:
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

    def finished(self) -> list[Output]:
        """Return the outputs whose fate was decided since the last call."""
        finished, self._finished = self._finished, []
        return finished

    def unfinished(self) -> list[Output]:
        """Return the outputs that never reached a frame (``effect_frame`` -1)."""
        waiting, self._waiting = self._waiting, []
        return [output for _, output in waiting]


class PlayedFrame(NamedTuple):
    """One frame as a row of the record (``FRAME_DTYPE``, same order); times in seconds since boundary 0."""

    frame: int
    deadline: float
    lateness: float
    action: int
    served_by: int
    observation_frame: int
    delay_frames: int
    reward: float
    terminated: bool
    truncated: bool
    label: int

    @classmethod
    def of(
        cls,
        index: int,
        deadline: float,
        lateness: float,
        action: int,
        served: Output | None,
        outcome: tuple[float, bool, bool],
        label: int,
    ) -> "PlayedFrame":
        """Return the row of a frame served by ``served`` (None: by the default behaviour) with that step outcome."""
        if served is None:
            return cls(index, deadline, lateness, action, -1, -1, -1, *outcome, label)
        observed = served.observation_frame
        return cls(index, deadline, lateness, action, served.worker, observed, index - observed, *outcome, label)


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
