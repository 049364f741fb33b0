"""What an action is answerable for, when it takes effect later than it was chosen and the default behaviour also acts.

An agent action i was chosen from the observation of frame o_i and took effect in frame e_i = o_i + d_i. The next agent
action that took effect did so in frame e_{i+1}, chosen from frame o_{i+1}. The transition is

    (x[o_i], a_i, sum over e_i <= k < e_{i+1} of gamma^(k - e_i) r_k, gamma^(e_{i+1} - e_i), x[o_{i+1}]).

* Rewards before e_i are not in it: nothing that was chosen at o_i could change them.
* Rewards of frames that the default behaviour served after e_i are: to act so slowly that they are left to it is part
  of what the policy does. The discount is by frames, so that policies of any speed maximise the same sum.
* The next decision is the next action *applied*, and what it was chosen from. An output that a fresher one displaced
  changed nothing and makes no transition.
* This is the delayed semi-Markov decision process sampled at its effect frames. Its state would also hold the actions
  in flight between o_i and e_i; the network sees x[o_i] alone.
* An episode that terminates in the interval ends the transition there, with discount 0. One that is cut off leaves no
  transition: there is no observation to go on from. An action chosen from an episode before the present one does not
  belong to this episode's decisions, but ends the interval of none either, for that ended with its episode.
"""

from typing import Any, NamedTuple

from numpy.typing import NDArray

from ...policies.learning.replay import ReplayStore
from ...policies.learning.settings import LearningSettings
from ...records.schema import FrameRow
from ..system.arena import Arena

__all__ = ["Transition", "TransitionBuilder", "TransitionWriter"]


class Transition(NamedTuple):
    """A transition, its observations named by their frames.

    Attributes
    ----------
    observation_frame, effect_frame
        Frame the action was chosen from, and first frame it was applied in.
    action
        The action.
    reward
        Discounted reward of the interval.
    frames
        Length of the interval.
    next_observation_frame
        Frame the next action was chosen from; -1 if the episode ended in the interval.
    """

    observation_frame: int
    effect_frame: int
    action: int
    reward: float
    frames: int
    next_observation_frame: int


class TransitionBuilder:
    """Transitions out of frames as they are played.

    Parameters
    ----------
    discount
        gamma, of the reward one frame later.

    Examples
    --------
    Actions seen in frames 0 and 3 take effect in frames 2 and 4; the default behaviour serves frame 3.

    >>> builder = TransitionBuilder(0.5)
    >>> served = {2: (0, 7), 4: (3, 8)}
    >>> [builder.add(k, served.get(k), float(k), False, False) for k in range(5)][-1]
    [Transition(observation_frame=0, effect_frame=2, action=7, reward=3.5, frames=2, next_observation_frame=3)]
    """

    def __init__(self, discount: float) -> None:
        self._discount = discount
        self._open: tuple[int, int, int] | None = None  # observation frame, effect frame, action
        self._reward = 0.0
        self._episode_start = 0

    def add(
        self, frame: int, served: tuple[int, int] | None, reward: float, terminated: bool, truncated: bool
    ) -> list[Transition]:
        """Take in a frame that was played; return the transitions that it completes.

        Parameters
        ----------
        frame
            Its number.
        served
            Observation frame and action of the output that served it; None for the default behaviour.
        reward, terminated, truncated
            What the environment answered.
        """
        completed = []
        if served is not None:
            observed, action = served
            if self._open is not None:
                completed.append(self._close(frame, observed))
            self._open = (observed, frame, action) if observed >= self._episode_start else None
            self._reward = 0.0
        if self._open is not None:
            self._reward += self._discount ** (frame - self._open[1]) * reward
        if terminated or truncated:
            if terminated and self._open is not None:
                completed.append(self._close(frame + 1, -1))
            self._open, self._episode_start = None, frame + 1
        return completed

    def _close(self, frame: int, next_observation: int) -> Transition:
        assert self._open is not None
        observed, effect, action = self._open
        return Transition(observed, effect, action, self._reward, frame - effect, next_observation)


class TransitionWriter:
    """The only writer of a run's replay store: the frames shown, and the transitions that their play makes.

    Parameters
    ----------
    arena
        Memory with the store.
    settings
        How rewards are discounted, scaled and clipped.
    """

    def __init__(self, arena: Arena, settings: LearningSettings) -> None:
        self._store, self._builder, self._settings = ReplayStore(arena), TransitionBuilder(settings.discount), settings

    def show(self, index: int, pixels: NDArray[Any]) -> None:
        """Take in the frame that is on the screen from boundary ``index`` on."""
        self._store.put_frame(index, pixels)

    def played(self, frame: FrameRow) -> None:
        """Take in how a frame was played."""
        served = (frame.observation_frame, frame.action) if frame.served_by >= 0 else None
        for made in self._builder.add(frame.frame, served, frame.reward, frame.terminated, frame.truncated):
            following = made.next_observation_frame
            discount = 0.0 if following < 0 else self._settings.discount**made.frames
            reward = self._settings.learned_reward(made.reward)
            self._store.put_transition(made.observation_frame, made.action, reward, discount, following)
