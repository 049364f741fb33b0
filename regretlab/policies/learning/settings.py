"""The settings of learning, checked before anything starts. The defaults are the paper's (arXiv 2412.14355) for DQN."""

import math
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ...errors import InputError, first_fault

__all__ = ["LearningSettings"]

_POSITIVE = ("learning_rate", "batch", "replay", "target_every", "gradient_clip", "steps", "checkpoint_every")


class LearningSettings(BaseModel):
    """How a network learns.

    Attributes
    ----------
    learning_rate
        Step size of Adam.
    discount
        Of the reward of the next *frame* (not of the next action), in [0, 1].
    batch
        Transitions in a batch.
    replay
        Frames that the replay store holds; the transitions among them can be drawn.
    minimum
        Transitions in the store before the first batch is drawn; None for one batch.
    target_every
        Updates between two copies of the weights to the target network.
    gradient_clip
        Largest Euclidean norm of a gradient; a longer one is scaled down to it.
    steps
        Successive transitions that a drawn one spans (n of n-step returns).
    prioritisation
        alpha of prioritised replay, in [0, 1]; 0 draws uniformly.
    importance
        beta of prioritised replay, in [0, 1]: how far the loss corrects for it.
    exploration_start, exploration_end
        Probability of a random action in the first frame, and from frame ``exploration_frames`` on; linear between.
    exploration_frames
        See there.
    replay_ratio
        How often a transition is drawn at most on average; learners wait when they are ahead of it. None: ``batch``,
        which is an update for each action of the agent.
    checkpoint_every
        Seconds between two checkpoints of a realtime run. (There is one at the end of every run.)

    Raises
    ------
    InputError
        For a value out of range, named with what is allowed.

    Examples
    --------
    >>> LearningSettings(batch=32).exploration(50_000)
    0.525
    >>> LearningSettings(batch=64, replay=32)
    Traceback (most recent call last):
    regretlab.errors.InputError: a batch of 64 transitions does not fit in a replay store of 32 frames
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: float = 1e-3
    discount: float = 0.99
    batch: int = 32
    replay: int = 1_000_000
    minimum: int | None = None
    target_every: int = 10_000
    gradient_clip: float = 10.0
    steps: int = 1
    prioritisation: float = 0.0
    importance: float = 0.4
    exploration_start: float = 1.0
    exploration_end: float = 0.05
    exploration_frames: int = 100_000
    replay_ratio: float | None = None
    checkpoint_every: float = 60.0

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            where, said = first_fault(error, type(self).model_fields)
            raise InputError(f"{where or 'learning settings'}: {said}") from None
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("discount", "prioritisation", "importance", "exploration_start", "exploration_end"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must lie in [0, 1], not {getattr(self, name)}")
        if self.exploration_frames < 0:
            raise InputError(f"exploration_frames must not be negative, not {self.exploration_frames}")
        if self.replay_ratio is not None and not 0 < self.replay_ratio < math.inf:
            raise InputError(f"replay_ratio must be positive and finite, not {self.replay_ratio}")
        if self.batch > self.replay:
            raise InputError(
                f"a batch of {self.batch} transitions does not fit in a replay store of {self.replay} frames"
            )
        if self.minimum is not None and not 1 <= self.minimum <= self.replay:
            raise InputError(f"minimum must be from 1 to the store's {self.replay} frames, not {self.minimum}")
        if self.steps >= self.replay:
            raise InputError(f"steps must be below the store's {self.replay} frames, not {self.steps}")

    @property
    def first_batch(self) -> int:
        """Transitions in the store before the first batch is drawn."""
        return self.batch + self.steps - 1 if self.minimum is None else max(self.minimum, self.steps)

    def counted(self, written: int) -> int:
        """Return how many of the transitions written so far count towards the replay ratio."""
        return max(0, written - self.first_batch + 1)

    @property
    def draws_per_transition(self) -> float:
        """How often a transition is drawn at most on average."""
        return float(self.batch) if self.replay_ratio is None else self.replay_ratio

    def exploration(self, frame: int) -> float:
        """Return the probability of a random action in a frame."""
        if frame >= self.exploration_frames:
            return self.exploration_end
        return (
            self.exploration_start + (self.exploration_end - self.exploration_start) * frame / self.exploration_frames
        )
