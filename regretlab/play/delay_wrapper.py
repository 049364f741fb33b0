"""Which action acts in a frame, as a recorded run decided it: a sequence of delays, played around any environment.

In frame t the action acts that the agent chose from the observation of frame t - d_t; where the run had no action for
a frame, the default behaviour acts. A referee replays the delays of a run in this way (`regretlab.play.referee`), and
``DelayWrapper`` offers them to training code as a Gymnasium wrapper.
"""

from collections import deque
from pathlib import Path
from typing import Any, Literal

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..games import action_row
from ..records import Record
from .configuration import RunConfiguration
from .loop import DefaultBehaviour, action_of_age

__all__ = ["DelayWrapper", "DelayedActions", "DelayedEnvironment", "recorded_delays"]


def recorded_delays(record: Record) -> NDArray[np.int64]:
    """Return the delay of the action of each frame of a record; -1 where the default behaviour acted."""
    return record.frames["delay_frames"].to_numpy(np.int64)


class DelayedActions:
    """The action of each frame, from the answers so far.

    Parameters
    ----------
    delays
        Frames from observation to effect, of each frame in turn and then from the first again; -1: the default
        behaviour acts. It also acts where no answer is as old as the delay.
    default
        What acts without an answer.
    turns
        Where an answer may be a chunk of actions, ``EnvironmentPlan.turns``; None: an answer is an action.
    offset
        Where in ``delays`` the first frame lies.
    """

    def __init__(
        self, delays: NDArray[np.int64], default: DefaultBehaviour, *, turns: int | None = None, offset: int = 0
    ) -> None:
        self._delays, self._default, self._turns, self._place = delays, default, turns, offset
        self._answers: deque[Any] = deque(maxlen=int(delays.max()) + 1 if delays.max() > 0 else 1)
        self.delay = -1
        """Delay of the action of the last frame; -1 where the default behaviour acted."""

    @property
    def place(self) -> int:
        """Where in the delays the next frame lies."""
        return self._place

    def act(self, answer: Any) -> Any:
        """Return the action of the next frame, at which the agent answers ``answer``."""
        self._answers.append(answer)
        delay = int(self._delays[self._place])
        self._place = (self._place + 1) % len(self._delays)
        self.delay = delay if delay < len(self._answers) else -1
        if self.delay < 0:
            return self._default.action(None)
        chosen = self._answers[-1 - delay]
        return self._default.action(chosen if self._turns is None else action_of_age(chosen, delay, self._turns))


class DelayedEnvironment(gymnasium.Wrapper[Any, Any, Any, Any], gymnasium.utils.RecordConstructorArgs):
    """An environment whose actions act as late as those of a recorded run; made by ``DelayWrapper``."""

    def __init__(self, env: gymnasium.Env[Any, Any], wrapper: "DelayWrapper") -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self, wrapper=wrapper, _disable_deepcopy=True)
        gymnasium.Wrapper.__init__(self, env)
        self._wrapper = wrapper
        self._actions: DelayedActions | None = None
        self._over = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode. With a seed, or after the last frame of the delays, they begin anew; else they go on."""
        found = self.env.reset(seed=seed, options=options)
        if self._actions is None or seed is not None or self._over:
            self._actions = self._wrapper.begin(self.env, seed)
            self._over = False
        return found

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Play a frame at which the agent chooses ``action``; ``info["delay_frames"]`` is the delay of what acted."""
        if self._actions is None:
            raise InputError("reset the environment before its first step")
        acts, space = self._actions.act(action), self.action_space
        if not isinstance(space, gymnasium.spaces.Discrete):  # the default behaviour's is a row of numbers
            acts = np.asarray(acts).astype(space.dtype).reshape(space.shape or ())
        observation, reward, terminated, truncated, info = self.env.step(acts)
        self._over = self._wrapper.ends and self._actions.place == 0
        return observation, reward, terminated, truncated or self._over, {**info, "delay_frames": self._actions.delay}


class DelayWrapper:
    """The delays of a recorded run, to put around any environment: ``rl.DelayWrapper("record")(env)``.

    The result is a ``gymnasium.Wrapper``, so that an agent trains with the delays, and with the frames without an
    action, that a real run had. As in a run, the world does not stop between episodes: actions chosen in one may act
    in the next. An action acts for one frame, whatever its record's ``chunk``.

    Parameters
    ----------
    record
        A record or its folder.
    after
        What follows the last recorded frame: "repeat" (the first again) or "truncate" (the episode is truncated there,
        and the next begins with the first).
    offset
        Frame of the record with which to begin, or "random": drawn from the seed of ``reset``.
    default_behaviour, default_action
        What acts where the run had no action; None: as in the record.

    Raises
    ------
    InputError
        If there is no record, it holds no frame, or another value is not allowed.

    Examples
    --------
    >>> import tempfile, regretlab as rl
    >>> slow, folder = rl.Scenario(0.04, mode_probability=0.9, symbols=4, rule="sequential"), tempfile.mkdtemp()
    >>> record = rl.run(slow, policy="oracle", clock="virtual", frames=60, out=folder)
    >>> game = DelayWrapper(record, default_action=0)(gymnasium.make("CartPole-v1"))
    >>> _ = game.reset(seed=1)
    >>> [game.step(1)[4]["delay_frames"] for _ in range(6)]
    [-1, -1, -1, 3, -1, -1]
    """

    def __init__(
        self,
        record: Record | str | Path,
        *,
        after: Literal["repeat", "truncate"] = "repeat",
        offset: int | Literal["random"] = 0,
        default_behaviour: Literal["noop", "repeat", "random"] | None = None,
        default_action: int | None = None,
    ) -> None:
        opened = record if isinstance(record, Record) else Record(record)
        self._delays = recorded_delays(opened)
        if not len(self._delays):
            raise InputError(f"record '{opened.directory}' holds no frame, so it has no delays")
        if after not in ("repeat", "truncate"):
            raise InputError(f"after must be repeat or truncate, not {after!r}")
        number = isinstance(offset, int | np.integer) and not isinstance(offset, bool)
        if offset != "random" and not (number and 0 <= offset < len(self._delays)):
            raise InputError(
                f"offset must be 'random' or a frame of the record, 0 to {len(self._delays) - 1}, not {offset!r}"
            )
        self.ends, self._offset = after == "truncate", offset
        played = opened.meta.get("config", {})
        action = played.get("default_action") if default_action is None else default_action
        kind = default_behaviour or played.get("default_behaviour", "noop")
        self._default = RunConfiguration(default_behaviour=kind, default_action=action)

    def __call__(self, env: gymnasium.Env[Any, Any]) -> DelayedEnvironment:
        """Return the environment with the delays of the record."""
        row = action_row(env.action_space, "wrapped")
        known = self._default.default_action, getattr(env.unwrapped, "default_action", None), row and row.nothing
        if self._default.default_behaviour == "noop" and all(action is None for action in known):
            raise InputError(
                "the environment does not say which of its actions does nothing: give default_action, or "
                "default_behaviour 'repeat' or 'random'"
            )
        return DelayedEnvironment(env, self)

    def begin(self, env: gymnasium.Env[Any, Any], seed: int | None) -> DelayedActions:
        """Return the actions of a play that begins with this seed, before its first frame."""
        offset = self._offset
        if offset == "random":
            drawn = np.random.default_rng(None if seed is None else [seed, 0x0FF5])
            offset = int(drawn.integers(len(self._delays)))
        seeded = self._default if seed is None else self._default.model_copy(update={"seed": seed})
        return DelayedActions(self._delays, DefaultBehaviour.of(seeded, env), offset=offset)
