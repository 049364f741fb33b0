"""What ``bound`` asks about learning: a theorem, the size of the problem, and how many learners work on it."""

from dataclasses import dataclass
from typing import Any

from cyclopts import Parameter

from ..errors import InputError
from .options import Whole

__all__ = ["Learning"]

_OF_THE_THEOREM = (
    "states",
    "actions",
    "diameter",
    "episode_length",
    "feedback_latency",
    "learning_constant",
    "learning_weight",
)


@Parameter(name="*", group="Learning part")
@dataclass(frozen=True, kw_only=True)
class Learning:
    """Options of the learning part.

    Parameters
    ----------
    learning_bound
        Add a lower bound on the regret of learning: gaussian-bandit, bernoulli-bandit, bernoulli-bandit-published,
        finite-mdp, episodic or feedback-latency. It needs a horizon.
    states
        Number of states of the learning problem, S.
    actions
        Number of actions of the learning problem, A.
    diameter
        Diameter of the learning problem in frames.
    episode_length
        Length of an episode in frames.
    feedback_latency
        Frames until a reward is known to the learner.
    learning_constant
        Constant of the finite-mdp bound: 0.0032 is what the proof supports, 0.015 what was published.
    learning_weight
        Share w of the reward that has to be learned; the delay part weighs 1 - w.
    reward_range
        Reward per frame that the learned part of an action controls.
    learners
        Number of learner processes, N_L; all interactions are processed if not given.
    batch_time
        Seconds that a learner takes for a batch.
    batch_size
        Interactions in a batch.
    replay_ratio
        How often each interaction is replayed.
    """

    learning_bound: str | None = None
    states: Whole | None = None
    actions: Whole | None = None
    diameter: float | None = None
    episode_length: float | None = None
    feedback_latency: float | None = None
    learning_constant: float | None = None
    learning_weight: float | None = None
    reward_range: float = 1.0
    learners: Whole | None = None
    batch_time: float | None = None
    batch_size: Whole = 1
    replay_ratio: float = 1.0

    def keywords(self) -> dict[str, Any]:
        """Return what ``realtime_regret`` takes by keyword; refuse what would have no effect."""
        if self.learning_bound is None:
            for name in _OF_THE_THEOREM:
                if getattr(self, name) is not None:
                    raise InputError(f"--{name.replace('_', '-')} has no effect without a --learning-bound")
        if self.batch_time is None:
            for option, value, usual in (
                ("--batch-size", self.batch_size, 1),
                ("--replay-ratio", self.replay_ratio, 1.0),
            ):
                if value != usual:
                    raise InputError(f"{option} {value} has no effect without a --batch-time")
        return {name: getattr(self, name) for name in self.__dataclass_fields__}
