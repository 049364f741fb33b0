"""What ``run`` asks about learners: how many, with which settings, and from which checkpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cyclopts import Parameter

from .options import Flag, Whole

__all__ = ["Learners"]

_SETTINGS = (
    "preset",
    "learning_rate",
    "discount",
    "batch",
    "replay",
    "target_every",
    "steps",
    "prioritisation",
    "replay_ratio",
    "double",
    "exploration_hold",
    "exploration_frames",
    "exploration_end",
)


@Parameter(name="*", group="Learning while playing")
@dataclass(frozen=True, kw_only=True)
class Learners:
    """Options of learning while playing.

    Parameters
    ----------
    learners
        Number of learner processes that train the network while it plays; without any the network's readout is fitted.
    blocking_learning
        The one worker takes a learning step after each inference, and acts only after it (the sequential baseline).
    emulate_learning
        Pad every learning step to a law (needed to learn on the virtual clock).
    resume
        Go on from the checkpoint in a run's folder; without learners, play what it learned.
    preset
        Where settings of learning that are not given come from: small (the numbers in brackets here), or paper.
    learning_rate
        Step size of Adam (0.0005).
    discount
        Of the reward of the next frame (0.99).
    batch
        Transitions in a batch (32).
    replay
        Frames that the replay store holds (50000).
    target_every
        Updates between two copies of the weights to the target network (500).
    steps
        Successive transitions of n-step returns (3).
    prioritisation
        Share of priority in what is drawn, 0 (uniform) to 1.
    replay_ratio
        How often a transition is drawn at most on average; as often as the batch is large if not given.
    double
        Let the online network choose the next action that the target network values (double DQN).
    exploration_hold
        Frames that a random action is kept for on average (1).
    exploration_frames
        Frames over which the share of random actions falls from 1 to its end (25000).
    exploration_end
        Share of random actions in the end (0.02).
    """

    learners: Whole = 0
    blocking_learning: Flag = False
    emulate_learning: str | None = None
    resume: Path | None = None
    preset: Literal["small", "paper"] | None = None
    learning_rate: float | None = None
    discount: float | None = None
    batch: Whole | None = None
    replay: Whole | None = None
    target_every: Whole | None = None
    steps: Whole | None = None
    prioritisation: float | None = None
    replay_ratio: float | None = None
    double: Flag = False
    exploration_hold: float | None = None
    exploration_frames: Whole | None = None
    exploration_end: float | None = None

    def configuration(self) -> dict[str, Any]:
        """Return the fields of a run's configuration."""
        from ..errors import InputError
        from ..policies.learning import LearningSettings

        given = {name: value for name in _SETTINGS if (value := getattr(self, name)) is not None and value is not False}
        if given and not (self.learners or self.blocking_learning):
            option = next(iter(given)).replace("_", "-")
            raise InputError(f"--{option} is a setting of learning, and nothing learns: give --learners")
        return {
            "learners": self.learners,
            "blocking_learning": self.blocking_learning,
            "emulate_learning": self.emulate_learning,
            "resume": None if self.resume is None else str(self.resume),
            "learning": LearningSettings(**given),
        }
